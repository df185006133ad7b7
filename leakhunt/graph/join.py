"""The join of allocation site and retention path: sampled objects carry the stack that allocated them.

A dump's stacks are not quite a profile's: an inlined call bears the name of the function it was inlined into (file and line
are right), the leaf may be a line late, and the goroutine's first frame is there. So two stacks are one site when the files
agree frame by frame, and each function is the profile's or that of a caller further out in the same stack. Where sites are
told apart by line, lines must agree too, at the leaf give or take one.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from leakhunt.graph.containers import container_place
from leakhunt.graph.paths import PathTrie
from leakhunt.model.finding import GcRoot, Retention, RetentionStep
from leakhunt.model.heap import HeapGraph, Int64
from leakhunt.model.site import AllocationSite, Frame, is_runtime, normalise
from leakhunt.thresholds import CONTAINER_FANOUT, LEVEL_SHARE

_RUNTIME_FOLDERS = ("/runtime/", "/internal/runtime/")
# Samples stand for bytes: of a map whose tables weigh five times its entries every sixth sample is an entry's.
FOLLOWED_SHARE = 0.15
FAIR_SHARE = 0.2  # of the samples on the path that holds most, for another to be looked at
_FILE_SUFFIX_PARTS = 2  # `gcache/lru.go`: the same with and without -trimpath


@dataclass(frozen=True)
class SiteJoin:
    """Which buckets of a dump are which site, by the files of their stacks."""

    stacks: tuple[tuple[Frame, ...], ...]
    buckets_by_files: dict[tuple[str, ...], list[int]] = field(repr=False)
    samples_of_bucket: dict[int, Int64] = field(repr=False)

    def buckets_of(self, site: AllocationSite, by_line: bool = False) -> list[int]:
        """Buckets whose stack is that of `site`: one for each size, and for each combination of lines unless `by_line`."""
        frames = _trimmed(site.frames)
        candidates = self.buckets_by_files.get(_files(frames), [])
        return [bucket for bucket in candidates if _is_same(frames, self.stacks[bucket], by_line)]

    def objects_of(self, site: AllocationSite, by_line: bool = False) -> Int64:
        """int64[...]: the sampled live objects that `site` allocated."""
        return self.objects_of_buckets(self.buckets_of(site, by_line))

    def objects_of_buckets(self, buckets: Iterable[int]) -> Int64:
        """int64[...]: the sampled live objects of some buckets."""
        found = [self.samples_of_bucket[bucket] for bucket in buckets if bucket in self.samples_of_bucket]
        return np.concatenate(found) if found else np.empty(0, np.int64)


def join_sites(graph: HeapGraph) -> SiteJoin:
    """Prepares the join; O(buckets x stack depth + samples)."""
    buckets = graph.process.buckets
    stacks = tuple(_trimmed(buckets.frames(bucket)) for bucket in range(len(buckets.addresses)))
    by_files: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for bucket, stack in enumerate(stacks):
        by_files[_files(stack)].append(bucket)
    known = (graph.sample_objects >= 0) & (graph.sample_buckets >= 0)
    objects, owners = graph.sample_objects[known].astype(np.int64), graph.sample_buckets[known]
    order = np.argsort(owners, kind="stable")
    distinct, first = np.unique(owners[order], return_index=True)
    parts = np.split(objects[order], first[1:]) if len(distinct) else []
    return SiteJoin(stacks, dict(by_files), dict(zip(distinct.tolist(), parts, strict=True)))


def retention_of(
    join: SiteJoin, paths: PathTrie, sites: Iterable[AllocationSite], by_line: bool = False, gained: Int64 | None = None
) -> Retention | None:
    """Who holds what `sites` allocated together: the path that holds most of their sampled objects, or where that is a
    container's own memory, the path to its entries; None where no sample of them is live, or none is reached. Where `gained`
    (int64[N]: by how many objects each object's path grew since an earlier dump) is given and that path is level, of those that
    hold a fair part of the samples the one that grew most: a site may fill a ring, which is level, and an archive."""
    objects = np.unique(np.concatenate([np.empty(0, np.int64), *(join.objects_of(site, by_line) for site in sites)]))
    held = holding_nodes(paths, objects)
    if held and gained is not None:
        held = _growing_first(paths, held, objects, gained)
    return retention_at(paths, _followed(paths, held)) if held else None


def _growing_first(paths: PathTrie, held: list[tuple[int, int]], objects: Int64, gained: Int64) -> list[tuple[int, int]]:
    """`held`, or where its first path is level, with the one in front that grew most of those that hold a fair part."""
    nodes = paths.node_of[objects]
    gains = {node: int(gained[objects[nodes == node][0]]) for node, count in held if count >= FAIR_SHARE * held[0][1]}
    first, most = held[0][0], max(gains, key=gains.__getitem__)
    is_level = gains[first] <= LEVEL_SHARE * (int(paths.objects[first]) - gains[first])
    return sorted(held, key=lambda item: item[0] != most) if is_level and gains[most] > 0 else held


def _followed(paths: PathTrie, held: Sequence[tuple[int, int]]) -> int:
    """From the node that holds most, where it is a container, to the entries below it that hold a fair part as many samples:
    a map whose tables outweigh its entries says less than they do."""
    node, count = held[0]
    for other, samples in held[1:]:
        many = paths.objects[other] >= CONTAINER_FANOUT * max(1, paths.objects[node])
        if many and samples >= FOLLOWED_SHARE * count and node in paths.path(other):
            return other
    return node


def with_counts_before(retention: Retention, earlier: PathTrie) -> Retention:
    """The same path with what each step held in an earlier dump of the process; 0 where that has no such step. Unchanged where
    the root is not there: its variable was not live then, or its frame not on a stack. O(nodes x steps)."""
    node = _below(earlier, -1, (retention.root.kind, retention.root.name))
    if node is None:
        return retention
    steps = []
    for step in retention.path:
        node = _below(earlier, node, (step.edge, step.type)) if node is not None else None
        before = (int(earlier.objects[node]), int(earlier.bytes[node])) if node is not None else (0, 0)
        steps.append(replace(step, objects_before=before[0], bytes_before=before[1]))
    return replace(retention, path=tuple(steps))


def _below(paths: PathTrie, parent: int, step: tuple[str, str]) -> int | None:
    """The node that a step from `parent` (-1 for the top) leads to, None for none."""
    return next((node for node in np.flatnonzero(paths.parents == parent).tolist() if paths.step(node) == step), None)


def holding_nodes(paths: PathTrie, objects: Int64) -> list[tuple[int, int]]:
    """(node, how many of `objects` stand there), most first; unreached objects are left out. Samples need no weights: each
    stands for about the same number of bytes."""
    nodes = paths.node_of[objects]
    counts = Counter(nodes[nodes >= 0].tolist())
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def retention_at(paths: PathTrie, node: int) -> Retention:
    """The path to a node of the trie; retained are the shallow bytes of all that is reached through its container."""
    nodes = paths.path(node)
    kind, name = paths.step(nodes[0])
    steps = tuple(RetentionStep(*paths.step(step), int(paths.objects[step]), int(paths.bytes[step])) for step in nodes[1:])
    place = container_place([(step.type, step.objects) for step in steps], least=1)
    return Retention(GcRoot(kind, name), steps, int(paths.total_bytes[nodes[0 if place is None else place + 1]]))


def sites_at(join: SiteJoin, paths: PathTrie, nodes: set[int]) -> list[tuple[AllocationSite, int]]:
    """(site, live samples) that feed some nodes of the trie, most first."""
    wanted = np.zeros(len(paths) + 1, bool)  # the last is for unreached objects
    wanted[list(nodes)] = True
    return sites_of(join, wanted[paths.node_of])


def sites_of(join: SiteJoin, wanted: NDArray[np.bool_]) -> list[tuple[AllocationSite, int]]:
    """(site, live samples) among the objects that `wanted` (bool[N]) marks, most first."""
    counts: Counter[AllocationSite] = Counter()
    for bucket, objects in join.samples_of_bucket.items():
        here = int(wanted[objects].sum())
        if here:
            counts[AllocationSite(join.stacks[bucket])] += here
    return sorted(counts.items(), key=lambda item: (-item[1], item[0].fingerprint))


def _trimmed(frames: Sequence[Frame]) -> tuple[Frame, ...]:
    """Without the runtime's frames at the leaf and the goroutine's first frame; names normalised."""
    start, end = 0, len(frames)
    while end and frames[end - 1].function == "runtime.goexit":
        end -= 1
    while start < end and _is_runtime_frame(frames[start]):
        start += 1
    kept = frames[start:end] if start < end else frames[:end]
    return tuple(Frame(normalise(frame.function), frame.file, frame.line) for frame in kept)


def _is_runtime_frame(frame: Frame) -> bool:
    if is_runtime(frame.function):
        return True
    folder = "/" + frame.file.rpartition("/")[0] + "/"
    return ("/src/" in folder or not frame.file.startswith("/")) and folder.endswith(_RUNTIME_FOLDERS)


def _files(frames: Sequence[Frame]) -> tuple[str, ...]:
    return tuple("/".join(frame.file.split("/")[-_FILE_SUFFIX_PARTS:]) for frame in frames)


def _is_same(site: Sequence[Frame], stack: Sequence[Frame], by_line: bool) -> bool:
    """Whether a dump's stack is a profile's; the files are known to agree."""
    functions = [frame.function for frame in site]
    for i, (mine, other) in enumerate(zip(site, stack, strict=True)):
        if other.function != mine.function and other.function not in functions[i + 1 :]:
            return False
        if by_line and mine.line and other.line and abs(mine.line - other.line) > (1 if i == 0 else 0):
            return False
    return True

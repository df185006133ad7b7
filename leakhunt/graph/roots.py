"""GC roots of a dump: where the collector starts, most telling kind first.

Precise roots are the words of data, bss and stack frames that the runtime's pointer maps name, and the arguments of defers,
panics and closures about to run. Then every other word of a frame that looks like a pointer into the heap: address-taken
stack objects and closures of open-coded defers are only found so, but a stale word is too; these are marked conservative.
Last the objects that have a finalizer: what they point to is kept alive by the finalizer alone.
"""

import re

import numpy as np

from leakhunt.kernels import blocks, records
from leakhunt.model.heap import WORD_BYTES, HeapDump, HeapGraph, Int32, Int64, Process, RootKind, Roots
from leakhunt.model.site import is_standard

_NOBODY = re.compile(r"^runtime\.goexit$|\.gowrap\d+$")  # what the compiler and the runtime put around a goroutine's function
_PANIC_DATA = 3  # column of a panic record
_DEFER_SP, _DEFER_CLOSURE = 2, 4  # columns of a defer record


def find_roots(dump: HeapDump, index: blocks.Index) -> Roots:
    """All roots that lead into the heap, by kind. O(bytes of segments and frames). Raises ValueError(reason, offset)."""
    parts: list[tuple[RootKind, Int64, Int64, Int32]] = []  # kind, pointers, addresses of the words, sources
    contents, process = dump.contents, dump.process
    for segment in process.segments:
        kind = RootKind.DATA if segment.kind == "data" else RootKind.BSS
        places = _listed(contents, segment.pointers_offset, segment.size_bytes, segment.content_offset)
        parts.append((kind, _words(contents, places + segment.content_offset), places + segment.address, _none(len(places))))
    parts.extend(_frame_roots(dump))
    for pointers in (process.defers[:, _DEFER_CLOSURE], process.panics[:, _PANIC_DATA], process.goroutines.contexts):
        parts.append((RootKind.STACK, np.ascontiguousarray(pointers), np.zeros(len(pointers), np.int64), _none(len(pointers))))
    finalizers = process.finalizers
    numbers = np.arange(len(finalizers.objects), dtype=np.int32)
    for pointers in (finalizers.objects, finalizers.closures):
        parts.append((RootKind.FINALIZER, pointers, np.zeros(len(pointers), np.int64), numbers))
    parts.sort(key=lambda part: part[0])
    kinds = np.repeat(np.array([part[0] for part in parts], np.int8), [len(part[1]) for part in parts])
    pointers = np.concatenate([part[1] for part in parts])
    addresses = np.concatenate([part[2] for part in parts])
    sources = np.concatenate([part[3] for part in parts])
    targets = np.empty(len(pointers), np.int32)
    index.resolve(pointers, targets)
    kept = targets >= 0
    return Roots(kinds[kept], targets[kept], addresses[kept], sources[kept])


def _frame_roots(dump: HeapDump) -> list[tuple[RootKind, Int64, Int64, Int32]]:
    """Precise and conservative words of all frames."""
    contents, frames = dump.contents, dump.process.frames
    precise = []
    for frame in range(len(frames.sizes)):
        places = _listed(
            contents, int(frames.pointers_offsets[frame]), int(frames.sizes[frame]), int(frames.content_offsets[frame])
        )
        precise.append(places)
    counts = np.array([len(places) for places in precise], np.int64)
    owners = np.repeat(np.arange(len(precise), dtype=np.int32), counts)
    places = np.concatenate([np.empty(0, np.int64), *precise])
    words = frames.sizes // WORD_BYTES
    every_owner = np.repeat(np.arange(len(precise), dtype=np.int32), words)
    every = (np.arange(len(every_owner)) - np.repeat(np.cumsum(words) - words, words)) * WORD_BYTES
    result = []
    named = frames.stack_pointers[owners] + places
    other = ~np.isin(frames.stack_pointers[every_owner] + every, named)
    for kind, owner, at in (
        (RootKind.STACK, owners, places),
        (RootKind.CONSERVATIVE, every_owner[other], every[other]),
    ):
        pointers = _words(contents, frames.content_offsets[owner] + at)
        result.append((kind, pointers, frames.stack_pointers[owner] + at, owner))
    return result


def _listed(contents: memoryview, list_offset: int, size_bytes: int, offset: int) -> Int64:
    """Byte offsets, within a block of `size_bytes`, of the words that its pointer list names."""
    places = np.frombuffer(records.pair_offsets(contents, list_offset), np.int64)
    if len(places) and (int(places.min()) < 0 or int(places.max()) + WORD_BYTES > size_bytes):
        raise ValueError("a pointer lies outside its block", offset)
    return places


def _words(contents: memoryview, offsets: Int64) -> Int64:
    values = np.empty(len(offsets), np.int64)
    blocks.words_at(contents, np.ascontiguousarray(offsets), values)
    return values


def _none(count: int) -> Int32:
    return np.full(count, -1, np.int32)


def telling_frames(process: Process) -> Int32:
    """int32[F]: the frame that a root in each frame is called by.

    A goroutine that waits stands in the runtime's functions, and those in the standard library's (runtime.chanrecv in
    net/http.(*persistConn).readLoop). Who waits is the nearest caller that is neither; where there is none, the function
    that the goroutine was started with.
    """
    frames, starts = process.frames, process.goroutines.frame_starts
    count = len(frames.sizes)
    if not count:
        return np.empty(0, np.int32)
    is_own = np.array([not is_standard(name) for name in frames.function_names])[frames.functions]
    is_exit = np.array([_NOBODY.search(name) is not None for name in frames.function_names])[frames.functions]
    nearest = np.where(is_own, np.arange(count), count)
    nearest = np.minimum.accumulate(nearest[::-1])[::-1]
    last = np.maximum.accumulate(np.where(is_exit, -1, np.arange(count)))  # the last frame so far that is somebody's
    ends = np.repeat(starts[1:], np.diff(starts)) if starts[-1] - starts[0] == count else np.full(count, count)
    outermost = np.maximum(last[np.maximum(ends - 1, 0)], np.arange(count))
    return np.where(nearest < ends, nearest, outermost).astype(np.int32)


def deferring_functions(process: Process) -> dict[int, str]:
    """The function that deferred the call of each closure, by the closure's address."""
    frames = process.frames
    by_stack_pointer = dict(zip(frames.stack_pointers.tolist(), frames.functions.tolist(), strict=True))
    found = {}
    for stack_pointer, closure in process.defers[:, [_DEFER_SP, _DEFER_CLOSURE]].tolist():
        if stack_pointer in by_stack_pointer:
            found[closure] = frames.function_names[by_stack_pointer[stack_pointer]]
    return found


def name_without_place(graph: HeapGraph, target: int, deferred: dict[int, str]) -> str:
    """Name of a root of a goroutine that lies in no frame."""
    function = deferred.get(int(graph.addresses[target]))
    return f"{function} defer" if function is not None else "panic or closure about to run"

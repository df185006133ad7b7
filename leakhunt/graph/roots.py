"""GC roots of a dump: where the collector starts, most telling kind first.

Precise roots are the words of data, bss and stack frames that the runtime's pointer maps name, the arguments of defers,
panics and closures about to run, and the values that goroutines wait to send or receive. Then every other word of a frame that
looks like a pointer into the heap: address-taken stack objects and closures of open-coded defers are only found so, but a
stale word is too; these are marked conservative. Last the objects that have a finalizer: what they point to is kept alive by
the finalizer alone.
"""

import re

import numpy as np

from leakhunt.graph.waiting import waiting_values
from leakhunt.kernels import blocks
from leakhunt.model.heap import WORD_BYTES, HeapDump, HeapGraph, Int32, Int64, Process, RootKind, Roots
from leakhunt.model.site import is_standard

_NOBODY = re.compile(r"^runtime\.goexit$|\.gowrap\d+$")  # what the compiler and the runtime put around a goroutine's function
_PANIC_DATA = 3  # column of a panic record
_DEFER_SP, _DEFER_CLOSURE = 2, 4  # columns of a defer record


_Part = tuple[RootKind, Int32, Int64, Int32]  # kind; targets, addresses and sources as in Roots


def find_roots(dump: HeapDump, index: blocks.Index) -> Roots:
    """All roots that lead into the heap, by kind. O(bytes of segments and frames). Raises ValueError(reason, offset)."""
    process = dump.process
    parts = [*_segment_roots(dump, index), *_frame_roots(dump, index)]
    for pointers in (process.defers[:, _DEFER_CLOSURE], process.panics[:, _PANIC_DATA], process.goroutines.contexts):
        parts.append(_resolved(RootKind.STACK, pointers, np.full(len(pointers), -1, np.int32), index))
    finalizers = process.finalizers
    numbers = np.arange(len(finalizers.objects), dtype=np.int32)
    for pointers in (finalizers.objects, finalizers.closures):
        parts.append(_resolved(RootKind.FINALIZER, pointers, numbers, index))
    parts.sort(key=lambda part: part[0])
    kinds = np.repeat(np.array([part[0] for part in parts], np.int8), [len(part[1]) for part in parts])
    targets, addresses, sources = (np.concatenate([part[column] for part in parts]) for column in (1, 2, 3))
    return Roots(kinds, targets, addresses, sources)


def _segment_roots(dump: HeapDump, index: blocks.Index) -> list[_Part]:
    """The words of data and bss that their pointer maps name."""
    segments = dump.process.segments
    regions, words, targets, listed = _pointers_into(
        dump,
        index,
        np.array([segment.content_offset for segment in segments], np.int64),
        np.array([segment.size_bytes for segment in segments], np.int64),
        np.array([segment.pointers_offset for segment in segments], np.int64),
    )
    parts = []
    for i, segment in enumerate(segments):
        mine = (regions == i) & (listed == 1)
        addresses = words[mine] * np.int64(WORD_BYTES) + segment.address
        kind = RootKind.DATA if segment.kind == "data" else RootKind.BSS
        parts.append((kind, targets[mine], addresses, np.full(len(addresses), -1, np.int32)))
    return parts


def _frame_roots(dump: HeapDump, index: blocks.Index) -> list[_Part]:
    """Precise and conservative words of all frames."""
    frames = dump.process.frames
    owners, words, targets, listed = _pointers_into(dump, index, frames.content_offsets, frames.sizes, frames.pointers_offsets)
    addresses = words * np.int64(WORD_BYTES) + frames.stack_pointers[owners]
    waiting = waiting_values(dump.process, dump.addresses, dump.sizes, dump.content_offsets, dump.contents)
    listed = np.where(waiting.find(addresses) >= 0, 1, listed)
    parts = []
    for kind, mark in ((RootKind.STACK, 1), (RootKind.CONSERVATIVE, 0)):
        mine = listed == mark
        parts.append((kind, targets[mine], addresses[mine], owners[mine]))
    return parts


def _pointers_into(
    dump: HeapDump, index: blocks.Index, offsets: Int64, sizes: Int64, lists: Int64
) -> tuple[Int32, Int32, Int32, Int32]:
    columns = blocks.pointers_into(dump.contents, index, offsets, sizes, lists)
    regions, words, targets, listed = (np.frombuffer(column, np.int32) for column in columns)
    return regions, words, targets, listed


def _resolved(kind: RootKind, pointers: Int64, sources: Int32, index: blocks.Index) -> _Part:
    """Roots that lie in no memory of the dump."""
    targets = np.empty(len(pointers), np.int32)
    index.resolve(np.ascontiguousarray(pointers), targets)
    inside = targets >= 0
    return kind, targets[inside], np.zeros(int(inside.sum()), np.int64), sources[inside]


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
    wanted = np.flatnonzero(np.isin(frames.stack_pointers, process.defers[:, _DEFER_SP]))
    by_stack_pointer = dict(zip(frames.stack_pointers[wanted].tolist(), frames.functions[wanted].tolist(), strict=True))
    found = {}
    for stack_pointer, closure in process.defers[:, [_DEFER_SP, _DEFER_CLOSURE]].tolist():
        if stack_pointer in by_stack_pointer:
            found[closure] = frames.function_names[by_stack_pointer[stack_pointer]]
    return found


def name_without_place(graph: HeapGraph, target: int, deferred: dict[int, str]) -> str:
    """Name of a root of a goroutine that lies in no frame."""
    function = deferred.get(int(graph.addresses[target]))
    return f"{function} defer" if function is not None else "panic or closure about to run"

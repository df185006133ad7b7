"""A Go heap at one moment: what a dump says, the object graph built from it, and the names a person gives its parts.

Three nouns, each filled by another layer:

    HeapDump    what a reader found: objects in order of address and everything else the process told (`leakhunt.decode`)
    HeapGraph   objects, the pointers between them, and the GC roots that point in (`leakhunt.graph.build`)
    Naming      the type of each object and the label of each edge (by shape without a binary, by abi.Type with one)

Bulk is numpy arrays, indexed by object (in order of address), edge, root, frame, goroutine, sample or bucket. Addresses are
those of the process. `contents` is the dump's bytes: it holds every secret that the process held, so nothing here prints
it, and a shared (stripped) dump has none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from leakhunt.model.site import AllocationSite, Frame, is_runtime, normalise

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]

WORD_BYTES = 8  # pointers of the only dumps that are read, 64-bit ones
MALLOC_HEADER_MIN_BYTES = 512  # pointerful objects above this size, up to 32 KiB, start with their *abi.Type (Go >= 1.22)
MALLOC_HEADER_MAX_BYTES = 32 << 10
# An object goes to the file by one write(2), whose length the runtime hands over as 32 bits (dwrite in runtime/heapdump.go, Go
# 1.21 to 1.27) and of which Linux takes this much. The rest of a larger object is not in the dump.
WRITE_MAX_BYTES = 0x7FFFF000


@dataclass(frozen=True, slots=True)
class DumpedType:
    """A type record: the concrete type of some itab. `name` is `pkg.` for pointer types; `size_bytes` is the type's own."""

    address: int
    size_bytes: int
    name: str


@dataclass(frozen=True, slots=True)
class Segment:
    """The first module's data or bss segment: where it lay in the process, where its bytes and its pointer list are in
    `contents` (-1 where the contents are gone)."""

    kind: str
    address: int
    size_bytes: int
    content_offset: int
    pointers_offset: int


@dataclass(frozen=True, slots=True)
class Goroutines:
    """G goroutines, those of the runtime included.

    addresses       int64[G], of the runtime.g
    ids             int64[G], goid
    created_pcs     int64[G], pc of the go statement
    statuses        int64[G], runtime status (1 runnable, 3 in a system call, 4 waiting)
    is_system       bool[G], started by the runtime
    waiting_since_ns int64[G], nanotime when it began to wait, 0 when unknown (monotonic clock, no date)
    wait_reasons    G strings, "" when not waiting
    contexts        int64[G], closure context of a goroutine that is about to run
    frame_starts    int64[G + 1]; goroutine g has the frames `frame_starts[g]` to `frame_starts[g + 1]`, innermost first
    """

    addresses: Int64
    ids: Int64
    created_pcs: Int64
    statuses: Int64
    is_system: NDArray[np.bool_]
    waiting_since_ns: Int64
    wait_reasons: Sequence[str]
    contexts: Int64
    frame_starts: Int64


@dataclass(frozen=True, slots=True)
class StackFrames:
    """F stack frames of all goroutines.

    stack_pointers  int64[F], lowest address of the frame; the frame is [sp, sp + size), so CFA = sp + size
    sizes           int64[F], bytes
    content_offsets int64[F], of the frame's bytes in `contents`, -1 where the contents are gone
    pointers_offsets int64[F], of the frame's pointer list in `contents`
    entry_pcs, pcs  int64[F], start of the function; where it goes on
    functions       int32[F], index into function_names
    """

    stack_pointers: Int64
    sizes: Int64
    content_offsets: Int64
    pointers_offsets: Int64
    entry_pcs: Int64
    pcs: Int64
    functions: Int32
    function_names: Sequence[str]


@dataclass(frozen=True, slots=True)
class Finalizers:
    """Z finalizers, those queued to run included.

    objects         int64[Z], address of the object
    closures        int64[Z], of the funcval, which the finalizer keeps alive
    function_pcs    int64[Z], entry of its code
    argument_types, object_types   int64[Z], *abi.Type addresses
    is_queued       bool[Z], the object is already dead and its finalizer waits to run
    """

    objects: Int64
    closures: Int64
    function_pcs: Int64
    argument_types: Int64
    object_types: Int64
    is_queued: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Buckets:
    """B buckets of the memory profile: an allocation stack and a size each.

    addresses       int64[B]
    sizes           int64[B], bytes of one object
    allocs, frees   int64[B], sampled objects allocated and freed
    frame_starts    int64[B + 1]; bucket b has the frames `frame_starts[b]` to `frame_starts[b + 1]`, leaf first
    frame_functions, frame_files   int32[...], indices into `strings`
    frame_lines     int64[...]
    """

    addresses: Int64
    sizes: Int64
    allocs: Int64
    frees: Int64
    frame_starts: Int64
    frame_functions: Int32
    frame_files: Int32
    frame_lines: Int64
    strings: Sequence[str]

    def frames(self, bucket: int) -> tuple[Frame, ...]:
        """The bucket's allocation stack as it is in the dump, leaf first, runtime frames included."""
        span = range(int(self.frame_starts[bucket]), int(self.frame_starts[bucket + 1]))
        return tuple(
            Frame(self.strings[self.frame_functions[i]], self.strings[self.frame_files[i]], int(self.frame_lines[i]))
            for i in span
        )


@dataclass(frozen=True, slots=True)
class Process:
    """Everything that a dump tells about the process beside its objects.

    Where the dump is truncated these are empty, since they are written after the objects; `complete` is False then.
    memstats        the fields of runtime.MemStats by name, without the pauses; empty where the dump ends before them
    itabs           int64[I, 2], itab address and concrete type address
    sample_addresses, sample_buckets   int64[S], int32[S]: sampled live objects and the index of their bucket
    threads         int64[...], addresses of the runtime.m of each OS thread
    defers          int64[D, 7] and panics int64[P, 6], as the format has them
    last_gc_ns      wall clock of the last collection, a lower bound for when the dump was taken; 0 when unknown
    modified_ns     mtime of the file, an upper bound; 0 when unknown
    """

    source: str
    go_version: str
    architecture: str
    cpus: int
    complete: bool
    types: Sequence[DumpedType]
    itabs: Int64
    goroutines: Goroutines
    frames: StackFrames
    segments: Sequence[Segment]
    finalizers: Finalizers
    buckets: Buckets
    sample_addresses: Int64
    sample_buckets: Int32
    defers: Int64
    panics: Int64
    threads: Int64
    memstats: dict[str, int]
    last_gc_ns: int
    modified_ns: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """Whether the objects read are the objects that MemStats counted: HeapObjects and HeapAlloc, to the last one."""

    objects: int
    bytes: int
    expected_objects: int | None
    expected_bytes: int | None

    @property
    def exact(self) -> bool:
        """Both agree; False also where the dump has no MemStats."""
        return self.objects == self.expected_objects and self.bytes == self.expected_bytes


@dataclass(frozen=True, slots=True)
class HeapDump:
    """What a reader found, N objects in order of address, none overlapping another.

    addresses, sizes int64[N]; a size is that of the whole slot, with malloc header and slack
    content_offsets  int64[N], of the object's bytes in `contents`; its pointer list follows them
    contents         the dump's bytes, decompressed, read-only
    dropped          records that were no objects (heap bitmaps and mark bits at the ends of spans)
    """

    process: Process
    addresses: Int64
    sizes: Int64
    content_offsets: Int64
    contents: memoryview
    dropped: int
    self_check: SelfCheck


class RootKind(IntEnum):
    """Why the collector starts at a pointer. The order is that in which roots are followed: who is reached by an earlier
    kind is never explained by a later one."""

    DATA = 0
    BSS = 1
    STACK = 2  # a word of a stack frame that the frame's pointer map names; also defers, panics, closure contexts
    CONSERVATIVE = 3  # any other word of a frame that looks like a pointer: perhaps stale
    FINALIZER = 4  # reached from an object with a finalizer, or from the finalizer's closure

    @property
    def label(self) -> str:
        """As the report names it."""
        return ("data", "bss", "stack frame", "conservative", "finalizer")[self]


@dataclass(frozen=True, slots=True)
class Roots:
    """R pointers from outside the heap into it, ordered by kind.

    kinds       int8[R], RootKind
    targets     int32[R], object index
    addresses   int64[R], of the word that holds the pointer (data, bss, stack), 0 where there is none
    sources     int32[R], frame index for stack and conservative roots, finalizer index for finalizers, else -1
    """

    kinds: NDArray[np.int8]
    targets: Int32
    addresses: Int64
    sources: Int32

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True, slots=True)
class HeapGraph:
    """N objects in order of address and E pointers between them.

    addresses, sizes int64[N], bytes, as in HeapDump
    content_offsets  int64[N], of an object's bytes in `contents`; -1 where the contents are gone
    edge_starts      int32[N + 1]; object i points out by the edges `edge_starts[i]` to `edge_starts[i + 1]`, by field
    edge_targets     int32[E], object pointed to (pointers to its inside count: a subslice holds the whole array)
    edge_words       int32[E], where in the object the pointer lies, in words of 8 bytes from its start
    shapes           int32[N], number of the object's shape: same size and same words that hold pointers
    shape_sizes      int64[T], size of a shape's objects
    shape_words      T arrays of int32, the words of a shape that the collector takes for pointers; above 32 KiB objects are
                    told apart by size and having pointers only, and these are the first words of one of them
    sample_objects   int32[S], objects whose allocation was sampled, -1 where the sample fits no object
    sample_buckets   int32[S], their bucket
    contents         the dump's bytes, None for a stripped dump
    naming           types and labels that came with the graph (a stripped dump), None where they are still to be found
    """

    process: Process
    addresses: Int64
    sizes: Int64
    content_offsets: Int64
    edge_starts: Int32
    edge_targets: Int32
    edge_words: Int32
    shapes: Int32
    shape_sizes: Int64
    shape_words: Sequence[Int32]
    roots: Roots
    sample_objects: Int32
    sample_buckets: Int32
    self_check: SelfCheck
    contents: memoryview | None = None
    naming: "Naming | None" = None

    @property
    def objects(self) -> int:
        """N."""
        return len(self.addresses)

    @property
    def edges(self) -> int:
        """E."""
        return len(self.edge_targets)

    @property
    def heap_bytes(self) -> int:
        """Shallow bytes of all objects."""
        return int(self.sizes.sum())


@dataclass(frozen=True, slots=True)
class Naming:
    """What a person calls the objects, fields and roots of one HeapGraph.

    type_ids        int32[N], index into type_names
    type_names      T strings: `main.Session`, `map[string]*main.Session`, `[]uint8`; by shape where the type is unknown
    type_is_known   bool[T], a Go type, not merely a shape
    type_is_internal bool[T], plumbing of a container (a map's tables and groups): its objects are shown as part of what
                    holds them, and its outgoing edges as that container's
    label_starts    int64[T + 1] and label_ids int32[...]: the pointer in data word w of an object of type t is called
                    `label_names[label_ids[label_starts[t] + w % (label_starts[t + 1] - label_starts[t])]]`, so that an
                    array needs the labels of one element; no labels, no edges
    data_words      int8[N], words before the object's data (1 for a malloc header, else 0): edge word = data_words + w
    label_names     strings as they continue a path: `.items`, `[x]`, `[x].key`
    root_names      strings: `main.sessions`, `main.worker.func1 s`
    root_name_ids   int32[R], index into root_names
    root_label_ids  int32[R], index into label_names: which part of its variable a root is (`.entries` of a global struct), -1
                    for the whole
    typed_bytes     bytes of the objects whose type is known
    """

    type_ids: Int32
    type_names: Sequence[str]
    type_is_known: NDArray[np.bool_]
    type_is_internal: NDArray[np.bool_]
    label_starts: Int64
    label_ids: Int32
    data_words: NDArray[np.int8]
    label_names: Sequence[str]
    root_names: Sequence[str]
    root_name_ids: Int32
    root_label_ids: Int32
    typed_bytes: int = 0
    notes: tuple[str, ...] = field(default=())


def written_bytes(sizes: Int64) -> Int64:
    """int64[...]: how many bytes of objects of these sizes are in the contents."""
    return np.where(sizes > WRITE_MAX_BYTES, np.minimum(sizes & 0xFFFFFFFF, WRITE_MAX_BYTES), sizes)


def site_of(buckets: Buckets, bucket: int) -> AllocationSite:
    """The bucket's stack as an allocation site: names normalised, the runtime's frames at the leaf dropped."""
    frames = [Frame(normalise(frame.function), frame.file, frame.line) for frame in buckets.frames(bucket)]
    leaf = next((i for i, frame in enumerate(frames) if not is_runtime(frame.function)), 0)
    return AllocationSite(tuple(frames[leaf:]))

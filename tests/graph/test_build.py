"""Dump to graph: edges, shapes, roots and samples, on dumps built record by record."""

from leakhunt.decode.heapdump import read_dump
from leakhunt.graph.build import build_graph
from leakhunt.model.heap import HeapGraph, RootKind
from tests.decode import dump_writer as w

A, B, C, D = (0xC000010000 + i * 8192 for i in range(4))
DATA, STACK = 0x600000, 0xC000070000


def graph(*records: bytes) -> HeapGraph:
    return build_graph(read_dump(memoryview(w.dump(*records)), "test.dump"))


def test_pointers_to_the_inside_of_an_object_count_and_others_do_not() -> None:
    heap = graph(
        w.object_(A, w.words(B + 8, D, 0, A), [0, 8, 16, 24]),
        w.object_(B, w.words(A, 7), [0]),
    )
    assert heap.edge_starts.tolist() == [0, 2, 3]
    assert heap.edge_targets.tolist() == [1, 0, 0]
    assert heap.edge_words.tolist() == [0, 3, 0]


def test_shapes_are_size_and_pointer_words() -> None:
    heap = graph(
        w.object_(A, bytes(32), [0, 8]),
        w.object_(B, bytes(32), [0, 8]),
        w.object_(C, bytes(32), [0, 16]),
        w.object_(D, bytes(16), [0, 8]),
    )
    assert heap.shapes.tolist() == [0, 0, 1, 2]
    assert heap.shape_sizes.tolist() == [32, 32, 16]
    assert [words.tolist() for words in heap.shape_words] == [[0, 1], [0, 2], [0, 1]]


def test_roots_come_by_kind_and_stale_stack_words_are_marked() -> None:
    heap = graph(
        w.object_(A, bytes(16)),
        w.object_(B, bytes(16)),
        w.goroutine(1, STACK),
        w.frame(STACK, 0, w.words(0, A, B), "main.main", [8]),
        w.segment(12, DATA, w.words(A, B), [0]),
        w.segment(13, DATA + 4096, w.words(B), [0]),
        w.finalizer(A),
    )
    kinds = [RootKind(kind) for kind in heap.roots.kinds]
    assert kinds == [RootKind.DATA, RootKind.BSS, RootKind.STACK, RootKind.CONSERVATIVE, RootKind.FINALIZER]
    assert heap.roots.targets.tolist() == [0, 1, 0, 1, 0]
    assert heap.roots.addresses.tolist() == [DATA, DATA + 4096, STACK + 8, STACK + 16, 0]
    assert heap.roots.sources.tolist() == [-1, -1, 0, 0, 0]


def test_a_sample_behind_a_malloc_header_finds_its_object() -> None:
    heap = graph(
        w.object_(A, bytes(1024)),
        w.bucket(1, 1024, [("main.main", "main.go", 3)]),
        w.sample(A + 8, 1),
        w.sample(B, 1),
    )
    assert heap.sample_objects.tolist() == [0, -1]

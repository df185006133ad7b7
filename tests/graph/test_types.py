"""Types and names on dumps of a real program that holds one of every container, in every build and on several Go versions."""

from functools import cache

import numpy as np
import pytest

from leakhunt.decode.gobinary import GoBinary
from leakhunt.graph.paths import UNREACHED, PathTrie, fold_paths, shortest_paths
from leakhunt.graph.shapes import name_by_shape
from leakhunt.graph.types import Typing, name_types, type_heap
from leakhunt.model.gotype import NoProgram
from leakhunt.model.heap import MALLOC_HEADER_MAX_BYTES, HeapGraph, Naming, RootKind
from tests.specimens import BUILDS, open_heap, specimen

ENTRIES = 200


@cache
def typed(
    build: str = "plain", toolchain: str = "", raw: bool = False, arm64: bool = False
) -> tuple[HeapGraph, GoBinary, Typing, Naming]:
    run = specimen(build, toolchain, arm64=arm64)
    graph, program = open_heap(run.dump, run.binary)
    assert program is not None
    typing = type_heap(graph, program, raw)
    return graph, program, typing, name_types(graph, typing)


def test_nothing_is_typed_without_contents(go: str) -> None:
    from dataclasses import replace

    graph, program, *_ = typed()
    with pytest.raises(ValueError, match="stripped dump"):
        type_heap(replace(graph, contents=None), program)


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("toolchain", ["", "go1.21.13", "go1.22.12", "go1.24.9"])
def test_the_pointers_of_a_type_are_those_that_the_collector_follows(go: str, build: str, toolchain: str) -> None:
    """The dump lists the words of each object that hold pointers, as the collector knows them; the type says the same."""
    if toolchain and build in ("stripped", "pie"):
        pytest.skip("the plain and the stripped position-independent build stand for the others")
    graph, _, typing, _ = typed(build, toolchain)
    assert graph.self_check.exact
    assert (typing.contradictions, typing.checked_edges > 10_000) == (0, True)
    seen = 0
    for shape, number, header in {
        *zip(graph.shapes.tolist(), typing.layout_of.tolist(), typing.data_words.tolist(), strict=True)
    }:
        layout = typing.layouts.layouts[number]
        if number < 0 or layout.is_open or graph.shape_sizes[shape] > MALLOC_HEADER_MAX_BYTES:
            continue
        words = {word - header for word in graph.shape_words[shape].tolist()}
        slots = {slot.word for slot in layout.slots}
        element = layout.size_bytes // 8
        if (layout.repeats or header) and element:
            assert {word % element for word in words} == slots, layout.name
        else:
            assert words == slots or (slots < words and element < graph.shape_sizes[shape] // 8), layout.name
        seen += 1
    assert seen > 40


@pytest.mark.parametrize(
    ("build", "toolchain", "share"),
    [("plain", "", 0.995), ("pie", "", 0.995), ("stripped", "", 0.9), ("stripped-pie", "", 0.9), ("plain", "go1.21.13", 0.97)],
)
def test_most_bytes_have_a_type(go: str, build: str, toolchain: str, share: float) -> None:
    graph, _, typing, naming = typed(build, toolchain)
    assert typing.typed_bytes / graph.heap_bytes > share
    assert naming.typed_bytes == int(graph.sizes[naming.type_is_known[naming.type_ids]].sum())


def paths(build: str = "plain", toolchain: str = "", raw: bool = False, arm64: bool = False) -> dict[str, int]:
    """Objects by path, written `root label<type> label<type>`."""
    graph, _, _, naming = typed(build, toolchain, raw, arm64)
    trie: PathTrie = fold_paths(graph, shortest_paths(graph, naming), naming)
    written: dict[int, str] = {}
    for node in range(len(trie)):
        label, name = trie.step(node)
        parent = int(trie.parents[node])
        written[node] = name if parent < 0 else f"{written[parent]} {label}<{name}>"
    return {text: int(trie.objects[node]) for node, text in written.items()}


EXPECTED = {
    "main.simpleCache <gcache.SimpleCache> .items<map[interface {}]*gcache.simpleItem> [x]<gcache.simpleItem>": ENTRIES,
    "main.lfuCache <gcache.LFUCache> .items<map[interface {}]*gcache.lfuItem> [x]<gcache.lfuItem>": ENTRIES,
    "main.arcCache <gcache.ARC> .items<map[interface {}]*gcache.arcItem> [x]<gcache.arcItem> .value<main.Session>": ENTRIES,
    "main.tokenCache <cache.Cache> .cache<cache.cache> .items<map[string]cache.Item> [x].Object<main.Session>": ENTRIES,
    "main.shardCache [x]<main.shard> .entries<map[string]*main.ttlEntry> [x]<main.ttlEntry> .value<main.Session>": ENTRIES,
    "main.stamps .items<map[string]main.stampItem> [x].value<[]uint8>": ENTRIES,
    "main.registry .entries<map[int]*main.Session> [x]<main.Session>": ENTRIES,
    "main.syncRegistry <sync.Map> [x]<main.Session>": ENTRIES,
    "main.history <[]*main.Session> [x]<main.Session>": ENTRIES,
    "main.recent <list.List> [x]<main.Session>": ENTRIES,
    "main.heads <[][]uint8> [x]<[]uint8>": ENTRIES,
    "main.watchers <[]func() int> [x]<func main.main.func2> .session<main.Session>": ENTRIES,
    "main.queue <chan *main.Session> [x]<main.Session>": ENTRIES,
    "main.bigTable [x]<main.User>": ENTRIES,
    "main.wide <map[string][40]int64> [x]<[40]int64>": ENTRIES,
    "main.tree <main.Tree[string,*main.Session]> .left<main.Tree[string,*main.Session]>": ENTRIES - 1,
}


def test_paths_read_as_a_person_thinks_of_them(go: str) -> None:
    found = paths()
    assert {path: found.get(path) for path in EXPECTED} == EXPECTED
    # An LRU's items are held by its map and by its list; the shorter way is shown.
    lru = "main.lruCache <gcache.LRUCache> .items<map[interface {}]*list.Element> [x]<gcache.lruItem>"
    assert found[lru] > 0.9 * ENTRIES
    context = "main.main ctx <context.cancelCtx> .Context<context.valueCtx> .val<main.Session>"
    assert found[context] > 0.9 * ENTRIES


@pytest.mark.parametrize("toolchain", ["go1.21.13", "go1.24.9"])
def test_paths_read_the_same_on_older_go(go: str, toolchain: str) -> None:
    found = paths(toolchain=toolchain)
    skipped = ("main.syncRegistry", "main.watchers", "main.wide") if toolchain == "go1.21.13" else ()
    expected = {path: count for path, count in EXPECTED.items() if not path.startswith(skipped)}
    assert {path: found.get(path) for path in expected} == expected


@pytest.mark.parametrize("toolchain", ["", "go1.21.13"])
def test_a_dump_of_arm64_reads_as_one_of_amd64(go: str, toolchain: str) -> None:
    graph, _, typing, _ = typed(toolchain=toolchain, arm64=True)
    assert graph.process.architecture == "arm64"
    assert graph.self_check.exact
    assert (typing.contradictions, typing.checked_edges > 10_000) == (0, True)
    assert typing.typed_bytes / graph.heap_bytes > (0.97 if toolchain else 0.995)
    found, same = paths(toolchain=toolchain, arm64=True), paths(toolchain=toolchain)
    assert {path: found.get(path) for path in EXPECTED} == {path: same.get(path) for path in EXPECTED}
    context = "main.main ctx <context.cancelCtx> .Context<context.valueCtx> .val<main.Session>"
    assert found[context] > 0.9 * ENTRIES


def test_raw_names_keep_the_plumbing(go: str) -> None:
    found = [path for path in paths(raw=True) if path.startswith("main.registry ")]
    assert any(
        ".dirPtr<" in path and ".slots[x].elem<main.Session>" in path.replace(".elems[x]", ".slots[x].elem") for path in found
    )


def test_stripped_binaries_still_type_what_interfaces_hold(go: str) -> None:
    found = paths("stripped-pie")
    items = [
        path
        for path in found
        if "<gcache.SimpleCache> .items<map[interface {}]*gcache.simpleItem> [x]<gcache.simpleItem>" in path
    ]
    assert items
    assert all(path.startswith(("data+0x", "bss+0x")) for path in items)


def test_everything_is_reached_and_nothing_is_named_twice(go: str) -> None:
    graph, _, _, naming = typed()
    reached = shortest_paths(graph, naming).reach
    assert graph.sizes[reached.ranks != UNREACHED].sum() > 0.99 * graph.heap_bytes
    assert len({*naming.label_names}) == len(naming.label_names)
    assert len({*naming.root_names}) == len(naming.root_names)


def test_a_program_that_knows_nothing_leaves_shapes(go: str) -> None:
    graph, *_ = typed()
    typing = type_heap(graph, NoProgram())
    naming = name_types(graph, typing)
    assert typing.typed_bytes == 0
    assert not naming.type_is_known[naming.type_ids].any()
    assert (naming.type_ids >= len(typing.layouts.layouts)).all()


def test_without_a_binary_itabs_tell_what_interfaces_lead_to(go: str) -> None:
    run = specimen()
    graph, _ = open_heap(run.dump)
    naming = name_by_shape(graph)
    names = [naming.type_names[naming.type_ids[i]] for i in graph.roots.targets[graph.roots.kinds == RootKind.BSS].tolist()]
    # main.simpleCache and its three siblings are interfaces; of the pointer types behind them a dump has the package.
    assert sum(name.startswith("gcache.? (") for name in names) == 4
    assert not naming.type_is_known.any()


def test_a_root_of_a_waiting_goroutine_is_called_by_who_waits() -> None:
    """Frames, innermost first: of a user's goroutine that waits in the runtime, and of one that is all standard library."""
    from types import SimpleNamespace

    from leakhunt.graph.roots import telling_frames

    names = ["runtime.gopark", "runtime.chansend1", "main.ask", "main.main.gowrap1", "runtime.goexit"]
    names += ["internal/poll.runtime_pollWait", "net/http.(*persistConn).readLoop", "net/http.(*Transport).dialConn.gowrap2"]
    frames = SimpleNamespace(
        sizes=np.full(9, 64),
        function_names=names,
        functions=np.array([0, 1, 2, 3, 4, 5, 6, 7, 4], np.int32),
    )
    goroutines = SimpleNamespace(frame_starts=np.array([0, 5, 9]))
    telling = telling_frames(SimpleNamespace(frames=frames, goroutines=goroutines))  # type: ignore[arg-type]
    assert telling.tolist()[:4] == [2, 2, 2, 3]
    assert telling.tolist()[5:7] == [6, 6]

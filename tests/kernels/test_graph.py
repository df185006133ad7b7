"""The graph kernels against slower twins on random graphs."""

from collections import deque
from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from leakhunt.kernels import graph as kernel

Graph = list[list[int]]


def csr(graph: Graph) -> tuple[np.ndarray, np.ndarray]:
    starts = np.concatenate([[0], np.cumsum([len(out) for out in graph])]).astype(np.int32)
    return starts, np.array([target for out in graph for target in out], np.int32)


@st.composite
def graphs(draw: st.DrawFn, most: int = 12) -> Graph:
    count = draw(st.integers(1, most))
    return [draw(st.lists(st.integers(0, count - 1), max_size=4)) for _ in range(count)]


@st.composite
def rooted(draw: st.DrawFn) -> tuple[Graph, list[list[int]], list[int]]:
    """A graph, the roots of two phases, and which blocks are late (1), or are not entered in the first phase (2)."""
    graph = draw(graphs())
    roots = st.lists(st.integers(0, len(graph) - 1), max_size=4)
    return graph, [draw(roots), draw(roots)], [draw(st.sampled_from([0, 0, 1, 2])) for _ in graph]


def walk(graph: Graph, phases: list[list[int]], late: list[int]) -> tuple[list[int], dict[int, int], list[int]]:
    """The slow twin of breadth_first: order, parents, ends of phases."""
    order: list[int] = []
    parents: dict[int, int] = {}
    ends: list[int] = []
    postponed: list[int] = []
    met: list[tuple[int, int]] = []
    for phase, roots in enumerate(phases):
        queue: deque[int] = deque()

        def enter(block: int, parent: int, phase: int = phase, queue: deque[int] = queue) -> None:
            if phase < 1 and late[block] == 2:
                met.append((block, parent))
            elif block not in parents:
                parents[block] = parent
                order.append(block)
                queue.append(block)

        def drain(phase: int = phase, queue: deque[int] = queue, enter: Callable[[int, int], None] = enter) -> None:
            while queue:
                block = queue.popleft()
                if phase < 1 and late[block]:
                    postponed.append(block)
                    continue
                for target in graph[block]:
                    enter(target, block)

        for root in roots:
            enter(root, -1)
        if phase == 1:
            for block in postponed:
                for target in graph[block]:
                    enter(target, block)
        drain()
        if phase == 1:
            for block, parent in met:
                enter(block, parent)
            drain()
        ends.append(len(order))
    return order, parents, ends


@given(rooted())
def test_breadth_first(case: tuple[Graph, list[list[int]], list[int]]) -> None:
    graph, phases, late = case
    starts, targets = csr(graph)
    roots = np.array([root for phase in phases for root in phase], np.int32)
    count = len(graph)
    order, parents, vias = np.empty(count, np.int32), np.empty(count, np.int32), np.empty(count, np.int32)
    ends = np.zeros(2, np.int64)
    phase_starts = np.array([0, len(phases[0]), len(roots)], np.int64)
    words = np.arange(len(targets), dtype=np.int32)
    reached = kernel.breadth_first(
        starts, targets, words, roots, phase_starts, np.array(late, np.uint8), 1, order, parents, vias, ends,
    )  # fmt: skip
    expected_order, expected_parents, expected_ends = walk(graph, phases, late)
    assert order[:reached].tolist() == expected_order
    assert [parents[block] for block in expected_order] == [expected_parents[block] for block in expected_order]
    assert ends.tolist() == expected_ends
    assert {i for i in range(count) if parents[i] == -2} == set(range(count)) - set(expected_order)
    for block in expected_order:  # the edge named is one that is there
        if parents[block] >= 0:
            assert starts[parents[block]] <= vias[block] < starts[parents[block] + 1]
            assert targets[vias[block]] == block
        else:
            assert roots[vias[block]] == block


def reachable(graph: Graph, roots: list[int], without: int | None) -> set[int]:
    seen = {root for root in roots if root != without}
    todo = list(seen)
    while todo:
        for target in graph[todo.pop()]:
            if target != without and target not in seen:
                seen.add(target)
                todo.append(target)
    return seen


@settings(max_examples=300)
@given(graphs(), st.data())
def test_dominators_equal_brute_force(graph: Graph, data: st.DataObject) -> None:
    """v dominates u when u is out of reach without v; the immediate one is dominated by all the others."""
    count = len(graph)
    groups = data.draw(st.lists(st.lists(st.integers(0, count - 1), max_size=3), min_size=1, max_size=3))
    whole = [*graph, *([*group] for group in groups), [count + g for g in range(len(groups))]]
    entry = len(whole) - 1
    ranks = np.zeros(count, np.uint8)
    idoms = np.empty(len(whole), np.int32)
    starts, targets = csr(graph)
    group_starts, group_targets = csr(groups)
    order = list(kernel.dominators(starts, targets, ranks, group_starts, group_targets, idoms))
    live = reachable(whole, [entry], None)
    assert set(order) == live
    assert order[0] == entry
    dominated = {v: live - reachable(whole, [entry], v) - {v} for v in live}
    for u in range(len(whole)):
        if u not in live or u == entry:
            assert idoms[u] == -1
            continue
        above = [v for v in live if u in dominated[v]]
        assert idoms[u] == min(above, key=lambda v: len(dominated[v]))
        assert order.index(int(idoms[u])) < order.index(u)


@given(graphs(), st.data())
def test_a_higher_rank_does_not_count_against_a_lower_one(graph: Graph, data: st.DataObject) -> None:
    count = len(graph)
    precise = data.draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=2))
    doubtful = data.draw(st.lists(st.integers(0, count - 1), max_size=2))
    first = reachable(graph, precise, None)
    rest = reachable(graph, doubtful, None) - first
    ranks = np.array([0 if i in first else 1 if i in rest else 255 for i in range(count)], np.uint8)
    groups = [precise, [root for root in doubtful if root not in first]]
    both, alone = np.empty(count + 3, np.int32), np.empty(count + 2, np.int32)
    kernel.dominators(*csr(graph), ranks, *csr(groups), both)
    only = np.where(ranks == 1, 255, ranks).astype(np.uint8)
    kernel.dominators(*csr(graph), only, *csr(groups[:1]), alone)
    for i in first:
        dominator = int(alone[i])
        assert int(both[i]) == (dominator if dominator <= count else count + 2)


@given(graphs(20), st.data())
def test_sums_over_subtrees_and_outermost_members(graph: Graph, data: st.DataObject) -> None:
    count = len(graph)
    parents = np.array([-1, *(data.draw(st.integers(0, i - 1)) for i in range(1, count))], np.int32)
    values = np.array([data.draw(st.integers(0, 9)) for _ in range(count)], np.int64)
    classes = np.array([data.draw(st.integers(0, 2)) for _ in range(count - data.draw(st.integers(0, 1)))], np.int32)
    order = np.arange(count, dtype=np.int32)
    sums = values.copy()
    kernel.sum_up(order, parents, sums)

    def ancestors(i: int) -> list[int]:
        return [] if parents[i] < 0 else [int(parents[i]), *ancestors(int(parents[i]))]

    assert sums.tolist() == [sum(values[j] for j in range(count) if i == j or i in ancestors(j)) for i in range(count)]
    found = np.zeros(3, np.int64)
    kernel.sum_outermost(order, parents, classes, sums, found)
    expected = [0, 0, 0]
    for i in range(len(classes)):
        if not any(j < len(classes) and classes[j] == classes[i] for j in ancestors(i)):
            expected[classes[i]] += int(sums[i])
    assert found.tolist() == expected

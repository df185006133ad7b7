"""The path trie against a slower twin on random forests."""

from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from leakhunt.kernels.trie import trie
from tests.kernels.test_graph import Graph, csr, rooted, walk


@given(rooted(), st.data())
def test_trie_equals_its_slow_twin(case: tuple[Graph, list[list[int]], list[bool]], data: st.DataObject) -> None:
    graph, phases, late = case
    nothing = [False] * len(graph)
    order, parents, _ = walk(graph, phases, nothing)
    roots = [root for phase in phases for root in phase]
    count = len(graph)
    types = [data.draw(st.integers(0, 2)) for _ in range(count)]
    hidden = [False, False, data.draw(st.booleans())]
    root_names = [data.draw(st.integers(0, 1)) for _ in roots]
    root_labels = [data.draw(st.integers(-1, 1)) for _ in roots]
    labels = [[data.draw(st.integers(0, 2)) for _ in range(data.draw(st.integers(0, 3)))] for _ in range(3)]
    sizes = [8 * data.draw(st.integers(1, 4)) for _ in range(count)]
    data_words = [int(late[i]) for i in range(count)]
    vias = [roots.index(i) if parents.get(i) == -1 else graph[parents[i]].index(i) if i in parents else 0 for i in range(count)]

    found: dict[tuple[tuple[int, int], ...], list[int]] = defaultdict(lambda: [0, 0])
    paths: dict[int, tuple[tuple[int, int], ...]] = {}
    for block in order:
        holder = parents[block]
        if holder < 0:
            path = ((root_names[vias[block]], -1),)
            found[path][0] += 0
            label = root_labels[vias[block]]
        else:
            path = paths[holder]
            row, word = labels[types[holder]], vias[block] - data_words[holder]
            label = row[word % len(row)] if row and word >= 0 else -1
        step = (label, types[block])
        if not hidden[types[block]]:
            path = path[: path.index(step, 1) + 1] if step in path[1:] else (*path, step)
            found[path][0] += 1
        found[path][1] += sizes[block]
        paths[block] = path

    nodes = np.empty(count, np.int32)
    starts, label_ids = csr(labels)
    columns = trie(
        np.array(order, np.int32), np.array([parents.get(i, -2) for i in range(count)], np.int32), np.array(vias, np.int32),
        np.array(sizes, np.int64), np.array(types, np.int32), np.array(hidden, np.uint8), np.array(data_words, np.int8),
        starts.astype(np.int64), label_ids, np.array(root_names, np.int32), np.array(root_labels, np.int32), nodes,
    )  # fmt: skip
    node_parents, node_labels, node_types, counts, weights = (list(column) for column in columns)

    def spelled(node: int) -> tuple[tuple[int, int], ...]:
        above = spelled(node_parents[node]) if node_parents[node] >= 0 else ()
        return (*above, (node_labels[node], node_types[node]))

    assert {spelled(i): [counts[i], weights[i]] for i in range(len(counts))} == dict(found)
    assert [spelled(int(nodes[i])) for i in order] == [paths[i] for i in order]
    assert all(node_parents[i] < i for i in range(len(counts)))

"""Trees of folded paths for a person: the heaviest nodes, indented; and the dominator tree folded by type."""

import numpy as np

from leakhunt.graph.paths import PathTrie, Rank, RootGroup
from leakhunt.heaps.view import HeapView
from leakhunt.kernels.graph import sum_up
from leakhunt.kernels.trie import trie
from leakhunt.model.answer import Column, Row, Table, Unit, ppm

SHARED = RootGroup(None, "held from several roots", Rank.GLOBAL)


def tree_table(trie: PathTrie, most: int, heap_bytes: int, title: str, total: str, step: str) -> Table:
    """The heaviest nodes of a trie, indented; `total` and `step` head what a node weighs with all below it, and its text."""
    columns = [
        Column("total_bytes", total, Unit.BYTES),
        Column("share_ppm", "of heap", Unit.SHARE),
        Column("objects", "objects", Unit.COUNT),
        Column("bytes", "own bytes", Unit.BYTES),
        Column("tree", step),
    ]
    return Table("tree", title, columns, _tree_rows(trie, most, heap_bytes))


def step_text(depth: int, label: str, name: str) -> str:
    """One step of a path on a line of its own: a root's name and kind, else edge and type."""
    if depth == 0:
        return f"{name} ({label})" if label else name
    return "  " * depth + f"{label} {name}".strip()


def _tree_rows(trie: PathTrie, most: int, heap_bytes: int) -> list[Row]:
    """The `most` heaviest nodes (with all below them), depth first, heavier children first. A parent weighs no less than its
    child and comes before it, so what is shown is a tree from the roots down."""
    chosen = set(np.lexsort((np.arange(len(trie)), -trie.total_bytes))[:most].tolist())
    children: dict[int, list[int]] = {}
    for node in sorted(chosen, key=lambda node: (-int(trie.total_bytes[node]), node)):
        children.setdefault(int(trie.parents[node]), []).append(node)
    rows: list[Row] = []
    stack = [(node, 0) for node in reversed(children.get(-1, []))]
    while stack:
        node, depth = stack.pop()
        label, name = trie.step(node)
        is_root = trie.parents[node] < 0
        rows.append(
            {
                "depth": depth,
                "edge": "" if is_root else label,
                "type": name,
                "root_kind": label if is_root else "",
                "objects": int(trie.objects[node]),
                "bytes": int(trie.bytes[node]),
                "total_objects": int(trie.total_objects[node]),
                "total_bytes": int(trie.total_bytes[node]),
                "share_ppm": ppm(int(trie.total_bytes[node]), heap_bytes),
                "tree": step_text(depth, label, name),
            }
        )
        stack.extend((child, depth + 1) for child in reversed(children.get(node, [])))
    return rows


def dominator_tree(view: HeapView) -> PathTrie:
    """The dominator tree folded as paths are: objects of one type under the same chain of types share a node, whose total is
    what they retain together under it. What several roots hold jointly stands under a root of its own."""
    dominators, naming, graph = view.dominators, view.naming, view.graph
    count, groups = graph.objects, len(dominators.groups)
    order = dominators.order[dominators.order < count]
    idoms = dominators.idoms[:count]
    at_top = idoms >= count
    parents = np.where(at_top, -1, idoms).astype(np.int32)
    vias = np.where(at_top, idoms - count, 0).astype(np.int32)
    types = len(naming.type_names)
    nodes = np.empty(count, np.int32)
    columns = trie(
        order,
        parents,
        vias,
        graph.sizes,
        naming.type_ids,
        naming.type_is_internal.view(np.uint8),
        naming.data_words,
        np.zeros(types + 1, np.int64),
        np.empty(0, np.int32),
        np.arange(groups + 1, dtype=np.int32),
        np.full(groups + 1, -1, np.int32),
        nodes,
    )
    node_parents, labels, node_types, objects, weights = (np.asarray(column) for column in columns)
    total_objects, total_bytes = objects.copy(), weights.copy()
    node_order = np.arange(len(node_parents), dtype=np.int32)
    sum_up(node_order, node_parents, total_objects)
    sum_up(node_order, node_parents, total_bytes)
    return PathTrie(
        (*dominators.groups, SHARED),
        nodes,
        node_parents,
        labels,
        node_types,
        objects,
        weights,
        total_objects,
        total_bytes,
        tuple(naming.label_names),
        tuple(naming.type_names),
    )

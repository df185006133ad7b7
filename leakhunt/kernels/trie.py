"""Paths of a breadth-first forest folded into a trie: blocks whose paths read alike share a node.

Nothing here knows what a block, a label or a type means.
"""

import cython
from cython.cimports.cpython import array

_EMPTY_INT = cython.declare(object, __import__("array").array("i"))
_EMPTY_LONG = cython.declare(object, __import__("array").array("q"))
_GOLDEN = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)  # beyond 32 bits a literal is a Python object to Cython


@cython.cclass
class _Steps:
    """An open-addressed table from (node, label, type) to node."""

    table: cython.int[:, ::1]
    mask: cython.Py_ssize_t
    used: cython.Py_ssize_t

    def __init__(self):
        self._allocate(1024)

    @cython.cfunc
    def _allocate(self, slots: cython.Py_ssize_t):
        self.table = _square(slots)
        self.mask = slots - 1
        self.used = 0

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1)
    def slot(self, node: cython.int, label: cython.int, type_: cython.int) -> cython.Py_ssize_t:
        """Where the step is, or would be (its fourth column is then -1)."""
        hash_: cython.ulonglong = (
            (cython.cast(cython.ulonglong, cython.cast(cython.uint, node)) << 32)
            ^ (cython.cast(cython.ulonglong, cython.cast(cython.uint, label)) << 16)
            ^ cython.cast(cython.ulonglong, cython.cast(cython.uint, type_))
        ) * _GOLDEN
        at: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, hash_ >> 32) & self.mask
        while self.table[at, 3] >= 0 and not (
            self.table[at, 0] == node and self.table[at, 1] == label and self.table[at, 2] == type_
        ):
            at = (at + 1) & self.mask
        return at

    @cython.cfunc
    @cython.exceptval(-1)
    def enter(self, node: cython.int, label: cython.int, type_: cython.int, value: cython.int) -> cython.int:
        """Adds a step that is not there yet."""
        i: cython.Py_ssize_t
        at: cython.Py_ssize_t
        if 2 * self.used > self.mask:
            old: cython.int[:, ::1] = self.table
            self._allocate(2 * (self.mask + 1))
            for i in range(old.shape[0]):
                if old[i, 3] >= 0:
                    self.enter(old[i, 0], old[i, 1], old[i, 2], old[i, 3])
        at = self.slot(node, label, type_)
        self.table[at, 0], self.table[at, 1], self.table[at, 2], self.table[at, 3] = node, label, type_, value
        self.used += 1
        return 0


@cython.cfunc
def _square(slots: cython.Py_ssize_t):
    """`slots` rows of four int32, -1 throughout."""
    table = array.clone(_EMPTY_INT, 4 * slots, zero=False)
    flat: cython.int[::1] = table
    flat[:] = -1
    return memoryview(table).cast("B").cast("i", (slots, 4))


def trie(
    order: cython.const[cython.int][::1],
    parents: cython.const[cython.int][::1],
    vias: cython.const[cython.int][::1],
    sizes: cython.const[cython.longlong][::1],
    types: cython.const[cython.int][::1],
    hidden: cython.const[cython.uchar][::1],
    data_words: cython.const[cython.schar][::1],
    label_starts: cython.const[cython.longlong][::1],
    label_ids: cython.const[cython.int][::1],
    root_names: cython.const[cython.int][::1],
    root_labels: cython.const[cython.int][::1],
    nodes: cython.int[::1],
):
    """Folds the paths of a breadth-first forest into a trie: blocks whose paths read alike share a node.

    A step reads as (label of the pointer, type of the block); the label of word w of a block of type t is
    `label_ids[label_starts[t] + (w - data_words) % (label_starts[t + 1] - label_starts[t])]`, -1 where t has none. A step that
    already stands on the path leads back to where it stands there (lists and trees fold). Blocks of hidden types add their
    bytes to the node of what holds them. Roots are nodes of their own: label the root's name, type -1; the step from a root
    reads as root_labels has it.

    Fills `nodes` (-1 for blocks outside `order`). Returns (parents, labels, types, blocks, bytes) of the nodes, a parent
    before its children. O(blocks + nodes x depth).
    """
    node_parents: array.array = array.clone(_EMPTY_INT, 0, zero=False)
    node_labels: array.array = array.clone(_EMPTY_INT, 0, zero=False)
    node_types: array.array = array.clone(_EMPTY_INT, 0, zero=False)
    count: cython.int = 0
    steps: _Steps = _Steps()
    at: cython.Py_ssize_t
    counts: cython.longlong[::1] = array.clone(_EMPTY_LONG, 1024, zero=True)
    weights: cython.longlong[::1] = array.clone(_EMPTY_LONG, 1024, zero=True)
    i: cython.Py_ssize_t
    block: cython.int
    type_: cython.int
    label: cython.int
    holder: cython.int
    node: cython.int
    above: cython.int
    period: cython.longlong
    word: cython.longlong
    nodes[:] = -1
    for i in range(order.shape[0]):
        block = order[i]
        type_ = types[block]
        holder = parents[block]
        if holder < 0:
            label = root_labels[vias[block]]
            at = steps.slot(-1, root_names[vias[block]], -1)
            above = steps.table[at, 3]
            if above < 0:
                above = count
                steps.enter(-1, root_names[vias[block]], -1, above)
                node_parents.append(-1)
                node_labels.append(root_names[vias[block]])
                node_types.append(-1)
                count += 1
        else:
            above = nodes[holder]
            period = label_starts[types[holder] + 1] - label_starts[types[holder]]
            word = vias[block] - data_words[holder]
            label = label_ids[label_starts[types[holder]] + word % period] if period > 0 and word >= 0 else -1
        node = above
        if not hidden[type_]:
            node = steps.table[steps.slot(above, label, type_), 3]
            if node < 0:
                node = above
                while node >= 0 and (node_labels.data.as_ints[node] != label or node_types.data.as_ints[node] != type_):
                    node = node_parents.data.as_ints[node]
                if node < 0:
                    node = count
                    node_parents.append(above)
                    node_labels.append(label)
                    node_types.append(type_)
                    count += 1
                steps.enter(above, label, type_, node)
        while count > counts.shape[0]:
            counts = _grown(counts)
            weights = _grown(weights)
        nodes[block] = node
        weights[node] += sizes[block]
        if not hidden[type_]:
            counts[node] += 1
    total: cython.Py_ssize_t = count
    return node_parents, node_labels, node_types, counts[:total], weights[:total]


@cython.cfunc
def _grown(values: cython.longlong[::1]):
    larger = array.clone(_EMPTY_LONG, 2 * values.shape[0], zero=True)
    view: cython.longlong[::1] = larger
    view[: values.shape[0]] = values
    return larger

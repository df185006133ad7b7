"""Graphs in packed arrays: breadth-first forests, dominators, sums over trees.

Edges are CSR: block i points out by `targets[starts[i]:starts[i + 1]]`. Nothing here knows what a block means. Indices are
int32, so at most 2^31 - 1 blocks and edges.
"""

import cython
from cython.cimports.cpython import array

_EMPTY_INT = cython.declare(object, __import__("array").array("i"))
_EMPTY_LONG = cython.declare(object, __import__("array").array("q"))


def breadth_first(
    starts: cython.const[cython.int][::1],
    targets: cython.const[cython.int][::1],
    words: cython.const[cython.int][::1],
    root_targets: cython.const[cython.int][::1],
    phase_starts: cython.const[cython.longlong][::1],
    late: cython.const[cython.uchar][::1],
    late_phase: cython.Py_ssize_t,
    order: cython.int[::1],
    parents: cython.int[::1],
    vias: cython.int[::1],
    phase_ends: cython.longlong[::1],
) -> cython.Py_ssize_t:
    """Breadth-first forest from roots in phases: a phase is exhausted before the next begins.

    Phase p has the roots `phase_starts[p]` to `phase_starts[p + 1]`. Blocks marked 1 in `late` are followed only from phase
    `late_phase` on; those marked 2 are not even entered before, and then from where an earlier phase met them only when
    nothing of that phase leads to them (`late` may be empty). Fills `order` (blocks as they are reached), `parents` (-1 for
    one reached from a root, -2 for one not reached), `vias` (root number, or the word in the parent) and `phase_ends` (number
    of blocks reached after each phase). Returns the number reached. O(blocks + edges).
    """
    blocks: cython.Py_ssize_t = starts.shape[0] - 1
    head: cython.Py_ssize_t = 0
    tail: cython.Py_ssize_t = 0
    phase: cython.Py_ssize_t
    phases: cython.Py_ssize_t = phase_starts.shape[0] - 1
    root: cython.Py_ssize_t
    block: cython.int
    target: cython.int
    has_late: cython.bint = late.shape[0] == blocks
    is_early: cython.bint
    postponed: list = []
    met: dict = {}
    parents[:] = -2
    for phase in range(phases):
        is_early = has_late and phase < late_phase
        for root in range(phase_starts[phase], phase_starts[phase + 1]):
            target = root_targets[root]
            if is_early and late[target] == 2:
                met.setdefault(target, (-1, root))
            elif parents[target] == -2:
                parents[target] = -1
                vias[target] = cython.cast(cython.int, root)
                order[tail] = target
                tail += 1
        if phase == late_phase:
            for block in postponed:
                tail = _follow(block, starts, targets, words, late, met, False, order, parents, vias, tail)
        while head < tail or (phase == late_phase and met):
            if head == tail:
                for target, (block, root) in met.items():
                    if parents[target] == -2:
                        parents[target] = block
                        vias[target] = cython.cast(cython.int, root)
                        order[tail] = target
                        tail += 1
                met.clear()
                continue
            block = order[head]
            head += 1
            if is_early and late[block]:
                postponed.append(block)
            else:
                tail = _follow(block, starts, targets, words, late, met, is_early, order, parents, vias, tail)
        phase_ends[phase] = tail
    return tail


@cython.cfunc
@cython.inline
@cython.exceptval(-1)
def _follow(
    block: cython.int,
    starts: cython.const[cython.int][::1],
    targets: cython.const[cython.int][::1],
    words: cython.const[cython.int][::1],
    late: cython.const[cython.uchar][::1],
    met: dict,
    is_early: cython.bint,
    order: cython.int[::1],
    parents: cython.int[::1],
    vias: cython.int[::1],
    tail: cython.Py_ssize_t,
) -> cython.Py_ssize_t:
    edge: cython.Py_ssize_t
    target: cython.int
    for edge in range(starts[block], starts[block + 1]):
        target = targets[edge]
        if parents[target] == -2:
            if is_early and late[target] == 2:
                met.setdefault(target, (block, words[edge]))
                continue
            parents[target] = block
            vias[target] = words[edge]
            order[tail] = target
            tail += 1
    return tail


def dominators(
    starts: cython.const[cython.int][::1],
    targets: cython.const[cython.int][::1],
    ranks: cython.const[cython.uchar][::1],
    group_starts: cython.const[cython.int][::1],
    group_targets: cython.const[cython.int][::1],
    idoms: cython.int[::1],
):
    """Immediate dominators by semi-NCA (Georgiadis, Linear-Time Algorithms for Dominators and Related Problems, 2005, 2.3).

    Vertices are the N blocks, then G groups of roots (group g points to `group_targets[group_starts[g]:group_starts[g + 1]]`),
    then one entry that points to every group. An edge from a block of higher rank to one of lower rank is left out: whoever
    is held by rank r is explained as though higher ranks did not exist. Rank 255 takes no part.

    Fills `idoms` (N + G + 1) with vertex numbers, -1 for vertices that the entry does not reach and for the entry. Returns
    the vertices reached as an array of int32, each behind its dominator. O(edges log vertices) at worst, nearly linear in
    practice; 16 bytes a vertex beside `idoms` while it runs, and 4 for each edge that is not of the depth-first tree.
    """
    blocks: cython.Py_ssize_t = starts.shape[0] - 1
    groups: cython.Py_ssize_t = group_starts.shape[0] - 1
    entry: cython.Py_ssize_t = blocks + groups
    vertices: cython.Py_ssize_t = entry + 1
    numbers: cython.int[::1]
    vertex_of: cython.int[::1]
    parent: cython.int[::1]
    place: cython.int[::1]
    before: cython.int[::1]
    sources: cython.int[::1]
    found: cython.Py_ssize_t = 0
    depth: cython.Py_ssize_t = 0
    v: cython.Py_ssize_t
    w: cython.Py_ssize_t
    u: cython.Py_ssize_t
    edge: cython.Py_ssize_t
    end: cython.Py_ssize_t
    number: cython.int
    best: cython.int
    above: cython.int
    if idoms.shape[0] != vertices or ranks.shape[0] != blocks or vertices > 0x7FFFFFFE:
        raise ValueError("columns differ in length")
    if targets.shape[0] + group_targets.shape[0] + groups > 0x7FFFFFFE:
        raise ValueError("more than 2^31 edges")
    numbers = array.clone(_EMPTY_INT, vertices, zero=False)
    vertex_of = array.clone(_EMPTY_INT, vertices, zero=False)
    parent = array.clone(_EMPTY_INT, vertices, zero=False)
    place = array.clone(_EMPTY_INT, vertices, zero=False)
    stack: cython.int[::1] = idoms  # free until the end
    numbers[:] = -1
    # Depth-first numbering; `place` is the next edge of a vertex to try, `before` counts the edges that enter each number and
    # do not come from its parent, which say nothing that the parent does not.
    before = array.clone(_EMPTY_INT, vertices + 1, zero=True)
    numbers[entry] = 0
    vertex_of[0] = cython.cast(cython.int, entry)
    parent[0] = -1
    place[entry] = 0
    found = 1
    stack[0] = cython.cast(cython.int, entry)
    depth = 1
    while depth > 0:
        v = stack[depth - 1]
        edge = place[v]
        if v < blocks:
            end = starts[v + 1]
        elif v < entry:
            end = group_starts[v - blocks + 1]
        else:
            end = groups
        w = -1
        while edge < end:
            if v < blocks:
                u = targets[edge]
                if ranks[u] < ranks[v]:
                    u = -1
            elif v < entry:
                u = group_targets[edge]
                if ranks[u] == 255:
                    u = -1
            else:
                u = blocks + edge
            edge += 1
            if u >= 0:
                if numbers[u] < 0:
                    w = u
                    break
                if parent[numbers[u]] != numbers[v]:
                    before[numbers[u] + 1] += 1
        place[v] = cython.cast(cython.int, edge)
        if w < 0:
            depth -= 1
            continue
        numbers[w] = cython.cast(cython.int, found)
        vertex_of[found] = cython.cast(cython.int, w)
        parent[found] = numbers[v]
        if w < blocks:
            place[w] = cython.cast(cython.int, starts[w])
        elif w < entry:
            place[w] = cython.cast(cython.int, group_starts[w - blocks])
        found += 1
        stack[depth] = cython.cast(cython.int, w)
        depth += 1
    # Those edges reversed, in depth-first numbers: they enter number n from sources[before[n]:before[n + 1]].
    place = idoms
    for v in range(found):
        before[v + 1] += before[v]
        place[v] = before[v]
    sources = array.clone(_EMPTY_INT, before[found], zero=False)
    for v in range(found):
        u = vertex_of[v]
        if u < blocks:
            for edge in range(starts[u], starts[u + 1]):
                w = targets[edge]
                if ranks[w] >= ranks[u]:
                    number = numbers[w]
                    if parent[number] != v:
                        sources[place[number]] = cython.cast(cython.int, v)
                        place[number] += 1
        elif u < entry:
            for edge in range(group_starts[u - blocks], group_starts[u - blocks + 1]):
                w = group_targets[edge]
                if ranks[w] != 255:
                    number = numbers[w]
                    if parent[number] != v:
                        sources[place[number]] = cython.cast(cython.int, v)
                        place[number] += 1
    # Semidominators, in decreasing number. `ancestor` is the linked forest with its paths compressed, `least` the smallest
    # semidominator on the compressed path. All take the place of what is no longer needed: that of v goes to before[v + 1].
    ancestor: cython.int[::1] = idoms
    least: cython.int[::1] = numbers
    for v in range(found):
        least[v] = cython.cast(cython.int, v)
        ancestor[v] = parent[v]
    for v in range(found - 1, 0, -1):
        best = parent[v]
        for edge in range(before[v], before[v + 1]):
            u = sources[edge]
            if u <= v:
                number = cython.cast(cython.int, u)
            else:
                # Compresses the path from u up to the last vertex whose ancestor is not yet linked (number <= v). The way up
                # leaves each vertex pointing to where it came from, so that the way down needs no stack.
                above = -1
                w = u
                while ancestor[w] > v:
                    number = ancestor[w]
                    ancestor[w] = above
                    above = cython.cast(cython.int, w)
                    w = number
                while above >= 0:
                    u = above
                    above = ancestor[u]
                    if least[w] < least[u]:
                        least[u] = least[w]
                    ancestor[u] = ancestor[w]
                    w = u
                number = least[w]
            if number < best:
                best = number
        before[v + 1] = least[v] = best
    # Immediate dominators, in increasing number: the nearest ancestor in the dominator tree not above the semidominator.
    for v in range(1, found):
        number = parent[v]
        while number > before[v + 1]:
            number = parent[number]
        parent[v] = number
    idoms[:] = -1
    for v in range(1, found):
        idoms[vertex_of[v]] = vertex_of[parent[v]]
    return vertex_of[:found]


def add_by(
    keys: cython.const[cython.int][::1], values: cython.const[cython.longlong][::1], sums: cython.longlong[:, ::1]
) -> None:
    """Adds 1 to `sums[k, 0]` and the value to `sums[k, 1]` for each key k and its value; negative keys count for nothing."""
    i: cython.Py_ssize_t
    if keys.shape[0] != values.shape[0] or sums.shape[1] != 2:
        raise ValueError("columns differ in length")
    for i in range(keys.shape[0]):
        if keys[i] >= 0:
            sums[keys[i], 0] += 1
            sums[keys[i], 1] += values[i]


def sum_up(order: cython.const[cython.int][::1], parents: cython.const[cython.int][::1], values: cython.longlong[::1]) -> None:
    """Adds each vertex's value to its parent's, the last of `order` first: with a parent before its children in `order`,
    `values` become the sums over subtrees. A parent of -1 receives nothing."""
    i: cython.Py_ssize_t
    for i in range(order.shape[0] - 1, -1, -1):
        if parents[order[i]] >= 0:
            values[parents[order[i]]] += values[order[i]]


def sum_outermost(
    order: cython.const[cython.int][::1],
    parents: cython.const[cython.int][::1],
    classes: cython.const[cython.int][::1],
    values: cython.const[cython.longlong][::1],
    sums: cython.longlong[::1],
) -> None:
    """Adds to each class the values of its outermost vertices: those without an ancestor of their class.

    Vertices numbered beyond `classes` have none. `order` holds parents before children. A walk in depth counts, for each
    class, how often it stands on the way down. O(vertices), 12 bytes a vertex while it runs.
    """
    vertices: cython.Py_ssize_t = parents.shape[0]
    classed: cython.Py_ssize_t = classes.shape[0]
    child: cython.int[::1] = array.clone(_EMPTY_INT, vertices, zero=False)
    sibling: cython.int[::1] = array.clone(_EMPTY_INT, vertices, zero=False)
    inside: cython.int[::1] = array.clone(_EMPTY_INT, sums.shape[0], zero=True)
    i: cython.Py_ssize_t
    v: cython.int
    u: cython.int
    child[:] = -1
    sibling[:] = -1
    for i in range(order.shape[0] - 1, -1, -1):
        v = order[i]
        if parents[v] >= 0:
            sibling[v] = child[parents[v]]
            child[parents[v]] = v
    for i in range(order.shape[0]):
        if parents[order[i]] >= 0:
            continue
        v = order[i]
        while v >= 0:
            if v < classed:
                if inside[classes[v]] == 0:
                    sums[classes[v]] += values[v]
                inside[classes[v]] += 1
            u = child[v]
            while u < 0 and v >= 0:  # leaves v, and its ancestors as long as they have no further child
                if v < classed:
                    inside[classes[v]] -= 1
                u = sibling[v]
                v = parents[v]
            v = u

"""Graphs of blocks in packed arrays: which block an address lies in, edges, breadth-first trees, dominators, path tries.

Blocks are numbered in order of address. Edges are CSR: block i points out by `targets[starts[i]:starts[i + 1]]`. Nothing here
knows what a block means. Indices are int32, so at most 2^31 - 1 blocks and, per block, words.
"""

import cython
from cython.cimports.cpython import array
from cython.cimports.libc.string import memcpy

_EMPTY_INT = cython.declare(object, __import__("array").array("i"))
_EMPTY_LONG = cython.declare(object, __import__("array").array("q"))
_CHUNK_BITS = cython.declare(cython.int, 26)  # 64 MiB, the size of a Go arena on 64-bit Linux
_CELLS = cython.declare(cython.Py_ssize_t, 1 << 17)  # 512-byte cells in a chunk: a bit for every 8 bytes
_MAX_DIRECTORY = cython.declare(cython.longlong, 1 << 22)  # chunks in 48 bits of address
# Literals beyond 32 bits are Python objects to Cython, hence declared.
_ODD_BITS = cython.declare(cython.ulonglong, 0x5555555555555555)
_PAIRS = cython.declare(cython.ulonglong, 0x3333333333333333)
_NIBBLES = cython.declare(cython.ulonglong, 0x0F0F0F0F0F0F0F0F)
_BYTES = cython.declare(cython.ulonglong, 0x0101010101010101)
_FNV_PRIME = cython.declare(cython.ulonglong, 0x100000001B3)
_GOLDEN = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
_SPARE_BYTES = cython.declare(cython.longlong, 64 << 20)  # a table may take this and 32 bytes a block, else binary search


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _ones(bits: cython.ulonglong) -> cython.Py_ssize_t:
    """Number of one bits (Hacker's Delight, 5-1)."""
    bits = bits - ((bits >> 1) & _ODD_BITS)
    bits = (bits & _PAIRS) + ((bits >> 2) & _PAIRS)
    bits = (bits + (bits >> 4)) & _NIBBLES
    return cython.cast(cython.Py_ssize_t, (bits * _BYTES) >> 56)


@cython.cclass
class _Ints:
    """A growable array of int32; growth is by realloc, so that a large one moves without being copied."""

    store: array.array
    length: cython.Py_ssize_t
    capacity: cython.Py_ssize_t

    def __init__(self):
        self.capacity = 1024
        self.length = 0
        self.store = array.clone(_EMPTY_INT, self.capacity, zero=False)

    @cython.cfunc
    @cython.exceptval(-1)
    def push(self, value: cython.int) -> cython.int:
        if self.length >= self.capacity:
            self.capacity += self.capacity // 2
            array.resize(self.store, self.capacity)
        self.store.data.as_ints[self.length] = value
        self.length += 1
        return 0

    @cython.cfunc
    def finish(self):
        array.resize(self.store, self.length)
        self.capacity = self.length
        return self.store


@cython.cclass
class Index:
    """Finds the block that holds an address, its inside included, in constant time.

    A bit for every 8 bytes says whether a block begins there; every 512 bytes carry the number of blocks that begin before
    them, so the block is that rank plus a count of bits. Chunks of 64 MiB that hold no block take no table: 16 bytes per
    512 bytes of heap. Where blocks are so scattered, or so oddly aligned, that this does not pay, it searches in halves.
    """

    addresses: cython.const[cython.longlong][::1]
    sizes: cython.const[cython.longlong][::1]
    directory: cython.int[::1]
    cells: cython.ulonglong[::1]
    first_chunk: cython.longlong
    blocks: cython.Py_ssize_t
    low: cython.longlong
    high: cython.longlong
    is_table: cython.bint

    def __init__(
        self, addresses: cython.const[cython.longlong][::1], sizes: cython.const[cython.longlong][::1], halves: bool = False
    ):
        i: cython.Py_ssize_t
        end: cython.longlong = 0
        chunk: cython.longlong
        chunks: cython.longlong = 0
        blocks: cython.Py_ssize_t = addresses.shape[0]
        if sizes.shape[0] != blocks or blocks > 0x7FFFFFFE:
            raise ValueError("addresses and sizes must be as many, and below 2^31")
        self.addresses, self.sizes, self.blocks = addresses, sizes, blocks
        self.is_table = not halves
        for i in range(blocks):
            if addresses[i] < end or sizes[i] < 0 or addresses[i] + sizes[i] < 0:
                raise ValueError(f"block {i} begins before the one before it ends")
            if addresses[i] & 7 or sizes[i] < 8:
                self.is_table = False
            end = addresses[i] + sizes[i]
        self.low = addresses[0] if blocks else 0
        self.high = end
        self.first_chunk = self.low >> _CHUNK_BITS
        if not blocks or (self.high >> _CHUNK_BITS) - self.first_chunk >= _MAX_DIRECTORY:
            self.is_table = False
        if self.is_table:
            directory = array.clone(_EMPTY_INT, (self.high >> _CHUNK_BITS) - self.first_chunk + 1, zero=False)
            self.directory = directory
            self.directory[:] = -1
            for i in range(blocks):
                for chunk in range(addresses[i] >> _CHUNK_BITS, ((addresses[i] + sizes[i] - 1) >> _CHUNK_BITS) + 1):
                    if self.directory[chunk - self.first_chunk] < 0:
                        self.directory[chunk - self.first_chunk] = cython.cast(cython.int, chunks)
                        chunks += 1
            if chunks * _CELLS * 16 > _SPARE_BYTES + 32 * cython.cast(cython.longlong, blocks):
                self.is_table = False
            else:
                self._fill(chunks)

    @cython.cfunc
    def _fill(self, chunks: cython.longlong):
        at: cython.Py_ssize_t = 0
        chunk: cython.Py_ssize_t
        cell: cython.Py_ssize_t
        end: cython.longlong
        base: cython.Py_ssize_t
        self.cells = array.clone(__import__("array").array("Q"), chunks * _CELLS * 2, zero=True)
        for chunk in range(self.directory.shape[0]):
            if self.directory[chunk] < 0:
                continue
            base = self.directory[chunk] * _CELLS
            end = (self.first_chunk + chunk) << _CHUNK_BITS
            for cell in range(_CELLS):
                end += 512
                self.cells[2 * (base + cell) + 1] = at
                while at < self.blocks and self.addresses[at] < end:
                    self.cells[2 * (base + cell)] |= cython.cast(cython.ulonglong, 1) << ((self.addresses[at] >> 3) & 63)
                    at += 1

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-2)
    def find(self, address: cython.longlong) -> cython.Py_ssize_t:
        """The block that holds `address`, -1 for none."""
        low: cython.Py_ssize_t
        high: cython.Py_ssize_t
        middle: cython.Py_ssize_t
        cell: cython.Py_ssize_t
        bits: cython.ulonglong
        if address < self.low or address >= self.high:
            return -1
        if self.is_table:
            low = self.directory[(address >> _CHUNK_BITS) - self.first_chunk]
            if low < 0:
                return -1
            cell = 2 * (low * _CELLS + ((address >> 9) & (_CELLS - 1)))
            bits = self.cells[cell] & (~cython.cast(cython.ulonglong, 0) >> (63 - ((address >> 3) & 63)))
            low = cython.cast(cython.Py_ssize_t, self.cells[cell + 1]) + _ones(bits) - 1
        else:
            low, high = 0, self.blocks
            while high - low > 1:
                middle = (low + high) // 2
                if self.addresses[middle] <= address:
                    low = middle
                else:
                    high = middle
        if low < 0 or address >= self.addresses[low] + self.sizes[low]:
            return -1
        return low

    def resolve(self, pointers: cython.const[cython.longlong][::1], blocks: cython.int[::1]) -> None:
        """Writes to `blocks` the block that each of `pointers` lies in, -1 for none."""
        i: cython.Py_ssize_t
        for i in range(pointers.shape[0]):
            blocks[i] = cython.cast(cython.int, self.find(pointers[i]))


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _word(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.longlong:
    """The 64-bit word at byte `at`, in the machine's order; the caller has checked that all of it is there."""
    value: cython.longlong = 0
    memcpy(cython.address(value), cython.address(data[at]), 8)
    return value


def edges(
    data: cython.const[cython.uchar][::1],
    index: Index,
    offsets: cython.const[cython.longlong][::1],
    large_bytes: cython.longlong,
    starts: cython.longlong[::1],
    shapes: cython.int[::1],
):
    """The pointers of all blocks that point into a block.

    Block i's bytes lie in `data` from `offsets[i]` on, followed by the list of (kind, offset) pairs of its pointer words.
    Fills `starts` (blocks + 1) and `shapes`: a number for each combination of size and pointer words (above `large_bytes`, of
    size and whether there are any), told apart by a 64-bit hash. Returns (targets, words, first block of each shape) as
    arrays of int32.
    Raises ValueError where a list leaves the data or a pointer its block. O(pairs).
    """
    targets: _Ints = _Ints()
    words: _Ints = _Ints()
    firsts: _Ints = _Ints()
    table: cython.int[::1] = array.clone(_EMPTY_INT, 1024, zero=False)
    hashes: cython.ulonglong[::1] = array.clone(__import__("array").array("Q"), 1024, zero=True)
    i: cython.Py_ssize_t
    at: cython.Py_ssize_t
    end: cython.Py_ssize_t = data.shape[0]
    size: cython.longlong
    kind: cython.uchar
    offset: cython.ulonglong
    shift: cython.int
    hash_: cython.ulonglong
    pointer: cython.longlong
    target: cython.Py_ssize_t
    slot: cython.Py_ssize_t
    mask: cython.Py_ssize_t = 1023
    if offsets.shape[0] != index.blocks or shapes.shape[0] != index.blocks or starts.shape[0] != index.blocks + 1:
        raise ValueError("columns differ in length")
    table[:] = -1
    starts[0] = 0
    for i in range(index.blocks):
        size = index.sizes[i]
        at = offsets[i] + size
        if offsets[i] < 0 or at > end:
            raise ValueError("a block's bytes leave the data", offsets[i])
        hash_ = (cython.cast(cython.ulonglong, size) * _GOLDEN) & ~cython.cast(cython.ulonglong, 1)
        while True:
            if at >= end:
                raise ValueError("a pointer list leaves the data", offsets[i])
            kind = data[at]
            at += 1
            if kind == 0:
                break
            offset = 0
            shift = 0
            while True:
                if at >= end or shift > 56:
                    raise ValueError("a pointer list leaves the data", offsets[i])
                offset |= cython.cast(cython.ulonglong, data[at] & 0x7F) << shift
                shift += 7
                at += 1
                if data[at - 1] < 0x80:
                    break
            if offset & 7 or offset + 8 > cython.cast(cython.ulonglong, size) or kind >= 0x80:
                raise ValueError("a pointer lies outside its block", offsets[i])
            if size <= large_bytes:
                hash_ = (hash_ ^ offset) * _FNV_PRIME
                hash_ ^= hash_ >> 29
            else:
                hash_ |= 1
            pointer = _word(data, offsets[i] + cython.cast(cython.Py_ssize_t, offset))
            target = index.find(pointer)
            if target >= 0:
                targets.push(cython.cast(cython.int, target))
                words.push(cython.cast(cython.int, offset >> 3))
        starts[i + 1] = targets.length
        hash_ ^= hash_ >> 32
        slot = cython.cast(cython.Py_ssize_t, hash_ & cython.cast(cython.ulonglong, mask))
        while table[slot] >= 0 and hashes[table[slot]] != hash_:
            slot = (slot + 1) & mask
        if table[slot] < 0:
            if firsts.length >= hashes.shape[0]:
                hashes = _doubled(hashes)
            table[slot] = cython.cast(cython.int, firsts.length)
            hashes[firsts.length] = hash_
            firsts.push(cython.cast(cython.int, i))
            if 2 * firsts.length > mask:
                mask = 2 * mask + 1
                shapes[i] = table[slot]
                table = _rehashed(hashes, firsts.length, mask)
                continue
        shapes[i] = table[slot]
    return targets.finish(), words.finish(), firsts.finish()


@cython.cfunc
def _doubled(hashes: cython.ulonglong[::1]):
    larger = array.clone(__import__("array").array("Q"), 2 * hashes.shape[0], zero=True)
    view: cython.ulonglong[::1] = larger
    view[: hashes.shape[0]] = hashes
    return larger


@cython.cfunc
def _rehashed(hashes: cython.ulonglong[::1], count: cython.Py_ssize_t, mask: cython.Py_ssize_t):
    """An open-addressed table of `mask + 1` slots for the first `count` hashes."""
    table = array.clone(_EMPTY_INT, mask + 1, zero=False)
    view: cython.int[::1] = table
    i: cython.Py_ssize_t
    slot: cython.Py_ssize_t
    view[:] = -1
    for i in range(count):
        slot = cython.cast(cython.Py_ssize_t, hashes[i] & cython.cast(cython.ulonglong, mask))
        while view[slot] >= 0:
            slot = (slot + 1) & mask
        view[slot] = cython.cast(cython.int, i)
    return table


def words_at(
    data: cython.const[cython.uchar][::1], places: cython.const[cython.longlong][::1], values: cython.longlong[::1]
) -> None:
    """Writes to `values` the little-endian 64-bit words that begin at the bytes `places` of `data`."""
    i: cython.Py_ssize_t
    last: cython.Py_ssize_t = data.shape[0] - 8
    for i in range(places.shape[0]):
        if places[i] < 0 or places[i] > last:
            raise ValueError("a word leaves the data", places[i])
        values[i] = _word(data, places[i])


def breadth_first(
    starts: cython.const[cython.longlong][::1],
    targets: cython.const[cython.int][::1],
    words: cython.const[cython.int][::1],
    root_targets: cython.const[cython.int][::1],
    phase_starts: cython.const[cython.longlong][::1],
    late: cython.const[cython.uchar][::1],
    late_phase: cython.Py_ssize_t,
    blocked: cython.const[cython.uchar][::1],
    order: cython.int[::1],
    parents: cython.int[::1],
    vias: cython.int[::1],
    phase_ends: cython.longlong[::1],
) -> cython.Py_ssize_t:
    """Breadth-first forest from roots in phases: a phase is exhausted before the next begins.

    Phase p has the roots `phase_starts[p]` to `phase_starts[p + 1]`. Blocks marked in `late` are followed only from phase
    `late_phase` on; those marked in `blocked` are never entered (both may be empty). Fills `order` (blocks as they are
    reached), `parents` (-1 for one reached from a root, -2 for one not reached), `vias` (root number, or the word in the
    parent) and `phase_ends` (number of blocks reached after each phase). Returns the number reached. O(blocks + edges).
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
    has_blocked: cython.bint = blocked.shape[0] == blocks
    postponed: list = []
    parents[:] = -2
    for phase in range(phases):
        for root in range(phase_starts[phase], phase_starts[phase + 1]):
            target = root_targets[root]
            if parents[target] == -2 and not (has_blocked and blocked[target]):
                parents[target] = -1
                vias[target] = cython.cast(cython.int, root)
                order[tail] = target
                tail += 1
        if phase == late_phase:
            for block in postponed:
                tail = _follow(block, starts, targets, words, blocked, has_blocked, order, parents, vias, tail)
        while head < tail:
            block = order[head]
            head += 1
            if has_late and late[block] and phase < late_phase:
                postponed.append(block)
            else:
                tail = _follow(block, starts, targets, words, blocked, has_blocked, order, parents, vias, tail)
        phase_ends[phase] = tail
    return tail


@cython.cfunc
@cython.inline
@cython.exceptval(-1)
def _follow(
    block: cython.int,
    starts: cython.const[cython.longlong][::1],
    targets: cython.const[cython.int][::1],
    words: cython.const[cython.int][::1],
    blocked: cython.const[cython.uchar][::1],
    has_blocked: cython.bint,
    order: cython.int[::1],
    parents: cython.int[::1],
    vias: cython.int[::1],
    tail: cython.Py_ssize_t,
) -> cython.Py_ssize_t:
    edge: cython.Py_ssize_t
    target: cython.int
    for edge in range(starts[block], starts[block + 1]):
        target = targets[edge]
        if parents[target] == -2 and not (has_blocked and blocked[target]):
            parents[target] = block
            vias[target] = words[edge]
            order[tail] = target
            tail += 1
    return tail


def dominators(
    starts: cython.const[cython.longlong][::1],
    targets: cython.const[cython.int][::1],
    ranks: cython.const[cython.uchar][::1],
    group_starts: cython.const[cython.longlong][::1],
    group_targets: cython.const[cython.int][::1],
    idoms: cython.int[::1],
):
    """Immediate dominators by semi-NCA (Georgiadis, Linear-Time Algorithms for Dominators and Related Problems, 2005, 2.3).

    Vertices are the N blocks, then G groups of roots (group g points to `group_targets[group_starts[g]:group_starts[g + 1]]`),
    then one entry that points to every group. An edge from a block of higher rank to one of lower rank is left out: whoever
    is held by rank r is explained as though higher ranks did not exist. Rank 255 takes no part.

    Fills `idoms` (N + G + 1) with vertex numbers, -1 for vertices that the entry does not reach and for the entry. Returns
    the vertices reached as an array of int32, each behind its dominator. O(edges log vertices) at worst, nearly linear in
    practice; 28 bytes a vertex and 4 an edge while it runs.
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
    semi: cython.int[::1]
    label: cython.int[::1]
    found: cython.Py_ssize_t = 0
    depth: cython.Py_ssize_t = 0
    v: cython.Py_ssize_t
    w: cython.Py_ssize_t
    u: cython.Py_ssize_t
    edge: cython.Py_ssize_t
    end: cython.Py_ssize_t
    number: cython.int
    best: cython.int
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
    # Depth-first numbering; `place` is the next edge of a vertex to try, `before` counts the edges that enter each number.
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
                before[numbers[u] + 1] += 1
        place[v] = cython.cast(cython.int, edge)
        if w < 0:
            depth -= 1
            continue
        before[found + 1] += 1
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
    # Edges reversed, in depth-first numbers: those that enter number n come from sources[before[n]:before[n + 1]].
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
                    sources[place[number]] = cython.cast(cython.int, v)
                    place[number] += 1
        elif u < entry:
            for edge in range(group_starts[u - blocks], group_starts[u - blocks + 1]):
                w = group_targets[edge]
                if ranks[w] != 255:
                    number = numbers[w]
                    sources[place[number]] = cython.cast(cython.int, v)
                    place[number] += 1
        else:
            for edge in range(groups):
                number = numbers[blocks + edge]
                sources[place[number]] = cython.cast(cython.int, v)
                place[number] += 1
    # Semidominators, in decreasing number; `ancestor` is the linked forest with its paths compressed.
    del place
    semi = array.clone(_EMPTY_INT, found, zero=False)
    label = array.clone(_EMPTY_INT, found, zero=False)
    ancestor: cython.int[::1] = array.clone(_EMPTY_INT, found, zero=False)
    path: cython.int[::1] = numbers  # its values are no longer needed
    for v in range(found):
        semi[v] = cython.cast(cython.int, v)
        label[v] = cython.cast(cython.int, v)
        ancestor[v] = parent[v]
    for v in range(found - 1, 0, -1):
        best = parent[v]
        for edge in range(before[v], before[v + 1]):
            u = sources[edge]
            if u <= v:
                number = cython.cast(cython.int, u)
            else:
                # Compresses the path from u up to the last vertex whose ancestor is not yet linked (number <= v).
                depth = 0
                w = u
                while ancestor[w] > v:
                    path[depth] = cython.cast(cython.int, w)
                    depth += 1
                    w = ancestor[w]
                while depth > 0:
                    depth -= 1
                    u = path[depth]
                    if semi[label[w]] < semi[label[u]]:
                        label[u] = label[w]
                    ancestor[u] = ancestor[w]
                    w = u
                number = semi[label[w]]
            if number < best:
                best = number
        semi[v] = best
    # Immediate dominators, in increasing number: the nearest ancestor in the dominator tree not above the semidominator.
    for v in range(1, found):
        number = parent[v]
        while number > semi[v]:
            number = parent[number]
        parent[v] = number
    idoms[:] = -1
    for v in range(1, found):
        idoms[vertex_of[v]] = vertex_of[parent[v]]
    return vertex_of.base if found == vertices else array.array("i", vertex_of[:found])


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
    first: cython.const[cython.longlong][::1],
    second: cython.const[cython.longlong][::1],
    first_sums: cython.longlong[::1],
    second_sums: cython.longlong[::1],
) -> None:
    """Adds to each class the `first` and `second` values of its outermost vertices: those without an ancestor of their class.

    Vertices numbered beyond `classes` have none. `order` holds parents before children. A walk in depth counts, for each
    class, how often it stands on the way down. O(vertices), 12 bytes a vertex while it runs.
    """
    vertices: cython.Py_ssize_t = parents.shape[0]
    classed: cython.Py_ssize_t = classes.shape[0]
    child: cython.int[::1] = array.clone(_EMPTY_INT, vertices, zero=False)
    sibling: cython.int[::1] = array.clone(_EMPTY_INT, vertices, zero=False)
    inside: cython.int[::1] = array.clone(_EMPTY_INT, first_sums.shape[0], zero=True)
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
                    first_sums[classes[v]] += first[v]
                    second_sums[classes[v]] += second[v]
                inside[classes[v]] += 1
            u = child[v]
            while u < 0 and v >= 0:  # leaves v, and its ancestors as long as they have no further child
                if v < classed:
                    inside[classes[v]] -= 1
                u = sibling[v]
                v = parents[v]
            v = u


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
        at: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, hash_ >> 20) & self.mask
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
    node_parents: _Ints = _Ints()
    node_labels: _Ints = _Ints()
    node_types: _Ints = _Ints()
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
                above = cython.cast(cython.int, node_parents.length)
                steps.enter(-1, root_names[vias[block]], -1, above)
                node_parents.push(-1)
                node_labels.push(root_names[vias[block]])
                node_types.push(-1)
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
                while node >= 0 and (
                    node_labels.store.data.as_ints[node] != label or node_types.store.data.as_ints[node] != type_
                ):
                    node = node_parents.store.data.as_ints[node]
                if node < 0:
                    node = cython.cast(cython.int, node_parents.length)
                    node_parents.push(above)
                    node_labels.push(label)
                    node_types.push(type_)
                steps.enter(above, label, type_, node)
        while node_parents.length > counts.shape[0]:
            counts = _grown(counts)
            weights = _grown(weights)
        nodes[block] = node
        weights[node] += sizes[block]
        if not hidden[type_]:
            counts[node] += 1
    total: cython.Py_ssize_t = node_parents.length
    return node_parents.finish(), node_labels.finish(), node_types.finish(), counts[:total], weights[:total]


@cython.cfunc
def _grown(values: cython.longlong[::1]):
    larger = array.clone(_EMPTY_LONG, 2 * values.shape[0], zero=True)
    view: cython.longlong[::1] = larger
    view[: values.shape[0]] = values
    return larger

"""Blocks of memory in order of address: which block an address lies in, and which blocks point to which.

Blocks are numbered in order of address. Edges are CSR: block i points out by `targets[starts[i]:starts[i + 1]]`. Nothing here
knows what a block means. Indices are int32, so at most 2^31 - 1 blocks and, per block, words.
"""

import cython
from cython.cimports.cpython import array
from cython.cimports.libc.string import memcpy

_LOW_BITS = cython.declare(cython.longlong, 0xFFFFFFFF)
_EMPTY_INT = cython.declare(object, __import__("array").array("i"))
_EMPTY_WORD = cython.declare(object, __import__("array").array("Q"))
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


@cython.cfunc
@cython.inline
@cython.exceptval(-2)
def _last_at_most(values: cython.const[cython.longlong][::1], value: cython.longlong) -> cython.Py_ssize_t:
    """Where the last of the ascending `values` that is not above `value` stands, -1 for none."""
    low: cython.Py_ssize_t = -1
    high: cython.Py_ssize_t = values.shape[0]
    middle: cython.Py_ssize_t
    while high - low > 1:
        middle = (low + high) // 2
        if values[middle] <= value:
            low = middle
        else:
            high = middle
    return low


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
        self.cells = array.clone(_EMPTY_WORD, chunks * _CELLS * 2, zero=True)
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
            low = _last_at_most(self.addresses, address)
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


@cython.cfunc
@cython.inline
@cython.exceptval(-2)
def _pair(
    data: cython.const[cython.uchar][::1], place: cython.p_longlong, size: cython.longlong, region: cython.longlong
) -> cython.longlong:
    """The offset in the (kind, offset) pair at byte `place[0]` of the data, -1 for the end of a list; moves `place` behind it.

    Raises ValueError where the list leaves the data, or an 8-byte word at that offset the `size` bytes of its region."""
    at: cython.longlong = place[0]
    offset: cython.ulonglong = 0
    shift: cython.int = 0
    if at >= data.shape[0]:
        raise ValueError("a pointer list leaves the data", region)
    if data[at] == 0:
        place[0] = at + 1
        return -1
    if data[at] >= 0x80:
        raise ValueError("a pointer list names an unknown kind", region)
    while True:
        at += 1
        if at >= data.shape[0] or shift > 56:
            raise ValueError("a pointer list leaves the data", region)
        offset |= cython.cast(cython.ulonglong, data[at] & 0x7F) << shift
        shift += 7
        if data[at] < 0x80:
            break
    if offset & 7 or offset + 8 > cython.cast(cython.ulonglong, size):
        raise ValueError("a pointer lies outside its block", region)
    place[0] = at + 1
    return cython.cast(cython.longlong, offset)


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def written(size: cython.longlong, longest: cython.longlong) -> cython.longlong:
    """How many of a block's bytes are there: all, but of more than `longest` what `leakhunt.kernels.records.written` says."""
    return size if size <= longest else min(size & _LOW_BITS, longest)


def edges(
    data: cython.const[cython.uchar][::1],
    index: Index,
    offsets: cython.const[cython.longlong][::1],
    large_bytes: cython.longlong,
    longest: cython.longlong,
    starts: cython.int[::1],
    shapes: cython.int[::1],
):
    """The pointers of all blocks that point into a block.

    Block i's bytes lie in `data` from `offsets[i]` on (of more than `longest` only the first, see `written`), followed by the
    list of (kind, offset) pairs of its pointer words.
    Fills `starts` (blocks + 1) and `shapes`: a number for each combination of size and pointer words (above `large_bytes`, of
    size and whether there are any), told apart by a 64-bit hash. Returns (targets, words, first block of each shape) as
    arrays of int32.
    Raises ValueError where a list leaves the data or a pointer its block, or where int32 cannot count the pointers. O(pairs).
    """
    targets: _Ints = _Ints()
    words: _Ints = _Ints()
    firsts: _Ints = _Ints()
    table: cython.int[::1] = array.clone(_EMPTY_INT, 1024, zero=False)
    hashes: cython.ulonglong[::1] = array.clone(_EMPTY_WORD, 1024, zero=True)
    i: cython.Py_ssize_t
    at: cython.longlong
    size: cython.longlong
    present: cython.longlong
    offset: cython.longlong
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
        present = written(size, longest)
        at = offsets[i] + present
        if offsets[i] < 0 or at > data.shape[0]:
            raise ValueError("a block's bytes leave the data", offsets[i])
        hash_ = (cython.cast(cython.ulonglong, size) * _GOLDEN) & ~cython.cast(cython.ulonglong, 1)
        while True:
            offset = _pair(data, cython.address(at), size, offsets[i])
            if offset < 0:
                break
            if size <= large_bytes:
                hash_ = (hash_ ^ cython.cast(cython.ulonglong, offset)) * _FNV_PRIME
                hash_ ^= hash_ >> 29
            else:
                hash_ |= 1
            if offset + 8 > present:
                continue
            pointer = _word(data, offsets[i] + cython.cast(cython.Py_ssize_t, offset))
            target = index.find(pointer)
            if target >= 0:
                targets.push(cython.cast(cython.int, target))
                words.push(cython.cast(cython.int, offset >> 3))
        if targets.length > 0x7FFFFFFF:
            raise ValueError("blocks have more than 2^31 - 1 pointers", offsets[i])
        starts[i + 1] = cython.cast(cython.int, targets.length)
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
    larger = array.clone(_EMPTY_WORD, 2 * hashes.shape[0], zero=True)
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


def edges_after_keys(
    data: cython.const[cython.uchar][::1],
    offsets: cython.const[cython.longlong][::1],
    starts: cython.const[cython.int][::1],
    words: cython.const[cython.int][::1],
    keys: cython.const[cython.longlong][::1],
):
    """The edges whose pointer stands right behind one of `keys` (ascending) in its block, and which key that is.

    Edges are those that `edges` finds, block i's bytes lie in `data` from `offsets[i]` on. Returns (edges, keys) as arrays of
    int32. Raises ValueError where a word leaves the data. O(edges log keys) at worst; most words lie outside the keys' range.
    """
    found: _Ints = _Ints()
    numbers: _Ints = _Ints()
    block: cython.Py_ssize_t
    edge: cython.Py_ssize_t
    place: cython.longlong
    key: cython.longlong
    number: cython.Py_ssize_t
    last: cython.longlong = data.shape[0] - 8
    if not keys.shape[0]:
        return found.finish(), numbers.finish()
    for block in range(starts.shape[0] - 1):
        for edge in range(starts[block], starts[block + 1]):
            if words[edge] <= 0:
                continue
            place = offsets[block] + 8 * (cython.cast(cython.longlong, words[edge]) - 1)
            if place < 0 or place > last:
                raise ValueError("a word leaves the data", place)
            key = _word(data, place)
            if key < keys[0] or key > keys[keys.shape[0] - 1]:
                continue
            number = _last_at_most(keys, key)
            if number >= 0 and keys[number] == key:
                found.push(cython.cast(cython.int, edge))
                numbers.push(cython.cast(cython.int, number))
    return found.finish(), numbers.finish()


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


def pointers_into(
    data: cython.const[cython.uchar][::1],
    index: Index,
    offsets: cython.const[cython.longlong][::1],
    sizes: cython.const[cython.longlong][::1],
    lists: cython.const[cython.longlong][::1],
):
    """The words of some regions that point into a block.

    Region i's bytes lie in `data` from `offsets[i]` on; a list of (kind, offset) pairs at `lists[i]` names some of its words.
    Returns (regions, words, blocks, listed) as arrays of int32, by region and word: `listed` is 1 for words that are on the
    list. Raises ValueError where a region or list leaves the data, or a listed word its region. O(bytes of the regions).
    """
    regions: _Ints = _Ints()
    words: _Ints = _Ints()
    blocks: _Ints = _Ints()
    listed: _Ints = _Ints()
    marks: cython.uchar[::1] = array.clone(__import__("array").array("B"), 1024, zero=True)
    region: cython.Py_ssize_t
    word: cython.Py_ssize_t
    count: cython.Py_ssize_t
    at: cython.longlong
    block: cython.Py_ssize_t
    end: cython.Py_ssize_t = data.shape[0]
    offset: cython.longlong
    for region in range(offsets.shape[0]):
        if offsets[region] < 0 or sizes[region] < 0 or sizes[region] > end - offsets[region] or lists[region] < 0:
            raise ValueError("a region leaves the data", offsets[region])
        count = sizes[region] >> 3
        if count > marks.shape[0]:
            marks = array.clone(__import__("array").array("B"), 2 * count, zero=True)
        at = lists[region]
        while True:
            offset = _pair(data, cython.address(at), sizes[region], offsets[region])
            if offset < 0:
                break
            marks[offset >> 3] = 1
        for word in range(count):
            block = index.find(_word(data, offsets[region] + 8 * word))
            if block >= 0:
                regions.push(cython.cast(cython.int, region))
                words.push(cython.cast(cython.int, word))
                blocks.push(cython.cast(cython.int, block))
                listed.push(marks[word])
            marks[word] = 0
    return regions.finish(), words.finish(), blocks.finish(), listed.finish()

"""Splits a stream of tagged records into rows of integers, and puts sized blocks in order of address.

The layout of each record is given by the caller as a string, one letter a field, so this file knows no format:

    i   unsigned LEB128 integer               1 column: its 64 bits
    s   LEB128 length, then that many bytes   2 columns: offset of the bytes, their length
    f   list of (LEB128 non-zero kind, LEB128 offset) pairs, ended by a zero kind
                                              2 columns: offset of the list, number of pairs
    b   LEB128 length, that many bytes (of more than `longest` as `written` says), and a list as above
                                              3 columns: offset of the bytes, their length, number of pairs
    r   LEB128 count, then that many groups `ssi`
                                              2 columns: first row in the table of groups, number of groups
    x   256 unsigned LEB128 integers          1 column: offset of the first
    .   end of stream                         no columns

`scan` is O(bytes of headers and lists); the bytes of `s` fields are stepped over. A record that reaches beyond the end of
the data ends the scan there (a truncated stream); anything malformed raises ValueError with its offset.
"""

import cython
from cython.cimports.cpython import array

_TRUNCATED = cython.declare(cython.int, 1)
_OVERLONG = cython.declare(cython.int, 2)
_LOW_BITS = cython.declare(cython.ulonglong, 0xFFFFFFFF)
_EMPTY = cython.declare(object, __import__("array").array("q"))


@cython.cclass
class Rows:
    """A growing table of int64, row by row. Growth is by realloc, so that a large table moves without being copied."""

    store: array.array
    length: cython.Py_ssize_t
    capacity: cython.Py_ssize_t

    def __init__(self):
        self.capacity = 64
        self.length = 0
        self.store = array.clone(_EMPTY, self.capacity, zero=False)

    @cython.cfunc
    @cython.exceptval(-1)
    def push(self, value: cython.longlong) -> cython.int:
        if self.length >= self.capacity:
            self.reserve(self.length + 1)
        self.store.data.as_longlongs[self.length] = value
        self.length += 1
        return 0

    @cython.cfunc
    @cython.exceptval(-1)
    def reserve(self, length: cython.Py_ssize_t) -> cython.int:
        if length > self.capacity:
            self.capacity = max(length, self.capacity + self.capacity // 2)
            array.resize(self.store, self.capacity)
        return 0

    @cython.cfunc
    def finish(self):
        array.resize(self.store, self.length)
        self.capacity = self.length
        return self.store


@cython.cclass
class Cursor:
    """A place in the data, and what went wrong there (0 nothing, else _TRUNCATED or _OVERLONG)."""

    data: cython.const[cython.uchar][::1]
    at: cython.Py_ssize_t
    end: cython.Py_ssize_t
    fault: cython.int

    def __init__(self, data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t):
        self.data = data
        self.at = at
        self.end = data.shape[0]
        self.fault = 0

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def integer(self) -> cython.ulonglong:
        """The next LEB128 integer; 0 with `fault` set where there is none."""
        value: cython.ulonglong = 0
        shift: cython.int = 0
        byte: cython.uchar
        if self.fault:
            return 0
        while True:
            if self.at >= self.end:
                self.fault = _TRUNCATED
                return 0
            byte = self.data[self.at]
            self.at += 1
            if shift == 63 and byte > 1:
                self.fault = _OVERLONG
                return 0
            value |= cython.cast(cython.ulonglong, byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def skip_bytes(self) -> cython.Py_ssize_t:
        """Steps over a length and its bytes; returns the length, and leaves `at` behind the bytes."""
        return self.skip(self.integer())

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def skip(self, length: cython.ulonglong) -> cython.Py_ssize_t:
        """Steps over so many bytes; returns how many, 0 with `fault` set where they are not there."""
        if self.fault == 0 and length > cython.cast(cython.ulonglong, self.end - self.at):
            self.fault = _TRUNCATED
        if self.fault:
            return 0
        self.at += cython.cast(cython.Py_ssize_t, length)
        return cython.cast(cython.Py_ssize_t, length)

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def skip_list(self) -> cython.Py_ssize_t:
        """Steps over a list of (kind, offset) pairs and its closing zero; returns the number of pairs."""
        pairs: cython.Py_ssize_t = 0
        while self.fault == 0 and self.integer() != 0:
            self.integer()
            pairs += 1
        return pairs


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def written(length: cython.ulonglong, longest: cython.ulonglong) -> cython.ulonglong:
    """How many of `length` bytes a writer wrote that gives the length to one write(2) as 32 bits, which takes `longest`. A
    length of more than 48 bits is none: all of it is said to be there, which no data has."""
    return length if length <= longest or length >> 48 else min(length & _LOW_BITS, longest)


def scan(
    data: cython.const[cython.uchar][::1],
    start: cython.Py_ssize_t,
    layouts: dict,
    progress=None,
    longest: cython.ulonglong = 0x7FFFFFFFFFFFFFFF,
):
    """Reads records from byte `start` on. `layouts` maps a tag (0 to 255) to its layout.

    Returns (rows, groups, end, ended): `rows` maps each tag of `layouts` to an array('q') of its records' columns, row by
    row; `groups` is the array('q') of all `r` groups (string offset, length, string offset, length, integer); `end` is the
    offset behind the last whole record; `ended` says whether the end-of-stream record was met. `progress`, when given, is
    called with the byte offset now and then.
    """
    cursor: Cursor = Cursor(data, start)
    ops = cython.declare(cython.uchar[256][32])
    rows: list = [None] * 256
    tag: cython.ulonglong
    record: cython.Py_ssize_t
    groups: Rows = Rows()
    table: Rows
    i: cython.Py_ssize_t
    pairs: cython.Py_ssize_t
    op: cython.uchar
    kept: cython.Py_ssize_t
    kept_groups: cython.Py_ssize_t
    count: cython.ulonglong
    ended: cython.bint = False
    reported: cython.Py_ssize_t = start
    for key, layout in layouts.items():
        letters: bytes = layout.encode("ascii")
        if not 0 < len(letters) < 32 or not 0 <= key < 256 or letters.strip(b"isfbrx."):
            raise ValueError(f"layout {layout!r} of tag {key} is not one")
        for i in range(len(letters)):
            ops[key][i] = letters[i]
        ops[key][len(letters)] = 0
        rows[key] = Rows()
    record = start
    while not ended:
        record = cursor.at
        if record - reported > (64 << 20) and progress is not None:
            reported = record
            progress(record)
        tag = cursor.integer()
        if cursor.fault:
            break
        if tag > 255 or rows[cython.cast(cython.Py_ssize_t, tag)] is None:
            raise ValueError(f"no record has the tag {tag}", record)
        table = rows[cython.cast(cython.Py_ssize_t, tag)]
        kept = table.length
        kept_groups = groups.length
        i = 0
        op = ops[tag][0]
        while op != 0:
            if op == 105:  # i
                table.push(cython.cast(cython.longlong, cursor.integer()))
            elif op == 115:  # s
                pairs = cursor.skip_bytes()
                table.push(cursor.at - pairs)
                table.push(pairs)
            elif op == 102:  # f
                table.push(cursor.at)
                table.push(cursor.skip_list())
            elif op == 98:  # b
                count = cursor.integer()
                pairs = cursor.skip(written(count, longest))
                table.push(cursor.at - pairs)
                table.push(cython.cast(cython.longlong, count))
                table.push(cursor.skip_list())
            elif op == 114:  # r
                count = cursor.integer()
                table.push(groups.length // 5)
                table.push(cython.cast(cython.longlong, count))
                while count > 0 and cursor.fault == 0:
                    pairs = cursor.skip_bytes()
                    groups.push(cursor.at - pairs)
                    groups.push(pairs)
                    pairs = cursor.skip_bytes()
                    groups.push(cursor.at - pairs)
                    groups.push(pairs)
                    groups.push(cython.cast(cython.longlong, cursor.integer()))
                    count -= 1
            elif op == 120:  # x
                table.push(cursor.at)
                for _ in range(256):
                    cursor.integer()
            else:  # .
                ended = True
            if cursor.fault:
                break
            i += 1
            op = ops[tag][i]
        if cursor.fault:
            table.length = kept
            groups.length = kept_groups
            break
    if cursor.fault == 2:
        raise ValueError("an integer has more than 64 bits", record)
    found = {}
    for key in layouts:
        table = rows[key]
        found[key] = table.finish()
    return found, groups.finish(), cursor.at if ended else record, ended


def integers(data: cython.const[cython.uchar][::1], start: cython.Py_ssize_t, count: cython.Py_ssize_t):
    """`count` LEB128 integers from byte `start` on, as array('q'). Raises ValueError where the data ends before."""
    cursor: Cursor = Cursor(data, start)
    table: Rows = Rows()
    for _ in range(count):
        table.push(cython.cast(cython.longlong, cursor.integer()))
    if cursor.fault:
        raise ValueError("the integers end early", start)
    return table.finish()


def pair_offsets(data: cython.const[cython.uchar][::1], start: cython.Py_ssize_t):
    """The offsets of the (kind, offset) list that begins at byte `start`, as array('q')."""
    cursor: Cursor = Cursor(data, start)
    table: Rows = Rows()
    while cursor.integer() != 0:
        table.push(cython.cast(cython.longlong, cursor.integer()))
    if cursor.fault:
        raise ValueError("the list ends early", start)
    return table.finish()


def drop_tails(
    rows: cython.longlong[:, ::1],
    page_bytes: cython.longlong,
    small_bytes: cython.longlong,
    pointer_reserve: cython.longlong,
    mark_reserve: cython.longlong,
    mark_bytes: cython.longlong,
    compact: cython.bint,
) -> tuple[int, int]:
    """Finds the blocks of `rows` (address, offset, size, list pairs) that are not bookkeeping at a page's end.

    Blocks of at most `small_bytes` come a page at a time; when any of a page's blocks has list pairs, `pointer_reserve`
    bytes at its end are bookkeeping, and for sizes of at least `mark_bytes` another `mark_reserve`. Blocks whose slot number
    is not below the number of slots left are dropped. Returns the number of rows kept and their bytes; with `compact` they
    are moved to the front of `rows`. O(rows).
    """
    total: cython.Py_ssize_t = rows.shape[0]
    first: cython.Py_ssize_t = 0
    last: cython.Py_ssize_t
    kept: cython.Py_ssize_t = 0
    kept_bytes: cython.longlong = 0
    row: cython.Py_ssize_t
    column: cython.Py_ssize_t
    page: cython.longlong
    size: cython.longlong
    slots: cython.longlong
    reserve: cython.longlong
    mask: cython.longlong = page_bytes - 1
    if rows.shape[1] != 4 or page_bytes <= 0 or page_bytes & mask:
        raise ValueError("rows have 4 columns and pages a power of two bytes")
    while first < total:
        size = rows[first, 2]
        last = first + 1
        slots = page_bytes + 1  # keeps the block whatever its slot
        if 0 < size <= small_bytes:
            page = rows[first, 0] & ~mask
            reserve = pointer_reserve if rows[first, 3] else 0
            while last < total and (rows[last, 0] & ~mask) == page and rows[last, 2] == size:
                if rows[last, 3]:
                    reserve = pointer_reserve
                last += 1
            if size >= mark_bytes:
                reserve += mark_reserve
            slots = (page_bytes - reserve) // size
        for row in range(first, last):
            if slots > page_bytes or (rows[row, 0] & mask) // size < slots:
                if compact and row != kept:
                    for column in range(4):
                        rows[kept, column] = rows[row, column]
                kept += 1
                kept_bytes += size
        first = last
    return kept, kept_bytes


def run_starts(rows: cython.longlong[:, ::1]):
    """Row numbers at which a run of strictly increasing addresses (column 0) begins, as array('q'). O(rows)."""
    table: Rows = Rows()
    row: cython.Py_ssize_t
    for row in range(rows.shape[0]):
        if row == 0 or rows[row, 0] <= rows[row - 1, 0]:
            table.push(row)
    return table.finish()


def gather_runs(
    rows: cython.longlong[:, ::1],
    starts: cython.longlong[::1],
    order: cython.longlong[::1],
    addresses: cython.longlong[::1],
    sizes: cython.longlong[::1],
    offsets: cython.longlong[::1],
) -> cython.Py_ssize_t:
    """Writes the runs of `rows` that begin at `starts`, taken in `order`, to the three columns.

    `rows` are (address, offset, size, ...). Returns -1, or the row at which a block begins below the end of the one before
    it (blocks overlap, or runs interleave).
    """
    target: cython.Py_ssize_t = 0
    i: cython.Py_ssize_t
    run: cython.Py_ssize_t
    row: cython.Py_ssize_t
    end: cython.Py_ssize_t
    limit: cython.longlong = 0
    clash: cython.Py_ssize_t = -1
    for i in range(order.shape[0]):
        run = order[i]
        if run < 0 or run >= starts.shape[0]:
            raise ValueError("order names a run that is not there")
        end = starts[run + 1] if run + 1 < starts.shape[0] else rows.shape[0]
        if starts[run] < 0 or end > rows.shape[0]:
            raise ValueError("a run leaves the rows")
        for row in range(starts[run], end):
            if clash < 0 and rows[row, 0] < limit:
                clash = row
            limit = rows[row, 0] + rows[row, 2]
            addresses[target] = rows[row, 0]
            offsets[target] = rows[row, 1]
            sizes[target] = rows[row, 2]
            target += 1
    if target != addresses.shape[0]:
        raise ValueError("order does not name every run once")
    return clash

"""From ids to positions: where each of some numbers stands in a column of distinct ones.

Ids 1, 2, 3, ... in order, which is what Go writes, need no table; others are sorted once and searched, so that no choice of ids
can make a look-up slow. Nothing here knows what an id names but the noun that a refusal says.
"""

import cython


@cython.cclass
class Ids:
    """Distinct ids, int64 by position, taken as unsigned. Raises ValueError for an id that is 0 or there twice."""

    is_counted: cython.bint
    size: cython.Py_ssize_t
    noun: str
    ids: cython.longlong[::1]
    positions: cython.longlong[::1]

    def __init__(self, ids: object, noun: str) -> None:
        column: cython.longlong[::1] = ids
        position: cython.Py_ssize_t
        self.noun = noun
        self.size = column.shape[0]
        self.is_counted = True
        for position in range(self.size):
            if column[position] == 0:
                raise ValueError(f"a {noun} has the reserved id 0")
            if column[position] != position + 1:
                self.is_counted = False
        self.ids = column
        if self.is_counted:
            return
        order: list = sorted(range(self.size), key=list(ids).__getitem__)
        self.ids, self.positions = _column(self.size), _column(self.size)
        for position in range(self.size):
            self.positions[position] = order[position]
            self.ids[position] = column[self.positions[position]]
            if position > 0 and self.ids[position] == self.ids[position - 1]:
                raise ValueError(f"two {noun}s have the id {cython.cast(cython.ulonglong, self.ids[position])}")

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-2, check=False)
    def search(self, key: cython.longlong) -> cython.Py_ssize_t:
        """Position of `key`, -1 where it is missing."""
        if self.is_counted:
            return key - 1 if 0 < key <= self.size else -1
        low: cython.Py_ssize_t = 0
        high: cython.Py_ssize_t = self.size
        middle: cython.Py_ssize_t
        while low < high:
            middle = (low + high) >> 1
            if self.ids[middle] < key:
                low = middle + 1
            else:
                high = middle
        return self.positions[low] if low < self.size and self.ids[low] == key else -1

    def resolve(self, numbers: cython.longlong[::1], positions: cython.longlong[::1], user: str) -> None:
        """Writes to `positions`, which may be `numbers` itself, where each of `numbers` stands; -1 where it is missing, or
        where `user` names who must not use such a number, ValueError. O(numbers), times a binary search for ids of any kind.
        """
        i: cython.Py_ssize_t
        position: cython.Py_ssize_t
        is_strict: cython.bint = bool(user)
        if numbers.shape[0] != positions.shape[0]:
            raise ValueError("columns differ in length")
        for i in range(numbers.shape[0]):
            position = self.search(numbers[i])
            if position < 0 and is_strict:
                number: cython.ulonglong = cython.cast(cython.ulonglong, numbers[i])
                raise ValueError(f"a {user} names {self.noun} {number}, which does not exist")
            positions[i] = position


@cython.cfunc
def _column(length: cython.Py_ssize_t) -> object:
    return memoryview(bytearray(8 * length)).cast("q")

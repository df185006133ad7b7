"""What an object can be, as data: its pointer words, what each leads to, and the columns in which the kernel reads it.

`leakhunt.graph.layout` makes these from Go types; `leakhunt.graph.types` spreads them over a heap.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from leakhunt.model.heap import WORD_BYTES, Int32, Int64

MAX_WORDS = 1 << 16  # of one layout: a value above 512 KiB is laid out as far as that, an array by its element


class Action(IntEnum):
    """What a pointer word says about the object it leads to. The numbers are the kernel's."""

    SCALAR = 0  # the collector does not follow this word
    POINTER = 1  # a pointer, to something unknown
    BASE = 2  # to the start of an object of layout `argument`
    INSIDE = 3  # to an element of an array of layout `argument`
    INTERFACE = 4  # the word before it is an itab or a type
    FUNCTION = 5  # to a closure, whose first word is the address of its code
    DIRECTORY = 6  # of a map: its only group (`argument`) where the next word is 0, else its tables (`other`)
    EITHER = 7  # to `argument` where the first byte there is not 0, else to `other`


@dataclass(frozen=True, slots=True)
class Slot:
    """A pointer word: its number, what it leads to, its label (`.items`, `[x]`; "" continues what holds it)."""

    word: int
    action: Action
    argument: int = -1
    other: int = -1
    label: str = ""


@dataclass(slots=True)
class Layout:
    """What an object can be.

    size_bytes     of one element
    repeats        the object is as many elements as fit
    is_open        only the first words are known: pointers elsewhere are no contradiction
    is_internal    plumbing of a container
    type_id, base  the Go type of an element; what it was allocated as (a malloc header names this)
    rank           the more telling of two layouts of one size wins: a map's groups over an array of structs
    is_map         the header of a map
    group_type     of a map's groups or buckets: the type of one
    """

    name: str
    size_bytes: int
    slots: Sequence[Slot] = ()
    repeats: bool = False
    is_open: bool = False
    is_internal: bool = False
    type_id: int = 0
    base: int = 0
    rank: int = 0
    is_map: bool = False
    group_type: int = 0

    @property
    def has_pointers(self) -> bool:
        """Whether the collector looks inside."""
        return bool(self.slots) or self.is_open


@dataclass(frozen=True, slots=True)
class Tables:
    """All layouts as columns for the kernel: L layouts, W words of one element each, in a row.

    starts      int64[L + 1]; layout l has the words `starts[l]` to `starts[l + 1]`
    actions     int8[W], arguments, others int32[W]
    sizes, bases int64[L]
    flags       int8[L, 3]: repeats, is_open, rank
    """

    starts: Int64
    actions: NDArray[np.int8]
    arguments: Int32
    others: Int32
    sizes: Int64
    bases: Int64
    flags: NDArray[np.int8]


def columns_of(layout: Layout) -> NDArray[np.int32]:
    """(action, argument, other) of each word of one element; no rows for one without pointers."""
    count = min(-(-layout.size_bytes // WORD_BYTES), MAX_WORDS) if layout.slots else 0
    rows = np.full((count, 3), -1, np.int32)
    rows[:, 0] = Action.SCALAR
    slots = [slot for slot in layout.slots if slot.word < count]
    if slots:
        rows[[slot.word for slot in slots]] = [(slot.action, slot.argument, slot.other) for slot in slots]
    return rows

"""An answer of one command about heap dumps: facts, tables and notes, before anybody decided how to show them.

Values are what they are (integers, strings); how a column reads is its unit. `leakhunt.reports.answers` renders it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Value = int | float | str | bool | None
Row = dict[str, Any]  # Values by key, or lists of such rows: what JSON holds


def ppm(part: int, whole: int) -> int:
    """`part` of `whole` in parts per million, rounded down; 0 of nothing."""
    return part * 1_000_000 // whole if whole else 0


class Unit(StrEnum):
    """How a person reads a number."""

    TEXT = "text"
    COUNT = "count"
    BYTES = "bytes"
    SIGNED_COUNT = "signed count"
    SIGNED_BYTES = "signed bytes"
    SHARE = "share"  # parts per million, read as per cent


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is shown: its key in the rows, its heading, its unit."""

    key: str
    heading: str
    unit: Unit = Unit.TEXT


@dataclass(frozen=True, slots=True)
class Table:
    """Rows by key; JSON has all keys, text the columns only. `empty` is what to say when there are no rows; `left_out`
    counts rows that were not asked for."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    empty: str = "none"
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Fact:
    """One number or word about the whole: key in JSON, heading in text."""

    key: str
    heading: str
    value: Value
    unit: Unit = Unit.TEXT


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command found. `schema` names the JSON shape."""

    schema: str
    facts: Sequence[Fact] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = field(default=())

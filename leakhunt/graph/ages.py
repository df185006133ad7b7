"""Expiry that is not stored but reckoned: when an entry was made or last used, and how long it may live.

Caches made by hand often keep both (`createdAt time.Time; ttl time.Duration`, `bornMs, lifeMs int64`). The sum is the entry's
expiry as much as a field of that name would be. A life that only the cache knows, not the entry, cannot be seen so.
"""

import re
from collections.abc import Iterator

import numpy as np

from leakhunt.graph.instances import NO_TIME, TimeField
from leakhunt.model.gotype import Kind, Program
from leakhunt.model.heap import Int64
from leakhunt.thresholds import EXPIRY_YEARS

BORN = re.compile(
    r"born|creat|added|stored|insert|issued|cached|saved|birth|writt?e|stamp|updated|refresh|last|access|touch|since|begun|start",
    re.IGNORECASE,
)
LIFE = re.compile(r"ttl|life|max_?age|valid_?for|keep_?for|good_?for|live_?for|expires?_?(in|after)", re.IGNORECASE)
_SUFFIXES = (("ms", 10**6), ("millis", 10**6), ("us", 10**3), ("micros", 10**3), ("ns", 1), ("nanos", 1), ("secs", 10**9),
             ("seconds", 10**9), ("sec", 10**9), ("minutes", 60 * 10**9), ("mins", 60 * 10**9))  # fmt: skip
_UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}
_MOST_FIELDS = 512
_MOST_LIFE_NS = EXPIRY_YEARS * 31_557_600 * 10**9


def born_of(fields: list[TimeField]) -> TimeField | None:
    """The field that says when a value was made or last used."""
    return next((field for field in fields if BORN.search(field.name.rpartition(".")[2])), None)


def life_of(program: Program, type_id: int) -> TimeField | None:
    """The field that says how long a value lives: a time.Duration (form "duration") or a number (form "int")."""
    found = list(_life_fields(program, type_id, "", 0, 0))
    return found[0] if found else None


def _life_fields(program: Program, type_id: int, name: str, offset: int, depth: int) -> Iterator[TimeField]:
    found = program.type(type_id)
    if found is None or depth > 4:
        return
    if found.kind == Kind.STRUCT:
        for f in found.fields[:_MOST_FIELDS]:
            yield from _life_fields(program, f.type_id, f"{name}.{f.name}" if name else f.name, offset + f.offset, depth + 1)
        return
    last = name.rpartition(".")[2]
    if found.name == "time.Duration" and (LIFE.search(last) or "expir" in last.lower()):
        yield TimeField(name, offset, "duration")
    elif found.kind in (Kind.INT, Kind.INT64, Kind.UINT64, Kind.UINT) and LIFE.search(last):
        yield TimeField(name, offset, "int")


def ends(born_ns: Int64, born_unit: str, lives: Int64, life: TimeField) -> Int64:
    """int64[...]: when each value ends, NO_TIME where it was not made or has no life; `lives` are the fields' raw numbers."""
    scale = 1 if life.form == "duration" else _scale(life.name, born_unit)
    has_life = (born_ns != NO_TIME) & (lives > 0) & (lives < _MOST_LIFE_NS // scale)
    return np.where(has_life, np.where(has_life, born_ns, 0) + np.where(has_life, lives, 0) * scale, NO_TIME)


def _scale(name: str, born_unit: str) -> int:
    """Nanoseconds in the unit of a life: as its name ends, else as the birth is counted, else nanoseconds."""
    lower = name.lower()
    return next((scale for suffix, scale in _SUFFIXES if lower.endswith(suffix)), _UNITS.get(born_unit, 1))

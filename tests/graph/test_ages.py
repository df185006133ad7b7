"""Expiry reckoned from a birth and a life; the real one is fixtures/go/radar."""

import numpy as np
import pytest

from leakhunt.graph.ages import LIFE, born_of, ends
from leakhunt.graph.instances import NO_TIME, TimeField

SECOND, BORN = 10**9, 1_800_000_000 * 10**9


@pytest.mark.parametrize(
    ("life", "unit", "number", "expected"),
    [
        (TimeField("ttl", 8, "duration"), "time.Time", 5 * SECOND, BORN + 5 * SECOND),
        (TimeField("lifeMs", 8, "int"), "ms", 1500, BORN + 1500 * 10**6),
        (TimeField("ttl_seconds", 8, "int"), "time.Time", 30, BORN + 30 * SECOND),
        (TimeField("life", 8, "int"), "s", 30, BORN + 30 * SECOND),
        (TimeField("maxAge", 8, "int"), "time.Time", 30 * SECOND, BORN + 30 * SECOND),
        (TimeField("ttl", 8, "duration"), "time.Time", 0, NO_TIME),
        (TimeField("ttl", 8, "duration"), "time.Time", -1, NO_TIME),
        (TimeField("ttlMinutes", 8, "int"), "s", 1 << 62, NO_TIME),
    ],
)
def test_a_birth_and_a_life_make_an_end(life: TimeField, unit: str, number: int, expected: int) -> None:
    born, lives = np.array([BORN, NO_TIME], np.int64), np.array([number, 5], np.int64)
    assert ends(born, unit, lives, life).tolist() == [expected, NO_TIME]


def test_names_tell_births_and_lives() -> None:
    fields = [TimeField(name, 0, "time.Time") for name in ("owner", "meta.createdAt", "updated")]
    assert born_of(fields) == fields[1]
    assert born_of(fields[:1]) is None
    assert all(LIFE.search(name) for name in ("ttl", "lifeMs", "maxAge", "max_age", "validFor", "expiresIn", "LifeTime"))
    assert not any(LIFE.search(name) for name in ("expires", "deadline", "age", "length", "title"))

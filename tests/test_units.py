"""Units: what is written can be read back, and reads as a person expects."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakhunt.units import counted, format_bytes, format_duration, format_rate, parse_bytes, parse_duration_ns


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (1_069_547, "1.02 MiB"), (-512, "-512 B"), (104_857_600, "100 MiB"),
     (1 << 40, "1.00 TiB"), (1_048_575, "1.00 MiB"), (10_480_000, "9.99 MiB")],
)  # fmt: skip
def test_format_bytes(count: int, text: str) -> None:
    assert format_bytes(count) == text


def test_one_is_singular() -> None:
    assert [counted(count, "site") for count in (0, 1, 2, 1931)] == ["0 sites", "1 site", "2 sites", "1,931 sites"]
    assert [counted(count, "entry", "entries") for count in (1, 2)] == ["1 entry", "2 entries"]


def test_format_rate_is_signed() -> None:
    assert format_rate(1_069_547) == "+1.02 MiB/h"
    assert format_rate(-2048) == "-2.00 KiB/h"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.5, "0.5s"), (59, "59s"), (61, "1m01s"), (3599.9, "1h"), (20_700, "5h45m"), (266_400, "3d2h"), (-60, "-1m")],
)
def test_format_duration(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(0, 1 << 60))
def test_format_bytes_reads_back_to_three_digits(count: int) -> None:
    text = format_bytes(count)
    if text.endswith(("PiB", "EiB")):
        return
    assert abs(parse_bytes(text) - count) <= count * 0.0051 + 0.5


@pytest.mark.parametrize(("text", "count"), [("2GiB", 2 << 30), ("512m", 512 << 20), ("1048576", 1 << 20), ("1.5 KiB", 1536)])
def test_parse_bytes(text: str, count: int) -> None:
    assert parse_bytes(text) == count


@pytest.mark.parametrize(("text", "ns"), [("90s", 90 * 10**9), ("1h30m", 5400 * 10**9), ("250ms", 250 * 10**6)])
def test_parse_duration(text: str, ns: int) -> None:
    assert parse_duration_ns(text) == ns


@pytest.mark.parametrize("text", ["", "soon", "5", "-3s", "1h x"])
def test_parse_duration_says_what_it_wants(text: str) -> None:
    with pytest.raises(ValueError, match="write for example"):
        parse_duration_ns(text)


@pytest.mark.parametrize("text", ["", "lots", "-1", "3 parsecs"])
def test_parse_bytes_says_what_it_wants(text: str) -> None:
    with pytest.raises(ValueError, match="write for example"):
        parse_bytes(text)

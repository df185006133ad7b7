"""The baseline: accepted leaks are known, worse ones fail again, stale entries are named, people's comments stay."""

import contextlib
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakhunt.baseline import SCHEMA, AcceptedLeak, compare, parse_baseline, update
from leakhunt.errors import ConfigError
from leakhunt.model.finding import Status, Verdict
from tests.reports import build

TODAY = date(2026, 11, 25)
FINGERPRINT = build.LEAK.fingerprint
RATE = build.LEAK.growth.bytes_per_hour
OTHER = AcceptedLeak("0123456789abcdef", function="example.com/shop.Old")


def status(leak: AcceptedLeak, **growth: float) -> Status:
    case = replace(build.LEAK, growth=replace(build.LEAK.growth, **growth))
    return compare(replace(build.one_leak(), cases=(case,)), (leak,), TODAY).report.cases[0].status


def test_without_an_entry_a_leak_is_new() -> None:
    assert compare(build.one_leak(), (OTHER,), TODAY).report.cases[0].status == Status.NEW


@pytest.mark.parametrize(
    ("leak", "expected"),
    [
        (AcceptedLeak(FINGERPRINT), Status.KNOWN),
        (AcceptedLeak(FINGERPRINT, expires=TODAY), Status.KNOWN),
        (AcceptedLeak(FINGERPRINT, expires=date(2026, 11, 24)), Status.NEW),
        (AcceptedLeak(FINGERPRINT, allowed_bytes_per_hour=round(RATE)), Status.KNOWN),
        (AcceptedLeak(FINGERPRINT, allowed_bytes_per_hour=round(RATE * 0.87)), Status.KNOWN),
        (AcceptedLeak(FINGERPRINT, allowed_bytes_per_hour=round(RATE * 0.85)), Status.WORSE),
        (AcceptedLeak(build.DECODER_SITE.fingerprint), Status.KNOWN),  # another site of the same leak
    ],
)
def test_status(leak: AcceptedLeak, expected: Status) -> None:
    assert status(leak) == expected


def test_a_rate_that_is_not_known_is_not_worse() -> None:
    assert status(AcceptedLeak(FINGERPRINT, allowed_bytes_per_hour=0), low=float("nan")) == Status.KNOWN


def test_stale_entries_are_named_in_the_notes() -> None:
    compared = compare(build.one_leak(), (OTHER, AcceptedLeak(FINGERPRINT, expires=date(2020, 1, 1))), TODAY)
    assert compared.fixed == (OTHER,)
    assert compared.report.fixed == (OTHER.fingerprint,)
    assert [leak.fingerprint for leak in compared.expired] == [FINGERPRINT]
    first, second = compared.report.notes[-2:]
    assert first.endswith("was accepted until 2020-01-01; it counts as new again.")
    assert second.startswith("Baseline: 0123456789abcdef (example.com/shop.Old) is no longer seen")


def test_nothing_is_fixed_by_an_inconclusive_report() -> None:
    assert compare(build.empty(), (OTHER,), TODAY).fixed == ()


def updated(text: str, report: build.Report) -> str:
    return update(text, compare(report, parse_baseline(text, "baseline.toml"), TODAY), TODAY, "baseline.toml")


def test_update_accepts_what_is_there_and_then_all_is_known() -> None:
    text = updated("", build.one_leak())
    (leak,) = parse_baseline(text, "baseline.toml")
    assert leak.fingerprint == FINGERPRINT
    assert leak.function == build.LEAK.site.leaf.function
    assert leak.reason == "accepted by --update-baseline on 2026-11-25"
    assert compare(build.one_leak(), (leak,), TODAY).report.cases[0].status == Status.KNOWN
    assert updated(text, build.one_leak()) == text


def test_update_keeps_comments_and_what_people_wrote_and_drops_what_is_fixed() -> None:
    text = f"""# our debts
schema = "{SCHEMA}"

# moves to the new store in spring
[[leak]]
fingerprint = "{FINGERPRINT}"
reason = "SHOP-812"  # see the ticket
owner = "web"
expires = 2026-01-31
allowed = "1 KiB/h"

[[leak]]
fingerprint = "0123456789abcdef"
"""
    after = updated(text, build.one_leak())
    (leak,) = parse_baseline(after, "baseline.toml")
    assert (leak.reason, leak.owner, leak.expires) == ("SHOP-812", "web", None)
    assert leak.allowed_bytes_per_hour == pytest.approx(build.LEAK.growth.high, rel=0.01)
    for comment in ("# our debts", "# moves to the new store in spring", "# see the ticket"):
        assert comment in after


def test_update_removes_nothing_when_nothing_is_known() -> None:
    text = f'[[leak]]\nfingerprint = "{FINGERPRINT}"\n'
    assert updated(text, build.empty()) == text


def test_update_to_nothing_leaves_a_valid_file() -> None:
    text = updated(f'[[leak]]\nfingerprint = "{FINGERPRINT}"\n', build.clean())
    assert parse_baseline(text, "baseline.toml") == ()


def test_suspects_are_not_accepted() -> None:
    suspect = replace(build.one_leak(), cases=(replace(build.LEAK, verdict=Verdict.SUSPECT),))
    assert parse_baseline(updated("", suspect), "baseline.toml") == ()


def test_hostile_names_do_not_break_the_file() -> None:
    leaks = parse_baseline(updated("", build.hostile()), "baseline.toml")
    assert len(leaks) == len(build.HOSTILE)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[leak", "is not valid TOML"),
        ("leaks = 1", "leaks: is unknown"),
        ("leak = 1", r"wants \[\[leak\]\] entries"),
        ("[[leak]]\nreason = 'x'", "leak 1: has no fingerprint"),
        ("[[leak]]\nfingerprint = '9f31c2'", "16 hex digits"),
        ("[[leak]]\nfingerprint = '0123456789abcdef'\nexpires = '2027-01-31'", "a date such as 2027-01-31 without quotes"),
        ("[[leak]]\nfingerprint = '0123456789abcdef'\nexpires = 2027-01-31T00:00:00", "a date such as"),
        ("[[leak]]\nfingerprint = '0123456789abcdef'\nallowed = 'a lot'", "a rate such as"),
        ("[[leak]]\nfingerprint = '0123456789abcdef'\nallowed = true", "a string"),
        ("[[leak]]\nfingerprint = '0123456789abcdef'\nallow = 1", "leak 1: allow: is unknown; an entry has fingerprint"),
        ("[[leak]]\nfingerprint = '0123456789abcdef'\n" * 2, "twice"),
        ("schema = 'leakhunt.baseline/2'", "this leakhunt reads"),
    ],
)
def test_a_wrong_file_says_where_and_what(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        parse_baseline(text, "baseline.toml")
    assert str(caught.value).startswith("baseline.toml")


@given(st.text())
def test_any_text_parses_or_is_a_config_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        parse_baseline(text, "b.toml")

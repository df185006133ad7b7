"""What entries past their time, or within it, say of a group; beside a larger leak of which no dump knows an expiry."""

import dataclasses

import pytest

from leakhunt.detectors import expired_entries, swept_entries
from leakhunt.detectors.caches import CACHES
from leakhunt.evidence import Evidence
from leakhunt.measure.groups import Group
from leakhunt.model.census import ExpiryCensus
from tests.detectors.lab import Row, evidence, ramp
from tests.detectors.scenes import GCACHE, GO_CACHE, RISTRETTO, census

PUT = "main.put < main.serve"


@dataclasses.dataclass(frozen=True)
class Expiring(Evidence):
    """Evidence with a dump whose container of the smaller leak has entries that expire."""

    entries: ExpiryCensus | None = None

    def census(self, group: Group) -> ExpiryCensus | None:
        without = ("main.other", "main.idle")
        return None if self.series.sites[group.seed].leaf.function in without else self.entries


def expiring(entries: ExpiryCensus, stack: str = PUT) -> Expiring:
    rows = (Row("main.other < main.loop", 640, ramp(12, 40)), Row(stack, 64, ramp(12, 6)))
    return Expiring(evidence(*rows).series, entries=entries)


@pytest.mark.parametrize(
    ("stack", "pattern", "name"),
    [(PUT, "lazy-ttl-cache", ""), (GCACHE, "lazy-ttl-cache", "gcache"), (GO_CACHE, "cache-no-janitor", "go-cache")],
)
def test_a_known_cache_says_why_and_what_to_do(stack: str, pattern: str, name: str) -> None:
    (finding,) = expired_entries.examine(expiring(census(300, 200), stack))
    known = next((cache for cache in CACHES if cache.name == name), None)
    assert finding.pattern == pattern
    assert finding.text.endswith(f"retain 9.38 KiB; {known.only_grows}" if known else "retain 9.38 KiB")
    assert finding.remedy == known.remedy if known else finding.remedy.startswith("Take expired entries out")


def test_a_cache_that_always_sweeps_will_sweep() -> None:
    assert list(expired_entries.examine(expiring(census(300, 200), RISTRETTO))) == []


@pytest.mark.parametrize(
    ("entries", "expired", "overdue_s", "confidence"),
    [
        (300, 100, 600, ["high"]),  # the oldest is overdue by twice the longest time to live
        (300, 100, 599, ["medium"]),
        (300, 99, 600, []),  # a third at least
        (20, 20, 600, ["high"]),  # of twenty entries at least
        (19, 19, 600, []),
    ],
)
def test_expired_entries_accuse(entries: int, expired: int, overdue_s: int, confidence: list[str]) -> None:
    found = expired_entries.examine(expiring(census(entries, expired, overdue_s=overdue_s)))
    assert [finding.confidence for finding in found] == confidence


@pytest.mark.parametrize(("next_s", "confidence"), [(30, "medium"), (31, "low")])
def test_entries_within_their_time_excuse_the_more_the_sooner_the_next_goes(next_s: int, confidence: str) -> None:
    (finding,) = swept_entries.examine(expiring(census(300, 10, next_s=next_s)))
    assert finding.confidence == confidence

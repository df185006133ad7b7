"""Swept entries, counted in a heap dump: hardly any entry is past its time, so something removes them.

Looks for: a container in a heap dump whose entries carry an expiry, on the retention path of a site.
Why it matters: it tells a cache that is swept, and grows because more is live, from one that only grows.
How it decides: of a hundred or more entries with an expiry, at most a tenth lie before the dump's last collection. Medium
    confidence where the next entry is about to expire (within a tenth of the longest life left), for then others have
    reached their end before it and were removed; else low.
When it is wrong: a lazy cache younger than its time to live: nothing has expired yet. That is why the confidence is low
    then; the next dump tells.
What to do: compare the number of live entries with what is expected.
Options: `--binary EXE` gives fields their names.
"""

from collections.abc import Iterator

from leakhunt.evidence import Evidence
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.thresholds import SWEPT_ENTRIES, SWEPT_NEAR_END, SWEPT_SHARE

PATTERN = "janitor-cache"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Speaks for groups whose entries are within their time."""
    for group in evidence.groups:
        census = evidence.census(group)
        if census is None or census.with_expiry < SWEPT_ENTRIES or census.expired > SWEPT_SHARE * census.with_expiry:
            continue
        yield Finding(
            detector="swept-entries",
            pattern=PATTERN,
            stance=Stance.EXONERATES,
            confidence=Confidence.MEDIUM if census.next_expiry_ns <= SWEPT_NEAR_END * census.last_expiry_ns else Confidence.LOW,
            sites=group.sites,
            text=(
                f"entries are within their time: {census.expired:,} of {census.with_expiry:,} in {census.place.root_name} "
                f"({census.place.owner_type}) are past their {census.field}"
            ),
            facts={"root": census.place.root_name, "entries": census.entries, "expired": census.expired},
        )

"""Map capacity: a map keeps its tables when it is emptied, and that is all there is.

Looks for: sites that hold map tables and do not grow.
Why it matters: Go's maps never shrink (go.dev/issue/20135). After a burst the tables stay, one large flat in every profile.
How it decides: the blocks in use at the site have the sizes of map tables, none was allocated in the window, and the site does
    not grow.
When it is wrong: a map that fills in rare bursts, each larger than the last.
What to do: rebuild the map after a burst, if the memory matters.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.evidence import Evidence
from leakhunt.measure.containers import map_tables
from leakhunt.model.finding import Confidence, Finding, Stance

PATTERN = "map-capacity"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Clears groups that are map tables at rest."""
    for group in evidence.groups:
        tables = sum(map_tables(evidence.series, site) for site in group.sites)
        course = evidence.course(group)
        if not tables or group.grows or course.born.sum() > 0:
            continue
        yield Finding(
            detector="map-capacity",
            pattern=PATTERN,
            stance=Stance.EXONERATES,
            confidence=Confidence.MEDIUM,
            sites=group.sites,
            text=f"a map at rest: {tables:,} full tables stay in use and none was added; a map keeps them even when emptied",
            facts={"map_tables": tables},
        )

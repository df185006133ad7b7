"""Growth in two builds of one program, site by site: `leakhunt.measure.builds` fills it."""

from dataclasses import dataclass
from enum import StrEnum

from leakhunt.model.site import AllocationSite


class BuildChange(StrEnum):
    """What became of a site's growth. NEW grows now and did not before; UNSURE needs more snapshots."""

    WORSE = "worse"
    NEW = "new"
    UNSURE = "unsure"
    SAME = "same"
    BETTER = "better"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class Rate:
    """Growth in bytes an hour with its 95 % interval; `grows` as a leak does, by the hunt's own test. A site that a series
    never saw has rate 0 and the interval that three unseen samples leave."""

    bytes_per_hour: float
    low: float
    high: float
    grows: bool
    seen: bool


@dataclass(frozen=True, slots=True)
class SiteChange:
    """One site in both builds.

    difference, low, high    after less before, with its 95 % interval
    p, q                     two-sided, and after Benjamini-Hochberg over the sites compared
    snapshots_needed         more snapshots of the new build, at the same distance, until a fix would be certain; 0 when it is,
                             None where no number would do or there is nothing to fix
    """

    site: AllocationSite
    before: Rate
    after: Rate
    difference: float
    low: float
    high: float
    p: float
    q: float
    change: BuildChange
    snapshots_needed: int | None


@dataclass(frozen=True, slots=True)
class BuildComparison:
    """Sites that grow in either build, the worst news first. Notes are sentences about both series."""

    before_snapshots: int
    after_snapshots: int
    before_build: str
    after_build: str
    sites: tuple[SiteChange, ...]
    notes: tuple[str, ...]

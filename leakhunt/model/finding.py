"""What a hunt concludes: findings of single detectors, the cases they add up to, and the report of all of them.

A detector yields Findings, for guilt or for innocence. `leakhunt.hunt` groups them by leak into Cases, weighs them and sets
the Verdict. Renderers in `leakhunt.reports` take a Report and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from leakhunt.model.series import Series
from leakhunt.model.site import AllocationSite, Frame


class Verdict(StrEnum):
    """Of a case or a whole report, the gravest first."""

    LEAK = "leak"
    FILLING = "filling"
    SUSPECT = "suspect"
    CLEAN = "clean"
    INCONCLUSIVE = "inconclusive"


class Stance(StrEnum):
    """Which way a finding points."""

    IMPLICATES = "implicates"
    EXONERATES = "exonerates"


class Confidence(StrEnum):
    """How sure a finding or a case is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Status(StrEnum):
    """A case against a baseline."""

    NEW = "new"
    KNOWN = "known"
    WORSE = "worse"


Fact = int | float | str | bool
# A step that gained less than this part of what its path's last step gained only fluctuates: a connection more, an element of
# a list of ten thousand that turns over.
GROWS_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Finding:
    """One detector's word on a group of sites that grow as one (a cache's item, key and value are one leak).

    pattern   one of the contract's pattern names
    sites     indices into the series' sites, the culprit to show first
    text      one sentence for a person, with the numbers that decided: the claim, and after a colon what it rests on
    facts     the same numbers for a program
    remedy    what to do about it, "" for exonerating findings; may hold a Go example
    stack     where to look, leaf first, where the stack that allocated says nothing (the runtime makes goroutines on its own)
    """

    detector: str
    pattern: str
    stance: Stance
    confidence: Confidence
    sites: tuple[int, ...]
    text: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    remedy: str = ""
    stack: tuple[Frame, ...] = ()


@dataclass(frozen=True, slots=True)
class Growth:
    """How a case grew: over the window in bytes, and as a rate with its 95 % interval."""

    bytes: int
    bytes_per_hour: float
    low: float
    high: float
    objects_per_hour: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """How surely: q value of the trend test, mean sampled objects in use, snapshots tested."""

    q_value: float
    samples: int
    snapshots: int


@dataclass(frozen=True, slots=True)
class GcRoot:
    """Where a retention path starts: kind is data, bss, stack frame, finalizer or conservative; name as a person says it."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class RetentionStep:
    """One step of a retention path, indices folded to `[x]`: edge `.items`, type `map[string]*Session`, and what the
    objects reached by it number and weigh; `_before` is that in the first of several dumps, None where there is one."""

    edge: str
    type: str
    objects: int
    bytes: int
    objects_before: int | None = None
    bytes_before: int | None = None


@dataclass(frozen=True, slots=True)
class Retention:
    """Who keeps the objects of a case alive."""

    root: GcRoot
    path: tuple[RetentionStep, ...]
    retained_bytes: int

    @property
    def grows_at(self) -> int | None:
        """The step of `path` at which growth between the dumps begins: the first that gained a part (`GROWS_SHARE`) of what
        the last gained, in objects, or where the last gained none in bytes. None where it did not grow, or one dump is all."""
        steps = [step for step in self.path if step.objects_before is not None and step.bytes_before is not None]
        if not steps or len(steps) < len(self.path):
            return None
        gained = [step.objects - (step.objects_before or 0) for step in steps]
        if gained[-1] <= 0:
            gained = [step.bytes - (step.bytes_before or 0) for step in steps]
        return next((i for i, gain in enumerate(gained) if 0 < GROWS_SHARE * gained[-1] <= gain), None)


@dataclass(frozen=True, slots=True)
class LimitForecast:
    """When in-use memory reaches a limit, in hours from the last snapshot; `high_hours` is inf when it may never."""

    limit_bytes: int
    hours: float
    low_hours: float
    high_hours: float


@dataclass(frozen=True, slots=True)
class Case:
    """One leak or suspected leak: the findings about a group of sites, weighed.

    history_bytes   in-use bytes of the case's sites at each snapshot of the report's series (all segments), for sparklines
    headline        one sentence: what it is and why
    source_notes    lines that annotations add about the site's source (escape analysis, blame); empty by default
    """

    fingerprint: str
    pattern: str
    verdict: Verdict
    confidence: Confidence
    status: Status
    site: AllocationSite
    sites: tuple[AllocationSite, ...]
    headline: str
    inuse_bytes: int
    history_bytes: tuple[int, ...]
    growth: Growth
    statistics: Statistics
    evidence: tuple[Finding, ...]
    remedy: str
    retention: Retention | None = None
    limit: LimitForecast | None = None
    source_notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cleared:
    """A suspect that was let go, and why."""

    site: AllocationSite
    pattern: str
    reason: str
    growth: Growth
    history_bytes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class NotTestable:
    """What could not be judged: how many sites, their in-use bytes at the last snapshot, and why."""

    sites: int
    bytes: int
    reason: str


@dataclass(frozen=True, slots=True)
class Input:
    """One input as it was met. `skipped` is None when it was used, else why not."""

    path: str
    kind: str
    sha256: str
    time_ns: int
    period: int
    build_id: str
    skipped: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """The time that the evidence covers."""

    start_ns: int
    end_ns: int
    snapshots: int
    segments: int


@dataclass(frozen=True, slots=True)
class Report:
    """The whole answer. `series` is there for renderers that draw more than the cases; it never goes to JSON.

    total_bytes     in-use heap bytes at each snapshot of the series
    sites_tested    how many sites took part in the correction for many tests
    detectable_bytes_per_hour   the smallest leak that this series could have shown with 80 % power; None when untestable
    next_steps      the measurements that would decide what is still open, each a sentence
    command         the command line that reproduces the report
    fixed           fingerprints of accepted leaks that this report no longer sees
    gc_times_ns     when collections completed, where something said so (a gctrace log, MemStats), for the timeline
    """

    verdict: Verdict
    headline: str
    inputs: tuple[Input, ...]
    window: Window
    cases: tuple[Case, ...]
    cleared: tuple[Cleared, ...]
    not_testable: NotTestable
    notes: tuple[str, ...]
    total_bytes: tuple[int, ...] = ()
    times_ns: tuple[int, ...] = ()
    sites_tested: int = 0
    detectable_bytes_per_hour: float | None = None
    next_steps: tuple[str, ...] = ()
    command: str = ""
    series: Series | None = None
    gc_times_ns: tuple[int, ...] = ()
    fixed: tuple[str, ...] = ()

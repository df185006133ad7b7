"""A hunt that goes on: profiles are added as they come, and the report can be asked for after each.

Memory stays bounded: of an endless series, MOST_SNAPSHOTS are kept in memory, thinned as a capture thins its files, so that a
report costs the same after a thousand snapshots as after MOST_SNAPSHOTS. What grows is the table of sites. Opens nothing.
"""

from dataclasses import replace
from typing import TypeVar

from leakhunt.capture.thinning import next_to_drop
from leakhunt.config import Settings
from leakhunt.evidence import Evidence, MemStatsAt
from leakhunt.hunt import hunt
from leakhunt.measure.goroutines import Stack, goroutine_series, stack_counts
from leakhunt.measure.ledger import Ledger, newest_ledger
from leakhunt.measure.series import SeriesBuilder
from leakhunt.model.finding import Confidence, Report, Verdict
from leakhunt.model.profile import Profile, ProfileKind
from leakhunt.thresholds import CLEAN_AFTER_SNAPSHOTS, LEAK_AFTER_SNAPSHOTS, LOOKS_IN_A_ROW
from leakhunt.units import format_rate

MOST_SNAPSHOTS = 96  # twice what a rate is taken from (measure.rate.MAX_POINTS): more cost time and tell nothing new
Stamped = TypeVar("Stamped", bound=tuple[int, object])


class LiveHunt:
    """The evidence so far about one process."""

    def __init__(self, settings: Settings, most_snapshots: int = MOST_SNAPSHOTS) -> None:
        self._settings = replace(settings, warmup=0)
        self._to_skip = settings.warmup  # the first snapshots, before any thinning
        self._most_snapshots = most_snapshots
        self._builder = SeriesBuilder(granularity=settings.granularity)
        self._heaps: list[tuple[int, str]] = []
        self._goroutines: list[tuple[int, dict[Stack, int]]] = []
        self._leaked: list[tuple[int, dict[Stack, int]]] = []
        self._memstats: list[MemStatsAt] = []
        self.heaps_seen = 0

    def add(self, profile: Profile) -> str | None:
        """Takes one more profile, whose `source` no other has. Returns the sentence that says why it was refused, or None.
        Costs the profile's decoding by site, not the series'. Raises MismatchError for a profile of another kind."""
        if profile.kind == ProfileKind.GOROUTINE:
            self._goroutines = self._thinned([*self._goroutines, (profile.time_ns, stack_counts(profile))])
        elif profile.kind == ProfileKind.GOROUTINE_LEAK:
            self._leaked = self._thinned([*self._leaked, (profile.time_ns, stack_counts(profile))])
        else:
            return self._add_heap(profile)
        return None

    def _add_heap(self, profile: Profile) -> str | None:
        self.heaps_seen += 1
        if self.heaps_seen <= self._to_skip:
            return None
        refused = self._builder.add(profile)
        if refused is not None:
            return refused
        if profile.memstats and profile.time_ns:
            self.add_memstats(profile.time_ns, profile.memstats)
        self._heaps.append((profile.time_ns, profile.source))
        kept = self._thinned(self._heaps)
        for _, source in set(self._heaps) - set(kept):
            self._builder.forget(source)
        self._heaps = kept
        return None

    def add_memstats(self, time_ns: int, memstats: dict[str, int]) -> None:
        """Takes the process's MemStats of one moment."""
        self._memstats = self._thinned([*self._memstats, (time_ns, memstats)])

    def report(self) -> Report:
        """What can be said now."""
        evidence = Evidence(
            self._builder.current(),
            goroutine_series(self._goroutines),
            goroutine_series(self._leaked),
            settings=self._settings,
            memstats=tuple(self._memstats),
        )
        return hunt(evidence)

    def ledger(self) -> Ledger | None:
        """Where the newest process's memory is, None without MemStats."""
        return newest_ledger(self._memstats)

    def _thinned(self, stamped: list[Stamped]) -> list[Stamped]:
        """`stamped` in order of time, without the one that is missed least if there are too many."""
        ordered = sorted(stamped, key=lambda item: item[0])
        if len(ordered) > self._most_snapshots:
            index = next_to_drop([time_ns for time_ns, _ in ordered])
            if index is not None:
                del ordered[index]
        return ordered


class Certainty:
    """Tells when looking again would change nothing: the same answer LOOKS_IN_A_ROW times in a row."""

    def __init__(self) -> None:
        self._answer = ""
        self._looks = 0

    def look(self, report: Report) -> str:
        """The certain answer in a sentence, "" while there is none. Call it once for each new snapshot."""
        answer = _answer(report)
        self._looks = self._looks + 1 if answer == self._answer else 1
        self._answer = answer
        enough = CLEAN_AFTER_SNAPSHOTS if report.verdict == Verdict.CLEAN else LEAK_AFTER_SNAPSHOTS
        if not answer or self._looks < LOOKS_IN_A_ROW or _snapshots_of_one_process(report) < enough:
            return ""
        seen = report.detectable_bytes_per_hour
        smaller = f"; a leak below {format_rate(seen)} could not be seen" if seen and report.verdict == Verdict.CLEAN else ""
        return f"the same in {self._looks} looks in a row: {report.headline}{smaller}"


def _answer(report: Report) -> str:
    """What a report says for sure, as a key to compare; "" where it is not sure."""
    if report.verdict == Verdict.LEAK:
        sure = [case for case in report.cases if case.verdict == Verdict.LEAK and case.confidence != Confidence.LOW]
        return f"leak {sure[0].fingerprint}" if sure else ""
    return "clean" if report.verdict == Verdict.CLEAN else ""


def _snapshots_of_one_process(report: Report) -> int:
    """Snapshots between restarts: what trends were tested on."""
    if report.series is None:
        return report.window.snapshots
    segment = report.series.longest_segment
    return int(segment.stop - segment.start)

"""The whole pipeline on one page: Evidence to Report.

Detectors are asked, their findings grouped by leak and weighed, and the verdict set with what would change it. No
detector's reasoning is here, and no I/O.
"""

import math
from collections import defaultdict
from pathlib import Path

from leakhunt.advice import next_steps
from leakhunt.detectors import DETECTORS, detector_name
from leakhunt.detectors.held import ContainerKey, container_key
from leakhunt.evidence import Evidence
from leakhunt.heap_timeline import with_gc_traces
from leakhunt.measure.goroutines import GoroutineStack, standing
from leakhunt.measure.groups import Group, join
from leakhunt.model.finding import (
    Case,
    Cleared,
    Confidence,
    Finding,
    Growth,
    LimitForecast,
    NotTestable,
    Report,
    Stance,
    Statistics,
    Status,
    Verdict,
    Window,
)
from leakhunt.model.series import Trend
from leakhunt.model.site import AllocationSite, receiver
from leakhunt.printable import printable
from leakhunt.thresholds import LAST_HALF_ALPHA, MIN_GROWTH_BYTES, MIN_SNAPSHOTS, SURE_Q, UNEXPLAINED_SHARE
from leakhunt.units import counted, format_bytes, format_rate

_WEIGHT = {Confidence.LOW: 1, Confidence.MEDIUM: 2, Confidence.HIGH: 3}
_CONFIDENCE = {weight: confidence for confidence, weight in _WEIGHT.items()}
_GRAVITY = {verdict: rank for rank, verdict in enumerate((Verdict.LEAK, Verdict.FILLING, Verdict.SUSPECT))}
# Exonerating patterns that say "it grows now, and will stop": not a leak, and not silence either.
_FILLING_PATTERNS = frozenset({"bounded-cache", "plateau"})
# Named only where nothing more telling was found.
_LEAST_SPECIFIC = "steady-growth"
# The excuse that says no more than that a change may be chance.
_WITHIN_CHANCE = "noise"
# What one library allocates in many places for one thing: a connection, a context, a metric, an entry. Groups of such a pattern
# that one function calls are one leak; connections are dialled by a goroutine of their own.
_OF_ONE_LIBRARY = frozenset(
    {"lazy-ttl-cache", "cache-no-janitor", "unclosed-body", "goroutine-leak", "label-cardinality", "context-cancel-children"}
)


def hunt(evidence: Evidence, command: str = "") -> Report:
    """Asks every detector and adds up what they say. Deterministic; cost is the trends' and the detectors'."""
    said: dict[Group, list[Finding]] = defaultdict(list)
    group_of = {site: group for group in evidence.groups for site in group.sites}
    for detector in DETECTORS:
        if detector_name(detector) not in evidence.settings.disabled:
            for finding in detector.examine(evidence):
                said[group_of[finding.sites[0]]].append(finding)
    cases, cleared, open_groups = [], [], []
    for group in _joined(evidence, said):
        verdict = _weigh(said[group], evidence)
        if verdict is None and said[group]:
            cleared.append(_cleared(group, said[group], evidence))
        elif verdict is None:
            open_groups.append(group)
        else:
            cases.append(_case(group, said[group], verdict, evidence))
    cases.sort(key=lambda case: (_GRAVITY[case.verdict], -case.growth.bytes_per_hour, case.fingerprint))
    return with_gc_traces(_report(evidence, tuple(cases), tuple(cleared), tuple(open_groups), command), evidence)


def _joined(evidence: Evidence, said: dict[Group, list[Finding]]) -> list[Group]:
    """The groups, with those made one that are one leak by what detectors said: a connection, an entry, a context whose parts
    a library allocates in many places. Their findings are joined in `said`, each detector's strongest kept."""
    groups: list[Group] = []
    held: dict[Group, set[ContainerKey]] = {}
    for group in evidence.groups:
        key = container_key(evidence, group) if group.grows else None
        held[group] = {key} if key is not None else set()
        of_container = (each for each in groups if held[each] & held[group])
        of_library = (each for each in groups if _is_one_leak(evidence, said, each, group))
        other = next(of_container, None) or next(of_library, None)
        if other is None:
            groups.append(group)
            continue
        joined = join(evidence.series, other, group)
        held[joined] = held[other] | held[group]
        strongest: dict[str, Finding] = {}
        for finding in _said_of_both(said, other, group):
            known = strongest.get(finding.detector)
            if known is None or _WEIGHT[finding.confidence] > _WEIGHT[known.confidence]:
                strongest[finding.detector] = finding
        said[joined] = list(strongest.values())
        groups[groups.index(other)] = joined
    return groups


def _said_of_both(said: dict[Group, list[Finding]], a: Group, b: Group) -> list[Finding]:
    """The findings on two groups that are one. What excuses the lesser, a container's tables beside its entries, does not
    excuse the one that grows faster."""
    lesser = min(a, b, key=lambda group: group.trend.bytes_per_hour)
    return [f for group in (a, b) for f in said[group] if group is not lesser or f.stance is Stance.IMPLICATES]


def _is_one_leak(evidence: Evidence, said: dict[Group, list[Finding]], a: Group, b: Group) -> bool:
    if a.grows and b.grows and _of_one_library(evidence, a, b):
        return True
    patterns = [{f.pattern for f in said[group] if f.stance is Stance.IMPLICATES} for group in (a, b)]
    common = patterns[0] & patterns[1] & _OF_ONE_LIBRARY
    if not common or "unclosed-body" in common:
        return bool(common)
    sites = evidence.series.sites
    called = [{function for site in group.sites for function in sites[site].own_functions} for group in (a, b)]
    return not (called[0] and called[1]) or bool(called[0] & called[1] - {"main.main"})


def _of_one_library(evidence: Evidence, a: Group, b: Group) -> bool:
    """Whether one library allocates at sites of both, for one function or type of the program or, at one of them, for
    none: a client's own goroutines."""
    sites = [[evidence.series.sites[i] for i in group.sites] for group in (a, b)]
    libraries = [{site.library for site in each} - {""} for each in sites]
    callers = [{receiver(site.caller) or site.caller for site in each if site.library} - {""} for each in sites]
    return bool(libraries[0] & libraries[1]) and (not all(callers) or bool(callers[0] & callers[1]))


def _best(findings: list[Finding], stance: Stance) -> int:
    return max((_WEIGHT[finding.confidence] for finding in findings if finding.stance is stance), default=0)


def _weigh(findings: list[Finding], evidence: Evidence) -> Verdict | None:
    """The verdict on one group; None where it is cleared.

    The strongest finding of each side counts. An excuse as strong as the charge leaves a suspicion, or, where it says that
    growth will end by itself, FILLING. Two or three snapshots allow no more than a suspicion.
    """
    charge, excuse = _best(findings, Stance.IMPLICATES), _best(findings, Stance.EXONERATES)
    if charge == 0:
        return None
    if evidence.snapshots < MIN_SNAPSHOTS:
        return Verdict.SUSPECT if excuse <= charge else None
    if charge == excuse == _WEIGHT[Confidence.LOW]:
        return Verdict.SUSPECT
    if excuse >= charge:
        ends = any(f.pattern in _FILLING_PATTERNS for f in findings if _WEIGHT[f.confidence] == excuse)
        return Verdict.FILLING if ends else None if excuse > charge else Verdict.SUSPECT
    return Verdict.LEAK if charge > _WEIGHT[Confidence.LOW] else Verdict.SUSPECT


def _case(group: Group, findings: list[Finding], verdict: Verdict, evidence: Evidence) -> Case:
    series = evidence.series
    against = [finding for finding in findings if finding.stance is Stance.IMPLICATES]
    main = max(against, key=lambda f: (f.pattern != _LEAST_SPECIFIC, _WEIGHT[f.confidence]))
    site = _shown([AllocationSite(main.stack)] * bool(main.stack) + [series.sites[i] for i in (*main.sites, *group.sites)])
    growth = _growth(group, evidence)
    charge, excuse = _best(findings, Stance.IMPLICATES), _best(findings, Stance.EXONERATES)
    confidence = _CONFIDENCE[max(1, charge - (1 if excuse else 0))]
    if evidence.snapshots < MIN_SNAPSHOTS:
        confidence = Confidence.LOW
    trend = group.trend
    sites = list(group.sites)
    return Case(
        fingerprint=site.fingerprint,
        pattern=main.pattern,
        verdict=verdict,
        confidence=confidence,
        status=Status.NEW,
        site=site,
        sites=tuple(series.sites[i] for i in sites),
        headline=f"{printable(site.leaf.function)} {format_rate(growth.bytes_per_hour)}: {main.text.partition(': ')[0]}",
        inuse_bytes=int(series.inuse_bytes[sites, -1].sum()),
        history_bytes=tuple(int(b) for b in series.inuse_bytes[sites].sum(axis=0)),
        growth=growth,
        statistics=Statistics(trend.q, round(trend.samples), trend.snapshots),
        evidence=tuple(sorted(findings, key=lambda f: (f.stance is Stance.EXONERATES, -_WEIGHT[f.confidence]))),
        remedy=main.remedy,
        retention=evidence.retention(group),
        limit=_limit(growth, evidence),
    )


def _shown(sites: list[AllocationSite]) -> AllocationSite:
    """The first that the program itself calls, else that a library does, else the first."""
    of_program = (site for site in sites if site.is_of_program)
    named = (site for site in sites if site.own_functions)
    return next(of_program, None) or next(named, sites[0])


def _growth(group: Group, evidence: Evidence) -> Growth:
    """Growth of a group over the longest segment."""
    segment, series, trend = evidence.series.longest_segment, evidence.series, group.trend
    sites = list(group.sites)
    gained = series.inuse_bytes[sites, segment.stop - 1].sum() - series.inuse_bytes[sites, segment.start].sum()
    return Growth(int(gained), trend.bytes_per_hour, trend.low, trend.high, trend.objects_per_hour)


def _limit(growth: Growth, evidence: Evidence) -> LimitForecast | None:
    """Hours from the last snapshot until the live heap reaches the limit, if this case alone goes on growing."""
    limit = evidence.settings.limit_bytes
    if limit is None or growth.bytes_per_hour <= 0:
        return None
    headroom = max(0, limit - int(evidence.total_bytes[-1]))
    return LimitForecast(
        limit,
        headroom / growth.bytes_per_hour,
        headroom / growth.high,
        headroom / growth.low if growth.low > 0 else math.inf,
    )


def _cleared(group: Group, findings: list[Finding], evidence: Evidence) -> Cleared:
    excuses = [finding for finding in findings if finding.stance is Stance.EXONERATES]
    best = max(excuses, key=lambda finding: _WEIGHT[finding.confidence])
    series, sites = evidence.series, list(group.sites)
    history = tuple(int(b) for b in series.inuse_bytes[sites].sum(axis=0))
    return Cleared(series.sites[group.seed], best.pattern, best.text, _growth(group, evidence), history)


def _report(
    evidence: Evidence, cases: tuple[Case, ...], cleared: tuple[Cleared, ...], undecided: tuple[Group, ...], command: str
) -> Report:
    series = evidence.series
    unexplained_bytes = _unexplained_bytes(undecided, evidence)
    pile = _pile(evidence, cases)
    heap = _growing_heap(evidence, cases, cleared)
    verdict, notes = _overall(evidence, cases, unexplained_bytes, pile, heap), list(series.notes)
    notes += [f"{Path(view.source).name}: {note}" for view in evidence.dumps for note in view.notes]
    if unexplained_bytes:
        notes.append(f"{format_bytes(unexplained_bytes)} were gained by sites that could not be tested; nothing cleared them")
    times = tuple(int(t) for t in series.times_ns)
    window = Window(times[0] if times else 0, times[-1] if times else 0, len(times), len(series.segment_starts))
    skipped = [i for i in evidence.inputs if i.skipped is not None]
    if skipped:
        notes.append(f"{len(skipped)} of {len(evidence.inputs)} inputs could not be used; each is listed with its reason")
    if evidence.ledger is not None:
        rows = ", ".join(f"{row.name} {format_bytes(row.bytes)}" for row in evidence.ledger.rows)
        notes.append(f"memory: {evidence.ledger.conclusion} (by the runtime's MemStats: {rows})")
    trends = evidence.trends
    return Report(
        verdict=verdict,
        headline=_headline(verdict, cases, evidence, pile, heap),
        inputs=evidence.inputs,
        window=window,
        cases=cases,
        cleared=cleared,
        not_testable=_not_testable(evidence, cases),
        notes=tuple(notes),
        total_bytes=evidence.total_bytes,
        times_ns=times,
        sites_tested=int(trends.tested.sum()),
        detectable_bytes_per_hour=trends.detectable_bytes_per_hour,
        next_steps=next_steps(verdict, cases, evidence),
        command=command,
        series=series,
        gc_times_ns=tuple(sorted({stats["LastGC"] for _, stats in evidence.memstats if stats.get("LastGC", 0) > 0})),
    )


def _not_testable(evidence: Evidence, cases: tuple[Case, ...]) -> NotTestable:
    """The sites that no test could be made of, but for those that were tested together with others, as a case."""
    series, few = evidence.series, evidence.snapshots < MIN_SNAPSHOTS
    of_cases = set() if few else {site for case in cases for site in case.sites}
    left = [i for i in evidence.trends.untestable.nonzero()[0] if series.sites[i] not in of_cases]
    held = series.inuse_bytes[left, _ends(evidence)[1]].sum() if left else 0
    return NotTestable(len(left), int(held), evidence.trends.reason if few or left else "")


def _unexplained_bytes(undecided: tuple[Group, ...], evidence: Evidence) -> int:
    """Growth of the sites about which no detector had a word: too few of their objects came and went to test them."""
    grown = (evidence.grown_bytes(group) for group in undecided)
    return round(sum(each for each in grown if each >= MIN_GROWTH_BYTES))


def _pile(evidence: Evidence, cases: tuple[Case, ...]) -> GoroutineStack | None:
    """The stack at which most goroutines pile up, where no case is of what they hold."""
    of_cases = [site for case in cases for site in case.sites]
    return next((stack for stack in evidence.goroutines.piles if standing([stack], of_cases) is None), None)


def _growing_heap(evidence: Evidence, cases: tuple[Case, ...], cleared: tuple[Cleared, ...]) -> Trend | None:
    """The trend of the heap as a whole, where no case is, it grows surely to the end, and what was cleared for more than being
    within chance is not most of its growth."""
    if cases or evidence.snapshots < MIN_SNAPSHOTS:
        return None
    heap = evidence.heap_trend
    first, last = _ends(evidence)
    gained = evidence.total_bytes[last] - evidence.total_bytes[first]
    explained = sum(max(0, each.growth.bytes) for each in cleared if each.pattern != _WITHIN_CHANCE)
    grows = heap.p <= SURE_Q and heap.last_half_p <= LAST_HALF_ALPHA and gained >= MIN_GROWTH_BYTES
    return heap if grows and 2 * explained < gained else None


def _ends(evidence: Evidence) -> tuple[int, int]:
    """The first and the last snapshot of the longest segment."""
    segment = evidence.series.longest_segment
    return segment.start, segment.stop - 1


def _overall(
    evidence: Evidence, cases: tuple[Case, ...], unexplained_bytes: int, pile: GoroutineStack | None, heap: Trend | None
) -> Verdict:
    """The gravest verdict of a case; without one, clean only where there was evidence enough to see a leak."""
    if evidence.snapshots < MIN_SNAPSHOTS or not evidence.in_focus.any():
        return Verdict.INCONCLUSIVE
    unknown = unexplained_bytes > UNEXPLAINED_SHARE * evidence.total_bytes[-1] or pile is not None or heap is not None
    silent = Verdict.INCONCLUSIVE if unknown else Verdict.CLEAN
    return min((case.verdict for case in cases), key=_GRAVITY.__getitem__, default=silent)


def _headline(
    verdict: Verdict, cases: tuple[Case, ...], evidence: Evidence, pile: GoroutineStack | None, heap: Trend | None
) -> str:
    """The one sentence that must be right: what was found in how much evidence."""
    tested = f"{counted(int(evidence.trends.tested.sum()), 'site')} tested over {evidence.snapshots} snapshots"
    if verdict is Verdict.INCONCLUSIVE and evidence.series.sites and not evidence.in_focus.any():
        return "no site is left by --focus and --ignore"
    if verdict is Verdict.INCONCLUSIVE and evidence.snapshots >= MIN_SNAPSHOTS and pile is not None:
        where, counts = printable(pile.place.function), pile.counts
        return f"goroutines at {where} rose from {counts[0]:,} to {counts[-1]:,}, and no heap site with them; {tested}"
    if verdict is Verdict.INCONCLUSIVE and heap is not None:
        before, after = (format_bytes(evidence.total_bytes[i]) for i in _ends(evidence))
        return f"the heap rose from {before} to {after}, beyond chance (p={heap.p:.2g}), and no site of it surely; {tested}"
    if verdict is Verdict.INCONCLUSIVE and evidence.snapshots >= MIN_SNAPSHOTS:
        return f"memory grew at sites that could not be tested; {tested}"
    if verdict is Verdict.INCONCLUSIVE:
        seen = f"{counted(len(cases), 'site')} grew; " if cases else ""
        few = f"{counted(evidence.snapshots, 'snapshot')} of one process {'is' if evidence.snapshots == 1 else 'are'} too few"
        return f"{seen}{few} to tell a leak from chance"
    if verdict is Verdict.CLEAN:
        return f"nothing grows beyond chance: {tested}"
    gravest = [case for case in cases if case.verdict is verdict]
    first = gravest[0]
    more = f", and {len(gravest) - 1} more" if len(gravest) > 1 else ""
    return f"{printable(first.site.leaf.function)} {format_rate(first.growth.bytes_per_hour)} ({first.pattern}){more}; {tested}"

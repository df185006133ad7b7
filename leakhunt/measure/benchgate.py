"""The gate on memory in `check --bench OLD NEW`: whether B/op or allocs/op of any benchmark rose. Pure.

A rise counts when the corrected test calls it worse and the median rose by more than a threshold; time is reported by the
comparison and never gated, because machines differ. Too few runs, or a rise that only the uncorrected test sees, is no
verdict: it says how many runs would give one.
"""

import math
from dataclasses import dataclass

from leakhunt.measure.benchstat import runs_needed, smallest_p
from leakhunt.model.benchmark import BenchmarkComparison, Change, Comparison
from leakhunt.thresholds import BENCH_ALPHA, BENCH_MIN_RISE

GATED_UNITS = ("B/op", "allocs/op")


@dataclass(frozen=True, slots=True)
class GateResult:
    """verdict is leak (something rose), inconclusive, or clean, as the contract names them; the rest says why."""

    verdict: str
    risen: tuple[Comparison, ...]
    unsure: tuple[Comparison, ...]
    reasons: tuple[str, ...]


def gate(compared: BenchmarkComparison, min_rise: float = BENCH_MIN_RISE) -> GateResult:
    """Judges a comparison of two files."""
    gated = [c for c in compared.comparisons if c.key.unit in GATED_UNITS]
    if not gated:
        lacking = "no benchmark is in both files" if not compared.comparisons else "no B/op or allocs/op in both files"
        return GateResult("inconclusive", (), (), (f"{lacking}; run go test -bench with -benchmem",))
    risen = tuple(c for c in gated if c.change is Change.WORSE and _rise(c) > min_rise)
    unsure = tuple(c for c in gated if c.change is Change.UNSURE and _rise(c) > min_rise)
    reasons = []
    if unsure:
        runs = max(_runs_for(len([c for c in gated if c.key.unit == unit])) for unit in {c.key.unit for c in unsure})
        reasons.append(f"too few runs to be sure of a rise (quantities: {len(unsure)}); -count={runs} would decide")
    untested = [c for c in gated if max(c.old.runs, c.new.runs) < runs_needed()]
    if untested and not unsure:
        reasons.append(f"fewer than {runs_needed()} runs a side (quantities: {len(untested)}): a rise could not have been seen")
    if compared.only_old:
        reasons.append(f"not in the new file: {', '.join(compared.only_old[:5])}")
    verdict = "leak" if risen else "inconclusive" if unsure or untested else "clean"
    return GateResult(verdict, risen, unsure, tuple(reasons))


def _rise(comparison: Comparison) -> float:
    """Relative rise of the median; infinite from nothing to something."""
    delta = comparison.delta
    return math.inf if delta is None else delta


def _runs_for(quantities: int, alpha: float = BENCH_ALPHA) -> int:
    """Runs a side from which one clear rise among so many quantities passes the correction."""
    return next(runs for runs in range(4, 64) if smallest_p(runs, runs) * quantities <= alpha)

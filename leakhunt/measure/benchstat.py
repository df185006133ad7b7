"""Compares two sets of benchmark results as benchstat does, and adds an interval for the change and a correction for many.

Medians with order-statistic intervals and a two-sided Mann-Whitney U test (Mann and Whitney 1947; ties after Klotz 1966,
"The Wilcoxon, Ties, and the Computer"), exact for up to 50 runs a side without ties and 25 with, else the normal
approximation with tie and continuity corrections: the choices of golang.org/x/perf/benchmath and
github.com/aclements/go-moremath/stats, so that the figures agree to rounding. Ours are the Hodges-Lehmann ratio, with the
interval that inverts the same test, and Benjamini-Hochberg over the quantities of one unit. Pure Python: samples are small.
"""

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from statistics import NormalDist

from leakhunt.model.benchmark import BenchmarkComparison, BenchmarkKey, Benchmarks, Change, Comparison, Summary
from leakhunt.thresholds import BENCH_ALPHA, BENCH_CONFIDENCE

EXACT_RUNS, EXACT_RUNS_WITH_TIES = 50, 25  # go-moremath's MannWhitneyExactLimit and MannWhitneyTiesExactLimit
EXACT_INTERVAL_RUNS = 30  # go-moremath's quantileCIApproxThreshold
_HIGHER_IS_BETTER = frozenset({"MB/s", "B/s"})  # of units that nothing is said about, as benchstat
_MACHINE = ("goos", "goarch", "cpu")
# Pairs beyond which the ratio's interval is taken from every k-th value: 1 000 runs a side are a million pairs.
MAX_INTERVAL_RUNS = 1_000


def summarise(values: Sequence[float], confidence: float = BENCH_CONFIDENCE, exact: bool = False) -> Summary:
    """Median and interval of a sample that is not empty. `exact` (a unit with assume=exact): mode, smallest and largest."""
    ordered = sorted(values)
    if exact:
        counts = Counter(ordered)
        mode = max(counts, key=lambda value: (counts[value], -value))
        return Summary(mode, ordered[0], ordered[-1], len(ordered))
    low_order, high_order = median_interval_orders(len(ordered), confidence)
    low = ordered[low_order - 1] if low_order >= 1 else -math.inf
    high = ordered[high_order - 1] if high_order <= len(ordered) else math.inf
    return Summary(_median(ordered), low, high, len(ordered))


@lru_cache(maxsize=1024)
def median_interval_orders(runs: int, confidence: float = BENCH_CONFIDENCE) -> tuple[int, int]:
    """1-based order statistics that bound the median with at least `confidence`; 0 and runs + 1 mean no bound. O(runs)."""
    if runs <= EXACT_INTERVAL_RUNS:
        weights = [math.comb(runs, k) / 2**runs for k in range(runs + 1)]
        low = math.ceil((runs + 1) / 2 - 1)
        high, total = low + 1, weights[low]
        while total < confidence and (low > 0 or high <= runs):
            below = weights[low - 1] if low > 0 else 0.0
            above = weights[high] if high <= runs else 0.0
            if below >= above:
                total, low = total + below, low - 1
            else:
                total, high = total + above, high + 1
        return low, high
    normal = NormalDist(runs / 2, math.sqrt(runs) / 2)
    left = normal.inv_cdf((1 - confidence) / 2)
    right = runs - left

    def covered(low: int, high: int) -> float:
        return normal.cdf(high - 0.5) - normal.cdf(low - 0.5)

    low, high = math.floor(math.floor(left - 0.5) + 0.5) + 1, math.floor(math.ceil(right - 0.5) + 0.5) + 1
    if confidence <= covered(low, high - 1) < covered(low, high):
        high -= 1
    return max(low, 0), min(high, runs + 1)


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Two-sided p of the U test; None where every value is the same and the test says nothing.

    Exact: O(groups * n1) additions of integers that hold all counts, 0.1 s for 50 against 50, 3 ms for 25 against 25. With
    ties and unequal sizes the exact distribution is not symmetric; like benchstat, this doubles its lower tail, at most 1.
    """
    n1, n2 = len(first), len(second)
    groups = sorted((value, count) for value, count in (Counter(first) + Counter(second)).items())
    if len(groups) == 1:
        return None
    ties = tuple(count for _, count in groups)
    in_first = Counter(first)
    twice_rank_sum, seen = 0, 0
    for value, count in groups:
        twice_rank_sum += in_first[value] * (2 * seen + count + 1)
        seen += count
    twice_u = twice_rank_sum - n1 * (n1 + 1)
    tied = len(groups) < n1 + n2
    limit = EXACT_RUNS_WITH_TIES if tied else EXACT_RUNS
    if n1 <= limit and n2 <= limit:
        if twice_u == n1 * n2:
            return 1.0
        return min(1.0, 2 * float(_lower_tail(ties, n1, min(twice_u, 2 * n1 * n2 - twice_u))))
    total = n1 + n2
    correction = sum(count**3 - count for count in ties) / (total * (total - 1))
    deviation = math.sqrt(n1 * n2 * (total + 1 - correction) / 12)
    if deviation == 0:
        return None
    numerator = twice_u / 2 - n1 * n2 / 2
    z = (numerator - math.copysign(0.5, numerator) if numerator else 0.0) / deviation
    return 2 * min(NormalDist().cdf(z), 1 - NormalDist().cdf(z))


def _lower_tail(ties: tuple[int, ...], n1: int, twice_u: int) -> Fraction:
    """P(2 U <= twice_u) when n1 of the ranked values are drawn, in groups of equal values of the sizes `ties`."""
    counts = _counts_by_twice_u(ties, n1)
    return Fraction(sum(counts[: twice_u + 1]), math.comb(sum(ties), n1))


@lru_cache(maxsize=256)
def _counts_by_twice_u(ties: tuple[int, ...], n1: int) -> tuple[int, ...]:
    """How many of the draws of n1 values have each 2 U, from 0 up.

    The counts are the coefficients of a polynomial, held in one integer of fixed-width fields: a shift multiplies by a power
    of x, an addition adds all coefficients at once."""
    total = sum(ties)
    width = math.comb(total, n1).bit_length() + 1
    ways = [1] + [0] * n1
    seen = 0
    for size in ties:
        twice_rank = 2 * seen + size + 1
        for chosen in range(n1, 0, -1):
            ways[chosen] += sum(
                math.comb(size, taken) * ways[chosen - taken] << (width * twice_rank * taken)
                for taken in range(1, min(size, chosen) + 1)
            )
        seen += size
    fields = ways[n1] >> (width * n1 * (n1 + 1))  # 2 U is twice the rank sum less n1 (n1 + 1)
    mask = (1 << width) - 1
    return tuple((fields >> (width * field)) & mask for field in range(2 * n1 * (total - n1) + 1))


def smallest_p(n1: int, n2: int) -> float:
    """The smallest p that samples of these sizes can give: no value of one below any of the other."""
    return 2 / math.comb(n1 + n2, n1)


def runs_needed(alpha: float = BENCH_ALPHA) -> int:
    """Runs a side from which two samples can differ at `alpha` at all: 4 at .05."""
    return next(runs for runs in range(1, 64) if smallest_p(runs, runs) <= alpha)


def ratio_interval(
    old: Sequence[float], new: Sequence[float], confidence: float = BENCH_CONFIDENCE
) -> tuple[float, float, float]:
    """Hodges-Lehmann ratio new/old with the interval that the U test does not reject; nan where a value is not positive.

    O(n1 n2 log): at most MAX_INTERVAL_RUNS runs a side are taken, evenly over the sorted sample."""
    if min(*old, *new) <= 0:
        return (math.nan, math.nan, math.nan) if min(*old, *new) < 0 or set(old) != set(new) else (1.0, 1.0, 1.0)
    old, new = _thinned(sorted(old)), _thinned(sorted(new))
    ratios = sorted(after / before for after in new for before in old)
    n1, n2 = len(old), len(new)
    cut = _critical_u(n1, n2, 1 - confidence)
    low = ratios[cut] if cut >= 0 else 0.0
    high = ratios[len(ratios) - 1 - cut] if cut >= 0 else math.inf
    return _median(ratios), low, high


@lru_cache(maxsize=1024)
def _critical_u(n1: int, n2: int, alpha: float) -> int:
    """Largest u with P(U <= u) <= alpha / 2 for samples without ties; -1 where there is none."""
    if n1 > EXACT_RUNS or n2 > EXACT_RUNS:
        deviation = math.sqrt(n1 * n2 * (n1 + n2 + 1) / 12)
        return math.floor(n1 * n2 / 2 + NormalDist().inv_cdf(alpha / 2) * deviation - 0.5)
    ties = (1,) * (n1 + n2)
    candidates = range(n1 * n2 // 2 + 1)
    return bisect_right(candidates, alpha / 2, key=lambda u: float(_lower_tail(ties, n1, 2 * u))) - 1


def compare(old: Benchmarks, new: Benchmarks, alpha: float = BENCH_ALPHA) -> BenchmarkComparison:
    """Every quantity that both files measured, in the old file's order, corrected for many within its unit."""
    pairs, notes = _pairs(old, new)
    higher, exact = old.higher_is_better | new.higher_is_better | _HIGHER_IS_BETTER, old.exact | new.exact
    found = [_compare_one(key, old.samples[key], new.samples[other], alpha, key.unit in exact) for key, other in pairs.items()]
    by_unit: dict[str, list[int]] = defaultdict(list)
    for index, comparison in enumerate(found):
        by_unit[comparison.key.unit].append(index)
    for unit, indices in by_unit.items():
        q_values = benjamini_hochberg([found[index].p for index in indices])
        for index, q in zip(indices, q_values, strict=True):
            found[index] = replace(found[index], q=q, change=_change(found[index], q, alpha, unit in higher))
    only_old = dict.fromkeys(key.name for key in old.samples if key not in pairs)
    only_new = dict.fromkeys(key.name for key in new.samples if key not in set(pairs.values()))
    notes += [
        f"{file.source}: {file.malformed_lines} benchmark lines could not be read, {file.malformed[0]}"
        for file in (old, new)
        if file.malformed
    ]
    notes += [
        f"{name} differs: {old.configuration[name]} and {new.configuration[name]}"
        for name in _MACHINE
        if name in old.configuration and old.configuration[name] != new.configuration.get(name, old.configuration[name])
    ]
    return BenchmarkComparison(old.source, new.source, tuple(found), tuple(only_old), tuple(only_new), tuple(notes))


def _pairs(old: Benchmarks, new: Benchmarks) -> tuple[dict[BenchmarkKey, BenchmarkKey], list[str]]:
    """Old keys with their new ones: equal ones; where there is none, those of one package against one other by name."""
    same = {key: key for key in old.samples if key in new.samples}
    packages_old, packages_new = {key.package for key in old.samples}, {key.package for key in new.samples}
    if same or len(packages_old) != 1 or len(packages_new) != 1:
        return same, []
    [package_old], [package_new] = packages_old, packages_new
    moved = {key: key._replace(package=package_new) for key in old.samples}
    found = {key: other for key, other in moved.items() if other in new.samples}
    return found, [f"packages differ ({package_old or 'none'} and {package_new or 'none'}): matched by name"] if found else []


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Smallest false discovery rate at which each would be called (Benjamini and Hochberg 1995)."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    q_values = [1.0] * len(p_values)
    smallest = 1.0
    for rank in range(len(order), 0, -1):
        smallest = min(smallest, p_values[order[rank - 1]] * len(order) / rank)
        q_values[order[rank - 1]] = smallest
    return q_values


def _compare_one(key: BenchmarkKey, old: Sequence[float], new: Sequence[float], alpha: float, exact: bool) -> Comparison:
    before, after = summarise(old, exact=exact), summarise(new, exact=exact)
    note = ""
    if exact:
        p: float | None = 0.0 if before.median != after.median else 1.0
        ratio = after.median / before.median if before.median else math.nan
        low = high = ratio
    else:
        p = mann_whitney(old, new)
        ratio, low, high = ratio_interval(old, new)
        if p is None:
            note = "all runs are equal"
        elif p > alpha and max(len(old), len(new)) < runs_needed(alpha):
            note = f"needs {runs_needed(alpha)} runs a side to differ at {alpha}"
    return Comparison(key, before, after, ratio, low, high, 1.0 if p is None else p, 1.0, Change.SAME, note)


def _change(comparison: Comparison, q: float, alpha: float, higher_is_better: bool) -> Change:
    rises = comparison.new.median > comparison.old.median
    if comparison.new.median == comparison.old.median:
        return Change.SAME
    if q <= alpha:
        return Change.BETTER if rises == higher_is_better else Change.WORSE
    few = comparison.note.startswith("needs")
    return Change.UNSURE if few or comparison.p <= alpha else Change.SAME


def _median(ordered: Sequence[float]) -> float:
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else ordered[middle - 1] + 0.5 * (ordered[middle] - ordered[middle - 1])


def _thinned(ordered: list[float]) -> list[float]:
    if len(ordered) <= MAX_INTERVAL_RUNS:
        return ordered
    return [ordered[round(i * (len(ordered) - 1) / (MAX_INTERVAL_RUNS - 1))] for i in range(MAX_INTERVAL_RUNS)]

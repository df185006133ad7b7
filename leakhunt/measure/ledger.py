"""Where a process's memory is, from the runtime's MemStats: every byte of it in one row, and which rows grow.

    heap objects        HeapAlloc: live objects, and garbage until it is swept
    heap fragmentation  HeapInuse - HeapAlloc: spans that are partly empty
    idle heap           HeapIdle - HeapReleased: free, and still held from the operating system
    stacks              StackSys: of goroutines
    runtime             MSpanSys + MCacheSys + GCSys + BuckHashSys + OtherSys
    outside Go          what the resident set had at its peak beyond all of those

The rows of Go add up to Sys - HeapReleased exactly (runtime/mstats.go, go1.26). The last is a difference of peaks, because
`heap?debug=1` tells the resident set's peak only (MaxRSS): memory that C code, mmap and mapped files hold. Go memory that was
reserved and never touched makes it too small, a peak of Go's between two snapshots too large, and Linux lets a process begin
with the peak of the one that started it, which hides growth below that. Pure; says where memory is, not whether it leaks.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leakhunt.measure.rate import theil_sen
from leakhunt.thresholds import LEDGER_GROWTH_BYTES, LEDGER_LAST_HALF_SHARE, LEDGER_SNAPSHOTS
from leakhunt.units import NS_PER_HOUR, format_bytes, format_rate

Floats = NDArray[np.float64]

OBJECTS, FRAGMENTS, IDLE, STACKS, RUNTIME, OUTSIDE = (
    "heap objects", "heap fragmentation", "idle heap", "stacks", "runtime", "outside Go"
)  # fmt: skip
NEEDED = "Sys HeapAlloc HeapInuse HeapIdle HeapReleased StackSys MSpanSys MCacheSys GCSys BuckHashSys OtherSys".split()
_ADVICE = {
    OBJECTS: "the sites that grow say who allocates them, unless it is garbage that waits for a collection",
    FRAGMENTS: "few live objects hold many spans: look at sites whose objects mix lifetimes",
    IDLE: "free memory is given back slowly: set GOMEMLIMIT, and look for a peak in load",
    STACKS: "look at the goroutine profile for goroutines that never end",
    RUNTIME: "it follows the heap's size and the number of call stacks profiled",
    OUTSIDE: "look at cgo, at mmap and at mapped files; a heap profile cannot show it",
}


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One part of the memory: bytes at the last snapshot, Sen's rate with its 95 % interval, and whether it grows: the
    interval lies above nothing, by more than a MiB over the window, and not only in its first half."""

    name: str
    bytes: int
    bytes_per_hour: float
    low: float
    high: float
    grows: bool


@dataclass(frozen=True, slots=True)
class Ledger:
    """All rows, in the order above; `outside Go` only where the resident set is known.

    snapshots     how many it rests on: those of the newest process
    conclusion    one sentence on what grows
    """

    rows: tuple[LedgerRow, ...]
    snapshots: int
    conclusion: str

    @property
    def total_bytes(self) -> int:
        """Sum of the rows."""
        return sum(row.bytes for row in self.rows)


def ledger(memstats: Sequence[Mapping[str, int]], times_ns: Sequence[int]) -> Ledger | None:
    """The ledger of MemStats in order of time, of one process. None where none of them is complete. O(n^2), n at most 48."""
    complete = [(t, m) for t, m in zip(times_ns, memstats, strict=True) if all(name in m for name in NEEDED)]
    if not complete:
        return None
    hours = np.array([time_ns - complete[0][0] for time_ns, _ in complete]) / NS_PER_HOUR
    columns = _columns([stats for _, stats in complete])
    rates = theil_sen(np.array(list(columns.values())), hours)
    rows = []
    for (name, values), rate in zip(columns.items(), rates, strict=True):
        low, high = _interval(values, hours)
        rows.append(LedgerRow(name, int(values[-1]), float(rate), low, high, _grows(values, low)))
    return Ledger(tuple(rows), len(complete), _conclusion(rows, len(complete)))


def newest_ledger(memstats: Iterable[tuple[int, Mapping[str, int]]]) -> Ledger | None:
    """The ledger of the newest process in (time_ns, MemStats) pairs in any order: of what follows the last fall of
    TotalAlloc, which never falls while a process lives."""
    ordered = sorted(memstats, key=lambda pair: pair[0])
    start = 0
    for i in range(1, len(ordered)):
        if ordered[i][1].get("TotalAlloc", 0) < ordered[i - 1][1].get("TotalAlloc", 0):
            start = i
    newest = ordered[start:]
    return ledger([stats for _, stats in newest], [time_ns for time_ns, _ in newest])


def _columns(memstats: Sequence[Mapping[str, int]]) -> dict[str, Floats]:
    def column(name: str) -> Floats:
        return np.array([stats[name] for stats in memstats], dtype=np.float64)

    go = column("Sys") - column("HeapReleased")
    objects, in_use = column("HeapAlloc"), column("HeapInuse")
    idle, stacks = column("HeapIdle") - column("HeapReleased"), column("StackSys")
    columns = {OBJECTS: objects, FRAGMENTS: in_use - objects, IDLE: idle, STACKS: stacks, RUNTIME: go - in_use - idle - stacks}
    if all("MaxRSS" in stats for stats in memstats):
        columns[OUTSIDE] = np.maximum(column("MaxRSS") - np.maximum.accumulate(go), 0.0)
    return columns


def _interval(values: Floats, hours: Floats) -> tuple[float, float]:
    """95 % interval of Sen's slope from the ranks of all pairwise slopes (Sen 1968, normal approximation)."""
    if len(hours) < LEDGER_SNAPSHOTS:
        return -np.inf, np.inf
    step = -(-len(hours) // 48)  # thinned like the rate itself: all pairs of a long series cost too much
    values, hours = values[::-1][::step][::-1], hours[::-1][::step][::-1]
    n = len(hours)
    first, second = np.triu_indices(n, 1)
    slopes = np.sort((values[second] - values[first]) / (hours[second] - hours[first]))
    reach = 1.96 * np.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    low = max(0, int((len(slopes) - reach) // 2))
    high = min(len(slopes) - 1, int(-(-(len(slopes) + reach) // 2)))
    return float(slopes[low]), float(slopes[high])


def _grows(values: Floats, low: float) -> bool:
    grown, late = values[-1] - values[0], values[-1] - values[len(values) // 2]
    return bool(low > 0 and grown >= LEDGER_GROWTH_BYTES and late >= LEDGER_LAST_HALF_SHARE * grown)


def _verb(name: str) -> str:
    return "grow" if name.endswith("s") else "grows"


def _conclusion(rows: Sequence[LedgerRow], snapshots: int) -> str:
    if snapshots < LEDGER_SNAPSHOTS:
        return f"{snapshots} snapshots of this process: at least {LEDGER_SNAPSHOTS} are needed to say which part grows"
    growing = sorted((row for row in rows if row.grows), key=lambda row: -row.bytes_per_hour)
    if not growing:
        return f"no part of the memory grows; {format_bytes(sum(row.bytes for row in rows))} in all"
    first = growing[0]
    flat = "" if any(row.name == OBJECTS for row in growing) else "the heap is flat, "
    others = f", {' and '.join(row.name for row in growing[1:])} less" if len(growing) > 1 else ""
    rate = format_rate(first.bytes_per_hour).lstrip("+")
    return f"{flat}{first.name} {_verb(first.name)} by {rate}{others}: {_ADVICE[first.name]}"

"""Simulated processes whose truth is known: the place where false alarms, power and coverage are measured.

A site is a birth and death process of *sampled* objects: a Poisson stream of allocations stays Poisson when the runtime
samples it, so the raw counts of a profile are drawn as they would be. Each kind of site is one function that returns birth and
death times; `draw` counts what is alive at the snapshots. One snapshot interval is one unit of time, the window begins at 0.

`python -m tests.simulate` prints the table of docs/how-it-decides.md.
"""

import argparse
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leakhunt.measure.series import SeriesBuilder
from leakhunt.model.series import Series
from leakhunt.model.site import AllocationSite, Frame
from tests.profiles import Sample, heap_profile

Floats = NDArray[np.float64]
Events = tuple[Floats, Floats]  # birth and death times of sampled objects
Generator = np.random.Generator

PERIOD_BYTES = 512 * 1024
SAMPLES_PER_MIB = 2.0
BLOCK_BYTES = 512
INTERVAL_NS = 300_000_000_000
NEVER = math.inf


def poisson_times(
    rng: Generator, start: float, end: float, rate: float | Callable[[Floats], Floats], peak: float = 0
) -> Floats:
    """Times of a Poisson stream of `rate` (a number, or a function of time not above `peak`)."""
    if end <= start:
        return np.empty(0)
    if not callable(rate):
        return rng.uniform(start, end, rng.poisson(rate * (end - start)))
    times = rng.uniform(start, end, rng.poisson(peak * (end - start)))
    return times[rng.uniform(0, peak, len(times)) < rate(times)]


def stationary(rng: Generator, window: float, level: float, lifetime: float, spread: float = 1.0) -> Events:
    """Births in balance with deaths since long before the window: `level` samples on average that live `lifetime` each.
    `spread` 1 is exponential, 0 a fixed lifetime (a full cache, first in first out), in between a gamma of that variation."""
    warm = lifetime * (12 if spread else 1.01)
    born = poisson_times(rng, -warm, window, level / lifetime)
    return born, born + lifetimes(rng, len(born), lifetime, spread)


def two_lives(rng: Generator, window: float, level: float, lifetime: float) -> Events:
    """A lasting population and, from the same site, many times as many objects that live a fiftieth of an interval."""
    rate = level * rng.uniform(1, 8)
    return joined(stationary(rng, window, level, lifetime), stationary(rng, window, rate / 50, 1 / 50))


def lifetimes(rng: Generator, count: int, mean: float, spread: float) -> Floats:
    if spread == 0:
        return np.full(count, mean)
    return rng.gamma(1 / spread**2, mean * spread**2, count)


def bursty(rng: Generator, window: float, level: float, lifetime: float, batch: float) -> Events:
    """Objects come and go in batches of `batch` sampled ones on average (over-dispersed)."""
    heads = poisson_times(rng, -12 * lifetime, window, level / lifetime / batch)
    sizes = rng.geometric(1 / batch, len(heads))
    ends = heads + rng.exponential(lifetime, len(heads))
    return np.repeat(heads, sizes), np.repeat(ends, sizes)


def constant(rng: Generator, window: float, level: float) -> Events:
    """Allocated at start-up, kept for ever."""
    born = np.full(rng.poisson(level) + 1, -1.0)
    return born, np.full(len(born), NEVER)


def leak(rng: Generator, window: float, per_interval: float, base: float, lifetime: float) -> Events:
    """`per_interval` samples an interval are never freed, beside a stationary `base` of the same site."""
    born = poisson_times(rng, -0.3 * window, window, per_interval)
    return joined((born, np.full(len(born), NEVER)), stationary(rng, window, base, lifetime))


def filling(rng: Generator, window: float, full_at: float, level: float) -> Events:
    """A bounded cache, first in first out, that is full at `full_at` of the window."""
    lifetime = max(full_at * window, 1e-9)
    born = poisson_times(rng, 0, window, level / lifetime)
    return born, born + lifetime


def warm_up(rng: Generator, window: float, level: float, lifetime: float) -> Events:
    """Starts empty and saturates: births and exponential lifetimes from the window's beginning on."""
    born = poisson_times(rng, 0, window, level / lifetime)
    return born, born + rng.exponential(lifetime, len(born))


def load_step(rng: Generator, window: float, level: float, lifetime: float, factor: float, at: float) -> Events:
    """The allocation rate rises by `factor` at `at` of the window; what is in use follows."""
    base = level / lifetime
    born = poisson_times(rng, -12 * lifetime, window, lambda t: np.where(t < at * window, base, base * factor), base * factor)
    return born, born + rng.exponential(lifetime, len(born))


def ramp(rng: Generator, window: float, level: float, lifetime: float, factor: float) -> Events:
    """Load that grows by `factor` over the window."""
    base = level / lifetime

    def rate(t: Floats) -> Floats:
        return base * (1 + (factor - 1) * np.clip(t / window, 0, 1))

    born = poisson_times(rng, -12 * lifetime, window, rate, base * factor)
    return born, born + rng.exponential(lifetime, len(born))


def diurnal(rng: Generator, window: float, level: float, lifetime: float, period: float) -> Events:
    """Load that swings by a half around its mean."""
    base, phase = level / lifetime, rng.uniform(0, 2 * math.pi)
    born = poisson_times(
        rng, -12 * lifetime, window, lambda t: base * (1 + 0.5 * np.sin(2 * math.pi * t / period + phase)), base * 1.5
    )
    return born, born + rng.exponential(lifetime, len(born))


def sawtooth(rng: Generator, window: float, per_interval: float, period: float) -> Events:
    """Accumulates and is flushed every `period`."""
    phase = rng.uniform(0, period)
    born = poisson_times(rng, -period, window, per_interval)
    return born, np.ceil((born + phase) / period) * period - phase


def joined(*parts: Events) -> Events:
    return np.concatenate([born for born, _ in parts]), np.concatenate([died for _, died in parts])


def draw(events: Events, times: Floats) -> tuple[Floats, Floats]:
    """Raw counts at `times`: in use, and allocated so far."""
    born, died = events
    allocated = np.searchsorted(np.sort(born), times, side="right")
    freed = np.searchsorted(np.sort(died), times, side="right")
    return (allocated - freed).astype(np.float64), allocated.astype(np.float64)


def snapshot_times(rng: Generator, snapshots: int) -> Floats:
    """Uneven times: steps from about a half to twice the mean, the window `snapshots - 1` units long."""
    steps = rng.lognormal(0, 0.35, snapshots - 1)
    return np.concatenate([[0.0], np.cumsum(steps)]) * (snapshots - 1) / steps.sum()


@dataclass(frozen=True, slots=True)
class Process:
    """One simulated process: raw counts [K, N], the kind of each site, and the times in units of one interval."""

    times: Floats
    inuse: Floats
    allocated: Floats
    kinds: tuple[str, ...]
    rates: Floats  # true growth of leaks, samples an interval

    @property
    def leaks(self) -> NDArray[np.bool_]:
        return np.array([kind.startswith("leak") for kind in self.kinds])

    def series(self) -> Series:
        """As SeriesBuilder would give it."""
        scale = BLOCK_BYTES / -math.expm1(-BLOCK_BYTES / PERIOD_BYTES)
        count, snapshots = self.inuse.shape
        inuse, allocated = (np.floor(values * scale).astype(np.int64) for values in (self.inuse, self.allocated))
        return Series(
            sites=tuple(AllocationSite((Frame(f"sim.{kind}{i}"),)) for i, kind in enumerate(self.kinds)),
            times_ns=np.round((self.times + 1) * INTERVAL_NS).astype(np.int64),
            sources=tuple(f"s{i}" for i in range(snapshots)),
            inuse_bytes=inuse,
            inuse_objects=inuse // BLOCK_BYTES,
            alloc_bytes=allocated,
            alloc_objects=allocated // BLOCK_BYTES,
            inuse_samples=self.inuse,
            alloc_samples=self.allocated,
            sample_bytes=np.full(count, scale),
            segment_starts=(0,),
            segment_reasons=("",),
            period_bytes=PERIOD_BYTES,
            build_ids=("b",) * snapshots,
        )

    def profiles(self) -> SeriesBuilder:
        """The same by way of real Profile objects and the builder."""
        builder = SeriesBuilder()
        for i in range(len(self.times)):
            samples = [
                Sample((f"sim.{kind}{k}", "main.main"), BLOCK_BYTES, int(self.allocated[k, i]), int(self.inuse[k, i]))
                for k, kind in enumerate(self.kinds)
            ]
            builder.add(heap_profile(samples, time_ns=round((self.times[i] + 1) * INTERVAL_NS), source=f"s{i}"))
        return builder


# Harmless kinds and their shares of a process's sites.
SHARES = {
    "stationary": 0.47, "two lives": 0.03, "fifo": 0.10, "small": 0.10, "constant": 0.08, "churn": 0.06, "bursty": 0.02,
    "fill20": 0.015, "fill50": 0.015, "fill90": 0.01, "warm-up": 0.02, "step": 0.03, "ramp": 0.02, "diurnal": 0.01,
    "sawtooth": 0.02,
}  # fmt: skip


def harmless(rng: Generator, kind: str, window: float) -> Events:
    """A site of `kind` with a size and a turnover drawn at random; turnover is slow unless the kind says otherwise."""
    level = SAMPLES_PER_MIB * rng.lognormal(math.log(6), 1.0)
    slow = window * rng.lognormal(math.log(0.4), 0.9)
    fast = rng.lognormal(math.log(0.6), 0.6)
    makers: dict[str, Callable[[], Events]] = {
        "stationary": lambda: stationary(rng, window, level, slow),
        "fifo": lambda: stationary(rng, window, level, slow, spread=rng.choice([0.0, 0.3])),
        "small": lambda: stationary(rng, window, rng.uniform(0.3, 4), slow),
        "two lives": lambda: two_lives(rng, window, level, slow),
        "constant": lambda: constant(rng, window, level),
        "churn": lambda: stationary(rng, window, level, fast),
        "bursty": lambda: bursty(rng, window, level, min(slow, window), rng.uniform(2, 6)),
        "fill20": lambda: filling(rng, window, 0.2, level),
        "fill50": lambda: filling(rng, window, 0.5, level),
        "fill90": lambda: filling(rng, window, 0.9, level),
        "warm-up": lambda: warm_up(rng, window, level, window * rng.uniform(0.05, 0.3)),
        "step": lambda: load_step(rng, window, level, fast, rng.uniform(1.5, 3), rng.uniform(0.15, 0.85)),
        "ramp": lambda: ramp(rng, window, level, fast, rng.uniform(1.2, 2.5)),
        "diurnal": lambda: diurnal(rng, window, level, fast, window * rng.uniform(0.3, 1.5)),
        "sawtooth": lambda: sawtooth(rng, window, level / 4, window * rng.uniform(0.1, 0.6)),
    }
    return makers[kind]()


def process(seed: int, snapshots: int, sites: int, leaks: int) -> Process:
    """A process of `sites` harmless sites by SHARES and `leaks` leaks of .25 to 4 MiB an interval."""
    rng = np.random.default_rng(seed)
    times = snapshot_times(rng, snapshots)
    window = float(times[-1])
    kinds = [kind for kind, share in SHARES.items() for _ in range(round(share * sites))]
    kinds = (kinds + ["stationary"] * sites)[:sites]
    drawn = [draw(harmless(rng, kind, window), times) for kind in kinds]
    rates = [0.0] * len(kinds)
    for _ in range(leaks):
        per_interval = SAMPLES_PER_MIB * float(np.exp(rng.uniform(math.log(0.25), math.log(4))))
        base = float(rng.choice([0.0, SAMPLES_PER_MIB * rng.lognormal(math.log(3), 1)]))
        lifetime = window * rng.lognormal(math.log(0.2), 0.9)
        drawn.append(draw(leak(rng, window, per_interval, base, lifetime), times))
        kinds.append("leak" if base == 0 else "leak+churn")
        rates.append(per_interval)
    return Process(
        times=times,
        inuse=np.array([inuse for inuse, _ in drawn]),
        allocated=np.array([allocated for _, allocated in drawn]),
        kinds=tuple(kinds),
        rates=np.array(rates),
    )


SNAPSHOTS = (5, 8, 12, 24, 48)


def table(processes: int, sites: int, leaks: int, seed: int) -> list[str]:
    """Markdown: what each rule flags on `processes` processes of `sites` harmless and `leaks` leaking sites."""
    from leakhunt.measure.trend import Trends, analyse
    from leakhunt.thresholds import CONVICTING_Q
    from tests import rivals

    def convicted(trends: Trends) -> NDArray[np.bool_]:
        return trends.growing & (trends.q <= CONVICTING_Q)

    rules: dict[str, Callable[[Process], NDArray[np.bool_]]] = {
        "+10 %": rivals.ten_percent,
        "grew at every step": rivals.strictly_rising,
        "Mann-Kendall": rivals.mann_kendall,
        "thirty lines": rivals.thirty_lines,
        "leakhunt": lambda one: analyse(one.series()).growing,
        f"leakhunt, q <= {CONVICTING_Q}": lambda one: convicted(analyse(one.series())),
    }
    flagged: dict[str, Counter[str]] = {name: Counter() for name in rules}
    hits: dict[str, Counter[int]] = {name: Counter() for name in rules}
    total = Counter[int]()
    for i in range(processes):
        one = process(seed + i, SNAPSHOTS[i % len(SNAPSHOTS)], sites, leaks)
        total[len(one.times)] += leaks
        for name, rule in rules.items():
            found = rule(one)
            flagged[name].update(one.kinds[k] for k in np.flatnonzero(found & ~one.leaks))
            hits[name][len(one.times)] += int((found & one.leaks).sum())
    kinds = list(SHARES)
    lines = ["| rule | harmless flagged | leaks hit | " + " | ".join(f"of {total[n]} at {n}" for n in SNAPSHOTS) + " |"]
    lines.append("|---" * (3 + len(SNAPSHOTS)) + "|")
    for name in rules:
        share = f"{flagged[name].total():,} of {processes * sites:,}"
        by_length = " | ".join(str(hits[name][n]) for n in SNAPSHOTS)
        lines.append(f"| {name} | {share} | {hits[name].total()} of {total.total()} | {by_length} |")
    lines += ["", "| harmless kind | sites | " + " | ".join(rules) + " |", "|---" * (2 + len(rules)) + "|"]
    drawn = Counter(process(seed, 5, sites, 0).kinds)
    for kind in kinds:
        lines.append(
            f"| {kind} | {drawn[kind] * processes:,} | " + " | ".join(f"{flagged[name][kind]:,}" for name in rules) + " |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulate", description="What each rule flags on simulated processes."
    )
    parser.add_argument("--processes", type=int, default=80)
    parser.add_argument("--sites", type=int, default=1500, help="harmless sites a process")
    parser.add_argument("--leaks", type=int, default=6, help="leaking sites a process, .25 to 4 MiB an interval")
    parser.add_argument("--seed", type=int, default=20_000)
    options = parser.parse_args()
    print("\n".join(table(options.processes, options.sites, options.leaks, options.seed)))


if __name__ == "__main__":
    main()

"""Results of `go test -bench`: samples by benchmark and unit, and what comparing two sets of them says.

`leakhunt.decode.gobench` fills the first, `leakhunt.measure.benchstat` the second.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class BenchmarkKey(NamedTuple):
    """One measured quantity: import path of the package ("" where the file has no `pkg:` line), name with its
    sub-benchmarks and `-GOMAXPROCS` suffix but without `Benchmark`, unit as Go writes it."""

    package: str
    name: str
    unit: str


@dataclass(frozen=True, slots=True)
class Benchmarks:
    """One file of benchmark results.

    samples       values of each quantity in order of appearance, one per run (`-count`)
    iterations    operations over all runs of a benchmark, by (package, name)
    higher_is_better, exact    units for which the file's `Unit` lines say better=higher, assume=exact
    malformed     benchmark lines that could not be read, with their line numbers, the first few
    malformed_lines    how many there were
    """

    source: str
    samples: Mapping[BenchmarkKey, tuple[float, ...]]
    iterations: Mapping[tuple[str, str], int]
    configuration: Mapping[str, str]
    higher_is_better: frozenset[str] = frozenset()
    exact: frozenset[str] = frozenset()
    malformed: tuple[str, ...] = ()
    malformed_lines: int = 0


class Change(StrEnum):
    """What became of a quantity."""

    WORSE = "worse"
    BETTER = "better"
    SAME = "same"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Summary:
    """Median of a sample with its interval from order statistics; the ends are infinite where there are too few runs."""

    median: float
    low: float
    high: float
    runs: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Old against new of one quantity.

    ratio, low, high   median new / old over all pairs (Hodges-Lehmann) and its 95 % interval; nan where old has zeros,
                       infinite ends where there are too few runs
    p, q               two-sided Mann-Whitney, and after Benjamini-Hochberg over the quantities compared of the same unit
    note               what a reader must know: too few runs, samples all equal
    """

    key: BenchmarkKey
    old: Summary
    new: Summary
    ratio: float
    low: float
    high: float
    p: float
    q: float
    change: Change
    note: str = ""

    @property
    def delta(self) -> float | None:
        """Relative change of the medians, None where the old median is 0 and the new is not."""
        if self.old.median == self.new.median:
            return 0.0
        return self.new.median / self.old.median - 1 if self.old.median else None


@dataclass(frozen=True, slots=True)
class BenchmarkComparison:
    """Two files compared. `only_old` and `only_new` name the benchmarks that one file lacks; notes are sentences."""

    old_source: str
    new_source: str
    comparisons: tuple[Comparison, ...]
    only_old: tuple[str, ...]
    only_new: tuple[str, ...]
    notes: tuple[str, ...]

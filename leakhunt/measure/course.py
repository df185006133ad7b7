"""The course of one site, or of sites that grow as one, over the longest segment: what shapes are read from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leakhunt.measure.turnover import births_and_deaths
from leakhunt.model.series import Series
from leakhunt.units import NS_PER_HOUR

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Course:
    """One history over the longest segment, n snapshots: hours [n] from the first, bytes [n] in use, counts [n] of sampled
    objects in use, births and deaths [n-1] of sampled objects between snapshots, load [n-1] bytes an hour that the whole
    process allocated."""

    hours: Floats
    inuse_bytes: Floats
    counts: Floats
    born: Floats
    died: Floats
    load: Floats

    @property
    def snapshots(self) -> int:
        """n."""
        return len(self.hours)

    def part(self, start: int, stop: int) -> "Course":
        """Snapshots `start` to `stop` (exclusive)."""
        between = slice(start, max(stop - 1, start))
        inner = (self.born[between], self.died[between], self.load[between])
        return Course(self.hours[start:stop], self.inuse_bytes[start:stop], self.counts[start:stop], *inner)


def course_of(series: Series, sites: Sequence[int]) -> Course:
    """The course of `sites` taken together, over the longest segment of `series`."""
    segment, rows = series.longest_segment, list(sites)
    times = series.times_ns[segment]
    counts = series.inuse_samples[rows, segment].sum(axis=0, dtype=np.float64)
    born, died = births_and_deaths(counts[None, :], series.alloc_samples[rows, segment].sum(axis=0, dtype=np.float64)[None, :])
    hours = (times - times[:1].sum()) / NS_PER_HOUR
    total = series.alloc_bytes[:, segment].sum(axis=0, dtype=np.float64)
    load = np.diff(total) / np.diff(hours)
    return Course(hours, series.inuse_bytes[rows, segment].sum(axis=0, dtype=np.float64), counts, born[0], died[0], load)

"""A small language for evidence: what a site held, snapshot by snapshot, in raw sampled objects.

    evidence(Row("main.put < main.serve", 64, ramp(12, 4)))

is twelve snapshots, a minute apart, of one site that gains four sampled objects of 64 B each time and frees none, beside
steady background that every process has. Detectors are tried on this for their edges, and on the committed series of real
programs for the whole (test_real_series.py).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from leakhunt.config import Settings
from leakhunt.evidence import Evidence
from leakhunt.measure.goroutines import GoroutineSeries, goroutine_series
from leakhunt.measure.series import SeriesBuilder
from leakhunt.model.finding import Finding
from leakhunt.model.site import Frame
from leakhunt.units import NS_PER_SECOND
from tests.profiles import Sample, heap_profile

START_NS = 1_700_000_000 * NS_PER_SECOND
STEP_NS = 60 * NS_PER_SECOND
_BACKGROUND = (3, 4, 3, 3, 4, 4, 3, 4)


@dataclass(frozen=True)
class Row:
    """One site: `stack` leaf first with ` < ` between, block size, sampled objects in use at each snapshot, and sampled
    objects freed before each (cumulative)."""

    stack: str
    block_bytes: int
    inuse: Sequence[int]
    freed: Sequence[int] = ()


def ramp(snapshots: int, step: int, start: int = 0) -> list[int]:
    """A steady leak."""
    return [start + step * i for i in range(snapshots)]


def outgrown(stack: str, sizes: Sequence[int], snapshots: int = 12) -> list[Row]:
    """A backing array that grows through `sizes`: each is in use for a while, then freed."""
    rows = []
    for k, size in enumerate(sizes):
        born, dies = k * snapshots // len(sizes), (k + 1) * snapshots // len(sizes)
        inuse = [1 if born <= i < dies else 0 for i in range(snapshots)]
        rows.append(Row(stack, size, inuse, freed=[1 if i >= dies else 0 for i in range(snapshots)]))
    return rows


def evidence(*rows: Row, goroutines: GoroutineSeries | None = None, settings: Settings | None = None) -> Evidence:
    """Evidence from rows of equal length."""
    builder = SeriesBuilder()
    for i in range(len(rows[0].inuse)):
        samples = [Sample(("main.idle", "main.main"), 1024, 40 + i, _BACKGROUND[i % len(_BACKGROUND)])]
        for row in rows:
            freed = row.freed[i] if row.freed else 0
            samples.append(Sample(tuple(row.stack.split(" < ")), row.block_bytes, row.inuse[i] + freed, row.inuse[i]))
        builder.add(heap_profile(samples, time_ns=START_NS + i * STEP_NS, source=f"{i}.pb.gz"))
    return Evidence(builder.finish(), goroutines=goroutines or GoroutineSeries(), settings=settings or Settings())


def goroutines(**counts: Sequence[int]) -> GoroutineSeries:
    """Goroutine counts by stack, written `goroutines(**{"main.wait < main.serve": [1, 20, 40]})`."""
    stacks = {tuple(Frame(name, "main.go", 7) for name in stack.split(" < ")): each for stack, each in counts.items()}
    length = len(next(iter(counts.values())))
    times = [START_NS + i * STEP_NS for i in range(length)]
    return goroutine_series((times[i], {stack: each[i] for stack, each in stacks.items()}) for i in range(length))


def verdicts(examine: Callable[[Evidence], Iterator[Finding]], seen: Evidence) -> list[tuple[str, str]]:
    """What a detector says, as (leaf function of the site accused or cleared, confidence)."""
    return [(seen.series.sites[f.sites[0]].leaf.function, str(f.confidence)) for f in examine(seen)]

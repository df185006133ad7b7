"""Buffers that grow: bytes.Buffer, strings.Builder or pooled byte slices that keep their largest size.

Looks for: growing groups under the growth functions of bytes and strings whose objects get larger while their number
    hardly moves.
Why it matters: a buffer never shrinks, and sync.Pool hands the largest ones round for ever.
How it decides: one of these functions is on the stack, the group's bytes grow significantly, and its objects grow less than
    half as much, in proportion. Or two heap dumps find one array of bytes on the group's path, the second larger: medium
    confidence where profiles too show it outgrown again and again, else low.
When it is wrong: documents that are rightly kept and become larger.
What to do: do not put buffers above some size back into the pool; cut long-lived buffers.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.detectors.frames import function_on
from leakhunt.detectors.held import held_in, shows, speaks_against
from leakhunt.evidence import Evidence
from leakhunt.measure.containers import ladder
from leakhunt.measure.groups import Group
from leakhunt.model.finding import Confidence, Finding, Retention, Stance
from leakhunt.thresholds import BUFFER_OBJECTS_RATIO, BUFFER_OBJECTS_SHARE, DOCUMENT_FRAMES, LADDER_RUNGS
from leakhunt.units import format_bytes

PATTERN = "buffer-growth"
_REMEDY = """Let large buffers go in place of pooling them:
    if buffer.Cap() <= 64<<10 {
        pool.Put(buffer)
    }"""
_GROWERS = ("bytes.growSlice", "bytes.(*Buffer).", "strings.(*Builder).", "bufio.(*Writer).", "slices.Grow")


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups of buffers whose mean size rises."""
    series, segment = evidence.series, evidence.trends.segment
    for group in evidence.growing_groups:
        held = held_in(evidence, group)
        if shown := shows(held, PATTERN):
            yield _replaced(evidence, group, shown.retention)
            continue
        function = function_on(evidence, group, _GROWERS, within=DOCUMENT_FRAMES)
        if function is None or speaks_against(held, PATTERN):
            continue
        sites = list(group.sites)
        first_bytes, last_bytes = (float(series.inuse_bytes[sites, i].sum()) for i in (segment.start, segment.stop - 1))
        first, last = (float(series.inuse_objects[sites, i].sum()) for i in (segment.start, segment.stop - 1))
        if not 0 < last <= BUFFER_OBJECTS_RATIO * first:
            continue
        if last / first - 1 > BUFFER_OBJECTS_SHARE * (last_bytes / first_bytes - 1):
            continue
        yield Finding(
            detector="buffer-growth",
            pattern=PATTERN,
            stance=Stance.IMPLICATES,
            confidence=Confidence.LOW if group.is_doubtful else Confidence.MEDIUM,
            sites=group.sites,
            text=(
                f"buffers get larger and stay: {function} makes them, their bytes grew {last_bytes / first_bytes:.1f}-fold and "
                f"their number {last / first:.1f}-fold"
            ),
            facts={"function": function, "bytes_ratio": last_bytes / first_bytes, "objects_ratio": last / first},
            remedy=_REMEDY,
        )


def _replaced(evidence: Evidence, group: Group, retention: Retention) -> Finding:
    """On one buffer that two dumps show, the second larger."""
    before, now = retention.path[-1].bytes_before or 0, retention.path[-1].bytes
    steps = max(len(ladder(evidence.series, site)) for site in group.sites)
    return Finding(
        detector="buffer-growth",
        pattern=PATTERN,
        stance=Stance.IMPLICATES,
        confidence=Confidence.MEDIUM if steps >= LADDER_RUNGS else Confidence.LOW,
        sites=group.sites,
        text=(
            f"a buffer gets larger and stays: heap dumps find one of {format_bytes(before)} at {retention.root.name}, then one "
            f"of {format_bytes(now)}"
        ),
        facts={"root": retention.root.name, "bytes_before": before, "bytes": now},
        remedy=_REMEDY,
    )

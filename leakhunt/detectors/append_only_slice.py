"""Append-only slice: a log, history or list of listeners that is only ever appended to.

Looks for: growing groups one of whose sites allocates a backing array that is outgrown again and again.
Why it matters: append keeps everything; besides, each growth holds the old and the new array at once.
How it decides: at least three blocks in a row at the site, each some 1.25 to 2 times the last (what append allocates), of
    which the smaller ones have been freed. A single block of 96 KiB or more there or near it names the pattern and no more
    (low confidence). Either the group's objects grow significantly, or the array itself does.
When it is wrong: a buffer that is reused and has found its size; then it stops growing.
What to do: bound it (a ring, the last N), or flush it to where it should go.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.detectors.frames import free_near
from leakhunt.detectors.held import held_in, shows, speaks_against
from leakhunt.evidence import Evidence
from leakhunt.measure.containers import doubles, lone_block, outgrown
from leakhunt.measure.groups import Group
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.model.site import is_standard
from leakhunt.thresholds import LONE_TABLE_BYTES, SLICE_RUNGS
from leakhunt.units import format_bytes

PATTERN = "append-only-slice"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups with an outgrown backing array among their sites, or held in a slice by a heap dump."""
    for group in evidence.growing_groups:
        held = held_in(evidence, group)
        if speaks_against(held, PATTERN):
            continue
        stacks = {site: evidence.by_leaf[evidence.series.sites[site].leaf.function] for site in group.sites}
        found = (outgrown(evidence.series, site, stacks[site]) for site in group.sites)
        rungs = next((each for each in found if each and not (doubles(each) and len(each) < SLICE_RUNGS)), ())
        if shown := shows(held, PATTERN):
            how = f"a heap dump finds them in a {shown.container}"
        elif rungs:
            how = f"its array was outgrown {len(rungs) - 1} times, from {format_bytes(rungs[0])} to {format_bytes(rungs[-1])}"
        elif alone := _lone_array(evidence, group):
            how = alone
        else:
            continue
        yield Finding(
            detector="append-only-slice",
            pattern=PATTERN,
            stance=Stance.IMPLICATES,
            confidence=Confidence.MEDIUM if (shown or rungs) and not group.is_doubtful else Confidence.LOW,
            sites=group.sites,
            text=f"a slice is appended to and never cut: {how}",
            facts={"reallocations": max(0, len(rungs) - 1), "array_bytes": rungs[-1] if rungs else 0},
            remedy="""Keep only what is needed, in an array that does not grow:
    events[next%len(events)] = event
    next++""",
        )


def _lone_array(evidence: Evidence, group: Group) -> str:
    """One block at the group's sites or near them that is too large for a map's table."""
    for site in (*group.sites, *free_near(evidence, group)):
        size, frames = lone_block(evidence.series, site), evidence.series.sites[site].frames
        if size > LONE_TABLE_BYTES and not is_standard(frames[0].function):  # the standard library's are buffers
            return f"one array of {format_bytes(size)} at {frames[0].function}"
    return ""

"""Sawtooth: it rises and falls in cycles, and the lows do not rise.

Looks for: batches, caches that are flushed, buffers that are swapped.
Why it matters: two snapshots from a low to a high show any growth one likes.
How it decides: the turns of the curve that move by far more than noise; with three cycles or more, the order of the lows is
    tested for a rise (5 %). Fewer cycles say nothing about the lows: then the confidence is low.
When it is wrong: a leak much smaller than the teeth, over few cycles.
What to do: nothing; for a surer answer cover more cycles.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.evidence import Evidence
from leakhunt.measure.shape import sawtooth
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.thresholds import SAWTOOTH_RISING_P
from leakhunt.units import format_bytes

PATTERN = "sawtooth"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Clears groups that swing without a rise of their lows."""
    for group in evidence.groups:
        found = sawtooth(evidence.course(group))
        if found is None or (found.conclusive and found.rising_p <= SAWTOOTH_RISING_P):
            continue
        lows = f"{format_bytes(min(found.low_bytes))} to {format_bytes(max(found.low_bytes))}"
        if found.conclusive:
            text = f"rises and falls: over {found.cycles} cycles the lows stay within {lows}"
        else:
            text = f"rises and falls: {found.cycles} whole cycles are too few to tell whether its lows ({lows}) rise"
        yield Finding(
            detector="sawtooth",
            pattern=PATTERN,
            stance=Stance.EXONERATES,
            confidence=Confidence.HIGH if found.conclusive else Confidence.LOW,
            sites=group.sites,
            text=text,
            facts={"cycles": found.cycles, "rising_p": found.rising_p},
        )

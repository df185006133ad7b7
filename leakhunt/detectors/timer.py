"""Timers that pile up: time.After in a loop, tickers never stopped, long time.AfterFunc closures.

Looks for: growing sites under time.NewTimer, time.After, time.NewTicker, time.Tick and time.AfterFunc.
Why it matters: before Go 1.23 a timer that has not fired is held by the runtime, referenced or not. From 1.23 on only
    timers that something refers to stay: an AfterFunc's closure until it fires, a ticker that a goroutine waits on.
How it decides: one of these functions is on the stack of a site of a group that grows significantly, or a heap dump finds
    the group's objects behind the runtime's timers (what an AfterFunc's closure holds has other stacks). Timers inside
    contexts are left to context-cancel-children. Where the profile shows that it is from Go 1.24 or newer, the text says
    that the timers must be referenced.
When it is wrong: timers that are due soon and many at a time.
What to do: NewTimer with Stop (and Reset) in place of After, a deferred Stop for tickers, Go 1.23 or newer.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.detectors.context_cancel_children import MAKERS
from leakhunt.detectors.frames import function_on
from leakhunt.detectors.held import held_in, shows, speaks_against
from leakhunt.evidence import Evidence
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.thresholds import TIMERS_COLLECTED_SINCE

PATTERN = "timer"
_TIMERS = ("time.NewTimer", "time.newTimer", "time.After", "time.NewTicker", "time.Tick", "time.AfterFunc")


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups that make timers outside contexts."""
    for group in evidence.growing_groups:
        held = held_in(evidence, group)
        if function_on(evidence, group, MAKERS) or speaks_against(held, PATTERN):
            continue
        function = function_on(evidence, group, _TIMERS)
        how = f"{function} makes them"
        if function is None:
            if not shows(held, PATTERN):
                continue
            how = "a heap dump finds these objects behind timers that have not fired"
        at_least = evidence.go_at_least
        if at_least >= TIMERS_COLLECTED_SINCE:
            why = "from Go 1.23 on only timers that something still refers to stay"
        else:
            why = "before Go 1.23 the runtime holds every timer until it fires or is stopped"
        yield Finding(
            detector="timer",
            pattern=PATTERN,
            stance=Stance.IMPLICATES,
            confidence=Confidence.MEDIUM,
            sites=group.sites,
            text=f"timers pile up: {how}, and {why}",
            facts={"function": function or ""},
            remedy="""Stop what is not needed any more, and reuse one timer in a loop:
    timer := time.NewTimer(wait)
    defer timer.Stop()""",
        )

"""Listeners that are never removed: every subscription adds a callback, none takes it away.

Looks for: growing groups in functions whose names say that they register something (Subscribe, AddListener, OnChange, Watch).
Why it matters: the list of listeners keeps each callback, and the callback keeps all it closes over; besides, every event
    goes to all of them.
How it decides: by the name of a function near the leaf of a group that grows significantly, and which does not call itself;
    low confidence in the name, the growth itself is measured. A heap dump gives medium confidence: where it finds the objects
    in a map or slice beside such a name, or behind functions or channels in one, whatever the names.
When it is wrong: names are a convention. Fixed subscribers that register at start level off.
What to do: return a function that unsubscribes, and call it where the subscriber ends.
Options: none.
"""

import re
from collections.abc import Iterator

from leakhunt.detectors.held import COLLECTIONS, held_in, shows, speaks_against
from leakhunt.evidence import Evidence
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.model.site import is_standard
from leakhunt.thresholds import LISTENER_FRAMES

PATTERN = "listener-registration"
_NAMES = re.compile(
    r"(?i)(?:subscri|add_?(?:listener|handler|observer|callback|hook)|register_?(?:listener|handler|observer|callback|hook)|"
    r"\.(?-i:[Oo]n[A-Z_])|addeventhandler|notifyonce|\.watch\b|\.observe\b|\.listen\b)"
)


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups in functions that register listeners."""
    for group in evidence.growing_groups:
        held = held_in(evidence, group)
        if speaks_against(held, PATTERN, *COLLECTIONS):
            continue
        stacks = [[frame.function for frame in evidence.series.sites[site].frames] for site in group.sites]
        names = ((stack, name) for stack in stacks for name in stack[:LISTENER_FRAMES] if not is_standard(name))
        function = next((name for stack, name in names if _registers(name) and stack.count(name) == 1), None)
        if function is None and not shows(held, PATTERN):
            continue
        said = [f"{function} adds one each time, by its name"] if function else []
        said += [f"a heap dump finds them in a {held.container}"] if held is not None and held.pattern else []
        yield Finding(
            detector="listener-registration",
            pattern=PATTERN,
            stance=Stance.IMPLICATES,
            confidence=Confidence.MEDIUM if held is not None and held.pattern else Confidence.LOW,
            sites=group.sites,
            text=f"registrations pile up: {'; '.join(said)}, and none is taken away",
            facts={"function": function or ""},
            remedy="""Hand out the way back with the registration:
    stop := bus.Subscribe(onPrice)
    defer stop()""",
        )


def _registers(function: str) -> bool:
    last = "." + function.rpartition("/")[2].partition(".")[2]
    return _NAMES.search(last) is not None

"""Goroutines that never end: each keeps its descriptor, its stack and all it refers to.

Looks for: groups that allocate goroutine descriptors (runtime.malg) or whose functions stand on goroutine stacks that grow in
    number.
Why it matters: a goroutine blocked for ever is never collected, nor is anything its stack refers to.
How it decides: with goroutine profiles (or, where there are none, two heap dumps, which list goroutines too), a stack whose
    goroutines at least doubled and rose by 10 or more, and in which a function of the group's sites stands; high confidence
    if a goroutineleak profile shows it too. With a heap dump, objects that frames of one function hold on many stacks, and
    nothing else. Without either, runtime.malg on the stack of a group
    that grows significantly. Descriptors are reused but never freed, so a single burst is a step, not a trend. The two
    goroutines of an HTTP client's connection are called unclosed-body, which they are the sign of.
When it is wrong: a worker pool that still grows to its size; load that brings more requests at a time.
What to do: find what the goroutines wait for (the stack says), and give it a way out: a closed channel, a cancelled context,
    a buffer for one late answer.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.detectors.held import Held, held_in, speaks_against
from leakhunt.evidence import Evidence
from leakhunt.measure.goroutines import GoroutineStack
from leakhunt.measure.groups import Group
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.model.site import is_standard
from leakhunt.thresholds import GOROUTINE_GROWTH, GOROUTINE_RATIO

PATTERN = "goroutine-leak"
_DESCRIPTOR = "runtime.malg"
_CONNECTIONS = "unclosed-body"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups that belong to goroutines which grow in number."""
    rising = [
        s for s in evidence.goroutines.stacks if s.growth >= GOROUTINE_GROWTH and s.counts[-1] >= GOROUTINE_RATIO * s.counts[0]
    ]
    leaked = sum(stack.counts[-1] for stack in evidence.leaked.stacks)
    for group in evidence.growing_groups:
        held = held_in(evidence, group)
        if speaks_against(held, PATTERN, _CONNECTIONS):
            continue
        descriptors = _allocates_descriptors(evidence, group)
        stack = _stack_of(evidence, group, rising, descriptors)
        shown = held if held is not None and held.pattern == PATTERN else None
        if stack is None and shown is None and not (descriptors and not evidence.goroutines.stacks):
            continue
        yield Finding(
            detector="goroutine-leak",
            pattern=_CONNECTIONS if stack is not None and _serves_connection(stack) else PATTERN,
            stance=Stance.IMPLICATES,
            confidence=Confidence.HIGH if stack is not None or shown is not None else Confidence.MEDIUM,
            sites=group.sites,
            text=_text(stack, leaked, shown),
            facts={
                "goroutines": stack.counts[-1] if stack else 0,
                "goroutines_grown": stack.growth if stack else 0,
                "leaked": leaked,
            },
            remedy="""Give every goroutine a way out:
    select {
    case results <- value:
    case <-ctx.Done():
        return
    }""",
        )


def _allocates_descriptors(evidence: Evidence, group: Group) -> bool:
    sites = evidence.series.sites
    return any(frame.function == _DESCRIPTOR for site in group.sites for frame in sites[site].frames)


def _stack_of(evidence: Evidence, group: Group, rising: list[GoroutineStack], descriptors: bool) -> GoroutineStack | None:
    """The fastest growing goroutine stack that the group's allocations belong to."""
    functions = {
        frame.function
        for site in group.sites
        for frame in evidence.series.sites[site].frames
        if not is_standard(frame.function) and frame.function != "main.main"
    }
    ordered = sorted(rising, key=lambda stack: -stack.growth)
    related = [stack for stack in ordered if any(frame.function in functions for frame in stack.frames)]
    return next(iter(related), ordered[0] if descriptors and ordered else None)


def _serves_connection(stack: GoroutineStack) -> bool:
    """Whether these are the two goroutines of a client connection: what piles up then is connections."""
    return any(frame.function.startswith("net/http.(*persistConn).") for frame in stack.frames)


def _text(stack: GoroutineStack | None, leaked: int, shown: Held | None) -> str:
    if stack is None and shown is not None:
        objects = max((step.objects for step in shown.retention.path), default=0)
        return f"goroutines pile up: a heap dump finds {objects:,} objects that only {shown.container} hold"
    if stack is None:
        return "goroutine descriptors pile up: runtime.malg allocates one whenever none is free; fetch /debug/pprof/goroutine"
    user = next((f for f in stack.frames if not is_standard(f.function)), stack.frames[0] if stack.frames else None)
    line = f" ({user.file.rpartition('/')[2]}:{user.line})" if user and user.file else ""  # a heap dump has no lines
    where = f"{user.function}{line}" if user else "an unknown place"
    waits = f", waiting in {stack.frames[1].function}" if len(stack.frames) > 1 and user is not stack.frames[0] else ""
    proof = f"; the goroutineleak profile holds {leaked:,} that can never go on" if leaked else ""
    return f"goroutines pile up: at {where} they rose from {stack.counts[0]:,} to {stack.counts[-1]:,}{waits}{proof}"

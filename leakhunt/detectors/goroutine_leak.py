"""Goroutines that never end: each keeps its descriptor, its stack and all it refers to.

Looks for: groups that allocate goroutine descriptors (runtime.malg) or whose functions stand on goroutine stacks that grow in
    number.
Why it matters: a goroutine blocked for ever is never collected, nor is anything its stack refers to.
How it decides: with goroutine profiles (or, where there are none, two heap dumps, which list goroutines too), a stack whose
    goroutines at least doubled and rose by 10 or more, and (of eight profiles and more) went on rising in the last quarter, and
    in which a function of the group's sites stands, or a method of the same type; or which a function on the sites' stacks
    began, also one of the standard library (`os/signal.NotifyContext`); or a function of the same package, where the stack
    has no other (a library's worker) or the group gained one to twelve objects for each goroutine. What the standard library
    allocates by itself, a server's connections, goes by the function that its goroutine began with. High confidence. With a
    heap dump, objects that frames of one function hold on many stacks, and nothing else. Without either, runtime.malg on the
    stack of a group that grows significantly, and with it what else grows most if it gained as many for each descriptor.
    Descriptors are reused but never freed, so a single burst is a step, not a trend. The two goroutines of an HTTP client's
    connection are called unclosed-body, which they are the sign of.
When it is wrong: a worker pool that still grows to its size; load that brings more requests at a time.
What to do: find what the goroutines wait for (the stack says), and give it a way out: a closed channel, a cancelled context,
    a buffer for one late answer. Where they are a library's own, close what began them, or make it once.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.detectors.held import Held, held_in, shows, speaks_against
from leakhunt.evidence import Evidence
from leakhunt.measure.goroutines import GoroutineStack, standing
from leakhunt.measure.groups import Group
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.model.site import AllocationSite, package_of
from leakhunt.thresholds import OBJECTS_A_GOROUTINE

PATTERN = "goroutine-leak"
_DESCRIPTOR = "runtime.malg"
_CONNECTIONS = "unclosed-body"
_WAY_OUT = """Give every goroutine a way out:
    select {
    case results <- value:
    case <-ctx.Done():
        return
    }"""
_OF_LIBRARY = """These goroutines are {}'s own. Make its client or watcher once and share it, or close each where it ends:
    client, err := open()
    if err != nil {{
        return err
    }}
    defer client.Close()"""


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups that belong to goroutines which grow in number."""
    leaked = sum(stack.counts[-1] for stack in evidence.leaked.stacks)
    for group in evidence.growing_groups:
        held = held_in(evidence, group)
        if speaks_against(held, PATTERN, _CONNECTIONS):
            continue
        descriptors = _allocates_descriptors(evidence, group)
        stack = _stack_of(evidence, group, descriptors)
        shown = shows(held, PATTERN)
        alone = stack is None and shown is None
        with_descriptors = alone and not evidence.goroutines.stacks and _goes_with_descriptors(evidence, group)
        if alone and not with_descriptors and not (descriptors and not evidence.goroutines.stacks):
            continue
        yield Finding(
            detector="goroutine-leak",
            pattern=_CONNECTIONS if stack is not None and _serves_connection(stack) else PATTERN,
            stance=Stance.IMPLICATES,
            confidence=Confidence.LOW if with_descriptors else Confidence.MEDIUM if alone else Confidence.HIGH,
            sites=group.sites,
            text=_text(stack, leaked, shown),
            stack=stack.frames[stack.frames.index(stack.place) :] if stack is not None and descriptors and stack.frames else (),
            facts={
                "goroutines": stack.counts[-1] if stack else 0,
                "goroutines_grown": stack.growth if stack else 0,
                "leaked": leaked,
            },
            remedy=_OF_LIBRARY.format(library) if (library := _library_of(stack)) else _WAY_OUT,
        )


def _allocates_descriptors(evidence: Evidence, group: Group) -> bool:
    sites = evidence.series.sites
    return any(frame.function == _DESCRIPTOR for site in group.sites for frame in sites[site].frames)


def _goes_with_descriptors(evidence: Evidence, group: Group) -> bool:
    """Whether goroutine descriptors grow, and of all that grows beside them this group most, with a few objects for each."""
    descriptors = [other for other in evidence.growing_groups if _allocates_descriptors(evidence, other)]
    others = (other for other in evidence.growing_groups if other not in descriptors)
    largest = max(others, key=lambda other: other.trend.bytes_per_hour, default=None)
    return bool(descriptors) and group == largest and _few_for_each(_gained(evidence, group), _gained(evidence, descriptors[0]))


def _gained(evidence: Evidence, group: Group) -> float:
    return float(evidence.grown_objects[list(group.sites)].sum())


def _few_for_each(objects: float, goroutines: float) -> bool:
    low, high = OBJECTS_A_GOROUTINE
    return low * goroutines <= objects <= high * goroutines


def _stack_of(evidence: Evidence, group: Group, descriptors: bool) -> GoroutineStack | None:
    """The fastest growing goroutine stack that the group's allocations belong to, by function, else by type, else by package:
    where it is of no other package (the worker of a library's object), or by number. What the standard library allocates by
    itself belongs to goroutines that begin with the same function, as those of a server's connections."""
    sites = [evidence.series.sites[site] for site in group.sites]
    packages = {package_of(site.leaf.function) for site in sites}
    ordered = sorted(evidence.goroutines.rising, key=lambda stack: -stack.growth)
    if found := standing(ordered, sites):
        return found
    gained, of_library_only = _gained(evidence, group), not any(site.own_functions for site in sites)
    begins = {site.frames[-1].function for site in sites if of_library_only}
    for stack in ordered:
        if stack.frames and stack.frames[-1].function in begins:
            return stack
        calls = {package_of(function) for function in AllocationSite(stack.frames).own_functions}
        if calls & packages and (calls <= packages - {"main"} or _few_for_each(gained, stack.growth)):
            return stack
    return ordered[0] if ordered and descriptors else None


def _library_of(stack: GoroutineStack | None) -> str:
    """The module whose goroutines these are, where no function of the program is on them; "" where one is."""
    pile = AllocationSite(stack.frames) if stack is not None else AllocationSite(())
    return "" if pile.is_of_program else pile.library


def _serves_connection(stack: GoroutineStack) -> bool:
    """Whether these are the two goroutines of a client connection: what piles up then is connections."""
    return any(frame.function.startswith("net/http.(*persistConn).") for frame in stack.frames)


def _text(stack: GoroutineStack | None, leaked: int, shown: Held | None) -> str:
    if stack is None and shown is not None:
        objects = max(step.objects for step in shown.retention.path)
        return f"goroutines pile up: a heap dump finds {objects:,} objects that only {shown.container} hold"
    if stack is None:
        return "goroutine descriptors pile up: runtime.malg allocates one whenever none is free; fetch /debug/pprof/goroutine"
    user = stack.place
    line = f" ({user.file.rpartition('/')[2]}:{user.line})" if user.file else ""  # a heap dump has no lines
    where = f"{user.function}{line}" if stack.frames else "an unknown place"
    waits = f", waiting in {stack.frames[1].function}" if len(stack.frames) > 1 and user is not stack.frames[0] else ""
    proof = f"; the goroutineleak profile holds {leaked:,} that can never go on" if leaked else ""
    return f"goroutines pile up: at {where} they rose from {stack.counts[0]:,} to {stack.counts[-1]:,}{waits}{proof}"

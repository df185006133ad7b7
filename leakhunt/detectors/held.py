"""What the types on a retention path say about the leak. Not a detector: those about containers ask it before the stacks.

A heap dump shows the container itself: a map, a slice, a list, a channel, the runtime's timers, the children of a context.
That tells the pattern better than the stacks that allocated what is in it, so where a path speaks, detectors that go by
stacks are silent about other patterns.
"""

import re
from dataclasses import dataclass

from leakhunt.detectors.caches import cache_type
from leakhunt.evidence import Evidence
from leakhunt.graph.containers import container_place
from leakhunt.measure.groups import Group
from leakhunt.model.finding import GcRoot, Retention, RetentionStep
from leakhunt.profiles_and_dumps import buffer_gained_bytes
from leakhunt.thresholds import QUEUE_KEPT_SHARE

_STACKS = ("stack frame", "conservative")
_LINK = re.compile(r"next|prev|tail|link", re.IGNORECASE)  # fields by which a list of one's own is chained
# What types are called that are told of events; `func` and `chan` elements are, too.
_LISTENER = re.compile(r"\.[\w]*(listener|observer|subscriber|subscription|callback|hook|watcher)s?(\[.*\])?$", re.IGNORECASE)
# What anything may be collected in: names of functions may say more.
COLLECTIONS = ("unbounded-map", "append-only-slice", "sync-map-registry")
_METRICS = ("prometheus.metricMap", "prometheus.MetricVec", "metrics.StandardRegistry", "attribute.")


@dataclass(frozen=True, slots=True)
class Held:
    """The container of a group's objects by a heap dump.

    pattern     what its types say, one of the contract's names; "" where they leave it open
    container   as a person says it: `map[string]*main.Session`, `frames of main.ask`
    """

    pattern: str
    container: str
    retention: Retention


def held_in(evidence: Evidence, group: Group) -> Held | None:
    """What holds the group's objects, None where no dump tells."""
    retention = evidence.retention(group)
    if retention is None:
        return None
    pattern, container = told_by(retention)
    stay = evidence.stay(group) if pattern == "append-only-slice" else None
    if stay is not None and stay.stayed < QUEUE_KEPT_SHARE * stay.first_objects:
        pattern = "unbounded-queue"
    return Held(pattern, container, retention)


def shows(held: Held | None, pattern: str) -> Held | None:
    """`held` where its types say this pattern, None where they do not or no dump tells."""
    return held if held is not None and held.pattern == pattern else None


def speaks_against(held: Held | None, pattern: str, *others: str) -> bool:
    """Whether a dump shows another pattern than this, and than `others` that may stand beside it."""
    return held is not None and held.pattern not in ("", pattern, *others)


ContainerKey = tuple[str | tuple[str, str], ...]


def container_key(evidence: Evidence, group: Group) -> ContainerKey | None:
    """What is the same for all that one container holds: the path to it, or to the known cache that it is a part of, or the
    function whose frames it is; None where no dump tells."""
    retention = evidence.retention(group)
    place = _container(retention) if retention is not None else None
    if retention is None or place is None:
        return None
    cache = cache_type(evidence, group)
    place = next((i for i, step in enumerate(retention.path) if step.type == cache), place)
    root, above = retention.root, retention.path[: place + 1]
    if told_by(retention)[0] == "defer-in-loop":
        above = ()  # the records and what they hold are the function's
    name = root.name.partition(" ")[0] if root.kind in _STACKS else root.name
    return (name, *((step.edge, step.type) for step in above))


def told_by(retention: Retention) -> tuple[str, str]:
    """(pattern, container) by the types on a path, the most telling first."""
    root, path = retention.root, retention.path
    types = [step.type for step in path]
    if root.kind.startswith("finalizer"):
        return "finalizer-cycle", root.name
    if root.name.endswith(" defer") or any(".deferwrap" in each or each == "runtime._defer" for each in types):
        return "defer-in-loop", root.name
    place = _container(retention)
    if place is None:
        return ("buffer-growth", types[-1]) if buffer_gained_bytes(retention) else ("", "")
    entry = path[place + 1]
    if place < 0:
        return _by_root(root, entry), f"frames of {root.name}" if root.kind in _STACKS else root.name
    container = path[place].type
    return _by_container(container, entry, types), container


def _container(retention: Retention) -> int | None:
    return container_place([(step.type, step.objects) for step in retention.path])


def _by_root(root: GcRoot, entry: RetentionStep) -> str:
    """What many objects say that one root holds: frames of as many goroutines, or a variable."""
    if root.kind not in _STACKS:
        return ""
    is_connection = entry.type.startswith("http.persistConn") or root.name.startswith("net/http.(*persistConn).")
    return "unclosed-body" if is_connection else "goroutine-leak"


def _by_container(container: str, entry: RetentionStep, types: list[str]) -> str:
    """The pattern of a container with many entries."""
    inside = _element(container) if container.startswith(("map[", "[]")) else ""
    if entry.type.startswith(("runtime.g", "runtime.sudog")) or container.startswith("[]*runtime.g"):
        return "goroutine-leak"
    if "runtime.timer" in container or container.startswith("runtime.p"):
        return "timer"
    if container.startswith("map[context.canceler]"):
        return "context-cancel-children"
    if entry.type.startswith("context.") and container.startswith("context."):
        return "context-chain"
    if any(each.startswith(_METRICS) for each in types):
        return "label-cardinality"
    if container.startswith("sync.Map") or "*sync.entry" in container:
        return "sync-map-registry"
    if inside.startswith(("func(", "chan ")) or (inside and (entry.type.startswith("func ") or _LISTENER.search(inside))):
        return "listener-registration"
    if container.startswith(("list.List", "chan ")) or (container == entry.type and _LINK.search(entry.edge)):
        return "unbounded-queue"
    if container.startswith("map["):
        return "unbounded-map"
    return "append-only-slice" if container.startswith("[]") else ""


def _element(container: str) -> str:
    """The type of the elements: `func()` of `map[string]func()` and of `[]func()`; "" for other containers."""
    depth = 0
    for place, letter in enumerate(container):
        depth += {"[": 1, "]": -1}.get(letter, 0)
        if letter == "]" and depth == 0:
            return container[place + 1 :]
    return ""

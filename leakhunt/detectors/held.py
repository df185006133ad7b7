"""What a heap dump says of the container that a group's objects are in. Not a detector: shared by those about containers."""

from itertools import pairwise

from leakhunt.evidence import Evidence
from leakhunt.measure.groups import Group
from leakhunt.model.finding import Retention, RetentionStep
from leakhunt.thresholds import CONTAINER_FANOUT

_INTERNALS = ("maps.", "[]*maps.", "map.bucket", "[]map.bucket", "list.Element")


def container_of(retention: Retention) -> RetentionStep | None:
    """The step of the path at which few objects become many: the map, slice or list that grows. None on a path without.

    Where that is a map's own table or a list's element, the map or list before it."""
    path = retention.path
    ratios = [inside.objects / max(1, step.objects) for step, inside in pairwise(path)]
    if not ratios or max(ratios) < CONTAINER_FANOUT:
        return None
    at = ratios.index(max(ratios))
    while at > 0 and path[at].type.startswith(_INTERNALS):
        at -= 1
    return path[at]


def held_in(evidence: Evidence, group: Group) -> str:
    """Type of the container that holds the group's objects, "" where no dump tells."""
    retention = evidence.retention(group)
    step = container_of(retention) if retention else None
    return step.type if step else ""

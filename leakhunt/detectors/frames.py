"""Looking for known functions on the stacks of a group. Not a detector: what the detectors that go by frames share."""

from collections.abc import Iterable

from leakhunt.evidence import Evidence
from leakhunt.measure.groups import Group


def function_on(evidence: Evidence, group: Group, functions: Iterable[str], within: int = 8) -> str | None:
    """The first function among the `within` innermost frames of the group's stacks that starts with one of `functions`
    (so `context.WithValue` and `internal/sync.(*HashTrieMap[...]).` both can be asked for); None where there is none."""
    prefixes = tuple(functions)
    for site in group.sites:
        for frame in evidence.series.sites[site].frames[:within]:
            if frame.function.startswith(prefixes):
                return frame.function
    return None

"""Looking for known functions on the stacks of a group. Not a detector: what the detectors that go by frames share."""

from collections.abc import Iterable, Iterator

from leakhunt.evidence import Evidence
from leakhunt.measure.groups import Group
from leakhunt.model.site import AllocationSite
from leakhunt.thresholds import LIBRARY_FRAMES


def function_on(evidence: Evidence, group: Group, functions: Iterable[str], within: int = LIBRARY_FRAMES) -> str | None:
    """The first function among the `within` innermost frames of the group's stacks that starts with one of `functions`
    (so `context.WithValue` and `internal/sync.(*HashTrieMap[...]).` both can be asked for); None where there is none."""
    return _first((evidence.series.sites[site] for site in group.sites), tuple(functions), within)


def function_near(evidence: Evidence, group: Group, functions: Iterable[str], within: int = LIBRARY_FRAMES) -> str | None:
    """The same, where the group's company counts too: the container that growing objects are put into is often sampled too
    rarely to grow by itself."""
    return _first(evidence.company(group), tuple(functions), within)


def free_near(evidence: Evidence, group: Group) -> Iterator[int]:
    """The sites near the group's that are of no other group that grows."""
    others = {site for other in evidence.growing_groups for site in other.sites}
    return (site for site in evidence.near(group) if site not in others)


def _first(sites: Iterable[AllocationSite], prefixes: tuple[str, ...], within: int) -> str | None:
    frames = (frame for site in sites for frame in site.frames[:within])
    return next((frame.function for frame in frames if frame.function.startswith(prefixes)), None)

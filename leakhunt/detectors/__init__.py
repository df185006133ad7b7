"""One pattern a file: each receives Evidence and yields Findings, for guilt or for innocence.

A detector is a module with

    PATTERN            one of the contract's pattern names
    examine(evidence)  yields Findings about `evidence.groups`, at most one a group

and a docstring that is its manual: `leakhunt explain NAME` prints it. The name of a detector is its module's, with dashes.
A detector never reads a file, prints, or knows another. To add one, write the file and put it on the list below.
"""

from collections.abc import Iterator
from typing import Protocol

from leakhunt.detectors import (
    append_only_slice,
    bounded_cache,
    buffer_growth,
    cache_no_janitor,
    cap_not_kept,
    churn,
    context_cancel_children,
    context_chain,
    defer_in_loop,
    expired_entries,
    finalizer_cycle,
    goroutine_leak,
    intern_table,
    janitor_cache,
    kept_between_dumps,
    label_cardinality,
    lazy_ttl_cache,
    level_between_dumps,
    listener_registration,
    load_step,
    map_capacity,
    never_freed,
    noise,
    plateau,
    pool,
    profiler,
    sawtooth,
    steady_growth,
    subslice_retention,
    swept_entries,
    sync_map_registry,
    timer,
    unbounded_map,
    unbounded_queue,
    unclosed_body,
    warm_up,
)
from leakhunt.evidence import Evidence
from leakhunt.model.finding import Finding


class Detector(Protocol):
    """What `DETECTORS` holds: a module."""

    __name__: str
    __doc__: str | None
    PATTERN: str

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Findings about the groups of `evidence`."""
        ...


DETECTORS: tuple[Detector, ...] = (
    # accusing, the more telling first: of equally sure findings the first names the pattern
    expired_entries,
    cap_not_kept,
    finalizer_cycle,
    defer_in_loop,
    lazy_ttl_cache,
    cache_no_janitor,
    goroutine_leak,
    unclosed_body,
    context_chain,
    context_cancel_children,
    timer,
    label_cardinality,
    sync_map_registry,
    unbounded_queue,
    listener_registration,
    intern_table,
    buffer_growth,
    subslice_retention,
    unbounded_map,
    append_only_slice,
    kept_between_dumps,
    never_freed,
    steady_growth,
    # exonerating, the more telling first too
    profiler,
    warm_up,
    load_step,
    sawtooth,
    plateau,
    level_between_dumps,
    bounded_cache,
    swept_entries,
    janitor_cache,
    pool,
    map_capacity,
    churn,
    noise,
)


def detector_name(detector: Detector) -> str:
    """`never-freed` of the module `leakhunt.detectors.never_freed`."""
    return detector.__name__.rpartition(".")[2].replace("_", "-")

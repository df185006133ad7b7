"""What two successive snapshots say about the process behind the address: restarted, rebuilt, not yet collected.

Pure. Splitting a series at restarts is `leakhunt.measure.series`, which sees more; this is what can be told while capturing.
"""

from dataclasses import dataclass

from leakhunt.model.profile import Profile

# Counters of MemStats that never fall while a process lives.
_CUMULATIVE = ("TotalAlloc", "Mallocs", "Frees", "NumGC")


@dataclass(frozen=True, slots=True)
class ProcessMark:
    """What identifies a process's age at a snapshot: cumulative counters, bytes ever allocated as sampled, main build id."""

    counters: dict[str, int]
    alloc_bytes: int
    build_id: str


def mark_of(heap: Profile, memstats: dict[str, int]) -> ProcessMark:
    """The mark that a heap profile and its MemStats (may be empty) leave. O(samples)."""
    column = heap.index_of("alloc_space")
    alloc_bytes = 0 if column is None else sum(heap.values[column :: len(heap.sample_types)])
    return ProcessMark({name: memstats[name] for name in _CUMULATIVE if name in memstats}, alloc_bytes, heap.build_id)


def restart_between(before: ProcessMark, after: ProcessMark) -> str:
    """Why `after` must be another process than `before`, "" where nothing says so."""
    for name in _CUMULATIVE:
        if name in before.counters and after.counters.get(name, before.counters[name]) < before.counters[name]:
            return f"{name} fell from {before.counters[name]:,} to {after.counters[name]:,}"
    if after.alloc_bytes < before.alloc_bytes:
        return f"alloc_space fell from {before.alloc_bytes:,} to {after.alloc_bytes:,}"
    if before.build_id and after.build_id and before.build_id != after.build_id:
        return "the build id changed"
    return ""


def uncollected_between(before: ProcessMark, after: ProcessMark) -> bool:
    """Whether no collection ended between the two, so that in-use values repeat."""
    return "NumGC" in before.counters and before.counters["NumGC"] == after.counters.get("NumGC")

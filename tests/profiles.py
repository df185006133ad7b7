"""Builds Profile objects from samples written down as a person would: a stack, a block size, raw counts."""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from leakhunt.model.profile import Mapping, Profile, ProfileKind, ValueType

HEAP_TYPES = (
    ValueType("alloc_objects", "count"),
    ValueType("alloc_space", "bytes"),
    ValueType("inuse_objects", "count"),
    ValueType("inuse_space", "bytes"),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """`stack` leaf first; raw sampled objects, as the runtime's buckets hold them before scaling."""

    stack: tuple[str, ...]
    block_bytes: int
    allocated: int
    inuse: int
    line: int = 10


def scaled(count: int, block_bytes: int, period: int) -> tuple[int, int]:
    """Objects and bytes that the runtime writes for `count` sampled objects (runtime/pprof/protomem.go)."""
    if count == 0:
        return 0, 0
    if period <= 1:
        return count, count * block_bytes
    scale = 1 / (1 - np.exp(-block_bytes / period))
    return int(count * scale), int(count * block_bytes * scale)


def int64(values: Iterable[int]) -> memoryview:
    return memoryview(array("q", values))


def heap_profile(
    samples: Sequence[Sample],
    time_ns: int = 0,
    period: int = 512 * 1024,
    build_id: str = "b1",
    source: str = "p",
    first_address: int = 0x1000,
    labels: bool = True,
    kind: ProfileKind = ProfileKind.HEAP,
) -> Profile:
    """One location a function and line, as without inlining."""
    locations: dict[tuple[str, int], int] = {}
    names: dict[str, int] = {}
    values: list[int] = []
    offsets, stacks = [0], []
    for sample in samples:
        values += [*scaled(sample.allocated, sample.block_bytes, period), *scaled(sample.inuse, sample.block_bytes, period)]
        for name in sample.stack:
            names.setdefault(name, len(names))
            stacks.append(locations.setdefault((name, sample.line), len(locations)))
        offsets.append(len(stacks))
    count = len(locations)
    return Profile(
        source=source,
        kind=kind,
        sample_types=HEAP_TYPES,
        default_sample_type="inuse_space",
        values=int64(values),
        stack_offsets=int64(offsets),
        stack_locations=int64(stacks),
        block_bytes=int64(s.block_bytes if labels else 0 for s in samples),
        line_offsets=int64(range(count + 1)),
        line_functions=int64(names[name] for name, _ in locations),
        line_numbers=int64(line for _, line in locations),
        location_addresses=int64(first_address + 16 * i for i in range(count)),
        location_mappings=int64([0] * count),
        function_names=list(names),
        function_files=[f"{name.split('.')[0]}.go" for name in names],
        mappings=(Mapping("/srv/app", build_id),),
        period=period,
        period_type=ValueType("space", "bytes"),
        time_ns=time_ns,
    )

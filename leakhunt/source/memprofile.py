"""Joins a benchmark's B/op and allocs/op to the sites that allocate them, by the benchmark's own memory profile.

`go test -memprofile` counts every run of a benchmark, warm-ups included, so bytes are not per operation; shares are: a
site's share of what was allocated below `BenchmarkX` times the measured B/op of `X`. Sub-benchmarks run in the same function
and cannot be told apart; what the function allocates once, before its loop, counts too. Use -memprofilerate=1, else small
numbers are estimates.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from leakhunt.errors import DecodeError
from leakhunt.model.profile import Profile
from leakhunt.model.site import AllocationSite, Frame


@dataclass(frozen=True, slots=True)
class BenchmarkSite:
    """A line's part in what one benchmark allocates: shares of its bytes and of its objects, 0 to 1."""

    site: AllocationSite
    bytes_share: float
    objects_share: float


def allocations_by_benchmark(profile: Profile) -> Mapping[str, tuple[BenchmarkSite, ...]]:
    """Sites of each top-level benchmark (without `Benchmark`), largest share of bytes first; the testing package's own
    allocations left out. Raises DecodeError where the profile has no allocations or no benchmark on any stack."""
    import numpy as np

    from leakhunt.measure.sites import SiteTable

    columns = [column for column in map(profile.index_of, ("alloc_space", "alloc_objects")) if column is not None]
    if len(columns) < 2:
        raise DecodeError(profile.source, None, "no alloc_space in it; make it with go test -bench=. -memprofile=FILE")
    table = SiteTable("line")
    site_of_sample = table.intern(profile)
    values = np.asarray(profile.values).reshape(-1, len(profile.sample_types))[:, columns]
    sums = np.zeros((len(table), 2), dtype=np.int64)
    np.add.at(sums, site_of_sample, values)
    found: dict[str, dict[tuple[Frame, str], list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    example: dict[tuple[Frame, str], AllocationSite] = {}
    for site, (size, objects) in zip(table.sites, sums.tolist(), strict=True):
        name = benchmark_of(site)
        inner = site.frames[site.leaf_index - 1].function if site.leaf_index else ""
        if name and size and not inner.startswith("testing."):
            key = (site.leaf, inner)
            example.setdefault(key, site)
            found[name][key][0] += size
            found[name][key][1] += objects
    if not found:
        raise DecodeError(profile.source, None, "no benchmark on any stack; make it with go test -bench=. -memprofile=FILE")
    return {
        name: _shares([(example[key], size, objects) for key, (size, objects) in sums.items()]) for name, sums in found.items()
    }


def benchmark_of(site: AllocationSite) -> str:
    """Name of the benchmark that a stack runs in, without `Benchmark`; "" for none."""
    for frame in site.user_stack:
        name = frame.function.rpartition("/")[2].partition(".")[2].partition(".")[0]
        if name.startswith("Benchmark"):
            return name.removeprefix("Benchmark")
    return ""


def _shares(entries: list[tuple[AllocationSite, int, int]]) -> tuple[BenchmarkSite, ...]:
    total_bytes = sum(size for _, size, _ in entries)
    total_objects = max(1, sum(objects for _, _, objects in entries))
    sites = [BenchmarkSite(site, size / total_bytes, objects / total_objects) for site, size, objects in entries]
    return tuple(sorted(sites, key=lambda site: (-site.bytes_share, site.site.leaf.file, site.site.leaf.line)))

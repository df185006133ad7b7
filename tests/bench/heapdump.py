"""Times `leakhunt dump summary` (types, paths, dominators) as a whole process on dumps of 1, 5 and 10 million objects.

    python -m tests.bench.heapdump [OBJECTS...] [--runs N] [--peer NAME=COMMAND]...

The dumps come from fixtures/dumps/bulk. A peer is any tool that reads a core of the same process: in COMMAND, {core} and {exe}
stand for its files, and gcore (gdb) must be there. Runs alternate; medians are printed, CPU seconds first because a shared
machine stretches the others. Memory is the peak resident set less the mapped file, in two parts: what a dump of a thousand
objects takes (Python, libraries, the binary's types and names), and the rest by object. Objects are those that the dump has.
"""

import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "fixtures" / "dumps" / "bulk"
LEAKHUNT = [sys.executable, "-c", "from leakhunt.cli import main; main()"]
HOLD_SECONDS = 600
FEW_OBJECTS = 1_000  # of the dump that shows what does not grow


@dataclass(frozen=True)
class Run:
    """One process: CPU and wall seconds, peak memory in bytes."""

    cpu: float
    wall: float
    peak_bytes: int


def measure(command: Sequence[str]) -> Run:
    """Runs `command` to its end with its output thrown away."""
    begin = time.monotonic()
    with open(os.devnull, "wb") as null:
        process = subprocess.Popen(command, stdout=null, stderr=null)
        _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{shlex.join(command)} ended with status {status}")
    return Run(usage.ru_utime + usage.ru_stime, time.monotonic() - begin, usage.ru_maxrss * 1024)


def median(runs: Sequence[Run]) -> Run:
    """The median of each figure."""
    columns = zip(*((run.cpu, run.wall, run.peak_bytes) for run in runs), strict=True)
    cpu, wall, peak = (statistics.median(column) for column in columns)
    return Run(cpu, wall, int(peak))


def dumped(folder: Path, objects: int, with_core: bool) -> tuple[Path, Path, Path | None]:
    """The program, a dump of it with about `objects` objects, and a core of the same process where a peer wants one."""
    binary, dump = folder / "bulk", folder / f"{objects}.dump"
    subprocess.run(["go", "build", "-o", str(binary), "."], cwd=SOURCE, check=True)
    command = [str(binary), "-objects", str(objects), "-dump", str(dump)]
    if not with_core:
        subprocess.run(command, check=True)
        return binary, dump, None
    process = subprocess.Popen([*command, "-hold", f"{HOLD_SECONDS}s"])
    try:
        while not _written(dump):
            time.sleep(0.5)
        subprocess.run(["gcore", "-o", str(folder / "core"), str(process.pid)], check=True, capture_output=True)
    finally:
        process.kill()
        process.wait()
    return binary, dump, folder / f"core.{process.pid}"


def tools_for(dump: Path, binary: Path) -> dict[str, list[str]]:
    """What is timed, by name."""
    summary = [*LEAKHUNT, "dump", "summary", str(dump)]
    return {"summary": summary, "summary --binary": [*summary, "--binary", str(binary)]}


def objects_in(dump: Path) -> int:
    """How many objects a dump has."""
    command = [*LEAKHUNT, "dump", "summary", str(dump), "--format", "json"]
    return int(json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["objects"])


def beside_file(run: Run, dump: Path) -> int:
    """Peak bytes that are not the mapped dump's."""
    return run.peak_bytes - dump.stat().st_size


def _written(dump: Path) -> bool:
    """Whether the file has stopped growing."""
    if not dump.exists():
        return False
    before = dump.stat().st_size
    time.sleep(2.0)
    return before > 0 and dump.stat().st_size == before


def main() -> None:
    """Prints one line a tool and size."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.heapdump")
    parser.add_argument("objects", type=int, nargs="*", default=[1_000_000, 5_000_000, 10_000_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND")
    arguments = parser.parse_args()
    peers = dict(peer.split("=", 1) for peer in arguments.peer)
    if peers and shutil.which("gcore") is None:
        raise SystemExit("a peer needs a core, and there is no gcore (gdb) here")
    with tempfile.TemporaryDirectory() as temporary:
        binary, dump, _ = dumped(Path(temporary), FEW_OBJECTS, False)
        fixed = {
            name: beside_file(median([measure(command) for _ in range(arguments.runs)]), dump)
            for name, command in tools_for(dump, binary).items()
        }
    for name, fixed_bytes in fixed.items():
        print(f"{name:18} {fixed_bytes / 2**20:6.0f} MiB whatever the dump")
    for asked in arguments.objects:
        with tempfile.TemporaryDirectory() as temporary:
            binary, dump, core = dumped(Path(temporary), asked, bool(peers))
            objects = objects_in(dump)
            rivals = {name: shlex.split(command.format(core=core, exe=binary)) for name, command in peers.items()}
            found: dict[str, list[Run]] = {}
            for _ in range(arguments.runs):
                for name, command in (tools_for(dump, binary) | rivals).items():
                    found.setdefault(name, []).append(measure(command))
            first = median(found["summary --binary"])
            for name, runs in found.items():
                run = median(runs)
                memory = f"{run.peak_bytes / 2**20:6.0f} MiB"
                if name in fixed:
                    each = (beside_file(run, dump) - fixed[name]) / objects
                    memory = f"{beside_file(run, dump) / 2**20:6.0f} MiB beside the file, {each:.0f} B/object beyond the fixed"
                size = dump.stat().st_size / 1e6
                times = f"{run.cpu:6.2f} s CPU {run.wall:6.2f} s"
                print(f"{objects:>11,}  {size:6.0f} MB  {name:18} {times}  {memory}  {run.cpu / first.cpu:.2f} x")


if __name__ == "__main__":
    main()

"""What `watch` costs: processor time and memory of the whole process after 1, 100 and 1 000 snapshots, fetched over HTTP.

    python -m tests.bench.watch [--snapshots N] [--samples N] [--every SECONDS]

A loopback server gives the next profile of a series at each request. The process is measured at rest: when it has used no
processor for a second. Memory should level off once the snapshots kept are as many as are ever kept (leakhunt.live).
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.bench.series import write_series

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Prints one line for each milestone."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snapshots", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--every", type=float, default=0.25)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "series"
        folder.mkdir()
        write_series(folder, options.snapshots, options.samples)
        milestones = sorted({1, 10, 100, 300, 1000, options.snapshots})
        for count, cpu_seconds, rss_bytes in watched(folder, [m for m in milestones if m <= options.snapshots], options.every):
            print(f"{count:6d} snapshots: {cpu_seconds:7.2f} s of processor, {rss_bytes / 2**20:6.1f} MiB resident", flush=True)


def watched(folder: Path, milestones: list[int], every_seconds: float) -> list[tuple[int, float, int]]:
    """(snapshots, processor seconds so far, resident bytes) at each milestone of a watch of the series in `folder`."""
    profiles = sorted(folder.glob("heap_*"))
    served = threading.Semaphore(0)
    position = iter(range(len(profiles)))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.acquire()
            data = profiles[next(position)].read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    result = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, tempfile.TemporaryDirectory() as out:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command = ["watch", f"127.0.0.1:{server.server_address[1]}", "--every", f"{round(every_seconds * 1000)}ms"]
        command += ["--count", str(milestones[-1]), "--profiles", "heap", "--plain", "--timeout", "1h", "-o", out]
        process = subprocess.Popen(
            [sys.executable, "-c", "from leakhunt.cli import main; main()", *command],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        before = 0
        for milestone in milestones:
            # The last request of all is held back, so that the process does not go on to the report at the end.
            allowed = milestone - before - (milestone == milestones[-1])
            for _ in range(allowed):
                served.release()
            before += allowed
            result.append((milestone, *_at_rest(process.pid, Path(out), before)))
        process.kill()
        process.wait()
        server.shutdown()
    return result


def _at_rest(pid: int, out: Path, snapshots: int) -> tuple[float, int]:
    """Processor seconds and resident bytes once `snapshots` are on disk and a second has passed without work."""
    deadline = time.monotonic() + 3600
    while len(list(out.rglob("*_snapshot.json"))) < snapshots:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    cpu = _cpu_seconds(pid)
    while True:
        time.sleep(1.5)
        now = _cpu_seconds(pid)
        if now - cpu < 0.05:  # the view's clock ticks on
            break
        cpu = now
    resident_pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return now, resident_pages * os.sysconf("SC_PAGE_SIZE")


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


if __name__ == "__main__":
    main()

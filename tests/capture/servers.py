"""Real servers on loopback for the tests of capture: Go services that behave, and one that misbehaves by path.

Every path prefix of the misbehaving server is one fault: `http://127.0.0.1:PORT/half` is a target whose heap profile ends
early, `/login` one behind a login page. A heap profile of a real service is what it serves where it serves anything.
"""

import base64
import contextlib
import functools
import gzip
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
HEAP = sorted((ROOT / "fixtures" / "series" / "sessions").glob("heap_*.pb.gz"))
STALL_SECONDS = 20.0  # longer than any test waits
LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Sign in \x1b[31m- Corp</title></head><body>hello</body></html>"
PASSWORD = "s3cret-passphrase"


@functools.cache
def bomb() -> bytes:
    """300 MiB of nothing in 300 KB."""
    return gzip.compress(bytes(300 << 20), compresslevel=1)


class Misbehaving(BaseHTTPRequestHandler):
    """Answers by the first element of the path; counts what it was asked, by path, in `server.asked`."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        fault = self.path.split("/")[1]
        asked: dict[str, int] = self.server.asked  # type: ignore[attr-defined]
        heap = HEAP[0].read_bytes()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            if fault == "lame" and not self.path.endswith("/heap"):
                self._answer(500, b"out of order\n", "text/plain; charset=utf-8")
            elif "/heap" not in self.path or "debug=1" in self.path:
                self._answer(404, b"Unknown profile\n", "text/plain; charset=utf-8")
            elif hasattr(self, fault):
                asked[fault] = asked.get(fault, 0) + 1
                getattr(self, fault)(heap, asked[fault])
            else:
                self._answer(404, b"404 page not found\n", "text/plain; charset=utf-8")

    def good(self, heap: bytes, times: int) -> None:
        self._answer(200, heap)

    lame = good  # the heap is served, and nothing else

    def stall(self, heap: bytes, times: int) -> None:
        self._start(200, len(heap))
        self.wfile.write(heap[:10])
        self.wfile.flush()
        time.sleep(STALL_SECONDS)

    def drip(self, heap: bytes, times: int) -> None:
        """Never silent for long, never done."""
        self._start(200, len(heap))
        for i in range(len(heap)):
            self.wfile.write(heap[i : i + 1])
            self.wfile.flush()
            time.sleep(0.1)

    def error(self, heap: bytes, times: int) -> None:
        self._answer(500, b"the disk \x1b[2J is on fire\n", "text/plain; charset=utf-8")

    def recovers(self, heap: bytes, times: int) -> None:
        if times < 3:
            self._answer(503, b"starting\n", "text/plain", {"Retry-After": "1"})
        else:
            self._answer(200, heap)

    def flaky(self, heap: bytes, times: int) -> None:
        """Two good answers, two bad ones, then good ones."""
        if times in {3, 4}:
            self._answer(500, b"try later\n", "text/plain")
        else:
            self._answer(200, HEAP[min(times, len(HEAP)) - 1].read_bytes())

    flaky_again = flaky  # counted by its own name

    def flaky_stall(self, heap: bytes, times: int) -> None:
        """One good answer, then none."""
        if times == 1:
            self._answer(200, heap)
        else:
            time.sleep(STALL_SECONDS)

    def half(self, heap: bytes, times: int) -> None:
        self._start(200, len(heap))
        self.wfile.write(heap[: len(heap) // 2])
        self.close_connection = True

    def half_unframed(self, heap: bytes, times: int) -> None:
        """Half a body with nothing to tell that there was to be more, as a proxy that died leaves it."""
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(heap[: len(heap) // 2])

    def json(self, heap: bytes, times: int) -> None:
        self._answer(200, b'{"error": "no such tenant"}', "application/json")

    def mislabelled(self, heap: bytes, times: int) -> None:
        self._answer(200, heap, "text/plain; charset=utf-8")

    def login(self, heap: bytes, times: int) -> None:
        self._answer(200, LOGIN_PAGE, "text/html; charset=utf-8")

    def elsewhere(self, heap: bytes, times: int) -> None:
        self._answer(302, b"", "text/html", {"Location": "https://user:pw@login.example.com/start?ticket=abc"})

    def moved(self, heap: bytes, times: int) -> None:
        self._answer(301, b"", "text/html", {"Location": "/good/debug/pprof/heap"})

    def around(self, heap: bytes, times: int) -> None:
        self._answer(302, b"", "text/html", {"Location": self.path})

    def bad_gzip(self, heap: bytes, times: int) -> None:
        packed = bytearray(gzip.compress(heap))
        packed[-8:-4] = b"\0\0\0\0"  # the checksum
        self._answer(200, bytes(packed), "application/octet-stream", {"Content-Encoding": "gzip"})

    def not_gzip(self, heap: bytes, times: int) -> None:
        self._answer(200, b"no gzip at all", "application/octet-stream", {"Content-Encoding": "gzip"})

    def packed(self, heap: bytes, times: int) -> None:
        self._answer(200, gzip.compress(heap), "application/octet-stream", {"Content-Encoding": "gzip"})

    def bomb(self, heap: bytes, times: int) -> None:
        self._answer(200, bomb(), "application/octet-stream", {"Content-Encoding": "gzip"})

    def hangup(self, heap: bytes, times: int) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def garbled(self, heap: bytes, times: int) -> None:
        self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        self.close_connection = True

    def guarded(self, heap: bytes, times: int) -> None:
        given = self.headers.get("Authorization", "")
        wanted = {f"Bearer {PASSWORD}", "Basic " + base64.b64encode(f"ops:{PASSWORD}".encode()).decode()}
        if given in wanted or self.headers.get("X-Api-Key") == PASSWORD:
            self._answer(200, heap)
        else:
            self._answer(401, b"who are you?\n", "text/plain", {"WWW-Authenticate": "Basic"})

    def forbidden(self, heap: bytes, times: int) -> None:
        self._answer(403, LOGIN_PAGE, "text/html")

    def _start(self, status: int, length: int, content_type: str = "application/octet-stream") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _answer(
        self,
        status: int,
        body: bytes,
        content_type: str = "application/octet-stream",
        headers: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def misbehaving_server(context: ssl.SSLContext | None = None) -> Iterator[ThreadingHTTPServer]:
    """Runs it on a free port of 127.0.0.1, over TLS where a context is given."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving)
    server.daemon_threads = True
    server.handle_error = lambda *args: None  # type: ignore[method-assign]  # clients that give up are what is tested
    server.asked = {}  # type: ignore[attr-defined]
    if context is not None:
        # The handshake happens in the handler's thread at its first read, so that a refused one stops nobody else.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def url_of(server: ThreadingHTTPServer, scheme: str = "http") -> str:
    """Its root, without a slash at the end."""
    return f"{scheme}://127.0.0.1:{server.server_address[1]}"


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def build_service(package: str, folder: Path, experiment: str = "") -> Path:
    """Builds a Go program of fixtures/go, or skips the test where there is no Go, no module, or no such experiment."""
    if shutil.which("go") is None:
        pytest.skip("go is not installed")
    binary = folder / Path(package).name
    done = subprocess.run(
        ["go", "build", "-o", str(binary), package],
        cwd=ROOT / "fixtures" / "go", env={**os.environ, "GOEXPERIMENT": experiment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "unknown GOEXPERIMENT" in done.stderr:
        pytest.skip(f"this Go has no {experiment}")
    if done.returncode != 0 and "dial tcp" in done.stderr:
        pytest.skip(f"Go modules cannot be fetched: {done.stderr.splitlines()[0]}")
    assert done.returncode == 0, done.stderr
    return binary


class Service:
    """A Go service running on loopback; `stop` it, `start` it again on the same port."""

    def __init__(self, binary: Path, *flags: str, port: int | None = None) -> None:
        self.binary, self.flags, self.port = binary, flags, port or free_port()
        self.processes: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it and waits until it accepts connections."""
        self.run("-listen", f"127.0.0.1:{self.port}", *self.flags)
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            assert time.monotonic() < deadline, "the service did not start"
            time.sleep(0.02)

    def run(self, *arguments: str) -> None:
        """Starts the program once more, for instance as the visitors of itself.

        A shell forks it: Linux counts the memory of the process that calls exec into the new program's MaxRSS, and a test
        runner is larger than the service."""
        self.processes.append(
            subprocess.Popen(
                ["sh", "-c", '"$0" "$@"; exit', str(self.binary), *arguments],
                stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True,
            )
        )  # fmt: skip

    def stop(self) -> None:
        """Ends every process of it."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=10)
        self.processes.clear()

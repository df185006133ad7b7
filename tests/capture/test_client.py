"""Every way a server can misbehave gives one clear line and no endless wait. The servers are real, on loopback."""

import asyncio
import datetime
import ssl
import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from leakhunt import decode
from leakhunt.capture.client import FirstLineAndTail, NotServed, Unavailable, fetch, open_client
from leakhunt.capture.connection import Connection
from leakhunt.capture.credentials import read_credentials
from leakhunt.errors import CaptureError, ConfigError
from tests.capture.servers import HEAP, PASSWORD, bomb, free_port, misbehaving_server, url_of

ONCE = Connection(timeout_seconds=5, retries=0)


def get(url: str, connection: Connection = ONCE) -> bytes:
    async def run() -> bytes:
        async with open_client(connection) as client:
            body, _ = await fetch(client, url, connection, lambda data: decode.load(data, url))
            return body.data

    return asyncio.run(run())


def heap_of(server: ThreadingHTTPServer, fault: str, scheme: str = "http") -> str:
    return f"{url_of(server, scheme)}/{fault}/debug/pprof/heap"


@pytest.mark.parametrize("fault", ["good", "mislabelled", "packed", "moved"])
def test_what_works(misbehaving: ThreadingHTTPServer, fault: str) -> None:
    assert get(heap_of(misbehaving, fault)) == HEAP[0].read_bytes()


@pytest.mark.parametrize(
    ("fault", "error_type", "said"),
    [
        ("error", Unavailable, r"HTTP 500 Internal Server Error \(the disk \\x1b\[2J is on fire\)"),
        ("half", Unavailable, "the answer was cut short"),
        ("half_unframed", Unavailable, "not a usable profile"),
        ("json", CaptureError, r"not a usable profile \(content type application/json\)"),
        ("login", CaptureError, r"an HTML page titled \"Sign in \\x1b\[31m- Corp\", not a profile; a login page\?"),
        ("elsewhere", CaptureError, "redirects to https://login.example.com/start, which is not followed"),
        ("around", CaptureError, "redirects more than 3 times"),
        ("bad_gzip", Unavailable, "the answer's Content-Encoding is broken"),
        ("not_gzip", Unavailable, "the answer's Content-Encoding is broken"),
        ("bomb", CaptureError, "larger than 256 MiB"),
        ("hangup", Unavailable, "cut short|connection failed"),
        ("garbled", Unavailable, "cut short"),
        ("guarded", CaptureError, "HTTP 401 Unauthorized .*: credentials are missing or wrong; give them with --bearer"),
        ("forbidden", CaptureError, "HTTP 403 Forbidden: these credentials may not read profiles"),
        ("nothing_here", NotServed, "HTTP 404 Not Found .*; is net/http/pprof registered there"),
    ],
)
def test_each_fault_is_one_line(
    misbehaving: ThreadingHTTPServer, fault: str, error_type: type[CaptureError], said: str
) -> None:
    bomb()  # made before the clock runs
    with pytest.raises(CaptureError, match=said) as caught:
        get(heap_of(misbehaving, fault), Connection(timeout_seconds=30, retries=0))
    assert type(caught.value) is error_type
    assert str(caught.value).isprintable(), "one line, nothing that moves a cursor"
    assert "pw@" not in str(caught.value)
    assert "ticket" not in str(caught.value)


@pytest.mark.parametrize("fault", ["stall", "drip"])
def test_the_deadline_holds_for_the_whole_answer(misbehaving: ThreadingHTTPServer, fault: str) -> None:
    start = time.monotonic()
    with pytest.raises(Unavailable, match=r"no complete answer within 0\.6s"):
        get(heap_of(misbehaving, fault), Connection(timeout_seconds=0.6, retries=0))
    assert time.monotonic() - start < 3


def test_a_passing_fault_is_retried_and_a_lasting_one_is_not(misbehaving: ThreadingHTTPServer) -> None:
    start = time.monotonic()
    assert get(heap_of(misbehaving, "recovers"), Connection(timeout_seconds=5, retries=3)) == HEAP[0].read_bytes()
    assert time.monotonic() - start >= 2, "Retry-After: 1 is honoured, twice"
    asked: dict[str, int] = misbehaving.asked  # type: ignore[attr-defined]
    assert asked["recovers"] == 3
    before = asked.get("json", 0)
    with pytest.raises(CaptureError):
        get(heap_of(misbehaving, "json"), Connection(timeout_seconds=5, retries=3))
    assert asked["json"] == before + 1


def test_attempts_are_counted_in_the_line() -> None:
    url = f"http://127.0.0.1:{free_port()}/debug/pprof/heap"
    with pytest.raises(Unavailable, match=r"connection refused; is the service running, and on this port\? \(tried 2 times\)"):
        get(url, Connection(timeout_seconds=5, retries=1))


def test_a_name_that_does_not_resolve() -> None:
    with pytest.raises(Unavailable, match=r"the host name does not resolve"):
        get("http://no-such-host.invalid/debug/pprof/heap")


@pytest.mark.parametrize(
    "references",
    [
        {"bearer": "env:LEAKHUNT_TEST_SECRET"},
        {"basic": "env:LEAKHUNT_TEST_BASIC"},
        {"headers": ("X-Api-Key=env:LEAKHUNT_TEST_SECRET",)},
    ],
)
def test_credentials_are_sent(
    misbehaving: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch, references: dict[str, str]
) -> None:
    monkeypatch.setenv("LEAKHUNT_TEST_SECRET", PASSWORD)
    monkeypatch.setenv("LEAKHUNT_TEST_BASIC", f"ops:{PASSWORD}")
    connection = Connection(read_credentials(**references), timeout_seconds=5, retries=0)  # type: ignore[arg-type]
    assert get(heap_of(misbehaving, "guarded"), connection) == HEAP[0].read_bytes()
    assert PASSWORD not in repr(connection)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> Iterator[ThreadingHTTPServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with misbehaving_server(context) as server:
        yield server


def test_tls_with_a_private_ca(tls: ThreadingHTTPServer, authority: trustme.CA, tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"its TLS certificate is refused: .*; a private CA is given with --cacert"):
        get(heap_of(tls, "good", "https"))
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    assert get(heap_of(tls, "good", "https"), Connection(ca_file=ca_file, retries=0)) == HEAP[0].read_bytes()


def test_an_expired_certificate(authority: trustme.CA, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=3)
    authority.issue_cert("127.0.0.1", not_before=past, not_after=past + datetime.timedelta(days=1)).configure_cert(context)
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    with (
        misbehaving_server(context) as server,
        pytest.raises(CaptureError, match=r"its TLS certificate is refused: certificate has expired"),
    ):
        get(heap_of(server, "good", "https"), Connection(ca_file=ca_file, retries=3))


def test_a_certificate_for_another_host(authority: trustme.CA, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("api.example.com").configure_cert(context)
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    with (
        misbehaving_server(context) as server,
        pytest.raises(CaptureError, match=r"certificate is refused: IP address mismatch"),
    ):
        get(heap_of(server, "good", "https"), Connection(ca_file=ca_file, retries=0))


def test_a_client_certificate(authority: trustme.CA, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    ca_file, pem = tmp_path / "ca.pem", tmp_path / "client.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    authority.issue_cert("ops@example.com").private_key_and_cert_chain_pem.write_to_path(str(pem))
    with misbehaving_server(context) as server:
        with pytest.raises(CaptureError, match=r"client('s TLS)? certificate.*give one with --cert and --key"):
            get(heap_of(server, "good", "https"), Connection(ca_file=ca_file, retries=0))
        connection = Connection(ca_file=ca_file, cert_file=pem, retries=0)
        assert get(heap_of(server, "good", "https"), connection) == HEAP[0].read_bytes()


def test_tls_where_none_is_spoken_and_the_reverse(misbehaving: ThreadingHTTPServer, tls: ThreadingHTTPServer) -> None:
    with pytest.raises(CaptureError, match=r"no TLS is spoken there .*; try http://"):
        get(heap_of(misbehaving, "good", "https"))
    with pytest.raises(CaptureError, match=r"cut short|connection failed"):
        get(heap_of(tls, "good", "http"))


def test_files_that_are_no_certificates(tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    with pytest.raises(ConfigError, match=r"--cacert: .*cannot be used"):
        open_client(Connection(ca_file=junk))
    with pytest.raises(ConfigError, match=r"--cert: .*cannot be used"):
        open_client(Connection(cert_file=junk))
    with pytest.raises(ConfigError, match=r"--cacert: .*No such file"):
        open_client(Connection(ca_file=tmp_path / "missing"))
    with pytest.raises(ConfigError, match=r"--key: a key needs its certificate"):
        open_client(Connection(key_file=junk))


def test_first_line_and_tail_stay_small() -> None:
    kept = FirstLineAndTail(tail_bytes=100)
    kept.add(b"heap profile: 1: ")
    kept.add(b"2 [3: 4]\n" + b"x" * 5000)
    for i in range(1000):
        kept.add(b"line %d\n" % i)
    text = kept.bytes()
    assert text.startswith(b"heap profile: 1: 2 [3: 4]\n")
    assert text.endswith(b"line 998\nline 999\n")
    assert len(text) <= 26 + 200

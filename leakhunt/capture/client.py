"""One request to a pprof handler: TLS, credentials, a deadline, retries, and one clear line for all that can go wrong.

    CaptureError
    ├── NotServed     the handler does not exist there (404)
    └── Unavailable   it may work a moment later: refused, stalled, cut short, 5xx; what retries are for

Redirects are followed within the same origin only, because credentials travel with the request. The environment's proxy
settings (HTTPS_PROXY, NO_PROXY) and SSL_CERT_FILE are honoured, as curl does.
"""

import asyncio
import random
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import httpx
import tenacity

from leakhunt import __version__
from leakhunt.capture.connection import Connection
from leakhunt.errors import CaptureError, ConfigError, DecodeError
from leakhunt.printable import printable
from leakhunt.units import format_bytes, format_duration

MAX_BODY_BYTES = 256 << 20  # a profile of a million samples has some 40 MB; more than this is something else
MAX_REDIRECTS = 3
FIRST_RETRY_SECONDS = 0.5  # doubled with each retry, and spread by as much again so that many targets do not knock at once
LONGEST_RETRY_SECONDS = 10.0
_SHOWN_BODY_BYTES = 2048  # of an error's body, to look for a title or a first line
_TITLE = re.compile(r"<title[^>]*>\s*([^<]{1,200}?)\s*</title>", re.IGNORECASE)
_RETRIED_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
Checked = TypeVar("Checked")


class NotServed(CaptureError):
    """The target has no such handler."""


class Unavailable(CaptureError):
    """The target did not answer properly, and may do so later. `retry_after_seconds` is what it asked for, 0 if nothing."""

    def __init__(self, url: str, reason: str, retry_after_seconds: float = 0.0) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(url, reason)


@dataclass(frozen=True, slots=True)
class Body:
    """A body as it arrived: `data` without any Content-Encoding, the server's content type, how long the attempt took."""

    data: bytes
    content_type: str
    seconds: float


class Whole:
    """Collects a body up to `limit_bytes`."""

    def __init__(self, limit_bytes: int = MAX_BODY_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._data = bytearray()

    def add(self, chunk: bytes) -> None:
        """Takes the next chunk. Raises OverflowError past the limit."""
        self._data += chunk
        if len(self._data) > self._limit_bytes:
            raise OverflowError

    def bytes(self) -> bytes:
        """The body."""
        return bytes(self._data)


class FirstLineAndTail:
    """Keeps a text body's first line and its last `tail_bytes`: `heap?debug=1` writes megabytes of stacks between the two
    that the protobuf profile already holds. Memory is bounded by the tail and one chunk."""

    def __init__(self, tail_bytes: int) -> None:
        self._tail_bytes = tail_bytes
        self._first = bytearray()
        self._tail = bytearray()

    def add(self, chunk: bytes) -> None:
        """Takes the next chunk."""
        if b"\n" not in self._first and len(self._first) < self._tail_bytes:
            self._first += chunk[: self._tail_bytes]
        self._tail += chunk
        if len(self._tail) > 2 * self._tail_bytes:
            del self._tail[: -self._tail_bytes]

    def bytes(self) -> bytes:
        """First line, line feed, tail; the tail may begin within a line."""
        return bytes(self._first.partition(b"\n")[0] + b"\n" + self._tail)


def open_client(connection: Connection) -> httpx.AsyncClient:
    """A client for all targets of a capture. Raises ConfigError where a certificate or key cannot be used."""
    context = httpx.create_ssl_context()  # certifi's roots, or SSL_CERT_FILE
    context.load_default_certs()  # and the system's, where companies put their own
    try:
        if connection.ca_file is not None:
            context.load_verify_locations(connection.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError("--cacert", f"{connection.ca_file} cannot be used: {_os_reason(error)}") from None
    if connection.key_file is not None and connection.cert_file is None:
        raise ConfigError("--key", "a key needs its certificate; give it with --cert")
    try:
        if connection.cert_file is not None:
            # An empty password makes an encrypted key an error; without one OpenSSL would ask on the terminal.
            context.load_cert_chain(connection.cert_file, connection.key_file, password="")
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            "--cert",
            f"{connection.cert_file} and its key cannot be used: {_os_reason(error)}; PEM without a password is expected",
        ) from None
    headers = {"User-Agent": f"leakhunt/{__version__}", "Accept-Encoding": "identity", **connection.credentials.headers}
    return httpx.AsyncClient(
        headers=headers, verify=context, timeout=httpx.Timeout(connection.timeout_seconds), follow_redirects=False
    )


async def fetch(
    client: httpx.AsyncClient,
    url: str,
    connection: Connection,
    check: Callable[[bytes], Checked],
    collector: Callable[[], Whole | FirstLineAndTail] = Whole,
) -> tuple[Body, Checked]:
    """GETs `url`, with retries, until `check` accepts the body; returns the body and what `check` made of it.

    `check` raises DecodeError for a body that is not what was asked for. Raises CaptureError (or NotServed, Unavailable) for
    the last attempt's failure, with how many attempts were made.
    """
    attempts = 1 + connection.retries
    retrying = tenacity.AsyncRetrying(
        stop=tenacity.stop_after_attempt(attempts),
        wait=_wait_seconds,
        retry=tenacity.retry_if_exception_type(Unavailable),
        reraise=True,
    )
    try:
        async for attempt in retrying:
            with attempt:
                return await _fetch_once(client, url, connection, check, collector)
    except Unavailable as error:
        tries = f" (tried {attempts} times)" if attempts > 1 else ""
        raise Unavailable(url, error.reason + tries) from error
    raise AssertionError("tenacity returns or raises")


def _wait_seconds(state: tenacity.RetryCallState) -> float:
    """Seconds until the next attempt: doubling, spread, and at least what the server asked for with Retry-After."""
    backoff: float = min(FIRST_RETRY_SECONDS * 2.0 ** (state.attempt_number - 1), LONGEST_RETRY_SECONDS)
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after_seconds if isinstance(error, Unavailable) else 0.0
    return max(backoff, min(asked, LONGEST_RETRY_SECONDS)) + random.uniform(0, FIRST_RETRY_SECONDS)


async def _fetch_once(
    client: httpx.AsyncClient,
    url: str,
    connection: Connection,
    check: Callable[[bytes], Checked],
    collector: Callable[[], Whole | FirstLineAndTail],
) -> tuple[Body, Checked]:
    start = time.monotonic()
    try:
        async with asyncio.timeout(connection.timeout_seconds):
            response, data = await _get(client, url, collector())
    except (TimeoutError, httpx.TimeoutException):
        raise Unavailable(url, f"no complete answer within {format_duration(connection.timeout_seconds)}") from None
    except OverflowError:
        raise CaptureError(url, f"the answer is larger than {format_bytes(MAX_BODY_BYTES)}, no profile is") from None
    except httpx.DecodingError as error:
        raise Unavailable(url, f"the answer's Content-Encoding is broken: {printable(str(error), 200)}") from None
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
        raise _connection_error(url, error) from None
    content_type = response.headers.get("content-type", "").split(";")[0].strip().lower()
    _refuse_status(url, response, content_type, data)
    if content_type == "text/html" or data[:256].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        title = _TITLE.search(data[:_SHOWN_BODY_BYTES].decode("utf-8", "replace"))
        named = f' titled "{printable(title[1], 100)}"' if title else ""
        raise CaptureError(
            url, f"answered an HTML page{named}, not a profile; a login page? give credentials with --bearer or --basic"
        )
    try:
        checked = check(data)
    except DecodeError as error:
        kind = f" (content type {printable(content_type, 80)})" if content_type not in {"", "application/octet-stream"} else ""
        reason = f"the answer is not a usable profile{kind}: {error.reason}"
        # Where the framing tells that the body is whole, asking again brings the same; without, it may have been cut short.
        framed = "content-length" in response.headers or "transfer-encoding" in response.headers
        raise (CaptureError(url, reason) if framed else Unavailable(url, reason)) from None
    return Body(data, content_type, time.monotonic() - start), checked


async def _get(client: httpx.AsyncClient, url: str, collected: Whole | FirstLineAndTail) -> tuple[httpx.Response, bytes]:
    """The final response and its body; follows redirects that stay on the origin."""
    at = httpx.URL(url)
    for _ in range(MAX_REDIRECTS + 1):
        async with client.stream("GET", at) as response:
            if not response.has_redirect_location:
                error_body = Whole() if response.status_code != 200 else collected
                async for chunk in response.aiter_bytes(64 << 10):
                    error_body.add(chunk)
                    if response.status_code != 200 and len(error_body.bytes()) >= _SHOWN_BODY_BYTES:
                        break
                return response, error_body.bytes()
            to = at.join(response.headers["location"])
        if (to.scheme, to.host, to.port) != (at.scheme, at.host, at.port):
            shown = printable(str(to.copy_with(query=None, fragment=None, username=None, password=None)), 200)
            raise CaptureError(
                url,
                f"redirects to {shown}, which is not followed because credentials would go along; give that URL if it is right",
            )
        at = to
    raise CaptureError(url, f"redirects more than {MAX_REDIRECTS} times")


def _refuse_status(url: str, response: httpx.Response, content_type: str, data: bytes) -> None:
    status = response.status_code
    if status == 200:
        return
    said = f"HTTP {status} {printable(response.reason_phrase, 60)}".rstrip()
    text = data[:_SHOWN_BODY_BYTES].decode("utf-8", "replace").strip()
    if text and content_type == "text/plain":
        said += f" ({printable(text.splitlines()[0], 160)})"
    if status == 404:
        raise NotServed(url, f"{said}; is net/http/pprof registered there, on this port?")
    if status == 401:
        raise CaptureError(url, f"{said}: credentials are missing or wrong; give them with --bearer, --basic or --header")
    if status == 403:
        raise CaptureError(url, f"{said}: these credentials may not read profiles")
    if status in _RETRIED_STATUS:
        after = response.headers.get("retry-after", "")
        raise Unavailable(url, said, float(after) if after.isdecimal() and len(after) < 6 else 0.0)
    raise CaptureError(url, said)


def _connection_error(url: str, error: Exception) -> CaptureError:
    """What a person can act on, dug out of the layers that httpx wraps around it."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return CaptureError(
                url, f"its TLS certificate is refused: {printable(cause.verify_message)}; a private CA is given with --cacert"
            )
        if isinstance(cause, ssl.SSLError):
            reason = (cause.reason or "").replace("_", " ").lower() or str(cause)
            if cause.reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}:
                return CaptureError(url, f"no TLS is spoken there ({reason}); try http://")
            if "certificate required" in reason or "bad certificate" in reason or "handshake failure" in reason:
                return CaptureError(
                    url, f"the server refuses this client's TLS certificate ({reason}); give one with --cert and --key"
                )
            return Unavailable(url, f"TLS failed: {printable(reason, 160)}")
        if isinstance(cause, socket.gaierror):
            return Unavailable(url, f"the host name does not resolve ({cause.strerror})")
        if isinstance(cause, ConnectionRefusedError):
            return Unavailable(url, "connection refused; is the service running, and on this port?")
        if isinstance(cause, httpx.InvalidURL | httpx.UnsupportedProtocol):
            return CaptureError(url, f"is no URL to fetch: {printable(str(cause), 160)}")
    if isinstance(error, httpx.RemoteProtocolError):
        return Unavailable(url, f"the answer was cut short: {printable(str(error), 200)}")
    deepest = list(_causes(error))[-1]
    detail = printable(_os_reason(deepest) or type(error).__name__, 200)
    # In TLS 1.3 a server that misses a client's certificate says so after the handshake, and often only by hanging up.
    hint = "; if the server wants a client certificate, give one with --cert and --key" if url.startswith("https:") else ""
    return Unavailable(url, f"the connection failed: {detail}{hint}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and what it came from, outermost first; of a group, each member's."""
    yield error
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _causes(member)
    inner = error.__cause__ or error.__context__
    if inner is not None:
        yield from _causes(inner)


def _os_reason(error: BaseException) -> str:
    strerror = getattr(error, "strerror", None)
    return str(strerror) if strerror else str(error)

"""Two snapshots of a service in memory, for `hunt URL`: what can be said at once, without a folder.

A URL of a plain file (`https://ci.example.com/heap.pb.gz`) is fetched once instead.
"""

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

from leakhunt.capture.client import fetch, open_client
from leakhunt.capture.connection import Connection
from leakhunt.capture.snapshot import KINDS, take
from leakhunt.capture.target import PROFILE_NAMES, parse_target
from leakhunt.errors import CaptureError

# Collects before each: a quiet service may not collect between the two, and its in-use values would then repeat.
_COLLECT_FIRST = "?gc=1"


def fetch_inputs(
    url: str,
    connection: Connection,
    distance_seconds: float,
    on_wait: Callable[[float], None],
) -> list[tuple[str, bytes]]:
    """What `url` stands for as (name, bytes): a plain file, or a service's heap and goroutine profiles, taken twice.

    `on_wait` hears how long the wait for the second will be. Raises CaptureError, ConfigError.
    """
    if _is_file(url):
        return [(url, asyncio.run(_fetch_file(url, connection)))]
    return asyncio.run(fetch_pair(url, connection, distance_seconds, on_wait))


async def fetch_pair(
    url: str, connection: Connection, distance_seconds: float, on_wait: Callable[[float], None]
) -> list[tuple[str, bytes]]:
    """Two snapshots of the service at `url`, a collection asked for before each heap profile. A second one that fails is an
    error too: one snapshot says nothing about growth."""
    target = parse_target(url)
    inputs = []
    async with open_client(connection) as client:
        for number in (1, 2):
            if number == 2:
                on_wait(distance_seconds)
                await asyncio.sleep(distance_seconds)
            snapshot = await take(client, connection, target, gc=True, parts=KINDS)
            for fetched in snapshot.fetched:
                query = _COLLECT_FIRST if fetched.kind == "heap" else ""
                inputs.append((f"{target.url(fetched.kind)}{query}#{number}", fetched.data))
    return inputs


def _is_file(url: str) -> bool:
    last = urlsplit(url).path.rsplit("/", 1)[-1]
    return "." in last.strip(".") and last not in PROFILE_NAMES


async def _fetch_file(url: str, connection: Connection) -> bytes:
    if "@" in urlsplit(url).netloc:
        parse_target(url)  # refuses it, with what to do instead
    async with open_client(connection) as client:
        body, _ = await fetch(client, url, connection, len)
    if not body.data:
        raise CaptureError(url, "the answer is empty")
    return body.data

"""One snapshot of a target: which profiles to ask for, what each body must be, and what the process says about itself.

A snapshot without a heap profile is none; everything else may be missing, with its reason kept. MemStats come from the tail
of `heap?debug=1`, whose stacks are dropped: they are in the protobuf profile already.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass, field, replace

import httpx

from leakhunt import decode
from leakhunt.capture.client import FirstLineAndTail, NotServed, fetch
from leakhunt.capture.connection import Connection
from leakhunt.capture.target import Target
from leakhunt.errors import CaptureError, DecodeError
from leakhunt.model.profile import Profile, ProfileKind

MEMSTATS = "memstats"
KINDS = ("heap", "goroutine", "goroutineleak")  # in the order they are asked for: the leak profile collects, so it comes last
DEFAULT_PARTS = (*KINDS, MEMSTATS)
_MEMSTATS_MARK = b"\n# runtime.MemStats"
# The lines behind the mark have some 9 KB in go1.27, most of it 2 * 256 pause times of up to 20 digits.
MEMSTATS_TAIL_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Fetched:
    """One profile of a snapshot: its kind (`heap`), the bytes as served, the same decoded, and how long the request took."""

    kind: str
    data: bytes = field(repr=False)
    profile: Profile = field(repr=False)
    seconds: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one process showed at one moment.

    time_ns     when the heap profile was asked for, nanoseconds since 1970 by this machine's clock
    gc          whether a collection was asked for first
    fetched     the heap profile first
    memstats    the runtime's MemStats by Go's field names, empty where not served or not asked for
    missing     kind -> why it is not there
    """

    target: Target
    time_ns: int
    gc: bool
    fetched: tuple[Fetched, ...]
    memstats: dict[str, int]
    missing: dict[str, str]

    @property
    def heap(self) -> Profile:
        """The heap profile."""
        return self.fetched[0].profile


async def take(
    client: httpx.AsyncClient,
    connection: Connection,
    target: Target,
    *,
    gc: bool = False,
    parts: Collection[str] = DEFAULT_PARTS,
) -> Snapshot:
    """Asks for the heap and for those of `parts` that the target serves. Raises CaptureError where there is no heap profile."""
    time_ns = time.time_ns()
    fetched = [await _fetch_profile(client, connection, target, "heap", "?gc=1" if gc else "")]
    missing: dict[str, str] = {}
    memstats: dict[str, int] = {}
    connection = replace(connection, retries=0)  # what is missing now is asked for again with the next snapshot
    if MEMSTATS in parts:
        try:
            memstats = await _fetch_memstats(client, connection, target)
        except CaptureError as error:
            missing[MEMSTATS] = error.reason
    for kind in KINDS[1:]:
        if kind not in parts:
            continue
        try:
            fetched.append(await _fetch_profile(client, connection, target, kind))
        except NotServed:
            missing[kind] = "not served"
        except CaptureError as error:
            missing[kind] = error.reason
    return Snapshot(target, time_ns, gc, tuple(fetched), memstats, missing)


async def _fetch_profile(
    client: httpx.AsyncClient, connection: Connection, target: Target, kind: str, query: str = ""
) -> Fetched:
    url = target.url(kind)

    def check(data: bytes) -> Profile:
        profile = decode.load(data, f"{url}{query}#{time.time_ns()}")  # no two profiles share a source
        if profile.kind != ProfileKind(kind):
            raise DecodeError(url, None, f"it is a profile of kind {profile.kind}, not {kind}")
        return profile

    body, profile = await fetch(client, url + query, connection, check)
    return Fetched(kind, body.data, profile, body.seconds)


async def _fetch_memstats(client: httpx.AsyncClient, connection: Connection, target: Target) -> dict[str, int]:
    url = target.url("heap") + "?debug=1"

    def check(data: bytes) -> dict[str, int]:
        first, _, tail = data.partition(b"\n")
        mark = tail.rfind(_MEMSTATS_MARK)
        if mark < 0:
            raise DecodeError(url, None, "it ends without the runtime's MemStats")
        return decode.load(first + b"\n" + tail[mark:], url).memstats

    _, memstats = await fetch(client, url, connection, check, lambda: FirstLineAndTail(MEMSTATS_TAIL_BYTES))
    return memstats

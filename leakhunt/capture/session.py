"""When to take snapshots, of several targets at once, and what happened, as events.

Each target keeps its own clock: a slow or dead one delays no other. A tick that passes while a snapshot is still under way is
skipped, never caught up with. Everything is written between two awaits, so cancelling leaves a valid series.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from leakhunt.capture.client import open_client
from leakhunt.capture.connection import Connection
from leakhunt.capture.folder import SeriesFolder
from leakhunt.capture.record import Record
from leakhunt.capture.snapshot import DEFAULT_PARTS, Snapshot, take
from leakhunt.capture.target import Target
from leakhunt.errors import CaptureError

DEFAULT_EVERY_SECONDS = 30.0
DEFAULT_COUNT = 12  # enough for the trend test to find .96 of leaks in 44 real programs (see how it decides)
DEFAULT_CAP_BYTES = 1 << 30
MANY_RESTARTS = 3  # as many in succession look like several processes behind one address


@dataclass(frozen=True, slots=True)
class Schedule:
    """A snapshot at once and then each `every_seconds`, until `count` were tried or `for_seconds` have passed; None: no end."""

    every_seconds: float = DEFAULT_EVERY_SECONDS
    count: int | None = DEFAULT_COUNT
    for_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to capture and where to put it."""

    targets: tuple[Target, ...]
    root: Path
    schedule: Schedule = field(default_factory=Schedule)
    gc: bool = False
    parts: tuple[str, ...] = DEFAULT_PARTS
    cap_bytes: int = DEFAULT_CAP_BYTES


@dataclass(frozen=True, slots=True)
class Taken:
    """A snapshot was written as `record`."""

    target: Target
    snapshot: Snapshot
    record: Record


@dataclass(frozen=True, slots=True)
class Missed:
    """A snapshot could not be taken; the next is tried at its time. `reason` is one line."""

    target: Target
    reason: str


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Not even the first snapshot could be taken, so the target is left out. `reason` is one line."""

    target: Target
    reason: str


Event = Taken | Missed | GivenUp


@dataclass(slots=True)
class Tally:
    """How a target's capture went."""

    target: Target
    folder: SeriesFolder
    taken: int = 0
    missed: int = 0
    restarts: int = 0
    restarts_in_succession: int = 0
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How all of them went; `interrupted` when a signal ended it early."""

    tallies: tuple[Tally, ...]
    interrupted: bool


def capture(plan: Plan, connection: Connection, on_event: Callable[[Event], None]) -> Outcome:
    """Runs a capture to its end, or until SIGINT or SIGTERM. Raises ConfigError before the first request; what goes wrong
    later is an event."""
    return asyncio.run(run(plan, connection, on_event))


async def run(
    plan: Plan, connection: Connection, on_event: Callable[[Event], None], stopped: asyncio.Event | None = None
) -> Outcome:
    """The same within a running event loop, whose SIGINT and SIGTERM it takes over until it returns; `stopped` ends it too."""
    tallies = tuple(Tally(target, SeriesFolder(plan.root, target.name, plan.cap_bytes)) for target in plan.targets)
    for tally in tallies:
        tally.folder.open(tally.target.base_url)
    stopped = stopped or asyncio.Event()
    with signals_set(stopped):
        async with open_client(connection) as client:
            followers = [asyncio.create_task(_follow(client, plan, connection, tally, on_event)) for tally in tallies]
            stop = asyncio.create_task(stopped.wait())
            try:
                await _first_of(followers, stop)
            finally:
                for task in (*followers, stop):
                    task.cancel()
                await asyncio.gather(*followers, stop, return_exceptions=True)
    return Outcome(tallies, stopped.is_set())


@contextlib.contextmanager
def signals_set(stopped: asyncio.Event) -> Iterator[None]:
    """SIGINT and SIGTERM set `stopped` instead of ending the process."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, stopped.set)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def _first_of(followers: list[asyncio.Task[None]], stop: "asyncio.Task[bool]") -> None:
    """Returns when all followers are done or `stop` is; raises what a follower raised."""
    pending: set[asyncio.Task[None] | asyncio.Task[bool]] = {*followers, stop}
    while pending - {stop} and not stop.done():
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


async def _follow(
    client: httpx.AsyncClient, plan: Plan, connection: Connection, tally: Tally, on_event: Callable[[Event], None]
) -> None:
    schedule = plan.schedule
    start = time.monotonic()
    tick = 0
    while True:
        try:
            snapshot = await take(client, connection, tally.target, gc=plan.gc, parts=plan.parts)
            record = tally.folder.add(snapshot)
        except CaptureError as error:
            if tally.taken == 0:
                tally.failure = str(error)
                on_event(GivenUp(tally.target, str(error)))
                return
            tally.missed += 1  # a full disk too: somebody may make room before the next
            on_event(Missed(tally.target, str(error)))
        else:
            tally.taken += 1
            tally.restarts += bool(record.restarted)
            tally.restarts_in_succession = tally.restarts_in_succession + 1 if record.restarted else 0
            on_event(Taken(tally.target, snapshot, record))
        passed = int((time.monotonic() - start) / schedule.every_seconds)
        tick = max(tick + 1, passed + (passed > tick))
        if schedule.count is not None and tally.taken + tally.missed >= schedule.count:
            return
        if schedule.for_seconds is not None and tick * schedule.every_seconds > schedule.for_seconds:
            return
        await asyncio.sleep(max(0.0, start + tick * schedule.every_seconds - time.monotonic()))

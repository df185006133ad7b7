"""Runs a watch: profiles come in, a live hunt looks at them, a view shows what it says, until a key or a verdict ends it.

One task feeds (from a URL by way of a capture, or from a folder that others write to), one thinks (in a thread, so that the
view stays alive), one keeps the view's clock. The state is changed in the event loop only, the live hunt in the thread only.
"""

import asyncio
import contextlib
import os
import shlex
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from leakhunt import decode
from leakhunt.capture.record import SIDECAR_SUFFIX, read_record
from leakhunt.capture.session import Event, Missed, Plan, Taken, run, signals_set
from leakhunt.cli.inputs import files_below, is_url
from leakhunt.cli.investigate import investigate
from leakhunt.cli.keyboard import keys
from leakhunt.cli.watch_view import WatchState, screen
from leakhunt.config import Settings
from leakhunt.decode.dumpfile import is_dump_file
from leakhunt.errors import CaptureError, DecodeError, MismatchError
from leakhunt.live import Certainty, LiveHunt
from leakhunt.printable import printable

if TYPE_CHECKING:
    from leakhunt.capture.connection import Connection
    from leakhunt.measure.ledger import Ledger
    from leakhunt.model.finding import Report
    from leakhunt.model.profile import Profile

POLL_SECONDS = 1.0  # of a folder: a scan of 1 000 files takes some 5 ms
REFRESH_SECONDS = 0.5
# Of a folder's files, three snapshots of up to four files each.
LOOKED_AT_SINGLY = 12
# A file that cannot be read is taken for one still being written until it has not changed for so long.
SETTLED_SECONDS = 3.0
_QUIT_KEYS = frozenset("qQ\x03\x04")


class View(Protocol):
    """Shows the state whenever it changed."""

    def shown(self) -> AbstractContextManager[object]:
        """Opens the view, and closes it however the block is left."""

    def refresh(self, state: WatchState) -> None:
        """Shows `state`."""


class ScreenView:
    """The whole terminal, in its alternate screen, so that what stood there comes back at the end."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console()
        self._live = Live(console=self._console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)

    def shown(self) -> AbstractContextManager[object]:
        """Takes the terminal over."""
        return self._live

    def refresh(self, state: WatchState) -> None:
        """Draws the screen anew, at the size that the terminal has now."""
        from rich.text import Text

        columns, lines = self._console.size
        text = Text("\n", no_wrap=True, end="").join(screen(state, columns, lines, time.monotonic()))
        self._live.update(text, refresh=True)


class LineView:
    """A line for each message and each new verdict, on stderr: for a log, or a terminal that cannot do more."""

    def __init__(self) -> None:
        self._told = 0
        self._verdict = ""

    def shown(self) -> AbstractContextManager[object]:
        """Nothing to open."""
        return contextlib.nullcontext()

    def refresh(self, state: WatchState) -> None:
        """Prints what is new."""
        for message in (
            list(state.messages)[len(state.messages) - (state.told - self._told) :] if state.told > self._told else ()
        ):
            print(message, file=sys.stderr)
        self._told = state.told
        if state.report is not None and (verdict := f"{state.report.verdict}: {state.report.headline}") != self._verdict:
            self._verdict = verdict
            print(printable(verdict, 500), file=sys.stderr)


class Watching:
    """One watch: its state, its hunt, and what ends it."""

    def __init__(self, title: str, settings: Settings, view: View, until_verdict: bool) -> None:
        self.state = WatchState(title)
        self.failure: str = ""
        self._live = LiveHunt(settings)
        self._certainty = Certainty()
        self._view = view
        self._until_verdict = until_verdict
        self._stopped = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._batches: asyncio.Queue[Callable[[], None]] = asyncio.Queue()

    async def url(self, plan: Plan, connection: "Connection") -> None:
        """Captures and watches the plan's one target until it ends."""
        every, start = plan.schedule.every_seconds, time.monotonic()

        def on_event(event: Event) -> None:
            passed = time.monotonic() - start
            self.state.next_at = start + (passed // every + 1) * every
            if isinstance(event, Taken):
                self._taken(event)
            else:
                self.state.missed += 1
                self.state.tell(("no snapshot: " if isinstance(event, Missed) else "") + event.reason)
                self.failure = event.reason
            self._view.refresh(self.state)

        await self._until_stopped(self._captured(plan, connection, on_event))

    async def _captured(self, plan: Plan, connection: "Connection", on_event: Callable[[Event], None]) -> None:
        await run(plan, connection, on_event, self._stopped)

    def _taken(self, event: Taken) -> None:
        self.state.seen += 1
        self.failure = ""
        if event.record.restarted:
            self._restarted(event.record.restarted)
        for note in event.record.notes:
            self.state.tell(note)
        profiles = [fetched.profile for fetched in event.snapshot.fetched]

        def add() -> None:
            self._add(profiles)
            if event.snapshot.memstats:
                self._live.add_memstats(event.snapshot.time_ns, event.snapshot.memstats)

        self._batches.put_nowait(add)

    async def folder(self, folder: Path) -> None:
        """Watches a folder that somebody else writes profiles to."""
        with signals_set(self._stopped):
            await self._until_stopped(self._polled(folder))

    async def _polled(self, folder: Path) -> None:
        known: dict[str, tuple[int, int]] = {}
        while True:
            fresh = await asyncio.to_thread(_fresh_files, folder, known)
            # The newest one by one: what the last three snapshots say in a row is certain.
            for paths in (fresh[:-LOOKED_AT_SINGLY], *([path] for path in fresh[-LOOKED_AT_SINGLY:])):
                if paths:
                    self._batches.put_nowait(partial(self._read, paths, known))
                    await self._batches.join()
            await asyncio.sleep(POLL_SECONDS)

    def _read(self, paths: Sequence[str], known: dict[str, tuple[int, int]]) -> None:
        """In the thinking thread: reads files, adds what they hold. What is left in `known` is not read again."""
        for path in paths:
            if path.endswith(SIDECAR_SUFFIX):
                record = read_record(Path(path))
                if record is not None and record.memstats:
                    self._live.add_memstats(record.time_ns, record.memstats)
                if record is not None and record.restarted:
                    self._from_thread(self._restarted, record.restarted)
                continue
            try:
                if is_dump_file(Path(path)):
                    self._from_thread(
                        self.state.tell, f"{os.path.basename(path)}: a heap dump; the report at the end takes it in"
                    )
                    continue
                profile = decode.load(decode.read_file(path), path)
            except DecodeError as error:
                if time.time() - _modified(path) < SETTLED_SECONDS:
                    known.pop(path, None)  # perhaps still being written: the next scan tries again
                else:
                    self._from_thread(self.state.tell, f"skipped {os.path.basename(path)}: {error.reason}")
                continue
            self._add([profile])

    def _add(self, profiles: "Sequence[Profile]") -> None:
        for profile in profiles:
            try:
                refused = self._live.add(profile)
            except MismatchError as error:
                refused = error.reason
            if refused is not None:
                self._from_thread(self.state.tell, refused)

    def _restarted(self, reason: str) -> None:
        self.state.restarts += 1
        self.state.tell(f"the process was restarted: {reason}")

    def _from_thread(self, change: Callable[[str], None], text: str) -> None:
        """Changes the state from the thinking thread, by way of the event loop."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(change, text)

    async def _until_stopped(self, feed: Coroutine[Any, Any, None]) -> None:
        """Runs the feed with the thinking and the view's clock until it ends, a key ends it, or a verdict does. What one of
        them raises is raised, after the terminal is itself again."""
        self._loop = asyncio.get_running_loop()
        with self._view.shown(), keys(self._on_key):
            self._view.refresh(self.state)
            tasks = [asyncio.create_task(part) for part in (feed, self._think(), self._tick(), self._wait())]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait(self) -> None:
        await self._stopped.wait()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            self._view.refresh(self.state)

    async def _think(self) -> None:
        while True:
            batches = [await self._batches.get()]
            while not self._batches.empty():  # where profiles come faster than answers, one answer for several
                batches.append(self._batches.get_nowait())
            self.state.busy = True
            self._view.refresh(self.state)
            report, ledger = await asyncio.to_thread(self._look, batches)
            self.state.busy = False
            self.state.seen = max(self.state.seen, self._live.heaps_seen)
            if report.window.snapshots and (self.state.report is None or report.times_ns != self.state.report.times_ns):
                self.state.certain = self._certainty.look(report)
            self.state.report, self.state.ledger = report, ledger
            self._view.refresh(self.state)
            for _ in batches:
                self._batches.task_done()
            if self.state.certain and self._until_verdict:
                self._stopped.set()

    def _look(self, batches: Sequence[Callable[[], None]]) -> "tuple[Report, Ledger | None]":
        for add in batches:
            add()
        return self._live.report(), self._live.ledger()

    def _on_key(self, key: str) -> None:
        if key in _QUIT_KEYS:
            self._stopped.set()


def _fresh_files(folder: Path, known: dict[str, tuple[int, int]]) -> list[str]:
    """Files below `folder` that are new or have changed, in order of their names; `known` is brought up to date."""
    now: dict[str, tuple[int, int]] = {}
    for path in _profiles_and_sidecars(folder):
        with contextlib.suppress(OSError):
            status = os.stat(path)
            now[path] = (status.st_mtime_ns, status.st_size)
    fresh = sorted(path for path, stamp in now.items() if known.get(path) != stamp)
    known.clear()
    known.update(now)
    return fresh


def _profiles_and_sidecars(folder: Path) -> Iterator[str]:
    yield from files_below(str(folder))
    yield from map(str, folder.rglob("*" + SIDECAR_SUFFIX))


def _modified(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def folder_of(source: str) -> Path | None:
    """`source` as a folder, None where it is a URL or `host:port`. Raises DecodeError for what is neither."""
    if is_url(source):
        return None
    if os.path.isdir(source):
        return Path(source)
    if os.path.lexists(source):
        raise DecodeError(source, None, "is a file; watch wants a URL or a folder that profiles are written to")
    if ":" not in source:
        raise DecodeError(source, None, "no such folder; a service is written host:port or http://host")
    return None


def new_view(plain: bool) -> View:
    """The live view where standard output is a terminal that can show it, else lines."""
    able = sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in {"dumb", "unknown"}
    return ScreenView() if able and not plain else LineView()


def report_at_end(watching: Watching, source: str, folder: Path, settings: Settings) -> "Report":
    """The report that `leakhunt hunt` gives on the folder, after a word on why the watch ended. Raises CaptureError where
    nothing came."""
    if watching.state.seen == 0:
        url, _, reason = watching.failure.partition(": ")
        raise CaptureError(url or source, reason or "ended before the first snapshot was there")
    if watching.state.certain:
        verdict = watching.state.report.verdict if watching.state.report else ""
        print(printable(f"{verdict}, {watching.state.certain}", 500), file=sys.stderr)
    report = investigate([str(folder)], settings)
    return replace(report, command=shlex.join(["leakhunt", "hunt", str(folder)]))

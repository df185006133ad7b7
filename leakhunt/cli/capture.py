"""`leakhunt capture`: fetch a series of profiles from running services to files."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leakhunt.cli.connection import (
    DEFAULT_RETRIES,
    DEFAULT_TIMEOUT,
    BasicOption,
    BearerOption,
    CaOption,
    CertOption,
    HeaderOption,
    KeyOption,
    RetriesOption,
    TimeoutOption,
    connection_from,
    seconds_of,
)
from leakhunt.errors import CaptureError, ConfigError
from leakhunt.units import format_bytes, parse_bytes

if TYPE_CHECKING:
    from leakhunt.capture.session import Event, Outcome, Plan, Schedule

EveryOption = Annotated[str, typer.Option("--every", metavar="DURATION", help="Distance between two snapshots.")]
ForOption = Annotated[str | None, typer.Option("--for", metavar="DURATION", help="End after this time.")]
CountOption = Annotated[int | None, typer.Option("--count", min=1, metavar="N", help="End after N snapshots.")]
GcOption = Annotated[bool, typer.Option("--gc", help="Ask for a collection before each heap profile; the metadata say so.")]
PartsOption = Annotated[
    str, typer.Option("--profiles", metavar="LIST", help="What to fetch beside the heap, by commas, or `heap` for that alone.")
]
OutputOption = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Each target gets a folder below DIR.")]
CapOption = Annotated[
    str,
    typer.Option(
        "--max-disk",
        metavar="SIZE",
        help="Cap for each target: the first and the newest stay, those between are thinned evenly.",
    ),
]


def capture(
    urls: Annotated[list[str], typer.Argument(metavar="URL...", help="host:port, a service's root, or its /debug/pprof.")],
    every: EveryOption = "30s",
    for_: ForOption = None,
    count: CountOption = None,
    gc: GcOption = False,
    profiles: PartsOption = "goroutine,goroutineleak,memstats",
    output: OutputOption = Path("profiles"),
    max_disk: CapOption = "1GiB",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No line for each snapshot.")] = False,
    header: HeaderOption = None,
    bearer: BearerOption = "",
    basic: BasicOption = "",
    cacert: CaOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
    timeout: TimeoutOption = DEFAULT_TIMEOUT,
    retries: RetriesOption = DEFAULT_RETRIES,
) -> None:
    """Fetch a series of profiles from services with net/http/pprof, each target into its own folder.

    Without --count or --for it takes 12 snapshots. Ctrl-C ends it early; what was written stays a valid series. At the end
    it prints the command that hunts each series. Exits 0 when every target gave a series, and 2 when one gave none.
    """
    from leakhunt.capture.session import DEFAULT_COUNT
    from leakhunt.capture.session import capture as run

    connection = connection_from(header, bearer, basic, cacert, cert, key, timeout, retries)
    plan = plan_from(urls, schedule_from(every, for_, count, DEFAULT_COUNT), gc, profiles, output, max_disk)
    outcome = run(plan, connection, (lambda event: None) if quiet else _print_event)
    _print_outcome(outcome)


def schedule_from(every: str, for_: str | None, count: int | None, otherwise: int | None) -> "Schedule":
    """The schedule that these options describe; `otherwise` is the count where neither an end nor a count is given."""
    from leakhunt.capture.session import Schedule

    for_seconds = None if for_ is None else seconds_of("--for", for_)
    return Schedule(seconds_of("--every", every), otherwise if count is None and for_ is None else count, for_seconds)


def plan_from(urls: list[str], schedule: "Schedule", gc: bool, profiles: str, output: Path, max_disk: str) -> "Plan":
    """The plan that these options describe. Raises ConfigError naming the flag."""
    from leakhunt.capture.session import Plan
    from leakhunt.capture.snapshot import DEFAULT_PARTS
    from leakhunt.capture.target import parse_target

    targets = tuple(parse_target(url) for url in urls)
    names = [target.name for target in targets]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError("URL", f"two targets would share the folder {twice}; capture them one by one, each with its own -o")
    parts = tuple(part.strip() for part in profiles.split(",") if part.strip())
    unknown = [part for part in parts if part not in DEFAULT_PARTS]
    if unknown:
        raise ConfigError("--profiles", f"{unknown[0]!r} is none of {', '.join(DEFAULT_PARTS)}")
    try:
        cap_bytes = parse_bytes(max_disk)
    except ValueError as error:
        raise ConfigError("--max-disk", str(error)) from None
    return Plan(targets, output, schedule, gc, parts, cap_bytes)


def _print_event(event: "Event") -> None:
    """One line on stderr for each thing that happens."""
    from datetime import datetime

    from leakhunt.capture.session import GivenUp, Missed
    from leakhunt.printable import printable

    if isinstance(event, Missed):
        line = f"no snapshot: {event.reason}"
    elif isinstance(event, GivenUp):
        line = f"left out: {event.reason}"
    else:
        kinds = ", ".join(f"{stored.kind} {format_bytes(stored.bytes)}" for stored in event.record.files)
        live = event.record.memstats.get("HeapAlloc")
        line = kinds + (f"; heap objects {format_bytes(live)}" if live is not None else "")
        line += "".join(f"; no {kind}: {reason}" for kind, reason in event.record.missing.items() if reason != "not served")
        line += f"; RESTARTED: {event.record.restarted}" if event.record.restarted else ""
        line += "".join(f"; {note}" for note in event.record.notes)
    print(f"{datetime.now():%H:%M:%S} {event.target.name}: {printable(line, 1000)}", file=sys.stderr)


def _print_outcome(outcome: "Outcome") -> None:
    """What each target gave and the command that hunts it, on stdout. Raises CaptureError where a target gave nothing."""
    from leakhunt.capture.session import MANY_RESTARTS

    for tally in outcome.tallies:
        if not tally.taken:
            continue
        parts = [f"{tally.taken} snapshot{'s' * (tally.taken != 1)} in {tally.folder.path}, {format_bytes(tally.folder.bytes)}"]
        if tally.missed:
            parts.append(f"{tally.missed} could not be taken")
        if tally.restarts:
            parts.append(f"{tally.restarts} restart{'s' * (tally.restarts != 1)} seen")
        if tally.folder.dropped:
            parts.append(f"{tally.folder.dropped} thinned out to stay below --max-disk")
        print("; ".join(parts))
        if tally.restarts_in_succession >= MANY_RESTARTS:
            print("  so many restarts suggest several processes behind one address: capture each by its own address")
        print(f"  {shlex.join(['leakhunt', 'hunt', str(tally.folder.path)])}")
    failed = [tally for tally in outcome.tallies if not tally.taken]
    if failed:
        if not failed[0].failure:
            raise CaptureError(failed[0].target.base_url, "ended before the first snapshot was there")
        if len(outcome.tallies) > 1 or outcome.interrupted:
            names = ", ".join(tally.target.name for tally in failed)
            raise ConfigError("URL", f"no snapshot could be taken of {names}")
        raise SystemExit(2)

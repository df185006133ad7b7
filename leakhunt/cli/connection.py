"""Options about how to reach a pprof handler, shared by the commands that take a URL."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leakhunt.errors import ConfigError
from leakhunt.units import NS_PER_SECOND, format_duration, parse_duration_ns

if TYPE_CHECKING:
    from leakhunt.capture.connection import Connection

_PANEL = "Reaching a URL"
DEFAULT_TIMEOUT = "30s"
DEFAULT_RETRIES = 3
DEFAULT_DISTANCE = "30s"


def _option(flag: str, metavar: str, help: str, **more: Any) -> Any:
    return typer.Option(flag, metavar=metavar, help=help, rich_help_panel=_PANEL, **more)


HeaderOption = Annotated[
    list[str] | None, _option("--header", "NAME=REF", "Send a header; REF is env:VARIABLE or file:PATH. Repeatable.")
]
BearerOption = Annotated[str, _option("--bearer", "REF", "Send a bearer token; REF is env:VARIABLE or file:PATH.")]
BasicOption = Annotated[str, _option("--basic", "REF", "Send user:password; REF is env:VARIABLE or file:PATH.")]
CaOption = Annotated[Path | None, _option("--cacert", "FILE", "Trust this CA too (PEM).")]
CertOption = Annotated[Path | None, _option("--cert", "FILE", "Client certificate (PEM).")]
KeyOption = Annotated[Path | None, _option("--key", "FILE", "Its key (PEM), where it is another file.")]
TimeoutOption = Annotated[str, _option("--timeout", "DURATION", "For one attempt, to the last byte.")]
RetriesOption = Annotated[int, _option("--retries", "N", "Repeat a failed attempt N times.", min=0, max=20)]
DistanceOption = Annotated[str, _option("--distance", "DURATION", "Between the two snapshots of a URL.")]


def connection_from(
    header: list[str] | None,
    bearer: str,
    basic: str,
    cacert: Path | None,
    cert: Path | None,
    key: Path | None,
    timeout: str = DEFAULT_TIMEOUT,
    retries: int = DEFAULT_RETRIES,
) -> "Connection":
    """The connection that these options describe. Raises ConfigError naming the flag."""
    from leakhunt.capture.connection import Connection
    from leakhunt.capture.credentials import read_credentials

    credentials = read_credentials(tuple(header or ()), bearer, basic)
    return Connection(credentials, cacert, cert, key, seconds_of("--timeout", timeout), retries)


def fetch_with(connection: "Connection", distance: str = DEFAULT_DISTANCE) -> Callable[[str], list[tuple[str, bytes]]]:
    """A function that fetches what a URL stands for, and says on stderr how long it waits between two snapshots."""
    distance_seconds = seconds_of("--distance", distance)

    def fetch(url: str) -> list[tuple[str, bytes]]:
        from leakhunt.capture.pair import fetch_inputs

        return fetch_inputs(url, connection, distance_seconds, _say_wait)

    return fetch


def _say_wait(seconds: float) -> None:
    print(f"first snapshot taken; the second follows in {format_duration(seconds)}", file=sys.stderr)


def seconds_of(flag: str, text: str) -> float:
    """A positive duration in seconds. Raises ConfigError naming the flag."""
    try:
        seconds = parse_duration_ns(text) / NS_PER_SECOND
    except ValueError as error:
        raise ConfigError(flag, str(error)) from None
    if seconds <= 0:
        raise ConfigError(flag, "must be longer than nothing")
    return seconds

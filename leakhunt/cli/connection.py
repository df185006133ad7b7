"""Options about how to reach a pprof handler, shared by the commands that take a URL."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leakhunt.errors import ConfigError
from leakhunt.units import NS_PER_SECOND, parse_duration_ns

if TYPE_CHECKING:
    from leakhunt.capture.client import Connection

HeaderOption = Annotated[
    list[str] | None,
    typer.Option("--header", metavar="NAME=REF", help="Send a header; REF is env:VARIABLE or file:PATH. Repeatable."),
]
BearerOption = Annotated[
    str, typer.Option("--bearer", metavar="REF", help="Send a bearer token; REF is env:VARIABLE or file:PATH.")
]
BasicOption = Annotated[
    str, typer.Option("--basic", metavar="REF", help="Send user:password; REF is env:VARIABLE or file:PATH.")
]
CaOption = Annotated[Path | None, typer.Option("--cacert", metavar="FILE", help="Trust this CA too (PEM).")]
CertOption = Annotated[Path | None, typer.Option("--cert", metavar="FILE", help="Client certificate (PEM).")]
KeyOption = Annotated[Path | None, typer.Option("--key", metavar="FILE", help="Its key (PEM), where it is another file.")]
TimeoutOption = Annotated[str, typer.Option("--timeout", metavar="DURATION", help="For one attempt, to the last byte.")]
RetriesOption = Annotated[int, typer.Option("--retries", min=0, max=20, metavar="N", help="Repeat a failed attempt N times.")]


def connection_from(
    header: list[str] | None,
    bearer: str,
    basic: str,
    cacert: Path | None,
    cert: Path | None,
    key: Path | None,
    timeout: str,
    retries: int,
) -> "Connection":
    """The connection that these options describe. Raises ConfigError naming the flag."""
    from leakhunt.capture.client import Connection
    from leakhunt.capture.credentials import read_credentials

    credentials = read_credentials(tuple(header or ()), bearer, basic)
    return Connection(credentials, cacert, cert, key, seconds_of("--timeout", timeout), retries)


def seconds_of(flag: str, text: str) -> float:
    """A positive duration in seconds. Raises ConfigError naming the flag."""
    try:
        seconds = parse_duration_ns(text) / NS_PER_SECOND
    except ValueError as error:
        raise ConfigError(flag, str(error)) from None
    if seconds <= 0:
        raise ConfigError(flag, "must be longer than nothing")
    return seconds

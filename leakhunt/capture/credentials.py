"""Where secrets come from: an environment variable or a file, named on the command line by reference.

A reference is `env:NAME` or `file:PATH`. The secret itself never stands on the command line, where `ps` shows it to every
user of the machine, and never in an error, a log or the files that a capture writes.
"""

import os
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path

from leakhunt.errors import ConfigError

MAX_SECRET_BYTES = 64 << 10  # a file larger than any header a server accepts is the wrong file


@dataclass(frozen=True, slots=True)
class Credentials:
    """Headers to send with each request. `repr` shows none of their values."""

    headers: dict[str, str] = field(default_factory=dict, repr=False)


def read_credentials(headers: tuple[str, ...] = (), bearer: str = "", basic: str = "") -> Credentials:
    """Resolves references to headers: `headers` are `NAME=env:…` or `NAME=file:…`, `bearer` refers to a token and `basic` to
    `user:password`. Raises ConfigError naming the flag, never the secret."""
    sent: dict[str, str] = {}
    for header in headers:
        name, equals, reference = header.partition("=")
        if not equals or not name.strip() or not name.isascii() or any(c in name for c in " :\r\n\t"):
            raise ConfigError("--header", "write NAME=env:VARIABLE or NAME=file:PATH, for example X-Api-Key=env:API_KEY")
        sent[name] = _resolve("--header", reference)
    if bearer and basic:
        raise ConfigError("--basic", "give either --bearer or --basic, a request has one Authorization header")
    if bearer:
        sent["Authorization"] = "Bearer " + _resolve("--bearer", bearer)
    if basic:
        secret = _resolve("--basic", basic)
        if ":" not in secret:
            raise ConfigError("--basic", "what it refers to must read user:password, and has no colon")
        sent["Authorization"] = "Basic " + b64encode(secret.encode("utf-8")).decode("ascii")
    return Credentials(sent)


def _resolve(flag: str, reference: str) -> str:
    kind, _, name = reference.partition(":")
    if kind == "env" and name:
        value = os.environ.get(name)
        if value is None:
            raise ConfigError(flag, f"the environment variable {name} is not set")
        where = f"the environment variable {name}"
    elif kind == "file" and name:
        value, where = _read(flag, Path(name)), f"the file {name}"
    else:
        raise ConfigError(flag, "a secret is not taken from the command line; write env:VARIABLE or file:PATH")
    value = value.strip("\r\n")
    if not value:
        raise ConfigError(flag, f"{where} is empty")
    # A password may hold any letters: basic credentials travel in base64.
    if not value.isprintable() or not (value.isascii() or flag == "--basic"):
        raise ConfigError(flag, f"{where} holds more than one line, or characters that no header may carry")
    return value


def _read(flag: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise ConfigError(flag, f"cannot read the file {path}: {error.strerror or error}") from None
    if len(data) > MAX_SECRET_BYTES:
        raise ConfigError(flag, f"the file {path} is larger than any header may be")
    return data.decode("utf-8", "replace")

"""What a URL on the command line means: which net/http/pprof handlers it stands for, and what to call the target.

Pure: resolves no name and opens no connection.
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from leakhunt.errors import ConfigError

INDEX_PATH = "/debug/pprof"
# What net/http/pprof and runtime/pprof register (go1.27), so that a URL of one profile stands for its neighbours.
PROFILE_NAMES = frozenset("allocs block cmdline goroutine goroutineleak heap mutex profile symbol threadcreate trace".split())
_PPROF_PARAMETERS = frozenset({"debug", "gc", "seconds"})  # of a URL copied from a browser; set again by each request
_UNSAFE_IN_NAME = re.compile(r"[^A-Za-z0-9.-]+")
MAX_NAME_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Target:
    """One process's pprof handlers.

    base_url   scheme, host, port and the path above the profiles, without a slash at the end: `http://api:6060/debug/pprof`
    name       what its folder is called: `api_6060`; letters, digits, dots, dashes and underscores
    """

    base_url: str
    name: str

    def url(self, profile: str) -> str:
        """URL of one profile: `heap`, `goroutine`."""
        return f"{self.base_url}/{profile}"


def is_url(text: str) -> bool:
    """Whether an argument is an http or https URL, told by its scheme alone."""
    return text[:7].lower() == "http://" or text[:8].lower() == "https://"


def parse_target(text: str) -> Target:
    """The target that `text` names: `host:port`, a service's root, its `/debug/pprof`, or one profile below that.

    Raises ConfigError where the text is no such URL or carries credentials; the message never repeats them.
    """
    text = text.strip()
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError("URL", f"{_without_secrets(text)!r} is not a URL: {error}") from None
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            "URL",
            "credentials in a URL are seen in process lists and logs; leave them out and give --basic env:NAME or file:PATH",
        )
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname or not text.isprintable() or " " in text:
        raise ConfigError(
            "URL", f"{_without_secrets(text)!r} is not a target; write for example localhost:6060 or https://api.example.com"
        )
    foreign = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True) if name not in _PPROF_PARAMETERS]
    if foreign:
        raise ConfigError(
            "URL", f"the parameter {foreign[0]!r} would be written to files and logs; give it as --header NAME=env:NAME"
        )
    path = _index_path(parts.path)
    host = parts.hostname if ":" not in parts.hostname else f"[{parts.hostname}]"
    authority = host if port is None else f"{host}:{port}"
    return Target(urlunsplit((parts.scheme.lower(), authority, path, "", "")), _name(parts.hostname, port, path))


def _index_path(path: str) -> str:
    """The path of the pprof index that `path` belongs to."""
    path = path.rstrip("/")
    above, _, last = path.rpartition("/")
    if last in PROFILE_NAMES and above.endswith("pprof"):
        return above
    return path if path.endswith("/pprof") else path + INDEX_PATH


def _name(host: str, port: int | None, path: str) -> str:
    prefix = path.removesuffix(INDEX_PATH).strip("/")
    words = [host, "" if port is None else str(port), prefix]
    safe = (_UNSAFE_IN_NAME.sub("_", word).strip("_.-") for word in words)
    return "_".join(word for word in safe if word)[:MAX_NAME_CHARACTERS] or "target"


def _without_secrets(text: str) -> str:
    """`text` without anything before an @ and without a query, fit to be shown."""
    return text.rsplit("@", 1)[-1].split("?", 1)[0]

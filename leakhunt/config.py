"""Settings: what `leakhunt.toml` may say, checked, with what the command line said laid over it.

The file is looked for in the working folder and then upwards. An unknown key is an error, because a misspelt threshold
that silently does nothing is worse than none. Reads that one file; flags are laid over it by the command line.
"""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from leakhunt.errors import ConfigError
from leakhunt.units import parse_bytes

FILE_NAME = "leakhunt.toml"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, with its default.

    limit_bytes                 memory limit of the process, for the time until it is reached
    binary                      the executable that the process ran, for the types in heap dumps; "" for none
    warmup                      snapshots dropped from the start
    focus, ignore               RE2 patterns on any function of a site's stack
    granularity                 "function" or "line": what makes two stacks one site
    disabled                    names of detectors not asked
    min_growth_bytes_per_hour   `check` lets slower leaks pass
    strict                      `check`: suspects fail as leaks do, and inconclusive cannot be allowed
    allow_inconclusive          `check`: exit 0 where the answer is inconclusive
    baseline                    path of the baseline file, "" for none
    """

    limit_bytes: int | None = None
    binary: str = ""
    warmup: int = 0
    focus: str = ""
    ignore: str = ""
    granularity: Literal["function", "line"] = "function"
    disabled: frozenset[str] = frozenset()
    min_growth_bytes_per_hour: int = 0
    strict: bool = False
    allow_inconclusive: bool = False
    baseline: str = ""

    def with_flags(self, **flags: Any) -> "Settings":
        """These settings with every flag that was given (is not None) laid over them."""
        return replace(self, **{name: value for name, value in flags.items() if value is not None})


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ConfigError(key, f"wants a string, has {value!r}")
    return value


def _count(key: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ConfigError(key, f"wants a whole number from 0, has {value!r}")
    return value


def _flag(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(key, f"wants true or false, has {value!r}")
    return value


def _size(key: str, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    try:
        return parse_bytes(_text(key, value).removesuffix("/h"))
    except ValueError as error:
        raise ConfigError(key, str(error)) from None


def _granularity(key: str, value: Any) -> str:
    if value not in ("function", "line"):
        raise ConfigError(key, f"is function or line, not {value!r}")
    return str(value)


def _names(key: str, value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ConfigError(key, f"wants a list of detector names, has {value!r}")
    return frozenset(value)


# section -> key in the file -> (field of Settings, how it is read)
_KEYS: dict[str, dict[str, tuple[str, Callable[[str, Any], Any]]]] = {
    "hunt": {
        "limit": ("limit_bytes", _size),
        "binary": ("binary", _text),
        "warmup": ("warmup", _count),
        "focus": ("focus", _text),
        "ignore": ("ignore", _text),
        "granularity": ("granularity", _granularity),
    },
    "detectors": {"disable": ("disabled", _names)},
    "check": {
        "min-growth": ("min_growth_bytes_per_hour", _size),
        "strict": ("strict", _flag),
        "allow-inconclusive": ("allow_inconclusive", _flag),
        "baseline": ("baseline", _text),
    },
}


def parse_settings(text: str, source: str) -> Settings:
    """Settings from the text of a `leakhunt.toml`. Raises ConfigError naming the key and what it wants."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(source, f"is not valid TOML: {error}") from None
    values: dict[str, Any] = {}
    for section, keys in document.items():
        known = _KEYS.get(section)
        if known is None or not isinstance(keys, dict):
            raise ConfigError(f"{source}: {section}", f"is not a section; the sections are {', '.join(_KEYS)}")
        for key, value in keys.items():
            if key not in known:
                raise ConfigError(f"{source}: {section}.{key}", f"is unknown; [{section}] has {', '.join(known)}")
            field, read = known[key]
            values[field] = read(f"{source}: {section}.{key}", value)
    return Settings(**values)


def find_settings(folder: Path) -> Settings:
    """Settings of the nearest `leakhunt.toml` in `folder` or above it; the defaults where there is none."""
    for directory in (folder, *folder.parents):
        path = directory / FILE_NAME
        if path.is_file():
            try:
                settings = parse_settings(path.read_text(encoding="utf-8"), str(path))
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(str(path), f"cannot be read: {error}") from None
            # The baseline lies where the settings lie, wherever in the project the command is run.
            return replace(settings, baseline=str(directory / settings.baseline) if settings.baseline else "")
    return Settings()

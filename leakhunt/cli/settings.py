"""Flags and `leakhunt.toml` to Settings."""

from pathlib import Path
from typing import Any

from leakhunt.config import Settings, find_settings
from leakhunt.errors import ConfigError
from leakhunt.units import parse_bytes


def settings_from(limit: str | None = None, min_growth: str | None = None, **flags: Any) -> Settings:
    """Settings of the nearest `leakhunt.toml` with the flags that were given laid over them. Raises ConfigError."""
    settings = find_settings(Path.cwd())
    if limit is not None:
        flags["limit_bytes"] = _bytes("--limit", limit)
    if min_growth is not None:
        flags["min_growth_bytes_per_hour"] = _bytes("--min-growth", min_growth.strip().removesuffix("/h"))
    return settings.with_flags(**flags)


def _bytes(flag: str, text: str) -> int:
    try:
        return parse_bytes(text)
    except ValueError as error:
        raise ConfigError(flag, str(error)) from None

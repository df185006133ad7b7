"""Flags and `leakhunt.toml` to Settings."""

from pathlib import Path
from typing import Any

from leakhunt.config import Settings, find_settings
from leakhunt.errors import ConfigError
from leakhunt.units import parse_bytes


def settings_from(limit: str | None = None, **flags: Any) -> Settings:
    """Settings of the nearest `leakhunt.toml` with the flags that were given laid over them. Raises ConfigError."""
    settings = find_settings(Path.cwd())
    if limit is not None:
        try:
            flags["limit_bytes"] = parse_bytes(limit)
        except ValueError as error:
            raise ConfigError("--limit", str(error)) from None
    return settings.with_flags(**flags)

"""Settings: what the file may say, and that a misspelt key is told, not ignored."""

from pathlib import Path

import pytest

from leakhunt.config import Settings, find_settings, parse_settings
from leakhunt.errors import ConfigError

WHOLE = """
[hunt]
limit = "2GiB"
warmup = 2
focus = "session"
ignore = "prometheus"
granularity = "line"

[detectors]
disable = ["steady-growth"]

[check]
min-growth = "1MiB/h"
strict = true
allow-inconclusive = false
baseline = "leakhunt-baseline.toml"
"""


def test_every_key_is_read() -> None:
    assert parse_settings(WHOLE, "leakhunt.toml") == Settings(
        limit_bytes=2 << 30,
        warmup=2,
        focus="session",
        ignore="prometheus",
        granularity="line",
        disabled=frozenset({"steady-growth"}),
        min_growth_bytes_per_hour=1 << 20,
        strict=True,
        allow_inconclusive=False,
        baseline="leakhunt-baseline.toml",
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[hunt]\nlimt = 1", "hunt.limt: is unknown; \\[hunt\\] has limit"),
        ("[hnt]\n", "hnt: is not a section; the sections are hunt, detectors, check"),
        ("limit = 1", "limit: is not a section"),
        ("[hunt]\nwarmup = -1", "wants a whole number from 0, has -1"),
        ("[hunt]\nlimit = 'lots'", "write for example 512MiB"),
        ("[hunt]\ngranularity = 'byte'", "is function or line"),
        ("[check]\nstrict = 1", "wants true or false"),
        ("[detectors]\ndisable = 'x'", "wants a list"),
        ("[hunt", "is not valid TOML"),
    ],
)
def test_what_is_wrong_is_said(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        parse_settings(text, "leakhunt.toml")


def test_the_file_is_looked_for_upwards(tmp_path: Path) -> None:
    (tmp_path / "leakhunt.toml").write_text("[hunt]\nwarmup = 3\n")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_settings(below).warmup == 3


def test_flags_lie_over_the_file() -> None:
    settings = Settings(warmup=3, focus="x").with_flags(warmup=1, focus=None)
    assert (settings.warmup, settings.focus) == (1, "x")

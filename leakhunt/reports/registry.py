"""A Report to text: one module a format, each with `render(report, options) -> str`.

Pure: nothing here opens a file or asks for the time, so equal reports give equal bytes. Text from inputs is made inert by each
renderer for its own medium. Adding a format is one module and one line in `FORMATS`.
"""

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, cast

from leakhunt.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from leakhunt.model.finding import Report

FORMATS: dict[str, str] = {
    "terminal": "leakhunt.reports.terminal",
    "short": "leakhunt.reports.short",
    "markdown": "leakhunt.reports.markdown",
    "html": "leakhunt.reports.html",
    "json": "leakhunt.reports.json_v1",
    "sarif": "leakhunt.reports.sarif",
    "junit": "leakhunt.reports.junit",
    "github": "leakhunt.reports.github",
    "csv": "leakhunt.reports.csv_table",
}


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """What a renderer may be told beside the report; each takes what concerns it.

    width       columns of the terminal
    colour      whether the terminal shows colours (the caller looks at NO_COLOR and whether it writes to a terminal)
    trim_path   folders (or, in binaries built with -trimpath, module paths) to take off source paths, so that they are
                relative to the repository
    version     leakhunt's version, for the formats that name their tool
    strict      whether a suspect fails a build as a leak does
    tolerated   fingerprints of cases that do not fail a build, each with the reason
    """

    width: int = 100
    colour: bool = False
    trim_path: tuple[str, ...] = ()
    version: str = ""
    strict: bool = False
    tolerated: "Mapping[str, str]" = field(default_factory=dict)


DEFAULT_OPTIONS = RenderOptions()


def render(name: str, report: "Report", options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """`report` in the format `name`, ending in a newline. Loads only that format's module. Raises ConfigError for a name
    that is not in `FORMATS`."""
    if name not in FORMATS:
        raise ConfigError("--format", f"{name!r} is not a format; choose one of {', '.join(FORMATS)}")
    renderer = cast("Callable[[Report, RenderOptions], str]", import_module(FORMATS[name]).render)
    return renderer(report, options)

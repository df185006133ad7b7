"""The public API, which `import leakhunt` offers without loading it: from paths to evidence, a report, frames and text."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from leakhunt.evidence import Evidence
    from leakhunt.model.finding import Report
    from leakhunt.model.series import Series


def load(*inputs: str, limit: str | int | None = None, **settings: Any) -> "Evidence":
    """Reads `inputs`: files, folders, globs or URLs, told by content, in any order, like `leakhunt hunt`.

    `limit` is the process's memory limit ("2GiB" or bytes); `settings` are fields of leakhunt.config.Settings: warmup,
    focus, ignore, granularity, disabled. What cannot be read is in `evidence.inputs` with the reason; DecodeError where
    nothing can, ConfigError for a setting that does not exist."""
    from leakhunt.cli.inputs import sources_of
    from leakhunt.config import Settings
    from leakhunt.errors import ConfigError, DecodeError
    from leakhunt.evidence import gather
    from leakhunt.units import parse_bytes

    unknown = set(settings) - set(Settings.__dataclass_fields__)
    if unknown:
        raise ConfigError(sorted(unknown)[0], f"is unknown; there are {', '.join(Settings.__dataclass_fields__)}")
    if not inputs:
        raise ConfigError("inputs", "nothing to read; name files, folders, globs or URLs")
    if limit is not None:
        try:
            settings["limit_bytes"] = parse_bytes(limit) if isinstance(limit, str) else limit
        except ValueError as error:
            raise ConfigError("limit", str(error)) from None
    evidence = gather(sources_of(inputs), Settings().with_flags(**settings))
    if all(given.skipped is not None for given in evidence.inputs):
        raise DecodeError(evidence.inputs[0].path, None, evidence.inputs[0].skipped or "")
    return evidence


def hunt(*inputs: "str | Evidence", **settings: Any) -> "Report":
    """The report on `inputs`: what `load` takes, with its settings, or one Evidence that was loaded already."""
    from dataclasses import replace

    from leakhunt.errors import ConfigError
    from leakhunt.evidence import Evidence
    from leakhunt.hunt import hunt as hunt_evidence
    from leakhunt.units import parse_bytes

    if len(inputs) == 1 and isinstance(inputs[0], Evidence):
        evidence = inputs[0]
        if limit := settings.pop("limit", None):
            settings["limit_bytes"] = parse_bytes(limit) if isinstance(limit, str) else limit
        if set(settings) & {"warmup", "granularity"}:
            raise ConfigError("warmup, granularity", "shape what is loaded; give them to leakhunt.load")
        return hunt_evidence(replace(evidence, settings=evidence.settings.with_flags(**settings)))
    paths = [given for given in inputs if isinstance(given, str)]
    if len(paths) != len(inputs):
        raise ConfigError("inputs", "give paths, or one Evidence")
    return hunt_evidence(load(*paths, **settings))


def to_frame(source: "Report | Evidence | Series") -> "pd.DataFrame":
    """A pandas DataFrame: of a Report a row a finding, of an Evidence or a Series a row for each site at each snapshot.
    `frame.to_csv(...)` and, with the extra `parquet`, `frame.to_parquet(...)` write it."""
    from leakhunt.frames import findings_frame, series_frame
    from leakhunt.model.finding import Report
    from leakhunt.model.series import Series

    if isinstance(source, Report):
        return findings_frame(source)
    return series_frame(source if isinstance(source, Series) else source.series)


def render(format: str, report: "Report", trim_path: tuple[str, ...] = ()) -> str:
    """`report` as text in a format of `leakhunt hunt --format`. Raises ConfigError for one that does not exist."""
    from leakhunt import __version__
    from leakhunt.reports.registry import RenderOptions
    from leakhunt.reports.registry import render as render_as

    return render_as(format, report, RenderOptions(trim_path=trim_path, version=__version__))

"""Reports and series as pandas DataFrames, for notebooks and for files of other tools (CSV, Parquet through pyarrow).

Columns are numbers, times and text that Parquet takes as they are; units stand in names. Text from inputs is made printable,
so that a cell cannot act on a terminal or a spreadsheet's importer; a spreadsheet still calculates what begins with `=`:
`to_csv_text` takes care of that.
"""

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leakhunt.model.finding import Report
from leakhunt.model.series import Series
from leakhunt.printable import printable

_FORMULA = re.compile(r"[=+\-@]")


def findings_frame(report: Report) -> pd.DataFrame:
    """A row a finding: verdict, pattern, site, growth with its interval, statistics, retention and fingerprint."""
    rows = [
        {
            "fingerprint": case.fingerprint,
            "verdict": str(case.verdict),
            "pattern": case.pattern,
            "confidence": str(case.confidence),
            "status": str(case.status),
            "function": printable(case.site.leaf.function),
            "file": printable(case.site.leaf.file),
            "line": case.site.leaf.line,
            "sites": len(case.sites),
            "inuse_bytes": case.inuse_bytes,
            "growth_bytes": case.growth.bytes,
            "bytes_per_hour": float(case.growth.bytes_per_hour),
            "low_bytes_per_hour": float(case.growth.low),
            "high_bytes_per_hour": float(case.growth.high),
            "objects_per_hour": float(case.growth.objects_per_hour),
            "q_value": float(case.statistics.q_value),
            "samples": case.statistics.samples,
            "snapshots": case.statistics.snapshots,
            "gc_root": printable(case.retention.root.name) if case.retention else "",
            "retained_bytes": case.retention.retained_bytes if case.retention else 0,
            "limit_hours": float(case.limit.hours) if case.limit else np.nan,
            "headline": printable(case.headline),
        }
        for case in report.cases
    ]
    return pd.DataFrame(rows, columns=_FINDING_COLUMNS).astype(_FINDING_TYPES)


_FINDING_TYPES = {
    "fingerprint": "str", "verdict": "str", "pattern": "str", "confidence": "str", "status": "str", "function": "str",
    "file": "str", "line": "int64", "sites": "int64", "inuse_bytes": "int64", "growth_bytes": "int64",
    "bytes_per_hour": "float64", "low_bytes_per_hour": "float64", "high_bytes_per_hour": "float64",
    "objects_per_hour": "float64", "q_value": "float64", "samples": "int64", "snapshots": "int64", "gc_root": "str",
    "retained_bytes": "int64", "limit_hours": "float64", "headline": "str",
}  # fmt: skip
_FINDING_COLUMNS = list(_FINDING_TYPES)


def series_frame(series: Series) -> pd.DataFrame:
    """A row for each site at each snapshot, site by site: time, source, segment, the site, and its in-use and cumulative
    bytes, objects and raw sample counts. K * N rows."""
    sites, snapshots = len(series.sites), series.snapshots
    segment = np.searchsorted(np.asarray(series.segment_starts, dtype=np.int64), np.arange(snapshots), side="right") - 1
    leaves = [site.leaf for site in series.sites]

    def of_site(values: list[str]) -> NDArray[np.object_]:
        return np.repeat(np.asarray(values, dtype=object), snapshots)

    return pd.DataFrame(
        {
            "time": np.tile(np.asarray(pd.to_datetime(series.times_ns, utc=True).tz_localize(None)), sites),
            "snapshot": np.tile(np.arange(snapshots, dtype=np.int64), sites),
            "segment": np.tile(segment.astype(np.int64), sites),
            "source": np.tile(np.asarray([printable(source) for source in series.sources], dtype=object), sites),
            "fingerprint": of_site([site.fingerprint for site in series.sites]),
            "function": of_site([printable(leaf.function) for leaf in leaves]),
            "file": of_site([printable(leaf.file) for leaf in leaves]),
            "line": np.repeat(np.asarray([leaf.line for leaf in leaves], dtype=np.int64), snapshots),
            "inuse_bytes": series.inuse_bytes.ravel(),
            "inuse_objects": series.inuse_objects.ravel(),
            "alloc_bytes": series.alloc_bytes.ravel(),
            "alloc_objects": series.alloc_objects.ravel(),
            "inuse_samples": series.inuse_samples.ravel(),
            "alloc_samples": series.alloc_samples.ravel(),
        }
    ).astype({"source": "str", "fingerprint": "str", "function": "str", "file": "str"})


def to_csv_text(frame: pd.DataFrame) -> str:
    """`frame` as CSV (RFC 4180, line feeds) in which no text begins like a spreadsheet's formula."""
    text = frame.select_dtypes(include=["object", "string"]).columns
    safe = frame.assign(**{name: frame[name].map(lambda cell: f"'{cell}" if _FORMULA.match(cell) else cell) for name in text})
    return safe.to_csv(index=False, lineterminator="\n")

"""The findings as CSV, a row each; for Parquet and for the whole series see `leakhunt.to_frame`."""

from leakhunt.model.finding import Report
from leakhunt.reports.registry import RenderOptions


def render(report: Report, options: RenderOptions) -> str:
    """The header and one line a finding."""
    from leakhunt.frames import findings_frame, to_csv_text

    return to_csv_text(findings_frame(report))

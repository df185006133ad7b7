"""The comparison of two builds as a table for a person or as JSON (leakhunt.builds/1)."""

import json
import math

from leakhunt.model.builds import BuildChange, BuildComparison, Rate, SiteChange
from leakhunt.printable import printable
from leakhunt.units import format_bytes, format_rate

SCHEMA = "leakhunt.builds/1"


def render_table(compared: BuildComparison) -> str:
    """A headline, then each site with both rates, the difference with its interval, and what would make a fix certain."""
    counts = {change: sum(site.change is change for site in compared.sites) for change in BuildChange}
    said = ", ".join(f"{count} {change.value}" for change, count in counts.items() if count)
    lines = [
        f"{said or 'no site grows in either build'}: {compared.before_snapshots} snapshots before "
        f"{_build(compared.before_build)}, {compared.after_snapshots} after {_build(compared.after_build)}"
    ]
    for site in compared.sites:
        leaf = site.site.leaf
        place = f"  {printable(leaf.file)}:{leaf.line}" if leaf.file else ""
        lines += ["", f"{site.change.value.upper():7} {printable(leaf.function)}{place}"]
        lines.append(f"        before {_rate(site.before)}")
        lines.append(f"        after  {_rate(site.after)}")
        q = "q < 0.001" if site.q < 0.0005 else f"q = {site.q:.3f}"
        lines.append(f"        change {format_rate(site.difference)} [{_ends(site.low, site.high)}], {q}")
        if advice := _advice(site):
            lines.append(f"        {advice}")
    lines += [""] * bool(compared.notes) + [f"note: {printable(note)}" for note in compared.notes]
    return "\n".join(lines) + "\n"


def render_json(compared: BuildComparison) -> str:
    """Sorted keys, rates in whole bytes an hour, q in parts per million, infinite ends null."""
    document = {
        "schema": SCHEMA,
        "before": {"build_id": compared.before_build, "snapshots": compared.before_snapshots},
        "after": {"build_id": compared.after_build, "snapshots": compared.after_snapshots},
        "sites": [
            {
                "fingerprint": site.site.fingerprint,
                "function": site.site.leaf.function,
                "file": site.site.leaf.file,
                "line": site.site.leaf.line,
                "change": site.change.value,
                "before": _rate_json(site.before),
                "after": _rate_json(site.after),
                "difference": {"bytes_per_hour": round(site.difference), "low": _whole(site.low), "high": _whole(site.high)},
                "q_value": round(site.q * 1e6),
                "snapshots_needed": site.snapshots_needed,
            }
            for site in compared.sites
        ],
        "notes": list(compared.notes),
    }
    return json.dumps(document, sort_keys=True, indent=1, allow_nan=False) + "\n"


def _advice(site: SiteChange) -> str:
    if site.change is BuildChange.FIXED or site.snapshots_needed == 0:
        return ""
    if site.snapshots_needed:
        return (
            f"if it has stopped, {site.snapshots_needed} more snapshots of the new build, as far apart, would make that certain"
        )
    if site.before.grows and not site.after.grows:
        return "more snapshots of the new build are needed, or of the old one: its growth is not known well enough"
    if site.change is BuildChange.UNSURE:
        return "grows after, and before is not known well enough to say whether that is new"
    return ""


def _rate(rate: Rate) -> str:
    if not rate.seen:
        upper = "unknown" if math.isinf(rate.high) else f"at most {format_rate(rate.high)}"
        return f"not seen ({upper})"
    return f"{format_rate(rate.bytes_per_hour)} [{_ends(rate.low, rate.high)}]{'' if rate.grows else '  not growing'}"


def _ends(low: float, high: float) -> str:
    return ", ".join("∞" if math.isinf(end) else format_bytes(end, signed=True) for end in (low, high))


def _build(build_id: str) -> str:
    return f"(build {printable(build_id)[:12]})" if build_id else "(build unknown)"


def _rate_json(rate: Rate) -> dict[str, object]:
    return {
        "bytes_per_hour": round(rate.bytes_per_hour),
        "low": _whole(rate.low),
        "high": _whole(rate.high),
        "grows": rate.grows,
        "seen": rate.seen,
    }


def _whole(value: float) -> int | None:
    return round(value) if math.isfinite(value) else None

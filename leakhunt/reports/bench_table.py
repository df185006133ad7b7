"""A benchmark comparison as a table for a person or as JSON (leakhunt.bench/1), and the gate's verdict in lines."""

import json
import math

from leakhunt.model.benchmark import BenchmarkComparison, Benchmarks, Change, Comparison, Summary
from leakhunt.printable import printable
from leakhunt.units import format_bytes

SCHEMA = "leakhunt.bench/1"
_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""))
_TIMES = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1, "ns"))


def render_table(compared: BenchmarkComparison, sites: list[str] | None = None) -> str:
    """One block a unit: old and new median with their intervals, the change with its interval, p and q, a word."""
    lines = [f"{printable(compared.old_source)} → {printable(compared.new_source)}"]
    for unit in dict.fromkeys(comparison.key.unit for comparison in compared.comparisons):
        rows: list[tuple[str, ...]] = [("", "old", "new", "change", "95% interval", "p", "")]
        for found in (c for c in compared.comparisons if c.key.unit == unit):
            rows.append(
                (
                    printable(found.key.name), _summary(found.old, unit), _summary(found.new, unit), _delta(found),
                    _interval(found), _probability(found.p), _word(found),
                )
            )  # fmt: skip
        lines += ["", printable(unit), *_aligned(rows)]
    lines += [""] * bool(compared.notes or compared.only_old or compared.only_new)
    lines += [f"only in {printable(compared.old_source)}: {printable(name)}" for name in compared.only_old]
    lines += [f"only in {printable(compared.new_source)}: {printable(name)}" for name in compared.only_new]
    lines += [f"note: {printable(note)}" for note in compared.notes]
    lines += ["", *map(printable, sites)] if sites else []
    return "\n".join(line.rstrip() for line in lines) + "\n"


def render_one(benchmarks: Benchmarks, summaries: dict[tuple[str, str], Summary], sites: list[str] | None = None) -> str:
    """One file's medians with their intervals, by unit."""
    lines = [printable(benchmarks.source)]
    for unit in dict.fromkeys(unit for _, unit in summaries):
        rows: list[tuple[str, ...]] = [("", "median", "runs")]
        rows += [(printable(name), _summary(s, unit), str(s.runs)) for (name, of), s in summaries.items() if of == unit]
        lines += ["", printable(unit), *_aligned(rows)]
    lines += ["", *map(printable, sites)] if sites else []
    return "\n".join(line.rstrip() for line in lines) + "\n"


def render_json(compared: BenchmarkComparison) -> str:
    """Sorted keys; infinite and undefined numbers are null."""
    rows = [
        {
            "package": c.key.package,
            "name": c.key.name,
            "unit": c.key.unit,
            "old": _summary_json(c.old),
            "new": _summary_json(c.new),
            "delta": c.delta,
            "ratio": _finite(c.ratio),
            "ratio_low": _finite(c.low),
            "ratio_high": _finite(c.high),
            "p": c.p,
            "q": c.q,
            "change": c.change.value,
            "note": c.note,
        }
        for c in compared.comparisons
    ]
    document = {
        "schema": SCHEMA,
        "old": compared.old_source,
        "new": compared.new_source,
        "rows": rows,
        "only_old": list(compared.only_old),
        "only_new": list(compared.only_new),
        "notes": list(compared.notes),
    }
    return json.dumps(document, sort_keys=True, indent=1, allow_nan=False) + "\n"


def render_gate(verdict: str, risen: tuple[Comparison, ...], unsure: tuple[Comparison, ...], reasons: tuple[str, ...]) -> str:
    """The gate's answer: a headline, then a line for each rise."""
    headline = {"leak": "memory per operation rose", "clean": "no rise of memory per operation"}.get(
        verdict, "no verdict on memory per operation"
    )
    lines = [f"bench: {headline}"]
    for label, found in (("ROSE", risen), ("UNSURE", unsure)):
        lines += [
            f"{label}  {printable(c.key.name)} {c.key.unit}  {_summary(c.old, c.key.unit)} → {_summary(c.new, c.key.unit)}  "
            f"{_delta(c)}  q {_probability(c.q, '= ')}"
            for c in found
        ]
    lines += [f"note: {printable(reason)}" for reason in reasons]
    return "\n".join(lines) + "\n"


def _summary(summary: Summary, unit: str) -> str:
    value = format_value(summary.median, unit)
    if math.isinf(summary.low) or math.isinf(summary.high):
        return f"{value} ± ∞"
    if not summary.median:
        return value if summary.low == summary.high else f"{value} ± ?"
    spread = max(summary.high / summary.median - 1, 1 - summary.low / summary.median)
    return f"{value} ± {100 * spread:.0f}%"


def format_value(value: float, unit: str) -> str:
    """A measured value as a person reads it: `1.72 µs`, `320 B`, `1.00k`."""
    if unit == "B/op":
        return format_bytes(value)
    table = _TIMES if unit == "ns/op" else _PREFIXES
    factor, prefix = next(((f, p) for f, p in table if abs(value) >= f), table[-1])
    scaled = value / factor
    digits = f"{scaled:.0f}" if scaled == int(scaled) and factor == 1 else f"{scaled:.4g}"
    return f"{digits} {prefix}".rstrip() if unit == "ns/op" else f"{digits}{prefix}"


def _probability(p: float, equals: str = "") -> str:
    return "< 0.001" if p < 0.0005 else f"{equals}{p:.3f}"


def _delta(found: Comparison) -> str:
    if found.change is Change.SAME:
        return "~"
    if found.delta is None:
        return "from 0"
    return _change(found.delta)


def _interval(found: Comparison) -> str:
    if math.isnan(found.ratio) or found.low == found.high == 1:
        return ""
    return f"{_change(found.low - 1)} .. {'∞' if math.isinf(found.high) else _change(found.high - 1)}"


def _change(relative: float) -> str:
    """`+12.5%`; from ten times on as a factor, `x18.6`."""
    if relative >= 99:
        return f"x{relative + 1:,.0f}"
    return f"x{relative + 1:.3g}" if relative >= 9 else f"{100 * relative:+.1f}%"


def _word(found: Comparison) -> str:
    return found.note if found.change is Change.SAME else f"{found.change.value}{'; ' + found.note if found.note else ''}"


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  "
        + "  ".join(
            cell.ljust(w) if i in (0, len(row) - 1) else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _summary_json(summary: Summary) -> dict[str, object]:
    return {"median": summary.median, "low": _finite(summary.low), "high": _finite(summary.high), "runs": summary.runs}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None

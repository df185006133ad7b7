"""How a report is put into words: the phrases that the formats for people share, plain text without any markup.

Nothing here is escaped; each renderer makes input text inert for its own medium.
"""

import math
import re
import textwrap

from leakhunt.model.finding import (
    Case,
    Growth,
    LimitForecast,
    Report,
    Retention,
    RetentionStep,
    Statistics,
    Status,
    Verdict,
)
from leakhunt.model.site import AllocationSite, Frame
from leakhunt.reports import RenderOptions
from leakhunt.units import NS_PER_SECOND, counted, format_bytes, format_count, format_duration, format_rate

_LAST_ELEMENT = re.compile(r"(?:[^/]+/(?=v\d+\.))?[^/]+\Z")
HOURS_WORTH_SAYING = 24 * 365  # a forecast further off than a year is "not within a year"


def verdict_label(verdict: str) -> str:
    """`LEAK`."""
    return str(verdict).upper()


def headline_of(report: Report) -> str:
    """The headline without the verdict that renderers write before it."""
    return report.headline.removeprefix(verdict_label(report.verdict)).lstrip(": ") or "nothing to say"


def short_function(function: str) -> str:
    """`gcache.(*LRUCache).set` of `github.com/bluele/gcache.(*LRUCache).set`: the import path's last element stays, the
    last two where the last is a major version (`ttlcache/v3.New`)."""
    match = _LAST_ELEMENT.search(function)
    return match[0] if match else function


def short_path(path: str) -> str:
    """The last two elements: `session/store.go:88` of `/home/ci/shop/session/store.go:88`."""
    return "/".join(path.rsplit("/", 2)[-2:])


def location(frame: Frame, trim_path: tuple[str, ...] = ()) -> str:
    """`store.go:88`, the folders of `trim_path` taken off the path; "" where the profile names no file."""
    file = trimmed(frame.file, trim_path)
    return f"{file}:{frame.line}" if file and frame.line > 0 else file


def trimmed(file: str, trim_path: tuple[str, ...]) -> str:
    """`file` relative to the first folder of `trim_path` that it lies in, untouched when it lies in none."""
    for folder in trim_path:
        prefix = folder.rstrip("/") + "/"
        if folder and file.startswith(prefix):
            return file[len(prefix) :]
    return file


def interval(growth: Growth) -> str:
    """`+1.02 MiB/h [880 KiB, 1.19 MiB]`: the rate and its 95 % interval."""
    return f"{rate(growth.bytes_per_hour)} {bracket(growth)}"


def bracket(growth: Growth) -> str:
    """`[880 KiB, 1.19 MiB]`: the 95 % interval of the rate, in bytes per hour."""
    return f"[{_plain_rate(growth.low)}, {_plain_rate(growth.high)}]"


def exists(number: float) -> bool:
    """Whether there is such a number: neither infinite nor undefined."""
    return math.isfinite(number)


def rate(bytes_per_hour: float) -> str:
    """`+1.02 MiB/h`, or `unknown` where there is no such number."""
    return format_rate(bytes_per_hour) if math.isfinite(bytes_per_hour) else "unknown"


def _plain_rate(bytes_per_hour: float) -> str:
    return format_bytes(bytes_per_hour) if math.isfinite(bytes_per_hour) else "?"


def growth_sentence(growth: Growth) -> str:
    """The rate with its interval, what that came to over the window, and in objects."""
    parts = [f"{rate(growth.bytes_per_hour)} (95 % interval {_plain_rate(growth.low)} to {_plain_rate(growth.high)} an hour)"]
    parts.append(f"{format_bytes(growth.bytes, signed=True)} in the window")
    if math.isfinite(growth.objects_per_hour):
        parts.append(f"{format_count(growth.objects_per_hour, signed=True)} objects/h")
    return ", ".join(parts)


def statistics_sentence(statistics: Statistics) -> str:
    """`q = 0.0003 · 118 sampled objects in use on average · 24 snapshots`."""
    return (
        f"{q_text(statistics.q_value)} · {format_count(statistics.samples)} sampled objects in use on average"
        f" · {counted(statistics.snapshots, 'snapshot')}"
    )


def q_text(q_value: float) -> str:
    """`q = 0.0003`, two significant digits, never a false zero."""
    if not math.isfinite(q_value):
        return "q not computed"
    return "q < 0.000001" if 0 <= q_value < 1e-6 else f"q = {q_value:.2g}"


def limit_sentence(limit: LimitForecast) -> str:
    """`2.00 GiB reached in 31h (between 26h and 38h)`."""
    if not limit.hours < HOURS_WORTH_SAYING:
        return f"{format_bytes(limit.limit_bytes)} not reached within a year at this rate"
    between = f"between {hours(limit.low_hours)} and {hours(limit.high_hours)}"
    return f"{format_bytes(limit.limit_bytes)} reached in {hours(limit.hours)} ({between})"


def limit_short(limit: LimitForecast) -> str:
    """`limit in 31h [26h, 38h]`."""
    if not limit.hours < HOURS_WORTH_SAYING:
        return "limit not within a year"
    return f"limit in {hours(limit.hours)} [{hours(limit.low_hours)}, {hours(limit.high_hours)}]"


def hours(count: float) -> str:
    """Hours as the two largest units; `never` for what does not come."""
    return format_duration(max(count, 0.0) * 3600) if math.isfinite(count) else "never"


SOURCE_MARK = "▶"  # begins the quoted source line that allocates
_LINK = re.compile(r"https?://[^\s<>\"'`\\]{1,2000}")


def is_link(note: str) -> bool:
    """Whether a source note is a link and nothing else, harmless inside angle brackets and quotation marks."""
    return note.isascii() and note.isprintable() and _LINK.fullmatch(note) is not None


def scope(report: Report) -> str:
    """`24 heap profiles · 5h45m · 2 segments · 1,931 sites tested`: what the verdict rests on."""
    used = [given for given in report.inputs if given.skipped is None]
    kinds = {kind: sum(given.kind == kind for given in used) for kind in sorted({given.kind for given in used})}
    names = {"heapdump": "heap dump", "goroutineleak": "goroutine leak profile", "other": "other input"}
    parts = [counted(count, names.get(kind, f"{kind} profile")) for kind, count in sorted(kinds.items(), key=_heap_first)]
    parts = parts or ["no usable input"]
    if report.window.snapshots > 1:
        parts.append(format_duration((report.window.end_ns - report.window.start_ns) / NS_PER_SECOND))
    if report.window.segments > 1:
        parts.append(counted(report.window.segments, "segment"))
    parts.append(f"{counted(report.sites_tested, 'site')} tested")
    skipped = len(report.inputs) - len(used)
    if skipped:
        parts.append(f"{format_count(skipped)} skipped")
    return " · ".join(parts)


def _heap_first(item: tuple[str, int]) -> tuple[bool, str]:
    return (item[0] != "heap", item[0])


def own_frame(site: AllocationSite, trim_path: tuple[str, ...]) -> Frame:
    """The innermost frame in a folder of `trim_path`, the line that its owners can change; the site's leaf where none is."""
    inside = (frame for frame in site.frames if trimmed(frame.file, trim_path) != frame.file)
    return next(inside, site.leaf)


def tolerated(case: Case, options: RenderOptions) -> str:
    """Why `case` does not fail a build; "" where it does."""
    if case.fingerprint in options.tolerated:
        return options.tolerated[case.fingerprint]
    if case.status == Status.KNOWN:
        return "known by the baseline"
    fails = case.verdict == Verdict.LEAK or (options.strict and case.verdict == Verdict.SUSPECT)
    return "" if fails else f"{case.verdict}, not a leak"


def case_title(case: Case) -> str:
    """`lazy-ttl-cache · high confidence · new`."""
    return f"{case.pattern} · {case.confidence} confidence · {case.status}"


def remedy_lines(remedy: str) -> list[str]:
    """The advice with its Go example as lines, tabs as four spaces."""
    return [line.expandtabs(4).rstrip() for line in remedy.strip("\n").split("\n")]


def remedy_parts(remedy: str) -> tuple[str, str]:
    """The advice in one line, and its Go example: the indented lines, or what follows an empty one; "" without example."""
    lines = remedy_lines(remedy)
    start = next((i for i, line in enumerate(lines) if i and (not line or line.startswith("    "))), len(lines))
    return " ".join(" ".join(lines[:start]).split()), textwrap.dedent("\n".join(lines[start:])).strip("\n")


def retention_lines(retention: Retention) -> list[str]:
    """The path from the GC root, one step a line, with what each step reaches; between two dumps, where growth begins."""
    lines = [f"┬ GC root: {retention.root.kind} {retention.root.name}".rstrip()]
    for i, step in enumerate(retention.path, 1):
        branch = "╰→" if i == len(retention.path) else "├─"
        edge = f"{step.edge} " if step.edge else ""
        grows = _grown(step) if i - 1 == retention.grows_at else ""
        lines.append(f"{branch} {edge}{step.type}  {counted(step.objects, 'object')}, {format_bytes(step.bytes)}{grows}")
    return [*lines, f"   retains {format_bytes(retention.retained_bytes)}"]


def _grown(step: RetentionStep) -> str:
    """`  ← grows here (8,929 before)`; of a single object that was replaced by a larger one, its bytes."""
    before = format_bytes(step.bytes_before or 0) if step.objects == step.objects_before else f"{step.objects_before or 0:,}"
    return f"  ← grows here ({before} before)"

"""Adds to each case of a Report what its source says: why the value is on the heap, the lines, the last change, the owners.

`annotate` is what the command line calls. It works on what it is given: without a log no escape analysis, without a tree no
lines; what is missing or different is said in the case's notes, never guessed.
"""

from dataclasses import replace
from urllib.parse import quote

from leakhunt.errors import ConfigError
from leakhunt.model.escape import CompilerLog
from leakhunt.model.finding import Report
from leakhunt.model.site import AllocationSite, Frame
from leakhunt.reports.wording import SOURCE_MARK
from leakhunt.source import history
from leakhunt.source.escapes import EscapeIndex, summary
from leakhunt.source.tree import Excerpt, SourceTree

_TAB = "    "
_URL_FIELDS = ("path", "line", "commit")


def annotate(report: Report, log: CompilerLog | None = None, tree: SourceTree | None = None, source_url: str = "") -> Report:
    """`report` with `source_notes` filled for every case. Raises ConfigError for a template that cannot be filled."""
    check_url_template(source_url)
    if log is None and tree is None and not source_url:
        return report
    index = EscapeIndex(log) if log else None
    taken_ns = report.window.end_ns
    cases = tuple(
        replace(case, source_notes=(*case.source_notes, *site_notes(case.site, index, tree, source_url, taken_ns)))
        for case in report.cases
    )
    notes = [*report.notes, *log_notes(log)] if log else list(report.notes)
    return replace(report, cases=cases, notes=tuple(notes))


def site_notes(
    site: AllocationSite, index: EscapeIndex | None, tree: SourceTree | None, source_url: str = "", taken_ns: int = 0
) -> tuple[str, ...]:
    """Lines about one site, in the order in which a person asks: why, where, who. `taken_ns` is when the profile was taken."""
    lines: list[str] = []
    if index:
        lines += summary(index, index.explain(site))
    quoted = tree.quote(site.leaf) if tree else None
    if isinstance(quoted, str):
        lines.append(quoted)
    elif quoted is not None:
        lines += excerpt_lines(quoted)
        change = history.last_change(quoted.root, quoted.path, quoted.marked)
        if change:
            lines.append(change.sentence())
            if 0 < taken_ns < change.time_ns:
                lines.append("that was after the profile was taken: the build may have had another line here")
        if who := history.owners(quoted.root, quoted.path):
            lines.append(f"owned by {' '.join(who)}")
    if source_url:
        lines.append(_link(source_url, site.leaf, quoted if isinstance(quoted, Excerpt) else None, tree))
    return tuple(lines)


def excerpt_lines(excerpt: Excerpt) -> list[str]:
    """The excerpt with line numbers, the allocation's line marked, tabs widened: `▶  88 │ s.entries[key] = e`."""
    width = len(str(excerpt.first + len(excerpt.lines) - 1))
    shown = [f"{excerpt.path}:{excerpt.marked}"]
    for number, text in enumerate(excerpt.lines, excerpt.first):
        mark = SOURCE_MARK if number == excerpt.marked else " "
        shown.append(f"{mark} {number:>{width}} │ {text.rstrip().replace(chr(9), _TAB)}")
    return shown


def log_notes(log: CompilerLog) -> list[str]:
    """What a reader must know about the compiler's log."""
    notes = []
    if not log.has_flows and any(diagnostic.on_heap for diagnostic in log.diagnostics):
        notes.append(
            f"{log.source} tells decisions without reasons (-m); -gcflags=-m=2 tells through which flow a value escapes"
        )
    if unknown := log.counts.get("unknown", 0):
        notes.append(
            f"{log.source}: {unknown} of {sum(log.counts.values())} lines are of no known kind, for example {log.unknown[0]!r}"
        )
    return notes


def check_url_template(template: str) -> None:
    """Raises ConfigError unless `template` is "" or an http(s) URL with {path} and none but the known fields."""
    if not template:
        return
    if not template.startswith(("https://", "http://")) or "{path}" not in template:
        raise ConfigError(
            "--source-url", "is a URL with {path}, for example https://github.com/org/repo/blob/{commit}/{path}#L{line}"
        )
    try:
        template.format(**dict.fromkeys(_URL_FIELDS, ""))
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise ConfigError("--source-url", f"knows {', '.join('{' + name + '}' for name in _URL_FIELDS)}; {error}") from error


def _link(template: str, frame: Frame, excerpt: Excerpt | None, tree: SourceTree | None) -> str:
    if excerpt is not None and tree is not None and excerpt.root == tree.root:
        path = history.path_in_repository(excerpt.root, excerpt.path)
    elif excerpt is not None:
        return f"{excerpt.path} is a dependency's: no link"
    elif frame.file:
        path = frame.file.lstrip("/")
    else:
        return "no source file to link to"
    commit = history.revision(tree.root).removesuffix("+dirty") if tree and "{commit}" in template else ""
    return template.format(path=quote(path), line=frame.line, commit=commit or "HEAD")

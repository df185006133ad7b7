"""Reads the Go compiler's optimisation diagnostics: `go build -gcflags=-m`, `-m=2`, `-m -l`, and `-json=0,DIR`.

Keeps escape analysis with its flows and counts everything else by kind, unknown lines included, so that a format this
reader has not met shows up as a number and not as silence. Formats are those of cmd/compile in Go 1.21 to 1.27
(internal/escape, internal/inline, internal/devirtualize, internal/logopt); `flow: a = b` became `flow: a ← b` and
`escapes to heap:` became `escapes to heap in F:` on the way. Matching to allocation sites is `leakhunt.source.escapes`.
Cost is linear in the log.
"""

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import unquote

from leakhunt.errors import DecodeError
from leakhunt.model.escape import CompilerLog, Decision, EscapeDiagnostic, FlowReason, FlowStep, ParameterLeak

# Go 1.27 wrote 68 bytes of -m=2 a source line (yaml.v3), so this is some 7 million lines; more is refused, not half read.
MAX_LOG_BYTES = 512 << 20
MAX_LINE_BYTES = 1 << 20  # the longest line of yaml.v3, gcache and otter has 2 304 bytes
MAX_UNKNOWN_SHOWN = 20
_ADVICE = "make one with: go build -gcflags=-m=2 ./... 2> escape.txt"

_POSITION = re.compile(r"(?P<file>[^:\n]+|[A-Za-z]:[^:\n]+):(?P<line>\d+)(?::(?P<column>\d+))?: (?P<message>.*)", re.DOTALL)
_FLOW = re.compile(r"  flow: (?P<target>\{storage for .*?\}(?= (?:=|←) )|\S+) (?:=|←) (?P<source>.*):")
_REASON = re.compile(r"    from (?P<expression>.*) \((?P<reason>[^()]*)\) at (?P<file>.+?):(?P<line>\d+)(?::\d+)?")
_HEAD = re.compile(r"(?P<expression>.*) escapes to heap(?: in (?P<function>.*))?:", re.DOTALL)
_DECIDED = re.compile(
    r"(?:moved to heap: (?P<moved>.*)|(?P<expression>.*) (?P<decision>escapes to heap|does not escape))", re.DOTALL
)
_LEAK = re.compile(r"parameter (?P<parameter>.*) leaks to (?:\{.*\}|\S+?)(?: for (?P<function>.*))? with derefs=0:", re.DOTALL)
_RECEIVER_COLUMN = len("func (") + 1
_INLINE = re.compile(r"can(?:not)? inline (?P<function>[^ :]+)")
_JSON_REASON = re.compile(r"escflow: {6}from (?P<expression>.*) \((?P<reason>[^()]*)\)", re.DOTALL)
_MAP_PUT = "key of map put"
_JSON_ESCAPE_CODES = frozenset({"escape", "escapes"})

# What else `-m` to `-m=2` prints, by kind; the first match counts. Kinds of position-less lines are at the end.
_OTHER_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.DOTALL))
    for kind, pattern in (
        ("leaking param", r"leaking param(?: content)?: |parameter .* leaks to .* with derefs=\d+:$|leaking closure "),
        ("mutates or calls param", r"(?:mutates|calls) param: |.* does not escape, mutate, or call$"),
        ("truncated flow", r"  warning: truncated explanation"),
        ("inline", r"can inline |inlining call to |inline-?able |function .* considered 'big'|skip inlining within "),
        ("cannot inline", r"cannot inline "),
        ("devirtualize", r"(?:partially )?devirtualizing |(?:cannot|failed to) devirtualize |.*PGO devirtualiz"),
        ("PGO edge", r"(?:edge|call) .*:\d+"),
        ("capture", r".* capturing by (?:ref|value): "),
        ("self-assignment", r".* ignoring self-assignment in "),
        ("uintptr", r"(?:assuming|marking) .*uintptr$"),
        (
            "conversion",
            r"zero-copy string->\[\]byte conversion$|closure converted to global$|reshaping |rewriting OCONVIFACE |convert: ",
        ),
        ("bounds check", r"index bounds check elided$|slice: omit slice operation$|generated nil check$"),
        ("loop", r"loop variable .* now per-iteration|.* loop ending at \d+:\d+ was modified|.* looping label$"),
        ("kept alive", r".* will be kept alive$|expr is unknown to bloop pass$"),
        ("call", r"tail call emitted |imprecise interface call$|intrinsic call, |cheap call is also intrinsic"),
        ("alias", r"alias analysis: "),
        ("closure", r"unreferenced closure .* marked as dead$|(?:heap|stack) closure, captured vars"),
    )
)
_BUILD_LINE = re.compile(r"go: |warning: |note: module requires Go|\s*$")


@dataclass
class _Collector:
    """Diagnostics under construction, one per (file, line, column, expression)."""

    diagnostics: dict[tuple[str, int, int, str], EscapeDiagnostic] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    unknown: list[str] = field(default_factory=list)
    go_version: str = ""
    map_writes: set[tuple[str, str]] = field(default_factory=set)
    leaks: dict[tuple[str, str, str], ParameterLeak] = field(default_factory=dict)

    def add(self, found: EscapeDiagnostic) -> None:
        """Merges `found` into what is known of its position: the graver decision stays, and the first flow."""
        expression = (
            "append" if found.expression.startswith("append(") else found.expression
        )  # "append escapes" closes its flow
        key = (found.file, found.line, found.column, expression)
        known = self.diagnostics.get(key)
        if known is None:
            self.diagnostics[key] = found
            return
        decision = max(known.decision, found.decision, key=_GRAVITY.index)
        self.diagnostics[key] = replace(
            known, decision=decision, flow=known.flow or found.flow, function=known.function or found.function,
            inlined=known.inlined or found.inlined,
        )  # fmt: skip

    def add_unknown(self, line: str) -> None:
        self.counts["unknown"] += 1
        if len(self.unknown) < MAX_UNKNOWN_SHOWN:
            self.unknown.append(line)

    def finish(self, source: str) -> CompilerLog:
        return CompilerLog(
            source,
            tuple(self.diagnostics.values()),
            dict(sorted(self.counts.items())),
            tuple(self.unknown),
            self.go_version,
            frozenset(self.map_writes),
            tuple(self.leaks.values()),
        )


_GRAVITY = (Decision.STAYS, Decision.ESCAPES, Decision.MOVED)


def load_compiler_log(path: Path) -> CompilerLog:
    """Reads a compiler log: a text file (gzip or plain), one JSON file, or the folder that `-json=0,DIR` filled.

    Raises DecodeError when it cannot be read, is too large, or holds not one compiler diagnostic.
    """
    collector = _Collector()
    try:
        if path.is_dir():
            files = sorted([*path.rglob("*.json"), *path.rglob("*.json.gz")])
            for file in files:
                with _open(file) as stream:
                    _parse_json(_lines(stream, str(file)), str(file), collector)
        else:
            with _open(path) as stream:
                lines = _lines(stream, str(path))
                first = next(lines, "")
                parse = _parse_json if first.startswith('{"version":') else _parse_text
                parse(_chain(first, lines), str(path), collector)
    except (OSError, EOFError) as error:
        raise DecodeError(
            str(path), None, f"cannot be read: {error.strerror if isinstance(error, OSError) else error}"
        ) from error
    recognised = sum(count for kind, count in collector.counts.items() if kind not in ("unknown", "build", "package", "file"))
    if not recognised:
        raise DecodeError(str(path), None, f"no compiler diagnostics in it; {_ADVICE}")
    return collector.finish(str(path))


def parse_compiler_text(lines: Iterable[str], source: str) -> CompilerLog:
    """Reads the text form from its lines, with or without line ends. Never raises: what it does not know, it counts."""
    collector = _Collector()
    _parse_text(lines, source, collector)
    return collector.finish(source)


def parse_compiler_json(lines: Iterable[str], source: str) -> CompilerLog:
    """Reads one file of the JSON form from its lines. Raises DecodeError where a line is not the compiler's JSON."""
    collector = _Collector()
    _parse_json(lines, source, collector)
    return collector.finish(source)


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path)) if packed else path.open("rb")


def _lines(stream: BinaryIO, source: str) -> Iterator[str]:
    read = 0
    while line := stream.readline(MAX_LINE_BYTES):
        read += len(line)
        if read > MAX_LOG_BYTES:
            raise DecodeError(
                source, None, f"larger than {MAX_LOG_BYTES >> 20} MiB; build fewer packages with -gcflags=PACKAGE=-m=2"
            )
        yield line.decode("utf-8", "surrogateescape")


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
    yield from rest


def _parse_text(lines: Iterable[str], source: str, collector: _Collector) -> None:
    package = ""
    head: EscapeDiagnostic | ParameterLeak | None = None  # what the flow lines that are being read explain
    steps: list[tuple[str, str, list[FlowReason]]] = []
    declared: dict[tuple[str, int], str] = {}  # functions by where they begin; before Go 1.25 leaks do not name theirs

    def close() -> None:
        nonlocal head
        if head is not None:
            told = replace(head, flow=tuple(FlowStep(target, origin, tuple(why)) for target, origin, why in steps))
            if isinstance(told, EscapeDiagnostic):
                collector.add(told)
            else:
                collector.leaks.setdefault((told.package, told.function, told.parameter), told)
        head = None
        steps.clear()

    for line in lines:
        line = line.rstrip("\r\n")
        if line.startswith("# "):
            close()
            package = line[2:].split(" ", 1)[0]  # "# pkg [pkg.test]" is pkg compiled for its test
            collector.counts["package"] += 1
            continue
        match = _POSITION.fullmatch(line)
        if match is None:
            if _BUILD_LINE.match(line):
                collector.counts["build"] += 1
            else:
                collector.add_unknown(line)
            continue
        message = match["message"]
        if message.startswith("  "):
            kind = _flow_line(message, steps, package, collector)
            if kind:
                collector.counts[kind] += 1
                continue
        else:
            close()
        file, number, column = match["file"], int(match["line"]), int(match["column"] or 0)
        if opened := _HEAD.fullmatch(message):
            collector.counts["escape flow"] += 1
            head = EscapeDiagnostic(
                package, file, number, column, Decision.ESCAPES, opened["expression"], function=opened["function"] or ""
            )
        elif decided := _DECIDED.fullmatch(message):
            decision = Decision.MOVED if decided["moved"] is not None else Decision(decided["decision"])
            collector.counts[decision.value] += 1
            expression = decided["moved"] if decided["moved"] is not None else decided["expression"]
            collector.add(EscapeDiagnostic(package, file, number, column, decision, expression))
        else:
            _count_other(message, line, collector)
            if leak := _LEAK.fullmatch(message):
                function = leak["function"] or declared.get((file, number), "")
                head = (
                    ParameterLeak(package, function, file, number, leak["parameter"], column == _RECEIVER_COLUMN, ())
                    if function
                    else None
                )
            elif inline := _INLINE.match(message):
                declared[file, number] = inline["function"]
    close()


def _flow_line(message: str, steps: list[tuple[str, str, list[FlowReason]]], package: str, collector: _Collector) -> str:
    """Takes a flow's line into `steps`; returns its kind, "" when it is none. A parameter's flow is dropped with its head."""
    if flow := _FLOW.fullmatch(message):
        steps.append((flow["target"], flow["source"], []))
        return "flow"
    if reason := _REASON.fullmatch(message):
        if reason["reason"] == _MAP_PUT:
            collector.map_writes.add((package, reason["expression"]))
        if steps:
            steps[-1][2].append(FlowReason(reason["expression"], reason["reason"], reason["file"], int(reason["line"])))
        return "flow reason"
    return ""


def _count_other(message: str, line: str, collector: _Collector) -> None:
    for kind, pattern in _OTHER_KINDS:
        if pattern.match(message):
            collector.counts[kind] += 1
            return
    collector.add_unknown(line)


def _parse_json(lines: Iterable[str], source: str, collector: _Collector) -> None:
    package = file = ""
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            if not isinstance(record, dict):
                raise ValueError
            if "version" in record:
                if record["version"] != 0:
                    raise DecodeError(source, None, f"version {record['version']!r} of the compiler's JSON; only 0 is known")
                package, file = unquote(str(record.get("package", ""))), str(record.get("file", ""))
                collector.go_version = str(record.get("gc_version", "")) or collector.go_version
                collector.counts["file"] += 1
            else:
                _take_json(record, package.strip("\0"), file, collector)
        except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
            raise DecodeError(source, None, f"line {number} is not what go build -gcflags=-json=0,DIR writes") from error


def _take_json(record: dict[str, Any], package: str, file: str, collector: _Collector) -> None:
    code = record["code"]
    for related in record.get("relatedInformation", ()):
        if (put := _JSON_REASON.fullmatch(related["message"])) and put["reason"] == _MAP_PUT:
            collector.map_writes.add((package, put["expression"]))
    if code not in _JSON_ESCAPE_CODES:
        collector.counts[str(code)] += 1
        return
    collector.counts[Decision.ESCAPES.value] += 1
    message = record["message"]
    start = record["range"]["start"]
    inlined: list[tuple[str, int]] = []
    steps: list[tuple[str, str, list[FlowReason]]] = []
    for related in record.get("relatedInformation", ()):
        text = related["message"]
        place = (
            unquote(related["location"]["uri"].removeprefix("file://")),
            int(related["location"]["range"]["start"]["line"]),
        )
        if text == "inlineLoc":
            if not steps:
                inlined.append(place)
        elif flow := _FLOW.fullmatch(text.removeprefix("escflow: ").removeprefix(" ")):
            steps.append((flow["target"], flow["source"], []))
        elif (reason := _JSON_REASON.fullmatch(text)) and steps:
            steps[-1][2].append(FlowReason(reason["expression"], reason["reason"], *place))
        else:
            collector.add_unknown(text)
    if not message:  # the closing summary of a decision whose flow was told before, without its expression
        return
    expression = message.removesuffix(" escapes to heap")
    flow_steps = tuple(FlowStep(target, origin, tuple(why)) for target, origin, why in steps)
    line, column = int(start["line"]), int(start["character"])
    collector.add(
        EscapeDiagnostic(package, file, line, column, Decision.ESCAPES, expression, flow=flow_steps, inlined=tuple(inlined))
    )

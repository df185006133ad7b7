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
from io import BufferedReader
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from leakhunt.decode.compiler_lines import (
    NOWHERE,
    declared_function,
    other_kind,
    placeless_kind,
    split_decision,
    split_flow,
    split_flow_head,
    split_leak,
    split_reason,
)
from leakhunt.errors import DecodeError
from leakhunt.model.escape import CompilerLog, Decision, EscapeDiagnostic, FlowReason, FlowStep, ParameterLeak

# Go 1.27 wrote 68 bytes of -m=2 a source line (yaml.v3), so this is some 7 million lines; more is refused, not half read.
MAX_LOG_BYTES = 512 << 20
MAX_LINE_BYTES = 64 << 10  # the longest line of yaml.v3, gcache and otter has 2 304 bytes; longer ones are unknown
MAX_JSON_LINE_BYTES = 4 << 20  # a record holds a whole flow; the longest of yaml.v3 has 6.6 KB
MAX_UNKNOWN_SHOWN = 20
_ADVICE = "make one with: go build -gcflags=-m=2 ./... 2> escape.txt"

_POSITION = re.compile(r"(?P<file>[^:]+|[A-Za-z]:[^:]+):(?P<line>\d{1,9})(?::(?P<column>\d{1,9}))?: (?P<message>.*)", re.DOTALL)
_RECEIVER_COLUMN = len("func (") + 1
_MAP_PUT = "key of map put"
_JSON_ESCAPE_CODES = frozenset({"escape", "escapes"})

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
                    _parse_json(_lines(stream, str(file), MAX_JSON_LINE_BYTES), str(file), collector)
        else:
            with _open(path) as stream:
                json_form = stream.peek(16).startswith(b'{"version":')
                parse, limit = (_parse_json, MAX_JSON_LINE_BYTES) if json_form else (_parse_text, MAX_LINE_BYTES)
                parse(_lines(stream, str(path), limit), str(path), collector)
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


def _open(path: Path) -> BufferedReader:
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    return BufferedReader(gzip.open(path)) if packed else path.open("rb")


def _lines(stream: BufferedReader, source: str, limit: int) -> Iterator[str]:
    read = 0
    while line := stream.readline(limit):
        read += len(line)
        if read > MAX_LOG_BYTES:
            raise DecodeError(
                source, None, f"larger than {MAX_LOG_BYTES >> 20} MiB; build fewer packages with -gcflags=PACKAGE=-m=2"
            )
        yield line.decode("utf-8", "surrogateescape")


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
            message = line.removeprefix(f"{NOWHERE}: ")
            if message != line and message.startswith("  "):
                kind = _flow_line(message, steps, package, collector)
            else:
                kind = placeless_kind(message)
                if kind:
                    close()
            if _BUILD_LINE.match(line):
                collector.counts["build"] += 1
            elif kind:
                collector.counts[kind] += 1
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
        if opened := split_flow_head(message):
            collector.counts["escape flow"] += 1
            expression, function = opened
            head = EscapeDiagnostic(package, file, number, column, Decision.ESCAPES, expression, function=function)
        elif decided := split_decision(message):
            decision, expression = decided
            collector.counts[decision.value] += 1
            collector.add(EscapeDiagnostic(package, file, number, column, decision, expression))
        elif kind := other_kind(message):
            collector.counts[kind] += 1
            if leak := split_leak(message):
                parameter, function, derefs = leak
                function = function or declared.get((file, number), "")
                if function and derefs == 0:
                    head = ParameterLeak(package, function, file, number, parameter, column == _RECEIVER_COLUMN, ())
            elif function := declared_function(message):
                declared[file, number] = function
        else:
            collector.add_unknown(line)
    close()


def _flow_line(message: str, steps: list[tuple[str, str, list[FlowReason]]], package: str, collector: _Collector) -> str:
    """Takes a flow's line into `steps`; returns its kind, "" when it is none. A parameter's flow is dropped with its head."""
    if flow := split_flow(message):
        steps.append((*flow, []))
        return "flow"
    if told := split_reason(message):
        reason = FlowReason(*told)
        if reason.reason == _MAP_PUT:
            collector.map_writes.add((package, reason.expression))
        if steps:
            steps[-1][2].append(reason)
        return "flow reason"
    return ""


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
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise DecodeError(source, None, f"line {number} is not what go build -gcflags=-json=0,DIR writes") from error


def _take_json(record: dict[str, Any], package: str, file: str, collector: _Collector) -> None:
    code = record["code"]
    related = [_Related.of(entry) for entry in record.get("relatedInformation", ())]
    for entry in related:
        if entry.reason is not None and entry.reason.reason == _MAP_PUT:
            collector.map_writes.add((package, entry.reason.expression))
    if code not in _JSON_ESCAPE_CODES:
        collector.counts[str(code)] += 1
        return
    collector.counts[Decision.ESCAPES.value] += 1
    message = record["message"]
    start = record["range"]["start"]
    inlined: list[tuple[str, int]] = []
    steps: list[tuple[str, str, list[FlowReason]]] = []
    for entry in related:
        if entry.text == "inlineLoc":
            if not steps:
                inlined.append(entry.place)
        elif entry.flow is not None:
            steps.append((*entry.flow, []))
        elif entry.reason is not None and steps:
            steps[-1][2].append(entry.reason)
        else:
            collector.add_unknown(entry.text)
    if not message:  # the closing summary of a decision whose flow was told before, without its expression
        return
    expression = message.removesuffix(" escapes to heap")
    flow_steps = tuple(FlowStep(target, origin, tuple(why)) for target, origin, why in steps)
    line, column = int(start["line"]), int(start["character"])
    collector.add(
        EscapeDiagnostic(package, file, line, column, Decision.ESCAPES, expression, flow=flow_steps, inlined=tuple(inlined))
    )


@dataclass(frozen=True)
class _Related:
    """One entry of relatedInformation: a step of the flow, a reason, or where an inlined callee stands."""

    text: str
    place: tuple[str, int]
    flow: tuple[str, str] | None
    reason: FlowReason | None

    @classmethod
    def of(cls, entry: dict[str, Any]) -> "_Related":
        """Raises KeyError, TypeError or ValueError where `entry` is not the compiler's."""
        text = str(entry["message"])
        location = entry["location"]
        place = (unquote(location["uri"].removeprefix("file://")), int(location["range"]["start"]["line"]))
        body = text.removeprefix("escflow: ")
        told = split_reason(f"{body[1:]} at x:1") if body.startswith("     from ") else None  # the place is a field of its own
        return cls(text, place, split_flow(body[1:]), FlowReason(told[0], told[1], *place) if told else None)

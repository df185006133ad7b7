"""Reads the output of `go test -bench`, as text or as `go test -json`, with any units and any number of runs.

The format is https://go.dev/design/14313-benchmark-format, as golang.org/x/perf/benchfmt reads it: `key: value` lines set the
configuration, `Unit` lines say how a unit is to be taken, `BenchmarkName-8 N value unit...` lines are results, everything
else is ignored. Units are kept as Go writes them. Cost is linear in the file.
"""

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from leakhunt.errors import DecodeError
from leakhunt.model.benchmark import BenchmarkKey, Benchmarks

MAX_MALFORMED_SHOWN = 10
MAX_RESULTS = 2_000_000  # values in one file; benchstat's own larger examples have some 10 000
_CONFIGURATION = re.compile(r"(?P<key>[a-z][^\sA-Z:]*):(?:[ \t]+(?P<value>.*))?")
_ADVICE = "make it with: go test -run='^$' -bench=. -benchmem -count=10 ./... > bench.txt"


def parse_benchmarks(data: bytes, source: str) -> Benchmarks:
    """Reads one file. Raises DecodeError when it holds no benchmark result."""
    text = data.decode("utf-8", "surrogateescape")
    lines = _lines_of_events(text, source) if text.startswith("{") else iter(text.splitlines())
    samples: dict[BenchmarkKey, list[float]] = defaultdict(list)
    iterations: dict[tuple[str, str], int] = defaultdict(int)
    configuration: dict[str, str] = {}
    metadata: dict[str, set[str]] = {"better=higher": set(), "assume=exact": set()}
    malformed: list[str] = []
    malformed_lines = results = 0
    for number, line in enumerate(lines, 1):
        if line.startswith("Benchmark"):
            words = line.split()
            if len(words) == 1:  # go test -v prints the name when the benchmark starts
                continue
            reason = _reason_to_refuse(words)
            if reason:
                malformed_lines += 1
                if len(malformed) < MAX_MALFORMED_SHOWN:
                    malformed.append(f"line {number}: {reason}")
                continue
            package, name = configuration.get("pkg", ""), words[0].removeprefix("Benchmark")
            iterations[package, name] += int(words[1])
            for value, unit in zip(words[2::2], words[3::2], strict=True):
                samples[BenchmarkKey(package, name, unit)].append(float(value))
                results += 1
            if results > MAX_RESULTS:
                raise DecodeError(source, None, f"more than {MAX_RESULTS} benchmark values")
        elif line.startswith("Unit "):
            _, unit, *settings = line.split()
            for setting in settings:
                metadata.get(setting, set()).add(unit)
        elif match := _CONFIGURATION.fullmatch(line):
            configuration[match["key"]] = match["value"] or ""
    if not samples:
        detail = (
            f"{malformed_lines} benchmark lines, none of them readable ({malformed[0]})"
            if malformed
            else "no benchmark results in it"
        )
        raise DecodeError(source, None, f"{detail}; {_ADVICE}")
    return Benchmarks(
        source, {key: tuple(values) for key, values in samples.items()}, dict(iterations), configuration,
        frozenset(metadata["better=higher"]), frozenset(metadata["assume=exact"]), tuple(malformed), malformed_lines,
    )  # fmt: skip


def _reason_to_refuse(words: list[str]) -> str:
    """Why a benchmark line cannot be used, "" when it can."""
    if not words[1].isdecimal() or len(words[1]) > 18:
        return f"the number of iterations is {words[1]!r}"
    if len(words) < 4 or len(words) % 2:
        return "no measurements" if len(words) == 2 else f"{words[-1]!r} has no unit"
    for value in words[2::2]:
        try:
            if not math.isfinite(float(value)):
                return f"{value!r} is not finite"
        except ValueError:
            return f"{value!r} is not a number"
    return ""


def _lines_of_events(text: str, source: str) -> Iterator[str]:
    """The output lines of `go test -json`: a result's name and its numbers arrive in two events of the same test."""
    pending: dict[tuple[str, str], str] = defaultdict(str)
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            event = json.loads(line)
            action, package, test = event["Action"], str(event.get("Package", "")), str(event.get("Test", ""))
            output = str(event.get("Output", ""))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise DecodeError(source, None, f"line {number} is not an event of go test -json") from error
        if action != "output":
            continue
        *complete, rest = (pending[package, test] + output).split("\n")
        pending[package, test] = rest
        yield from _with_package(complete, package)
    for (package, _), rest in pending.items():
        yield from _with_package([rest] if rest else [], package)


def _with_package(lines: Iterable[str], package: str) -> Iterator[str]:
    for line in lines:
        if line.startswith("Benchmark"):  # packages run side by side: say whose line this is
            yield f"pkg: {package}"
        yield line

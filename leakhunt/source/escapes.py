"""Matches the compiler's escape decisions to frames of allocation sites, and says in words why a value is on the heap.

Pure. A profile and a compiler log name the same file differently (`/build/app/cache/store.go`, `./store.go`,
`example.org/app/cache/store.go`), so files are matched by base name, then by package and by common trailing folders; two
equally good files are an ambiguity that is said. Reading the log is `leakhunt.decode.escape`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote

from leakhunt.model.escape import CompilerLog, Decision, EscapeDiagnostic, FlowReason, FlowStep, ParameterLeak
from leakhunt.model.site import AllocationSite, Frame, normalise, package_of

MAX_SHOWN_PER_LINE = 3
MAX_EXPRESSION_CHARACTERS = 80

_MAKERS = ("make(", "new(", "&", "append", "func literal", "[]", "map[", "string(", "([]byte)(", "([]rune)(")
# What the compiler's reasons mean to a person (cmd/compile/internal/escape, Go 1.21 to 1.27). `{x}` is the expression,
# `{left}` what an assignment writes to, `{callee}` what a call calls. Reasons not listed only pass a value along.
_WORDS = {
    "assign": "stored in {left}",
    "assign-pair": "stored in {left}",
    "assign-pair-dot-type": "stored in {left}",
    "assign-pair-mapr": "stored in {left}",
    "assign-pair-receive": "stored in {left}",
    "return": "returned",
    "call parameter": "passed to {callee}",
    "callee operand": "called through {x}",
    "captured by a closure": "captured by a closure",
    "interface-converted": "converted to an interface",
    "send": "sent on a channel",
    "key of map put": "used as a key of map {map}",
    "map literal key": "a key of a map literal",
    "map literal value": "a value of a map literal",
    "struct literal element": "a field of {x}",
    "array literal element": "an element of {x}",
    "slice-literal-element": "an element of a slice literal",
    "appended slice...": "its elements are appended to a slice",
    "appendee slice": "its elements are copied when append grows the slice",
    "copied slice": "its elements are copied",
    "range-deref": "ranged over",
    "conversion to unsafe.Pointer": "converted to unsafe.Pointer",
    "too large for stack": "too large for the stack (over 64 KiB when made by new, &T{{}} or make; over 128 KiB when "
    "a declared variable, 10 MiB before Go 1.24)",
    "too aligned for stack": "aligned more strictly than the stack",
    "non-constant size": "its size is not a constant",
    "zero-sized element": "its elements have no size",
}
_ASSIGNED = re.compile(r"(?P<left>.*?) :?= ")
_INDEX = re.compile(r"(?P<map>.*)\[[^\[\]]*\]")
_STORAGE = re.compile(r"\{storage for (.*)\}")
_TEMPORARY = re.compile(r"~r\d+|\.autotmp_\d+(?:, \.autotmp_\d+)*")


@dataclass(frozen=True, slots=True)
class SiteEscape:
    """What the compiler says about one site.

    frame         the frame whose line was found in the log, None when none was
    diagnostics   decisions on that line, those on the heap first
    moved_lines   how far the diagnostics' line is from the frame's: 0, or -1 or 1
    note          what a reader must know beside it; "" when there is nothing
    """

    frame: Frame | None
    diagnostics: tuple[EscapeDiagnostic, ...]
    moved_lines: int = 0
    note: str = ""

    @property
    def on_heap(self) -> tuple[EscapeDiagnostic, ...]:
        """The decisions that put something on the heap."""
        return tuple(diagnostic for diagnostic in self.diagnostics if diagnostic.on_heap)


class EscapeIndex:
    """Finds a log's diagnostics by frame. Building costs one pass over the log; a look-up, the files of one base name."""

    def __init__(self, log: CompilerLog) -> None:
        self.log = log
        self._files: dict[str, dict[tuple[str, str], dict[int, list[EscapeDiagnostic]]]] = {}
        self._maps = {(package, left) for package, write in log.map_writes if (left := _map_of(write))}
        self._leaks: dict[tuple[str, str], list[ParameterLeak]] = defaultdict(list)
        for leak in log.leaks:
            self._leaks[leak.package, leak.function].append(leak)
        for diagnostic in log.diagnostics:
            name = _base(diagnostic.file)
            lines = self._files.setdefault(name, {}).setdefault((diagnostic.package, diagnostic.file), defaultdict(list))
            lines[diagnostic.line].append(diagnostic)
            if diagnostic.expression.startswith(("make(map[", "map[")):
                self._maps |= {
                    (diagnostic.package, assigned["left"])
                    for step in diagnostic.flow
                    for reason in step.reasons
                    if reason.reason == "assign" and (assigned := _ASSIGNED.match(reason.expression))
                }

    def explain(self, site: AllocationSite) -> SiteEscape:
        """The decisions at the innermost user frame that has any: where it was compiled by itself, or inlined by its caller."""
        stack = site.user_stack
        if site.frames and site.leaf_index > 0:
            return self._inside_library(site)
        stays: SiteEscape | None = None
        for depth, frame in enumerate(stack[:2]):  # the site's own line, and the call that may have inlined it
            found = self.at(frame)
            if found.on_heap:
                if stays is None or depth == 0:
                    return found
                inlined = {d.expression for d in stays.diagnostics} & {d.expression for d in found.on_heap}
                if inlined:
                    heap = tuple(d for d in found.diagnostics if d.expression in inlined)
                    return SiteEscape(frame, heap, found.moved_lines, f"inlined into {frame.function}")
                break
            if found.diagnostics and stays is None:
                stays = found
            elif found.note and depth == 0:
                return found
        if stays is not None:
            return SiteEscape(
                stays.frame, stays.diagnostics, stays.moved_lines,
                "does not escape here, so these bytes are another's: what append or a map grows, or what a callee allocates",
            )  # fmt: skip
        return SiteEscape(None, (), note=self._absence(stack[0] if stack else None))

    def _inside_library(self, site: AllocationSite) -> SiteEscape:
        """A standard library function allocates: decided on the user's line only where it was inlined there (errors.New)."""
        inner = site.frames[site.leaf_index - 1].function
        found = self.at(site.leaf)
        type_prefix = package_of(inner).rpartition("/")[2] + "."
        inlined = tuple(d for d in found.on_heap if type_prefix in d.expression)
        if inlined:
            return SiteEscape(site.leaf, inlined, found.moved_lines, f"inlined from {inner}")
        return SiteEscape(
            None, (), note=f"allocated inside {inner}, which this line calls: the compiler decided there, not here"
        )

    def at(self, frame: Frame) -> SiteEscape:
        """The decisions on a frame's line, or one line beside it where that line has none."""
        lines, note = self._lines(frame)
        if lines is None:
            return SiteEscape(None, (), note=note)
        for moved in (0, 1, -1):
            there = lines.get(frame.line + moved, ())
            found = [diagnostic for diagnostic in there if _same_function(diagnostic, frame)]
            if there and not found and moved == 0:
                return SiteEscape(
                    None, (), note=f"the compiler's log has {there[0].function} on this line: it is of other source"
                )
            if found and (moved == 0 or any(d.on_heap for d in found)):
                ordered = sorted(found, key=_likeliest_first)
                said = f"the compiler's line is {frame.line + moved}, the profile's {frame.line}" if moved else ""
                return SiteEscape(frame, tuple(ordered), moved, said)
        return SiteEscape(None, ())

    def why(self, diagnostic: EscapeDiagnostic) -> str:
        """One sentence in plain words: what, whether it is on the heap, and through which flow."""
        what = _shorten(diagnostic.expression)
        if diagnostic.decision is Decision.STAYS:
            return f"{what} does not escape"
        head = (
            f"variable {what} is moved to the heap" if diagnostic.decision is Decision.MOVED else f"{what} escapes to the heap"
        )
        if not diagnostic.flow:
            return f"{head} (the flow is told by -gcflags=-m=2)"
        steps, last = self._told(diagnostic.package, diagnostic.flow)
        if not steps:
            return f"{head}: {diagnostic.flow[-1].source} flows to {diagnostic.flow[-1].target}"
        place = f" ({_base(last.file)}:{last.line})" if last else ""
        return f"{head}: {', then '.join(steps)}{self._beyond(diagnostic.package, diagnostic.flow, last)}{place}"

    def _told(self, package: str, flow: tuple[FlowStep, ...]) -> tuple[list[str], FlowReason | None]:
        """The flow's reasons in words, and the last reason that has any."""
        steps: list[str] = []
        last: FlowReason | None = None
        for step in flow:
            for reason in step.reasons:
                words = self._words(package, step.target, reason)
                if words and (not steps or steps[-1] != words):
                    steps.append(words)
                    last = reason
        return steps, last

    def _beyond(self, package: str, flow: tuple[FlowStep, ...], last: FlowReason | None) -> str:
        """What the called function does with the one parameter that it leaks: `, where c is stored in map b.live`.

        Which parameter takes the value is not told. It is sure where the value is an argument as it stands, one parameter
        leaks, and none is moved to the heap itself (the compiler tells no leak of those)."""
        if last is None or last.reason != "call parameter":
            return ""
        callee = _callee(last.expression)
        value = _STORAGE.sub(r"\1", flow[-1].source.lstrip("&"))
        arguments = last.expression[len(callee) :]
        if not re.search(rf"[(,] ?{re.escape(value)}[,)]", arguments):
            return ""
        to_receiver = arguments.startswith((f"({value},", f"({value})"))
        leaks = [leak for leak in self._leaks.get((package, callee), ()) if to_receiver or not leak.receiver]
        if len(leaks) != 1:
            return ""
        declared = self._files.get(_base(leaks[0].file), {}).get((package, leaks[0].file), {}).get(leaks[0].line, [])
        if any(diagnostic.decision is Decision.MOVED for diagnostic in declared):
            return ""
        steps, _ = self._told(package, leaks[0].flow)
        return f", where {leaks[0].parameter} is {', then '.join(steps)}" if steps else ""

    def _words(self, package: str, target: str, reason: FlowReason) -> str:
        template = _WORDS.get(reason.reason, "")
        if not template:
            return ""
        assigned = _ASSIGNED.match(reason.expression)
        left = assigned["left"] if assigned else reason.expression
        if target in left.split(", "):  # `a, b = x, y`: the one that this step is about
            left = target
        if assigned and _TEMPORARY.fullmatch(left):  # the compiler's own, from an inlined call
            return ""
        key = _INDEX.fullmatch(left)
        if key and (package, key["map"]) in self._maps:
            left = f"map {key['map']}"
        return template.format(
            x=_shorten(reason.expression), left=_shorten(left), callee=_shorten(_callee(reason.expression)),
            map=_shorten(key["map"] if key else left),
        )  # fmt: skip

    def _lines(self, frame: Frame) -> tuple[dict[int, list[EscapeDiagnostic]] | None, str]:
        files = self._files.get(_base(frame.file), {})
        package = unquote(package_of(frame.function))  # symbols write the dots of the last element as %2e
        scored = []
        for (log_package, file), lines in files.items():
            same_package = log_package == package
            common = _common_tail(frame.file, file)
            if same_package or common >= 2 or not log_package or (package == "main" and common >= 1):
                scored.append(((same_package, common), (log_package, file), lines))
        if not scored:
            return None, ""
        best = max(score for score, _, _ in scored)
        chosen = [(key, lines) for score, key, lines in scored if score == best]
        names = {file for (_, file), _ in chosen}
        if len(names) > 1:
            return None, f"{len(names)} files of the compiler's log could be {frame.file}: none is taken"
        merged: dict[int, list[EscapeDiagnostic]] = defaultdict(list)
        for _, lines in chosen:  # one file compiled into several packages: generics, tests
            for number, found in lines.items():
                merged[number] += found
        return merged, ""

    def _absence(self, frame: Frame | None) -> str:
        if frame is None or not frame.file:
            return "the profile names no source line"
        if self._lines(frame)[0] is None:
            package = unquote(package_of(frame.function))
            return f"{_base(frame.file)} is not in the compiler's log; build {package} with -gcflags={package}=-m=2"
        return "the compiler decides nothing on this line: append and map growth always allocate their new memory on the heap"


def summary(index: EscapeIndex, found: SiteEscape) -> tuple[str, ...]:
    """A site's escape analysis as lines for a report, the decisions on the heap first; never empty."""
    shown = found.on_heap or found.diagnostics
    lines = [index.why(diagnostic) for diagnostic in shown[:MAX_SHOWN_PER_LINE]]
    if len(shown) > MAX_SHOWN_PER_LINE:
        rest = len(shown) - MAX_SHOWN_PER_LINE
        lines.append(f"{rest} more decision{'s' * (rest > 1)} on this line")
    if found.note:
        lines.append(found.note)
    return tuple(lines)


def heap_lines(log: CompilerLog, package: str = "") -> Iterable[tuple[tuple[str, str, int], list[EscapeDiagnostic]]]:
    """The log's heap decisions grouped by (package, file, line), in the log's order; `package` keeps that one and below it."""
    groups: dict[tuple[str, str, int], list[EscapeDiagnostic]] = {}
    for diagnostic in log.diagnostics:
        inside = not package or diagnostic.package == package or diagnostic.package.startswith(package.rstrip("/") + "/")
        if diagnostic.on_heap and inside:
            groups.setdefault((diagnostic.package, diagnostic.file, diagnostic.line), []).append(diagnostic)
    return groups.items()


def _base(file: str) -> str:
    return file.replace("\\", "/").rpartition("/")[2]


def _likeliest_first(diagnostic: EscapeDiagnostic) -> tuple[bool, int, int]:
    """What certainly makes new memory first; then what may be small or none, such as a value converted to an interface;
    constants, for which the compiler keeps read-only data, last."""
    expression = diagnostic.expression
    makes = diagnostic.decision is Decision.MOVED or expression.startswith(_MAKERS) or expression.endswith("{...}")
    constant = expression.startswith(('"', "`")) and expression.count('"') <= 2
    return not diagnostic.on_heap, 0 if makes else 2 if constant else 1, diagnostic.column


def _same_function(diagnostic: EscapeDiagnostic, frame: Frame) -> bool:
    """Whether a decision is in the frame's function, as far as the compiler names it."""
    told = normalise(diagnostic.function)
    return not told or told == normalise(frame.function)[len(package_of(frame.function)) + 1 :]


def _common_tail(one: str, other: str) -> int:
    """How many trailing path elements agree, the file's name included."""
    count = 0
    for left, right in zip(_parts(one), _parts(other), strict=False):
        if left != right:
            break
        count += 1
    return count


def _parts(file: str) -> list[str]:
    return [part for part in reversed(PurePosixPath(file.replace("\\", "/")).parts) if part not in (".", "..")]


def _callee(expression: str) -> str:
    """`c.clock.Now` of `c.clock.Now()`: up to the parenthesis that the last one closes."""
    if not expression.endswith(")"):
        return expression
    depth = 0
    for at in range(len(expression) - 1, -1, -1):
        depth += (expression[at] == ")") - (expression[at] == "(")
        if depth == 0:
            return expression[:at] or expression
    return expression


def _map_of(write: str) -> str:
    """`c.items` of `c.items[key] = item`, "" when it is no such assignment."""
    assigned = _ASSIGNED.match(write)
    key = _INDEX.fullmatch(assigned["left"] if assigned else write)
    return key["map"] if key else ""


def _shorten(expression: str) -> str:
    if len(expression) <= MAX_EXPRESSION_CHARACTERS:
        return expression
    return expression[: MAX_EXPRESSION_CHARACTERS - 1] + "…"

"""Puts a compiler's escape flow into words: `stored in d, then stored in map r.devices`.

Pure. The flow is the compiler's; the words leave out steps that only pass a value along, tell maps from slices where the log
does, and follow a value into the function that keeps it. Which diagnostic belongs to a site is `leakhunt.source.escapes`.
"""

import re
from collections import defaultdict

from leakhunt.model.escape import CompilerLog, Decision, EscapeDiagnostic, FlowReason, FlowStep, ParameterLeak

MAX_EXPRESSION_CHARACTERS = 80

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
# A closure that is spilled straight to the heap is one of `go` or of `defer` in a loop; the compiler makes it itself for
# `go x.run(y)`, and then tells no reason (cmd/compile/internal/escape/call.go, goDeferStmt, Go 1.26 and 1.27).
_CLOSURE = "func literal"
_DETACHED = "run by go, or by defer in a loop"
_ASSIGNED = re.compile(r"(?P<left>.*?) :?= ")
_INDEX = re.compile(r"(?P<map>.*)\[[^\[\]]*\]")
_STORAGE = re.compile(r"\{storage for (.*)\}")
_TEMPORARY = re.compile(r"~r\d+|\.autotmp_\d+(?:, \.autotmp_\d+)*")


class FlowWords:
    """Words for one log's flows. Building costs one pass over the log."""

    def __init__(self, log: CompilerLog) -> None:
        self._maps = {(package, left) for package, write in log.map_writes if (left := _map_of(write))}
        self._leaks: dict[tuple[str, str], list[ParameterLeak]] = defaultdict(list)
        for leak in log.leaks:
            self._leaks[leak.package, leak.function].append(leak)
        self._moved: set[tuple[str, int]] = set()
        for diagnostic in log.diagnostics:
            if diagnostic.decision is Decision.MOVED:
                self._moved.add((diagnostic.file, diagnostic.line))
            if diagnostic.expression.startswith(("make(map[", "map[")):
                self._maps |= {
                    (diagnostic.package, assigned["left"])
                    for step in diagnostic.flow
                    for reason in step.reasons
                    if reason.reason == "assign" and (assigned := _ASSIGNED.match(reason.expression))
                }

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
        if not steps and diagnostic.expression == _CLOSURE and diagnostic.flow[-1].target == "{heap}":
            return f"{head}: {_DETACHED} ({base_name(diagnostic.file)}:{diagnostic.line})"
        if not steps:
            return f"{head}: {diagnostic.flow[-1].source} flows to {diagnostic.flow[-1].target}"
        place = f" ({base_name(last.file)}:{last.line})" if last and last.line else ""
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
        if (leaks[0].file, leaks[0].line) in self._moved:
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


def base_name(file: str) -> str:
    return file.replace("\\", "/").rpartition("/")[2]


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

"""What the Go compiler says about where values live: its escape analysis, as diagnostics with the flow that decided.

`leakhunt.decode.escape` fills it from the compiler's output; `leakhunt.source.escapes` matches it to allocation sites.
The words are the compiler's own (cmd/compile/internal/escape): a location flows to another, in steps, each for a reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Decision(StrEnum):
    """What escape analysis decided about one expression or variable."""

    ESCAPES = "escapes to heap"
    MOVED = "moved to heap"
    STAYS = "does not escape"


@dataclass(frozen=True, slots=True)
class FlowReason:
    """Why one location flows to another: `c.items[key] = it`, `assign`, and where."""

    expression: str
    reason: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class FlowStep:
    """`target` receives `source` (with its `&` or `*`), for `reasons`, nearest to the source first."""

    target: str
    source: str
    reasons: tuple[FlowReason, ...]


@dataclass(frozen=True, slots=True)
class EscapeDiagnostic:
    """One decision, at the position the compiler prints: the outermost, that is the call where a callee was inlined.

    package    import path from the log's `# package` line or JSON header, "" where the log has none
    function   "" before Go 1.25, whose compiler does not name it, and at `-m` without flows
    flow       empty at `-m` and for values that stay on the stack
    inlined    positions (file, line) inside inlined callees, outermost first; only the JSON form tells them
    """

    package: str
    file: str
    line: int
    column: int
    decision: Decision
    expression: str
    function: str = ""
    flow: tuple[FlowStep, ...] = ()
    inlined: tuple[tuple[str, int], ...] = ()

    @property
    def on_heap(self) -> bool:
        """Whether the value is allocated on the heap."""
        return self.decision is not Decision.STAYS


@dataclass(frozen=True, slots=True)
class ParameterLeak:
    """A parameter whose value reaches the heap: why passing a pointer to `function` makes what it points to escape.

    receiver    whether it is the method's receiver (declared right behind `func (`)
    """

    package: str
    function: str
    file: str
    line: int
    parameter: str
    receiver: bool
    flow: tuple[FlowStep, ...]


@dataclass(frozen=True, slots=True)
class CompilerLog:
    """Everything read from one compiler log.

    diagnostics     escape decisions, in order of first appearance, one per position and expression
    counts          lines (or JSON records) by kind, `unknown` among them; they add up to everything that was read
    unknown         the first few lines of no known kind, for a person to look at
    go_version      of the compiler where the log says so (the JSON form), else ""
    leaks           parameters whose value leaks (derefs=0), at -m=2; the JSON form names no function
    map_writes      (package, assignment) of every assignment that a flow calls a map put: `c.items[key] = item`
    """

    source: str
    diagnostics: tuple[EscapeDiagnostic, ...]
    counts: Mapping[str, int]
    unknown: tuple[str, ...] = ()
    go_version: str = ""
    map_writes: frozenset[tuple[str, str]] = frozenset()
    leaks: tuple[ParameterLeak, ...] = ()

    @property
    def has_flows(self) -> bool:
        """Whether the log tells reasons (`-m=2` or JSON) and not only decisions (`-m`)."""
        return any(diagnostic.flow for diagnostic in self.diagnostics)


@dataclass(frozen=True, slots=True)
class EscapeRow:
    """One source line that allocates on the heap. `value` is the profile's (bytes or objects, by its sample index), 0 where
    the profile has none there; `why` are sentences, the first about what allocates most likely."""

    package: str
    function: str
    file: str
    line: int
    value: int
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EscapeRanking:
    """The heap-allocating lines of a log, ranked by a profile's values.

    profile, sample_index, unit    "" where there is no profile
    total       the profile's value in the packages shown
    explained   how much of it lies on lines about which the log says something
    rows        the largest value first, then by file and line
    """

    log: str
    profile: str
    sample_index: str
    unit: str
    total: int
    explained: int
    rows: tuple[EscapeRow, ...]
    notes: tuple[str, ...]

"""Matches the compiler's escape decisions to the frames of allocation sites.

Pure. A profile and a compiler log name the same file differently (`/build/app/cache/store.go`, `./store.go`,
`example.org/app/cache/store.go`), so files are matched by base name, then by package and by common trailing folders; two
equally good files are an ambiguity that is said. Reading the log is `leakhunt.decode.escape`, wording a flow
`leakhunt.source.flows`.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote

from leakhunt.model.escape import CompilerLog, Decision, EscapeDiagnostic
from leakhunt.model.site import AllocationSite, Frame, normalise, package_of
from leakhunt.source.flows import FlowWords, base_name

MAX_SHOWN_PER_LINE = 3

_MAKERS = ("make(", "new(", "&", "append", "func literal", "[]", "map[", "string(", "([]byte)(", "([]rune)(")


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
        for diagnostic in log.diagnostics:
            files = self._files.setdefault(base_name(diagnostic.file), {})
            files.setdefault((diagnostic.package, diagnostic.file), defaultdict(list))[diagnostic.line].append(diagnostic)
        self._words = FlowWords(log)

    def why(self, diagnostic: EscapeDiagnostic) -> str:
        """One sentence in plain words: what, whether it is on the heap, and through which flow."""
        return self._words.why(diagnostic)

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

    def _lines(self, frame: Frame) -> tuple[dict[int, list[EscapeDiagnostic]] | None, str]:
        files = self._files.get(base_name(frame.file), {})
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
            return f"{base_name(frame.file)} is not in the compiler's log; build {package} with -gcflags={package}=-m=2"
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

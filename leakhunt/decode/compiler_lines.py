"""The grammar of the compiler's diagnostics, message by message: what follows `file:line:column: `.

Formats are those of cmd/compile in Go 1.21 to 1.27 (internal/escape, internal/inline, internal/devirtualize). Everything here
looks at the ends of a message and cuts it there, since the expressions in between may hold anything, and costs O(message):
logs are hostile until read. Which lines belong together is `leakhunt.decode.escape`.
"""

import re

from leakhunt.model.escape import Decision

_MOVED, _ESCAPES, _STAYS = "moved to heap: ", " escapes to heap", " does not escape"
_ARROWS = (" ← ", " = ")  # since Go 1.25, before
NOWHERE = "<unknown line number>"
_PLACE = re.compile(r"(?P<file>.+?):(?P<line>\d{1,9})(?::\d{1,9})?")

# What else `-m` to `-m=2` prints: (kind, beginnings, endings, words inside); the first that fits counts.
_OTHER_KINDS: tuple[tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]], ...] = (
    ("leaking param", ("leaking param: ", "leaking param content: ", "leaking closure "), (), ()),
    ("mutates or calls param", ("mutates param: ", "calls param: "), (" does not escape, mutate, or call",), ()),
    ("truncated flow", ("  warning: truncated explanation",), (), ()),
    ("inline", ("can inline ", "inlining call to ", "skip inlining within "), ("; reducing max cost of inlinees",), ()),
    ("cannot inline", ("cannot inline ",), (), ()),
    (
        "devirtualize",
        ("devirtualizing ", "partially devirtualizing ", "cannot devirtualize ", "failed to devirtualize "),
        (),
        ("PGO devirtualiz",),
    ),
    ("PGO edge", ("edge ", "call "), (), ()),
    ("capture", (), (), (" capturing by ref: ", " capturing by value: ")),
    ("self-assignment", (), (), (" ignoring self-assignment in ",)),
    ("uintptr", (), ("uintptr",), ()),
    ("conversion", ("reshaping ", "rewriting OCONVIFACE ", "convert: "), (" conversion", "closure converted to global"), ()),
    ("bounds check", ("index bounds check elided", "slice: omit slice operation", "generated nil check"), (), ()),
    ("loop", ("loop variable ",), (" looping label",), (" loop ending at ",)),
    ("kept alive", ("expr is unknown to bloop pass",), (" will be kept alive",), ()),
    ("call", ("tail call emitted ", "imprecise interface call", "intrinsic call, ", "cheap call is also "), (), ()),
    ("alias", ("alias analysis: ",), (), ()),
    ("closure", ("heap closure, ", "stack closure, "), (" marked as dead",), ()),
)


def split_decision(message: str) -> tuple[Decision, str] | None:
    """`&T{} escapes to heap`, `moved to heap: x`, `x does not escape` as (decision, expression)."""
    if message.startswith(_MOVED):
        return Decision.MOVED, message[len(_MOVED) :]
    if message.endswith(_ESCAPES):
        return Decision.ESCAPES, message[: -len(_ESCAPES)]
    if message.endswith(_STAYS):
        return Decision.STAYS, message[: -len(_STAYS)]
    return None


def split_flow_head(message: str) -> tuple[str, str] | None:
    """`&T{} escapes to heap in (*S).Put:` (before Go 1.25 without the function) as (expression, function)."""
    if not message.endswith(":"):
        return None
    body = message[:-1]
    if body.endswith(_ESCAPES):
        return body[: -len(_ESCAPES)], ""
    expression, found, function = body.rpartition(f"{_ESCAPES} in ")
    return (expression, function) if found else None


def split_leak(message: str) -> tuple[str, str, int] | None:
    """`parameter p leaks to {heap} for F with derefs=0:` (before Go 1.25 without F) as (parameter, function, derefs)."""
    body, found, derefs = message.rpartition(" with derefs=")
    if not found or not message.startswith("parameter ") or not derefs.endswith(":") or not derefs[:-1].isdecimal():
        return None
    parameter, found, target = body[len("parameter ") :].partition(" leaks to ")
    if not found:
        return None
    end = "} for " if target.startswith("{") else " for "  # {storage for X} has the word too
    _, named, function = target.rpartition(end)
    return parameter, function if named and not function.endswith("}") else "", int(derefs[:-1][:9])


def split_flow(message: str) -> tuple[str, str] | None:
    """`  flow: {heap} ← &{storage for &T{}}:` as (target, source)."""
    if not message.startswith("  flow: ") or not message.endswith(":"):
        return None
    body = message[len("  flow: ") : -1]
    for arrow in _ARROWS:
        target, found, source = body.partition(f"}}{arrow}" if body.startswith("{storage for ") else arrow)
        if found:
            return (target + "}" if body.startswith("{storage for ") else target), source
    return None


def split_reason(message: str) -> tuple[str, str, str, int] | None:
    """`    from s.items[k] = e (assign) at store.go:20:3` as (expression, reason, file, line)."""
    if not message.startswith("    from "):
        return None
    told, found, place = message[len("    from ") :].rpartition(") at ")
    match = _PLACE.fullmatch(place) if found else None
    expression, bracket, reason = told.rpartition(" (")
    if not bracket or (match is None and place != NOWHERE):
        return None
    return (expression, reason, match["file"], int(match["line"])) if match is not None else (expression, reason, "", 0)


def declared_function(message: str) -> str:
    """F of `can inline F with cost ...` and `cannot inline F: why`, which stand where F is declared; "" of other messages."""
    for beginning in ("can inline ", "cannot inline "):
        if message.startswith(beginning):
            return message[len(beginning) :].partition(" ")[0].rstrip(":")
    return ""


def placeless_kind(message: str) -> str:
    """Kind of a message about what the compiler made itself and gave no place, `#next` and `#state` of a range over a function:
    a decision, the head of a flow or a capture; "" for any other."""
    if split_flow_head(message):
        return "escape flow"
    decided = split_decision(message)
    if decided:
        return decided[0].value if "#" in decided[1] else ""
    return "capture" if other_kind(message) == "capture" else ""


def other_kind(message: str) -> str:
    """Kind of a message that is no decision and no flow, "" where it is not known."""
    if split_leak(message):
        return "leaking param"
    for kind, beginnings, endings, inside in _OTHER_KINDS:
        if message.startswith(beginnings) or message.endswith(endings) or any(words in message for words in inside):
            return kind
    return ""

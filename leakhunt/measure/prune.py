"""Takes out the frames that a profile itself calls uninteresting: its drop_frames, less its keep_frames.

As pprof does before it shows anything (github.com/google/pprof/profile/prune.go, Go 1.26). The expressions are RE2's, which no
input can make slow. Go's own heap profiles have none; those converted from other forms do.
"""

from __future__ import annotations

from array import array
from typing import Any

from leakhunt.model.profile import Profile

_RESERVED = ("(anonymous namespace)", "operator()")
_MAX_PATTERN_CHARACTERS = 1 << 16


def pruned(profile: Profile) -> Profile:
    """`profile` without the frames from a match of drop_frames down to the leaf, in stacks that have another frame above.
    The profile itself where it has no drop_frames, or not a usable one. Cost: linear, a match for each function."""
    drop, keep = _compiled(profile.drop_frames), _compiled(profile.keep_frames)
    if drop is None or (keep is None and profile.keep_frames):
        return profile
    functions = [_matches(name, drop, keep) for name in profile.function_names]
    whole: set[int] = set()
    beneath: dict[int, int] = {}  # location -> how many of its lines go
    for location in range(len(profile.line_offsets) - 1):
        start, end = profile.line_offsets[location], profile.line_offsets[location + 1]
        hits = [i for i in range(end - start) if (f := profile.line_functions[start + i]) >= 0 and functions[f]]
        if hits:
            whole.update([location] if hits[-1] == end - start - 1 else [])
            beneath[location] = hits[-1] + 1
    if not beneath:
        return profile
    offsets, locations = array("q", [0]), array("q")
    for sample in range(profile.samples):
        stack = profile.stack_locations[profile.stack_offsets[sample] : profile.stack_offsets[sample + 1]].tolist()
        locations.extend(stack[_first_kept(stack, whole, beneath) :])
        offsets.append(len(locations))
    cuts = {location: lines for location, lines in beneath.items() if location not in whole}
    return _replaced(profile, offsets, locations, cuts)


def _first_kept(stack: list[int], whole: set[int], beneath: dict[int, int]) -> int:
    """Where the stack begins: at the outermost match that has a frame without one above it."""
    user = False
    for i in range(len(stack) - 1, -1, -1):
        if stack[i] not in beneath:
            user = True
        elif user:
            return i + 1 if stack[i] in whole else i
    return 0


def _replaced(profile: Profile, offsets: array[int], locations: array[int], cuts: dict[int, int]) -> Profile:
    """A copy with these stacks, and without the innermost `cuts[l]` lines of location l."""
    line_offsets, line_functions, line_numbers = array("q", [0]), array("q"), array("q")
    for location in range(len(profile.line_offsets) - 1):
        start = profile.line_offsets[location] + cuts.get(location, 0)
        end = profile.line_offsets[location + 1]
        line_functions.extend(profile.line_functions[start:end])
        line_numbers.extend(profile.line_numbers[start:end])
        line_offsets.append(len(line_functions))
    columns = {
        "stack_offsets": offsets, "stack_locations": locations, "line_offsets": line_offsets,
        "line_functions": line_functions, "line_numbers": line_numbers,
    }  # fmt: skip
    fields = {name: getattr(profile, name) for name in Profile.__slots__}
    return Profile(**fields | {name: memoryview(column) for name, column in columns.items()})


def _compiled(pattern: str) -> Any:
    """The expression as pprof anchors it; None where it is empty, too long or none."""
    if not pattern or len(pattern) > _MAX_PATTERN_CHARACTERS:
        return None
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(f"^({pattern})$".encode("utf-8", "surrogateescape"), options)
    except re2.error:
        return None


def _matches(name: str, drop: Any, keep: Any) -> bool:
    simple = _simplified(name).encode("utf-8", "surrogateescape")
    return bool(name) and drop.search(simple) is not None and (keep is None or keep.search(simple) is None)


def _simplified(name: str) -> str:
    """A C++ name without its arguments: what comes before the first bracket that is not part of a reserved name."""
    name = name.removeprefix(".")
    at = 0
    while (at := name.find("(", at)) >= 0:
        reserved = next((word for word in _RESERVED if name.startswith(word, at - word.index("("))), None)
        if reserved is None:
            return name[:at]
        at += len(reserved) - reserved.index("(")
    return name

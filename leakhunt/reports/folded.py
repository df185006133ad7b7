"""Folded stacks, one line a stack: `main.main;shop.Load;json.Unmarshal 4096`, as speedscope and flamegraph.pl open them.

Format: github.com/brendangregg/FlameGraph, stackcollapse. It has no negative numbers, so of a difference only what grew is
written; what shrank is summed for the caller to tell.
"""

from leakhunt.model.profile import Profile
from leakhunt.printable import printable


def render_folded(profile: Profile, column: int) -> tuple[str, int]:
    """Lines for every stack of `profile` whose sum in sample column `column` is positive, sorted, and the sum of the
    negative ones. A location's inlined calls are frames of their own, as pprof has them. Linear in frames."""
    sums: dict[str, int] = {}
    names = [printable(name).replace(";", ":") or "[unknown]" for name in profile.function_names]
    location_names: dict[int, str] = {}
    width = len(profile.sample_types)
    for sample in range(profile.samples):
        start, end = profile.stack_offsets[sample], profile.stack_offsets[sample + 1]
        frames = []
        for location in reversed(profile.stack_locations[start:end].tolist()):
            if location not in location_names:
                location_names[location] = _lines(profile, location, names)
            frames.append(location_names[location])
        stack = ";".join(frames) or "[no stack]"
        sums[stack] = sums.get(stack, 0) + profile.values[sample * width + column]
    grown = sorted((stack, value) for stack, value in sums.items() if value > 0)
    return "".join(f"{stack} {value}\n" for stack, value in grown), sum(value for value in sums.values() if value < 0)


def _lines(profile: Profile, location: int, names: list[str]) -> str:
    """The calls at one location, outermost first."""
    start, end = profile.line_offsets[location], profile.line_offsets[location + 1]
    calls = [profile.line_functions[line] for line in range(start, end)]
    if not calls:
        return f"0x{profile.location_addresses[location] & (1 << 64) - 1:x}"
    return ";".join("[unknown]" if call < 0 else names[call] for call in reversed(calls))

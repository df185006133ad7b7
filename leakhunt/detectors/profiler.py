"""Memory of the profiler itself: what taking the profile allocates.

Looks for: sites under `runtime/pprof`, `net/http/pprof` and the compressor they write through.
Why it matters: every profile that is taken allocates buffers, and in a quiet process they are what grows.
How it decides: a frame of `runtime/pprof.` or `net/http/pprof.` is on the stack.
When it is wrong: never seen; a program whose own code writes profiles to memory and keeps them shows its own frames below.
What to do: nothing.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.evidence import Evidence
from leakhunt.model.finding import Confidence, Finding, Stance

PATTERN = "profiler"
_PROFILERS = ("runtime/pprof.", "net/http/pprof.")


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Clears every group whose site allocates on behalf of the profiler."""
    for group in evidence.groups:
        stack = evidence.series.sites[group.seed].frames
        frame = next((f for f in stack if f.function.startswith(_PROFILERS)), None)
        if frame is not None:
            yield Finding(
                detector="profiler",
                pattern=PATTERN,
                stance=Stance.EXONERATES,
                confidence=Confidence.HIGH,
                sites=group.sites,
                text=f"taking the profiles allocates this: {frame.function} is on the stack",
                facts={"frame": frame.function},
            )

"""Cache with its janitor: expired entries are swept, so growth is of live entries.

Looks for: sites of a cache library whose sweeping goroutine is seen in the goroutine profiles, or that always sweeps.
Why it matters: such a cache grows with the number of live entries and stops when as many expire as are added.
How it decides: an insertion of the library is on the stack of a site of the group, and its janitor stands in a goroutine
    profile, or the library sweeps by construction. Medium confidence; low where the janitor was not seen, or nothing of the
    group was freed in the window: entries without a time to live, or with one far longer than the window, still fill
    memory.
When it is wrong: entries without a time to live, or with one far longer than the memory lasts.
What to do: compare the time to live with the length of the window; look again after it has passed.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.detectors.caches import cache_of, is_swept
from leakhunt.evidence import Evidence
from leakhunt.model.finding import Confidence, Finding, Stance

PATTERN = "janitor-cache"


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Speaks for groups of a cache that is swept."""
    for group in evidence.groups:
        found = cache_of(evidence, group)
        if found is None or not is_swept(evidence, found[0]):
            continue
        cache, type_name = found
        seen = evidence.goroutines.count(cache.janitor) if cache.janitor else ()
        where = f"its janitor {cache.janitor} runs" if any(seen) else "it sweeps by construction"
        yield Finding(
            detector="janitor-cache",
            pattern=PATTERN,
            stance=Stance.EXONERATES,
            confidence=Confidence.MEDIUM if any(seen) and evidence.freed_share(group) > 0 else Confidence.LOW,
            sites=group.sites,
            text=f"{type_name} is swept: {where}; it grows only while more entries are live",
            facts={"cache": type_name, "janitors": max(seen, default=0)},
        )

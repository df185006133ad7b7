"""Registry in a sync.Map: entries are stored and never deleted.

Looks for: growing sites that store into a sync.Map (its hash trie's nodes from Go 1.24 on, its dirty map before).
Why it matters: sync.Map has no size and no expiry; a registry of connections, sessions or tenants in it needs a Delete for
    every Store.
How it decides: a function of sync.Map that makes an entry is on the stack of a site of a group that grows significantly.
When it is wrong: a registry that is still warming up to a fixed number of keys.
What to do: Delete the key where what it stands for ends; the finding shows where it is stored.
Options: none.
"""

from collections.abc import Iterator

from leakhunt.detectors.frames import function_near
from leakhunt.detectors.held import held_in, shows, speaks_against
from leakhunt.evidence import Evidence
from leakhunt.model.finding import Confidence, Finding, Stance

PATTERN = "sync-map-registry"
_STORES = (
    "internal/sync.newEntryNode",
    "internal/sync.newIndirectNode",
    "internal/sync.(*HashTrieMap[...]).",
    "sync.(*Map).",
    "sync.newEntry",
    "sync.(*entry).",
)


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups that store into a sync.Map."""
    for group in evidence.growing_groups:
        held = held_in(evidence, group)
        if speaks_against(held, PATTERN):
            continue
        shown = shows(held, PATTERN)
        function = function_near(evidence, group, _STORES) or (shown.container if shown else None)
        if function is not None:
            yield Finding(
                detector="sync-map-registry",
                pattern=PATTERN,
                stance=Stance.IMPLICATES,
                confidence=Confidence.MEDIUM,
                sites=group.sites,
                text=f"entries of a sync.Map pile up: {function} makes them, and too few are deleted",
                facts={"function": function, "freed_share": evidence.freed_share(group)},
                remedy="""Delete the key where what it stands for ends:
    registry.Store(id, conn)
    defer registry.Delete(id)""",
            )

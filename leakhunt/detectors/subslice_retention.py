"""Small pieces that keep large blocks: a substring or subslice of a document pins the whole of it.

Looks for: growing groups of large blocks made by functions that read whole documents (io.ReadAll, os.ReadFile,
    strings.Builder, bytes.Buffer.ReadFrom, bufio.Scanner).
Why it matters: `id := body[10:26]` in a map keeps all of body.
How it decides: such a function is on the stack of the group's largest site, its blocks are on average 2 KiB or more, and the
    group grows significantly. Low confidence: only a heap dump sees the short header that holds the large block. With
    one (and `--binary`), arrays of which slices show less than a quarter, half or more of what the path holds, are proof.
When it is wrong: documents that are meant to be kept whole.
What to do: copy the piece (strings.Clone, bytes.Clone, slices.Clone) before it is kept.
Options: none.
"""

from collections.abc import Iterator
from dataclasses import replace

from leakhunt.detectors.frames import function_on
from leakhunt.evidence import Evidence
from leakhunt.measure.groups import Group
from leakhunt.model.census import PinnedSlack
from leakhunt.model.finding import Confidence, Finding, Stance
from leakhunt.thresholds import DOCUMENT_FRAMES, SUBSLICE_BLOCK_BYTES
from leakhunt.units import format_bytes

PATTERN = "subslice-retention"
_READERS = ("io.ReadAll", "os.ReadFile", "os.readFileContents", "strings.(*Builder).", "bytes.(*Buffer).ReadFrom",
            "bufio.(*Scanner).", "strings.Repeat", "bytes.Repeat", "bufio.(*Reader).")  # fmt: skip
_REMEDY = """Copy the piece that is kept:
    index[id] = strings.Clone(body[from:to])"""


def examine(evidence: Evidence) -> Iterator[Finding]:
    """Accuses growing groups of whole documents."""
    for group in evidence.growing_groups:
        slack = evidence.slack(group)
        if slack is not None:
            yield _proved(group, slack)
            continue
        objects = evidence.grown_objects[group.seed]
        function = function_on(evidence, replace(group, sites=(group.seed,)), _READERS, within=DOCUMENT_FRAMES)
        if function is None or objects <= 0:
            continue
        mean_bytes = float(evidence.trends.grown_bytes[group.seed]) / float(objects)
        if mean_bytes >= SUBSLICE_BLOCK_BYTES:
            yield _suspected(group, function, mean_bytes)


def _proved(group: Group, slack: PinnedSlack) -> Finding:
    shown, held = format_bytes(slack.visible_bytes), format_bytes(slack.bytes)
    return Finding(
        detector="subslice-retention",
        pattern=PATTERN,
        stance=Stance.IMPLICATES,
        confidence=Confidence.HIGH,
        sites=group.sites,
        text=(
            f"short slices keep long arrays: a heap dump finds {slack.arrays:,} arrays of {held} under "
            f"{slack.place.root_name}, of which the slices show {shown}"
        ),
        facts={"arrays": slack.arrays, "held_bytes": slack.bytes, "visible_bytes": slack.visible_bytes},
        remedy=_REMEDY,
    )


def _suspected(group: Group, function: str, mean_bytes: float) -> Finding:
    return Finding(
        detector="subslice-retention",
        pattern=PATTERN,
        stance=Stance.IMPLICATES,
        confidence=Confidence.LOW,
        sites=group.sites,
        text=(
            f"whole documents stay: {function} makes blocks of {format_bytes(mean_bytes)} on average; if only a piece of "
            f"each is needed, the piece keeps all of it"
        ),
        facts={"function": function, "mean_block_bytes": mean_bytes},
        remedy=_REMEDY,
    )

"""One pattern a file: each receives Evidence and yields Findings, for guilt or for innocence.

A detector is a module with

    PATTERN            one of the contract's pattern names
    examine(evidence)  yields Findings about `evidence.groups`, at most one a group

and a docstring that is its manual: `leakhunt explain NAME` prints it. The name of a detector is its module's, with dashes.
A detector never reads a file, prints, or knows another. To add one, write the file and put it on the list below.
"""

from collections.abc import Iterator
from typing import Protocol

from leakhunt.detectors import (
    never_freed,
    profiler,
    steady_growth,
)
from leakhunt.evidence import Evidence
from leakhunt.model.finding import Finding


class Detector(Protocol):
    """What `DETECTORS` holds: a module."""

    __name__: str
    __doc__: str | None
    PATTERN: str

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Findings about the groups of `evidence`."""
        ...


DETECTORS: tuple[Detector, ...] = (
    # accusing
    steady_growth,
    never_freed,
    # exonerating
    profiler,
)


def detector_name(detector: Detector) -> str:
    """`never-freed` of the module `leakhunt.detectors.never_freed`."""
    return detector.__name__.rpartition(".")[2].replace("_", "-")

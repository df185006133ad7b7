"""The reference page is what the code says of itself."""

import inspect

import pytest

from leakhunt import thresholds
from leakhunt.detectors import DETECTORS, Detector, detector_name
from tests.reference import PAGE, page, threshold_rows

MANUAL = ("Looks for:", "Why it matters:", "How it decides:", "When it is wrong:", "What to do:", "Options:")


def test_the_page_is_current() -> None:
    assert page() == PAGE.read_text(encoding="utf-8"), "run python -m tests.reference"


@pytest.mark.parametrize("detector", DETECTORS, ids=detector_name)
def test_every_detector_has_its_whole_manual(detector: Detector) -> None:
    manual = detector.__doc__ or ""
    assert [part for part in MANUAL if part not in manual] == []
    assert len(inspect.getsource(inspect.getmodule(detector.examine)).splitlines()) <= 150  # type: ignore[arg-type]


def test_every_threshold_says_why() -> None:
    names = [name for name in vars(thresholds) if name.isupper() and name != "BYTES_PER_MIB"]
    rows = [row for row in threshold_rows() if row.startswith("| `")]
    assert [name for name in names if not any(row.startswith(f"| `{name}` |") for row in rows)] == []
    assert len(rows) == len(names)

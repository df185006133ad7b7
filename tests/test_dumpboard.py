"""What can be held of the scoreboard with dumps without running 140 programs: the page is what was observed, and of the
programs that are kept the profiles and the last dump, stripped of its contents, still lead to the same root, path, pattern."""

import pytest

from leakhunt.hunt import hunt
from tests.dumpboard import HUNTED, KEPT, PAGE, expired_is_right, load, page, pattern_is_right, root_is_right, rows, steps
from tests.scoreboard import labels

# What only contents prove (times, lengths of slices), and cache libraries: a stripped dump has no import paths to tell them by.
BY_CONTENTS = {"lazy-ttl-cache", "cache-no-janitor", "subslice-retention"}


def test_the_page_is_what_was_observed() -> None:
    assert page() == PAGE.read_text(encoding="utf-8"), "run python -m tests.dumpboard NAME of the series that should change"


@pytest.mark.parametrize("name", KEPT)
def test_a_kept_run_is_still_told_the_same(name: str) -> None:
    (row,) = [row for row in rows() if row["name"] == name]
    label, wanted = labels()[name], row["cases"][0]
    assert root_is_right(row, label)
    assert pattern_is_right(row, label)
    assert expired_is_right(row) in (True, None)
    folder = HUNTED / name
    evidence = load([*sorted(folder.glob("*.pb.gz")), folder / "heap.heap"])
    held = [evidence.retention(group) for group in evidence.groups]
    assert (wanted["root"], wanted["path"]) in [(each.root.name, steps(each)) for each in held if each is not None]
    if wanted["pattern"] not in BY_CONTENTS:
        assert wanted["pattern"] in [case.pattern for case in hunt(evidence).cases]

"""The scoreboard page is what the code gives: a change of a detector shows its effect in the page's diff."""

from tests.scoreboard import PAGE, page


def test_the_page_is_current() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert page() == written, "run python -m tests.scoreboard and look at the diff of docs/scoreboard.md"

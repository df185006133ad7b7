"""docs/how-it-decides.md shows what `python -m tests.simulate` prints."""

import os
from pathlib import Path

import pytest

from tests import simulate

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-it-decides.md"


@pytest.mark.skipif("LEAKHUNT_SIMULATE" not in os.environ, reason="takes a minute or two; set LEAKHUNT_SIMULATE=1 to run it")
def test_the_table_is_what_the_simulation_prints() -> None:
    assert "\n".join(simulate.table(80, 1500, 6, 20_000)) in PAGE.read_text(encoding="utf-8")


def test_every_kind_that_the_simulation_draws_is_in_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"| {kind} |" in text for kind in simulate.SHARES)

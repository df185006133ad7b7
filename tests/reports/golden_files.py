"""Golden files: reports as a person reads them. `pytest --golden` writes them anew; the diff is for review."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "golden"


def check(request: pytest.FixtureRequest, name: str, text: str, folder: Path = FOLDER) -> None:
    """Compares `text` with the golden file `name` of `folder`, or writes it when asked to."""
    path = folder / name
    if request.config.getoption("--golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    assert path.read_text(encoding="utf-8") == text, f"{name} changed; if it should, run pytest --golden and review the diff"

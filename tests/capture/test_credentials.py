"""Secrets come by reference, and no error shows one."""

from pathlib import Path

import pytest

from leakhunt.capture.credentials import read_credentials
from leakhunt.errors import ConfigError


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "hunter2")
    monkeypatch.setenv("LOGIN", "ops:hünter:2")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("LINES", "hunter2\nX-Evil: 1")
    monkeypatch.delenv("MISSING", raising=False)


def test_what_is_sent(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("from a file\n")
    assert read_credentials(bearer="env:TOKEN").headers == {"Authorization": "Bearer hunter2"}
    assert read_credentials(bearer=f"file:{secret}").headers == {"Authorization": "Bearer from a file"}
    assert read_credentials(basic="env:LOGIN").headers == {"Authorization": "Basic b3BzOmjDvG50ZXI6Mg=="}
    assert read_credentials(("X-Key=env:TOKEN", f"X-More=file:{secret}")).headers == {
        "X-Key": "hunter2",
        "X-More": "from a file",
    }
    assert read_credentials().headers == {}
    assert "hunter2" not in repr(read_credentials(bearer="env:TOKEN"))


@pytest.mark.parametrize(
    ("references", "said"),
    [
        ({"bearer": "hunter2"}, "--bearer: a secret is not taken from the command line"),
        ({"basic": "ops:hunter2"}, "--basic: a secret is not taken from the command line"),
        ({"headers": ("X-Key: hunter2",)}, "--header: write NAME=env:VARIABLE"),
        ({"headers": ("X-Key=hunter2",)}, "--header: a secret is not taken from the command line"),
        ({"headers": ("X Key=env:TOKEN",)}, "--header: write NAME=env:VARIABLE"),
        ({"bearer": "env:MISSING"}, "--bearer: the environment variable MISSING is not set"),
        ({"bearer": "env:EMPTY"}, "--bearer: the environment variable EMPTY is empty"),
        ({"bearer": "env:LINES"}, "--bearer: the environment variable LINES holds more than one line"),
        ({"basic": "env:TOKEN"}, "--basic: what it refers to must read user:password"),
        ({"bearer": "file:/nowhere/token"}, "--bearer: cannot read the file /nowhere/token: No such file"),
        ({"bearer": "env:TOKEN", "basic": "env:LOGIN"}, "--basic: give either"),
    ],
)
def test_what_is_refused(references: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_credentials(**references)  # type: ignore[arg-type]
    assert str(caught.value).startswith(said)
    assert "hunter2" not in str(caught.value)


def test_a_file_too_large_is_the_wrong_file(tmp_path: Path) -> None:
    path = tmp_path / "core"
    path.write_bytes(bytes(1 << 20))
    with pytest.raises(ConfigError, match="is larger than any header may be"):
        read_credentials(bearer=f"file:{path}")

"""The fast reader and typer agree, flag by flag, and the fast way loads nothing that takes time."""

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from leakhunt.cli import fast
from leakhunt.cli.app import app
from leakhunt.decode.encode import encode
from tests.decode.build import make_profile

FLAGS = [
    [], ["--cum"], ["--lines"], ["-n", "3"], ["-n", "0"], ["--sample-index", "alloc_space"], ["--sample-index=alloc_space"],
    ["--sample-index", "2"], ["--format", "json"], ["--format=csv"], ["--unit", "KiB"], ["--unit=B"],
]  # fmt: skip
LEFT_TO_TYPER = [
    ["--help"], ["-n", "x"], ["-n", "-1"], ["-n"], ["-n3"], ["--format", "yaml"], ["--format"], ["--unit", "kb"], ["--unit="],
    ["--no-such"], ["--cum=1"], ["--sample-index", "--cum"], ["--", "x"], ["extra", "more", "files"], ["-n", "9" * 30],
]  # fmt: skip


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    locations = [(i + 1, -1, [(i, 10 * i)]) for i in range(6)]
    functions = [(f"main.f{i}", f"/src/f{i}.go") for i in range(6)]
    for name, factor in (("base.pb", 1), ("new.pb", 3)):
        samples = [([i, 5], [factor * i, factor * i << 20, factor * i, factor * i << 20], 1 << 20) for i in range(1, 6)]
        (tmp_path / name).write_bytes(encode(make_profile(samples, locations, functions)))
    monkeypatch.chdir(tmp_path)
    return ["base.pb", "new.pb"]


def options_of(parsed: tuple[str, list[str], Any] | None) -> dict[str, object]:
    assert parsed is not None
    return {name: getattr(parsed[2], name) for name in parsed[2].__slots__}


@pytest.mark.parametrize("command", ["top", "diff"])
def test_both_readers_give_the_same_options(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    files = ["a.pb", "b.pb"][: fast.FILES[command]]
    seen: list[tuple[list[str], dict[str, object]]] = []

    def record(*arguments: Any) -> None:
        *paths, options = arguments
        seen.append((paths, {name: getattr(options, name) for name in options.__slots__}))

    monkeypatch.setattr(f"leakhunt.cli.{command}.run_{command}", record)
    for flags in [*FLAGS, *([*a, *b] for a, b in itertools.combinations(FLAGS, 2))]:
        for words in ([command, *files, *flags], [command, *flags, *files]):
            parsed = fast.parse(words)
            result = CliRunner().invoke(app, words)
            assert result.exit_code == 0, (words, result.output)
            assert parsed is not None, words
            assert seen[-1] == (parsed[1], options_of(parsed)), words


@pytest.mark.parametrize("command", ["top", "diff"])
@pytest.mark.parametrize("flags", LEFT_TO_TYPER, ids=" ".join)
def test_what_is_not_plain_is_left_to_typer(command: str, flags: list[str]) -> None:
    assert fast.parse([command, *["a.pb", "b.pb"][: fast.FILES[command]], *flags]) is None


def test_other_commands_are_left_to_typer() -> None:
    assert fast.parse([]) is None
    assert fast.parse(["hunt", "a.pb"]) is None
    assert fast.parse(["top"]) is None
    assert fast.parse(["diff", "a.pb"]) is None


@pytest.mark.parametrize("format", ["table", "csv", "json"])
def test_both_ways_print_the_same(profiles: list[str], format: str) -> None:
    for words in (["top", profiles[0]], ["diff", *profiles]):
        quick = subprocess.run(
            [sys.executable, "-c", "from leakhunt.cli import main; main()", *words, "--format", format],
            capture_output=True, text=True, check=True, env={"COLUMNS": "80"},
        ).stdout  # fmt: skip
        slow = subprocess.run(
            [sys.executable, "-c", "from leakhunt.cli.app import app; app()", *words, "--format", format],
            capture_output=True, text=True, check=True, env={"COLUMNS": "80"},
        ).stdout  # fmt: skip
        assert quick == slow != ""


@pytest.mark.parametrize("words", [["top"], ["diff"]], ids=["top", "diff"])
def test_a_table_loads_nothing_that_takes_time(profiles: list[str], words: list[str]) -> None:
    files = profiles[: fast.FILES[words[0]]]
    code = f"import sys; from leakhunt.cli import fast; fast.run({[*words, *files]!r}); print(*sys.modules, file=sys.stderr)"
    loaded = subprocess.run([sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
                            capture_output=True, text=True, check=True).stderr.split()  # fmt: skip
    heavy = {
        "typer",
        "click",
        "rich",
        "numpy",
        "pandas",
        "google",
        "dataclasses",
        "inspect",
        "enum",
        "re",
        "typing",
        "json",
        "shutil",
    }
    assert not heavy & set(loaded)
    assert "leakhunt.kernels.flat" in loaded


def test_the_difference_as_a_profile_goes_to_standard_output(profiles: list[str], gopprof: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from leakhunt.cli import main; main()", "diff", *profiles, "--format", "pprof"]
    (tmp_path / "difference.pb.gz").write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    top = subprocess.run([gopprof, "-top", "difference.pb.gz"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "30MB, 100% of 30MB total" in top


@pytest.mark.parametrize("command", ["top", "diff"])
def test_a_profile_that_cannot_be_read_is_one_line_and_exit_2(command: str, profiles: list[str], tmp_path: Path) -> None:
    (tmp_path / "bad\x1b[31m\nname.pb").write_bytes(b"nonsense")
    files = ["bad\x1b[31m\nname.pb", profiles[0]][: fast.FILES[command]]
    done = subprocess.run(
        [sys.executable, "-c", "from leakhunt.cli import main; main()", command, *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr

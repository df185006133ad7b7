"""`leakhunt dump ...` from the outside: output, exit codes, one line for what goes wrong."""

import gzip
import json
from pathlib import Path

import pytest

from tests.cli.running import leakhunt
from tests.heaps import story


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two dumps of one process, one of them compressed."""
    (tmp_path / "first.dump").write_bytes(story.FIRST)
    (tmp_path / "last.dump.gz").write_bytes(gzip.compress(story.LAST))
    return tmp_path


COMMANDS = (
    ("summary", "first.dump"),
    ("types", "first.dump", "-n", "2"),
    ("roots", "first.dump"),
    ("path", "first.dump"),
    ("path", "first.dump", "--type", "48 B"),
    ("path", "first.dump", "--site", r"main\.put"),
    ("path", "first.dump", "--address", f"{story.PAYLOADS:#x}"),
    ("dominators", "first.dump"),
    ("diff", "first.dump", "last.dump.gz"),
)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_every_command_answers_as_table_and_as_json(folder: Path, arguments: tuple[str, ...]) -> None:
    table = leakhunt("dump", *arguments, cwd=folder)
    assert (table.returncode, table.stderr) == (0, "")
    body = leakhunt("dump", *arguments, "--format", "json", cwd=folder)
    assert json.loads(body.stdout)["schema"] == f"leakhunt.dump.{arguments[0]}/1"
    assert "hunter2" not in table.stdout + body.stdout


def test_the_path_that_grew_is_named(folder: Path) -> None:
    out = leakhunt("dump", "diff", "first.dump", "last.dump.gz", cwd=folder).stdout
    assert "data+0x0 +0 [x] -> 48 B, pointers at 0" in out


def test_a_stripped_dump_answers_alike(folder: Path) -> None:
    done = leakhunt("dump", "strip", "first.dump", "small", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert b"hunter2" not in (folder / "small").read_bytes()
    for command in ("types", "roots", "path", "dominators"):
        whole, small = (leakhunt("dump", command, name, cwd=folder).stdout for name in ("first.dump", "small"))
        assert whole == small


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("summary", "none"), "leakhunt: none: cannot be read: No such file or directory"),
        (("summary", "text"), "leakhunt: text: not a Go heap dump: it does not begin with 'go1.7 heap dump' at byte 0"),
        (("summary", "empty"), "leakhunt: empty: is empty"),
        (("summary", "."), "leakhunt: .: cannot be read: Is a directory"),
        (
            ("path", "first.dump", "--address", "zebra"),
            "leakhunt: --address: 'zebra' is not an address; write for example 0xc000123456",
        ),
        (("path", "first.dump", "--address", "0x10"), "leakhunt: --address: 0x10 lies in no object of this dump"),
        (("path", "first.dump", "--type", "("), "leakhunt: --type: '(' is not a regular expression (RE2 syntax): missing ): ("),
        (("path", "first.dump", "--type", "a", "--site", "b"), "leakhunt: dump path: give one of --address, --type and --site"),
        (("diff", "first.dump"), "leakhunt: dump diff: give at least two dumps of one process"),
        (("strip", "first.dump", "nowhere/small"), "leakhunt: -o: nowhere/small: cannot be written: No such file or directory"),
    ],
)
def test_what_goes_wrong_is_one_line_and_exit_2(folder: Path, arguments: tuple[str, ...], line: str) -> None:
    (folder / "text").write_text("heap profile: 1: 2 [3: 4] @ heap/1048576\n")
    (folder / "empty").touch()
    done = leakhunt("dump", *arguments, cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line + "\n")


def test_a_truncated_dump_says_what_is_missing(folder: Path) -> None:
    (folder / "cut.dump").write_bytes(story.FIRST[:3000])
    done = leakhunt("dump", "summary", "cut.dump", cwd=folder)
    assert done.returncode == 0
    assert "note: the dump is truncated at byte" in done.stdout
    assert "no stacks, globals, MemStats, allocation sites" in done.stdout


@pytest.mark.parametrize("name", ["first.dump", "last.dump.gz"])
def test_top_shows_a_dump_by_type(folder: Path, name: str) -> None:
    table = leakhunt("top", name, cwd=folder)
    assert (table.returncode, table.stderr) == (0, "")
    assert table.stdout == leakhunt("dump", "types", name, "-n", "20", cwd=folder).stdout
    by_count = leakhunt("top", name, "--sample-index", "inuse_objects", "--format", "csv", cwd=folder).stdout.splitlines()
    assert by_count[0] == "bytes,share_ppm,objects,retained_bytes,type"
    assert [int(row.split(",")[2]) for row in by_count[1:]] == sorted(
        (int(r.split(",")[2]) for r in by_count[1:]), reverse=True
    )


def test_top_of_a_dump_has_no_alloc_space(folder: Path) -> None:
    done = leakhunt("top", "first.dump", "--sample-index", "alloc_space", cwd=folder)
    assert done.returncode == 2
    assert (
        done.stderr == "leakhunt: --sample-index: 'alloc_space' is not in a heap dump; it has inuse_space and inuse_objects\n"
    )

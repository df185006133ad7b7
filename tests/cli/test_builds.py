"""`leakhunt builds` as a user runs it, on a real fault and its fix."""

import gzip
import json
import shutil
from pathlib import Path

from leakhunt.decode import load, read_file
from leakhunt.decode.profile_pb2 import Profile
from tests.cli.running import leakhunt

SERIES = Path(__file__).resolve().parents[2] / "fixtures" / "series"


def test_a_fault_and_its_fix_read_as_a_table() -> None:
    done = leakhunt("builds", "coupons", "coupons-swept", cwd=SERIES)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith(("1 better: 12 snapshots before (build ", "1 fixed: 12 snapshots before (build "))
    assert lines[2].split()[1] == "main.(*book).issue"
    assert [line.split()[0] for line in lines[3:6]] == ["before", "after", "change"]


def test_json_is_versioned() -> None:
    document = json.loads(leakhunt("builds", "coupons-swept", "coupons", "--format", "json", cwd=SERIES).stdout)
    assert document["schema"] == "leakhunt.builds/1"
    [site] = document["sites"]
    assert (site["change"], site["function"]) == ("new", "main.(*book).issue")
    assert site["difference"]["low"] > 0
    assert all(isinstance(site["after"][key], int) for key in ("bytes_per_hour", "low", "high"))


def test_one_folder_with_two_builds_is_told_apart_by_build_id(tmp_path: Path) -> None:
    latest = max(load(read_file(str(path)), "x").time_ns for path in (SERIES / "sessions").glob("heap_*"))
    for path in (SERIES / "sessions").glob("heap_*"):
        shutil.copy(path, tmp_path / f"old_{path.name}")
    later = sorted((SERIES / "coupons").glob("heap_*"))  # another program, an hour after it: two builds in one folder
    first = load(read_file(str(later[0])), "x").time_ns
    for path in later:
        profile = Profile.FromString(gzip.decompress(path.read_bytes()))
        profile.time_nanos += latest - first + 3_600_000_000_000
        (tmp_path / f"new_{path.name}").write_bytes(gzip.compress(profile.SerializeToString()))
    done = leakhunt("builds", ".", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 new, 1 fixed: ")
    hunted = leakhunt("hunt", ".", "--format", "json", cwd=tmp_path)
    assert (
        "the profiles are of 2 builds: leakhunt builds, on the same folder, compares growth before and after" in hunted.stdout
    )


def test_what_cannot_be_compared_is_one_line_and_exit_2(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("hello\n")
    for arguments, said in (
        (["sessions"], "all heap profiles are of one build; name BEFORE and AFTER"),
        (["sessions", str(tmp_path)], "is"),
        (["sessions", "absent"], "no such file or folder"),
    ):
        done = leakhunt("builds", *arguments, cwd=SERIES)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
        assert done.stderr.count("\n") == 1

"""A series on disk: whole files or none, names that sort, a cap that keeps its promise, metadata that round-trips."""

import shutil
import subprocess
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from leakhunt import decode
from leakhunt.capture.connection import Connection
from leakhunt.capture.folder import SeriesFolder, write_atomically
from leakhunt.capture.record import read_record, records_in
from leakhunt.capture.session import Event, Missed, Plan, Schedule, capture
from leakhunt.capture.snapshot import Fetched, Snapshot
from leakhunt.capture.target import Target, parse_target
from leakhunt.errors import CaptureError, ConfigError
from leakhunt.units import NS_PER_SECOND
from tests.capture.servers import HEAP, url_of

TARGET = Target("http://h:1/debug/pprof", "h_1")
START_NS = 1_795_568_769_469_676_892  # 2026-11-25T01:06:09.469Z
ROOMY = 1 << 30


def snapshot(seconds: float = 0, number: int = 0, gc: bool = False, memstats: dict[str, int] | None = None) -> Snapshot:
    data = HEAP[number].read_bytes()
    heap = Fetched("heap", data, decode.load(data, "heap"), 0.25)
    return Snapshot(
        TARGET, START_NS + int(seconds * NS_PER_SECOND), gc, (heap,), memstats or {}, {"goroutineleak": "not served"}
    )


def opened(root: Path, cap_bytes: int = ROOMY) -> SeriesFolder:
    folder = SeriesFolder(root, TARGET.name, cap_bytes)
    folder.open(TARGET.base_url)
    return folder


def test_files_and_names(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    record = folder.add(snapshot(memstats={"NumGC": 4}))
    assert sorted(path.name for path in folder.path.iterdir()) == [
        "20261125T010609.469Z_heap.pb.gz",
        "20261125T010609.469Z_snapshot.json",
    ]
    assert (folder.path / record.files[0].name).read_bytes() == HEAP[0].read_bytes()
    assert read_record(folder.path / "20261125T010609.469Z_snapshot.json") == record
    assert list(records_in(folder.path)) == [record]
    assert folder.bytes == sum(path.stat().st_size for path in folder.path.iterdir())


def test_two_in_the_same_millisecond_keep_both(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    folder.add(snapshot())
    folder.add(snapshot(number=1))
    assert folder.snapshots == 2


def test_notes_on_the_process(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    folder.add(snapshot(0, 5, memstats={"NumGC": 4}))
    again = folder.add(snapshot(1, 5, memstats={"NumGC": 4}))
    assert again.notes == ("no collection ended since the snapshot before, so in-use values repeat; --gc asks for one",)
    forced = folder.add(snapshot(2, 6, gc=True, memstats={"NumGC": 5}))
    assert forced.notes == ("the snapshot before was taken without a collection asked for",)
    restarted = folder.add(snapshot(3, 0, gc=True, memstats={"NumGC": 1}))
    assert restarted.restarted == "NumGC fell from 5 to 1"


def test_a_later_capture_goes_on_with_the_series(tmp_path: Path) -> None:
    opened(tmp_path).add(snapshot(0, 5))
    folder = opened(tmp_path)
    assert folder.snapshots == 1
    assert folder.add(snapshot(1, 0)).restarted.startswith("alloc_space fell from")


def test_another_targets_folder_is_refused(tmp_path: Path) -> None:
    opened(tmp_path).add(snapshot())
    with pytest.raises(ConfigError, match="holds snapshots of http://h:1/debug/pprof; give another folder"):
        SeriesFolder(tmp_path, TARGET.name, ROOMY).open("http://other/debug/pprof")


def test_the_cap_keeps_the_first_the_newest_and_strangers(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    folder.add(snapshot())
    one = folder.bytes
    note = folder.path / "notes_of_a_person.txt"
    note.write_text("keep me")
    folder = opened(tmp_path, cap_bytes=6 * one)
    for minute in range(1, 40):
        folder.add(snapshot(60 * minute, minute % 2))
    times = [round((record.time_ns - START_NS) / NS_PER_SECOND / 60) for record in records_in(folder.path)]
    assert times[0] == 0
    assert times[-1] == 39
    assert 4 <= len(times) == folder.snapshots <= 6
    assert folder.dropped == 40 - len(times)
    assert sum(path.stat().st_size for path in folder.path.iterdir() if path != note) == folder.bytes <= 6 * one
    assert note.read_text() == "keep me"


def test_what_a_killed_capture_left_is_removed(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    (folder.path / ".20261125T010609.469Z_heap.pb.gz.part").write_bytes(b"half")
    (folder.path / ".vimrc.part").write_bytes(b"not ours")
    opened(tmp_path)
    assert [path.name for path in folder.path.iterdir()] == [".vimrc.part"]


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real thing, a full disk, is `test_a_full_disk`; this one needs no mount."""
    (tmp_path / "file.pb").mkdir()  # the rename cannot succeed
    with pytest.raises(OSError, match=r".*"):
        write_atomically(tmp_path / "file.pb", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["file.pb"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 16 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk(small_disk: Path) -> None:
    folder = opened(small_disk)
    folder.add(snapshot())
    before = sorted(path.name for path in folder.path.iterdir())
    with pytest.raises(CaptureError, match="cannot be written: No space left on device"):
        [folder.add(snapshot(second)) for second in range(1, 10)]
    left = sorted(path.name for path in folder.path.iterdir())
    assert set(before) <= set(left)
    assert len(left) == 2 * folder.snapshots, "no partial file, no profile without its metadata"


def test_a_disk_that_fills_up_during_a_capture_ends_nothing(small_disk: Path, misbehaving: ThreadingHTTPServer) -> None:
    events: list[Event] = []
    plan = Plan((parse_target(f"{url_of(misbehaving)}/good"),), small_disk, Schedule(0.02, 12))
    outcome = capture(plan, Connection(retries=0), events.append)
    (tally,) = outcome.tallies
    assert tally.taken >= 1
    assert tally.missed >= 1
    assert tally.taken + tally.missed == 12
    assert any(isinstance(event, Missed) and "No space left on device" in event.reason for event in events)
    assert len(list(tally.folder.path.iterdir())) == 2 * tally.taken


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / TARGET.name).write_text("a file")
    with pytest.raises(ConfigError, match=r"-o: .*h_1 cannot be used"):
        opened(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"schema": "leakhunt.snapshot/2"}', '{"schema": "leakhunt.snapshot/1"}', "[" * 100_000, "\xff"],
)
def test_foreign_or_damaged_metadata_is_no_metadata(tmp_path: Path, text: str) -> None:
    path = tmp_path / "20261125T010609.469Z_snapshot.json"
    path.write_text(text, encoding="latin-1")
    assert read_record(path) is None
    assert list(records_in(tmp_path)) == []

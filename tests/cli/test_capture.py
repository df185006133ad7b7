"""`leakhunt capture` from the outside, and the way from a running service to a verdict."""

import json
import shlex
import signal
import time
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.capture.servers import PASSWORD, Service, free_port, url_of
from tests.cli.running import leakhunt, started


def hunted(command_line: str, cwd: Path) -> dict[str, object]:
    """The report of the command that capture printed."""
    words = shlex.split(command_line)
    assert words[:2] == ["leakhunt", "hunt"]
    done = leakhunt(*words[1:], "--format", "json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    report: dict[str, object] = json.loads(done.stdout)
    return report


def test_from_a_growing_service_to_a_leak(growing: Service, tmp_path: Path) -> None:
    done = leakhunt("capture", growing.url, "--every", "400ms", "--gc", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 12, "a line for each of the default's 12 snapshots"
    summary, command = done.stdout.splitlines()
    assert summary.startswith(f"12 snapshots in profiles/127.0.0.1_{growing.port}, ")
    report = hunted(command, tmp_path)
    assert report["verdict"] == "leak"
    findings = report["findings"]
    assert isinstance(findings, list)
    assert any("gcache" in frame["function"] or "main." in frame["function"] for frame in findings[0]["site"]["stack"])


def test_a_service_that_sweeps_is_not_called_a_leak(steady: Service, tmp_path: Path) -> None:
    time.sleep(2.5)  # two lifetimes of a session, so that the cache is at its size
    done = leakhunt("capture", steady.url, "--every", "400ms", "--gc", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = hunted(done.stdout.splitlines()[1], tmp_path)
    assert report["verdict"] in {"clean", "inconclusive"}, report["verdict"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_valid_series_and_the_command_that_hunts_it(
    growing: Service, tmp_path: Path, number: signal.Signals
) -> None:
    process = started("capture", growing.url, "--every", "200ms", "--for", "1h", cwd=tmp_path)
    folder = tmp_path / "profiles" / f"127.0.0.1_{growing.port}"
    deadline = time.monotonic() + 30
    while len(list(folder.glob("*_snapshot.json"))) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert out.splitlines()[-1] == f"  leakhunt hunt profiles/{folder.name}"
    assert not list(folder.glob(".*"))
    heaps, records = list(folder.glob("*_heap.pb.gz")), list(folder.glob("*_snapshot.json"))
    assert len(heaps) == len(records) >= 3
    assert hunted(out.splitlines()[-1], tmp_path)["schema"] == "leakhunt.report/1"


def test_several_targets_each_get_a_folder_and_a_command(growing: Service, steady: Service, tmp_path: Path) -> None:
    done = leakhunt("capture", growing.url, steady.url, "--every", "200ms", "--count", "3", "-o", "out dir", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    commands = [line.strip() for line in done.stdout.splitlines() if "leakhunt hunt" in line]
    assert commands == [f"leakhunt hunt 'out dir/127.0.0.1_{service.port}'" for service in (growing, steady)]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("error", "HTTP 500"),
        ("half", "the answer was cut short"),
        ("stall", "no complete answer within 0.5s"),
        ("json", "content type application/json"),
        ("login", "a login page? give credentials with --bearer or --basic"),
        ("elsewhere", "redirects to https://login.example.com/start"),
        ("bad_gzip", "Content-Encoding is broken"),
        ("guarded", "credentials are missing or wrong"),
    ],
)
def test_a_target_that_gives_nothing_is_one_line_and_exit_2(
    misbehaving: ThreadingHTTPServer, tmp_path: Path, fault: str, said: str
) -> None:
    url = f"{url_of(misbehaving)}/{fault}"
    done = leakhunt("capture", url, "--timeout", "500ms", "--retries", "0", cwd=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert said in line
    assert done.stdout == ""
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_one_target_of_two_fails(misbehaving: ThreadingHTTPServer, tmp_path: Path) -> None:
    root = url_of(misbehaving)
    done = leakhunt("capture", f"{root}/good", f"{root}/login", "--every", "50ms", "--count", "2", cwd=tmp_path)
    assert done.returncode == 2
    assert "leakhunt hunt profiles/" in done.stdout
    assert "no snapshot could be taken of" in done.stderr.splitlines()[-1]


def test_secrets_never_show(misbehaving: ThreadingHTTPServer, tmp_path: Path) -> None:
    url = f"{url_of(misbehaving)}/guarded"
    secret = {"LEAKHUNT_TEST_SECRET": PASSWORD}
    flags = ("--bearer", "env:LEAKHUNT_TEST_SECRET", "--every", "50ms", "--count", "2")
    done = leakhunt("capture", url, *flags, cwd=tmp_path, environment=secret)
    assert done.returncode == 0, done.stderr
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert PASSWORD not in done.stdout + done.stderr
    assert PASSWORD.encode() not in written
    refused = leakhunt("capture", url, "--bearer", PASSWORD, cwd=tmp_path)
    assert refused.returncode == 2
    assert "a secret is not taken from the command line" in refused.stderr
    assert PASSWORD not in refused.stdout + refused.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["http://user:hunter2@h/"], "credentials in a URL"),
        (["h:1", "--every", "soon"], "--every: 'soon' is not a duration"),
        (["h:1", "--every", "0s"], "--every: must be longer than nothing"),
        (["h:1", "--max-disk", "lots"], "--max-disk: 'lots' is not a size"),
        (["h:1", "--profiles", "cpu"], "--profiles: 'cpu' is none of"),
        (["h:1", "h:1"], "two targets would share the folder"),
        (["h:1", "--cacert", "missing.pem"], "--cacert: missing.pem cannot be used: No such file or directory"),
        (["h:1", "--count", "0"], "equal to 1"),
    ],
)
def test_usage_errors(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = leakhunt("capture", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr


def test_connection_refused(tmp_path: Path) -> None:
    done = leakhunt("capture", f"127.0.0.1:{free_port()}", "--retries", "1", cwd=tmp_path)
    assert done.returncode == 2
    assert "connection refused; is the service running, and on this port? (tried 2 times)" in done.stderr


def test_growth_outside_the_heap_is_told_from_the_metadata(tmp_path: Path, thumbs_binary: Path) -> None:
    service = Service(thumbs_binary, "-snapshots", "0")
    service.start()
    try:
        done = leakhunt("capture", service.url, "--every", "300ms", "--count", "8", "--gc", cwd=tmp_path)
    finally:
        service.stop()
    assert done.returncode == 0, done.stderr
    report = hunted(done.stdout.splitlines()[1], tmp_path)
    assert report["verdict"] == "clean"
    notes = report["notes"]
    assert isinstance(notes, list)
    (memory,) = (note for note in notes if note.startswith("memory: "))
    assert memory.startswith("memory: the heap is flat, outside Go grows by")
    assert "look at cgo" in memory


def test_a_series_that_mixes_forced_collections_says_so(growing: Service, tmp_path: Path) -> None:
    for flags in (("--count", "2"), ("--count", "3", "--gc")):
        done = leakhunt("capture", growing.url, "--every", "200ms", *flags, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    report = hunted(done.stdout.splitlines()[1], tmp_path)
    notes = report["notes"]
    assert isinstance(notes, list)
    assert "3 of 5 snapshots forced a collection (capture --gc), the others lag to the last one" in notes

"""gctrace logs: real ones of four Go versions, mixed with other output, cut, and hostile."""

import contextlib
import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakhunt.decode.gctrace import is_gctrace, parse_gctrace
from leakhunt.errors import DecodeError

LOGS = Path(__file__).resolve().parents[2] / "fixtures" / "gctrace"
VERSIONS = sorted(path.parent.name for path in LOGS.glob("*/provenance.json"))
LINE = (
    b"gc %d @%.3fs 2%%: 0.012+1.5+0.003 ms clock, 0.10+0.40/1.2/0.3+0.02 ms cpu, "
    b"4->5->3 MB, 6 MB goal, 1 MB stacks, 2 MB globals, 8 P"
)
TRACE = b"\n".join(LINE % (n, n * 0.5) for n in range(1, 6)) + b"\n"


def _log(version: str, name: str) -> bytes:
    return gzip.decompress((LOGS / version / f"{name}.log.gz").read_bytes())


def test_four_go_versions_are_here() -> None:
    assert VERSIONS == ["go1.21.13", "go1.24.9", "go1.26.8", "go1.27.3"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["growing", "steady"])
def test_every_line_of_a_real_log_is_read(version: str, name: str) -> None:
    data = _log(version, name)
    trace = parse_gctrace(data, name)
    assert trace.collections == data.count(b"\n") > 60
    assert (trace.other_lines, trace.processes) == (0, 1)
    last = data.splitlines()[-1].split()
    assert f"@{trace.seconds[-1]:.3f}s" == last[2].decode()
    sizes = f"{trace.start_mib[-1]}->{trace.end_mib[-1]}->{trace.live_mib[-1]}".encode()
    assert sizes in last
    clock = [float(ms) for ms in last[4].split(b"+")]
    assert trace.pause_ms[-1] == pytest.approx(clock[0] + clock[2])
    assert trace.mark_ms[-1] == clock[1]
    assert (trace.live_mib <= trace.end_mib).all()


def test_lines_amid_other_output_and_behind_a_collectors_prefix_are_found() -> None:
    noisy = b"2026/01/02 started\n" + TRACE.replace(b"gc ", b"2026-01-02T03:04:05Z stderr F gc ") + b"scav 0 KiB work\n"
    trace = parse_gctrace(noisy, "log")
    assert (trace.collections, trace.other_lines) == (5, 2)
    assert trace.seconds.tolist() == [0.5, 1.0, 1.5, 2.0, 2.5]
    assert is_gctrace(noisy)
    assert not is_gctrace(b"gc this\n")


def test_remarks_and_missing_fields_of_other_versions_are_read() -> None:
    leak_check = LINE.replace(b"%%: ", b"%% (checking for goroutine leaks): ") % (7, 1.0) + b" (forced)\n"
    old = LINE.replace(b"1 MB stacks, 2 MB globals, ", b"") % (8, 2.0) + b"\n"
    trace = parse_gctrace(leak_check + old, "log")
    assert trace.forced.tolist() == [True, False]
    assert trace.stacks_mib.tolist() == [1, -1]
    assert trace.globals_mib.tolist() == [2, -1]


def test_of_two_processes_the_longer_is_taken() -> None:
    short = b"\n".join(LINE % (n, n * 0.1) for n in range(1, 3)) + b"\n"
    trace = parse_gctrace(short + TRACE + short, "log")
    assert (trace.collections, trace.processes) == (5, 3)


def test_a_log_without_the_line_is_refused() -> None:
    with pytest.raises(DecodeError, match="no gctrace line in it; run the program with GODEBUG=gctrace=1"):
        parse_gctrace(b"hello\n", "log")
    with pytest.raises(DecodeError, match=r"1\.1\.1\+2\+3 are no three times"):
        parse_gctrace(LINE.replace(b"0.012+1.5+0.003", b"1.1.1+2+3") % (1, 1.0), "log")


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_any_truncation_reads_what_is_whole(cut: int) -> None:
    with contextlib.suppress(DecodeError):
        assert parse_gctrace(TRACE[:cut], "log").collections <= 3


@given(
    st.binary() | st.lists(st.sampled_from([LINE % (1, 1.0), LINE % (2, 2.0), b"\n", b" ", b"gc 1 @", b"9" * 40])).map(b"".join)
)
def test_any_bytes_raise_only_the_decoders_error(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        parse_gctrace(data, "log")

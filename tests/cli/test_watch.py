"""`leakhunt watch` through a real terminal and without one, on services and on folders that fill."""

import json
import os
import shutil
import signal
import threading
import time
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.capture.servers import HEAP, Service, free_port, url_of
from tests.cli.running import leakhunt, started
from tests.cli.terminals import Terminal, terminal


def settled(window: Terminal) -> list[str]:
    """The screen after the command has ended, checked for sanity: the shell's own screen, its cursor, echo, line editing."""
    screen = window.await_text("exitcode=0")
    assert window.ask("#{alternate_on}") == "0", "the shell's screen is back"
    assert window.ask("#{cursor_flag}") == "1", "the cursor shows"
    window.type("echo mo''des: $(stty -a | tr ' ;' '\\n\\n' | grep -xE -- '-?(echo|icanon|isig|opost)' | xargs)\n")
    modes = next(line for line in window.await_text("modes: ") if "modes: " in line)
    assert sorted(modes.split()) == ["echo", "icanon", "isig", "modes:", "opost"]
    return screen


def shows_a_leak(screen: list[str]) -> bool:
    """Whether the screen is whole, not caught while it is drawn, and its answer is a leak."""
    case = any(line.startswith("LEAK ") for line in screen)
    return case and screen[2].startswith(" LEAK ") and "limit in " in "".join(screen) and screen[-1].startswith("q quit")


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (160, 50)])
def test_the_live_view_through_a_terminal(growing: Service, tmp_path: Path, columns: int, lines: int) -> None:
    with terminal(columns, lines, tmp_path) as window:
        window.run("watch", growing.url, "--every", "400ms", "--gc", "--limit", "1GiB")
        screen = window.await_screen(shows_a_leak)
        assert window.ask("#{alternate_on}") == "1"
        assert len(screen) == lines
        assert screen[0].rstrip() == growing.url
        assert "snapshots · " in screen[1]
        assert "sites tested" in screen[1]
        assert any("heap in use from " in line for line in screen)
        case = next(line for line in screen if line.startswith("LEAK "))
        assert "GiB/h [" in case, "the rate and its interval"
        assert "limit in " in "\n".join(screen)
        assert any(line.startswith("memory  heap objects ") for line in screen)
        assert screen[-1].rstrip() == "q quit and write the report"
        window.type("q")
        ended = settled(window)
        assert any(line.startswith("again: leakhunt hunt profiles/127.0.0.1_") for line in ended)


def test_a_resize_is_followed(growing: Service, tmp_path: Path) -> None:
    with terminal(80, 24, tmp_path) as window:
        window.run("watch", growing.url, "--every", "300ms")
        window.await_text("heap in use from ")
        window.resize(120, 40)
        window.await_screen(lambda screen: len(screen) == 40 and screen[-1].startswith("q quit"))
        window.resize(60, 14)
        window.await_screen(
            lambda screen: len(screen) == 14 and screen[-1].startswith("q quit") and screen[0].startswith(growing.url)
        )
        window.type("q")
        settled(window)


@pytest.mark.parametrize("how", ["ctrl-c", "term"])
def test_signals_leave_the_terminal_sane(growing: Service, tmp_path: Path, how: str) -> None:
    with terminal(80, 24, tmp_path) as window:
        window.run("watch", growing.url, "--every", "300ms")
        window.await_text("heap in use from ")
        if how == "ctrl-c":
            window.type("\x03")
        else:
            (pid,) = [
                int(entry.name)
                for entry in Path("/proc").iterdir()
                if entry.name.isdecimal() and growing.url.encode() in _command_line(entry) and b"watch" in _command_line(entry)
            ]
            os.kill(pid, signal.SIGTERM)
        settled(window)


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def test_a_target_that_is_not_there_leaves_the_terminal_sane(tmp_path: Path) -> None:
    with terminal(80, 24, tmp_path) as window:
        window.run("watch", f"127.0.0.1:{free_port()}", "--retries", "0")
        screen = window.await_text("exitcode=2")
        assert "heap: connection refused; is the service running" in "".join(screen)
        assert window.ask("#{alternate_on}") == "0"


def test_until_a_leak_is_certain(growing: Service, tmp_path: Path) -> None:
    done = leakhunt("watch", growing.url, "--every", "400ms", "--gc", "--until-verdict", "--format", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "leak, the same in " in done.stderr
    report = json.loads(done.stdout)
    assert report["verdict"] == "leak"
    assert 10 <= report["window"]["snapshots"] <= 40


def test_until_a_service_is_certainly_clean(steady: Service, tmp_path: Path) -> None:
    time.sleep(2.5)  # two lifetimes of a session, so that the cache is at its size
    done = leakhunt(
        "watch", steady.url, "--every", "400ms", "--gc", "--until-verdict", "--count", "40", "--report", "r.json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "r.json").read_text())["verdict"] == "clean"
    assert "clean, the same in " in done.stderr


def test_a_folder_that_fills(tmp_path: Path) -> None:
    """Profiles appear one by one, one of them in two parts as a shell redirection writes it, one is no profile at all."""
    folder = tmp_path / "incoming"
    folder.mkdir()
    for path in HEAP[:3]:
        shutil.copy(path, folder)
    process = started("watch", str(folder), "--until-verdict", "--format", "json", cwd=tmp_path)

    def fill() -> None:
        time.sleep(1.5)
        (folder / "notes.txt").write_text("not a profile")
        for path in HEAP[3:]:
            data = path.read_bytes()
            with (folder / path.name).open("wb") as file:
                file.write(data[: len(data) // 2])
                file.flush()
                time.sleep(0.3)
                file.write(data[len(data) // 2 :])
            time.sleep(0.8)

    writer = threading.Thread(target=fill)
    writer.start()
    out, err = process.communicate(timeout=90)
    writer.join()
    assert process.returncode == 0, err
    assert "leak, the same in " in err
    assert "inconclusive: " in err
    assert not any("heap_0" in line for line in err.splitlines() if "skipped" in line), err
    assert json.loads(out)["verdict"] == "leak"


def test_a_folder_is_read_as_it_stands(tmp_path: Path) -> None:
    """A series that is complete already is certain at once; what is no profile is named once."""
    folder = tmp_path / "series"
    shutil.copytree(HEAP[0].parent, folder)
    (folder / "about.txt").write_text("not a profile")
    os.utime(folder / "about.txt", (1, 1))
    done = leakhunt("watch", str(folder), "--until-verdict", "--format", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "leak"
    assert sum("skipped about.txt" in line for line in done.stderr.splitlines()) == 1


def test_a_fault_in_mid_watch_is_told_and_survived(misbehaving: ThreadingHTTPServer, tmp_path: Path) -> None:
    done = leakhunt(
        "watch", f"{url_of(misbehaving)}/flaky_again", "--every", "200ms", "--count", "8", "--retries", "0", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "no snapshot: " in done.stderr
    assert "HTTP 500" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "no such folder; a service is written host:port"),
        (["pyproject.toml"], "is a file; watch wants a URL or a folder"),
        (["h:1", "--format", "pdf"], "pdf"),
        (["h:1", "--bearer", "hunter2"], "a secret is not taken from the command line"),
    ],
)
def test_usage_errors(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    done = leakhunt("watch", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr

"""`leakhunt hunt URL`: two snapshots of a running service, and what can be said from them."""

import json
from http.server import ThreadingHTTPServer
from pathlib import Path

from tests.capture.servers import HEAP, PASSWORD, Service, free_port, url_of
from tests.cli.running import leakhunt


def test_two_snapshots_give_candidates_and_what_would_decide(growing: Service, tmp_path: Path) -> None:
    done = leakhunt("hunt", growing.url, "--distance", "2s", "--format", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "first snapshot taken; the second follows in 2s\n"
    report = json.loads(done.stdout)
    assert report["verdict"] in {"inconclusive", "suspect"}
    assert report["window"]["snapshots"] == 2
    assert [entry["kind"] for entry in report["inputs"]].count("heap") == 2
    assert all(entry["path"].startswith(growing.url) for entry in report["inputs"])
    assert list(tmp_path.iterdir()) == []


def test_a_plain_file_behind_a_url_is_fetched_once(tmp_path: Path) -> None:
    import functools
    import threading
    from http.server import SimpleHTTPRequestHandler

    (tmp_path / "heap.pb.gz").write_bytes(HEAP[0].read_bytes())
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = leakhunt("hunt", f"{url_of(server)}/heap.pb.gz", "--format", "json", cwd=tmp_path)
        missing = leakhunt("hunt", f"{url_of(server)}/nothing.pb.gz", cwd=tmp_path)
        server.shutdown()
    assert done.returncode == 0, done.stderr
    assert [entry["kind"] for entry in json.loads(done.stdout)["inputs"]] == ["heap"]
    assert missing.returncode == 2
    assert "HTTP 404" in missing.stderr


def test_credentials(misbehaving: ThreadingHTTPServer, tmp_path: Path) -> None:
    url = f"{url_of(misbehaving)}/guarded"
    refused = leakhunt("hunt", url, "--distance", "100ms", cwd=tmp_path)
    assert refused.returncode == 2
    assert "credentials are missing or wrong" in refused.stderr
    environment = {"LEAKHUNT_TEST_SECRET": PASSWORD}
    done = leakhunt(
        "hunt", url, "--distance", "100ms", "--bearer", "env:LEAKHUNT_TEST_SECRET", cwd=tmp_path, environment=environment
    )
    assert done.returncode == 0, done.stderr
    assert PASSWORD not in done.stdout + done.stderr


def test_what_cannot_be_fetched_is_one_line(misbehaving: ThreadingHTTPServer, tmp_path: Path) -> None:
    login = leakhunt("hunt", f"{url_of(misbehaving)}/login", cwd=tmp_path)
    assert login.returncode == 2
    assert len(login.stderr.splitlines()) == 1
    bare = leakhunt("hunt", f"127.0.0.1:{free_port()}", cwd=tmp_path)
    assert bare.returncode == 2
    assert "a service is written http://127.0.0.1:" in bare.stderr

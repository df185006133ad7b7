"""What is no Go heap or goroutine profile is told for what it is: in one line, exit code 2, by every command."""

import csv
from pathlib import Path

import pytest

from leakhunt.decode import load, read_file
from leakhunt.errors import DecodeError
from leakhunt.model.profile import ProfileKind
from tests.cli.running import leakhunt

READ = {"go-heap-pb": "heap", "heap-pb": "heap", "go-legacy-heap-text": "heap", "goroutine-pb": "goroutine"}
SAID = {
    "contention-pb": "is a mutex or block profile",
    "contention-text": "is a mutex or block (contention) profile",
    "cpu-pb": "is a CPU profile",
    "foreign-legacy-growth-text": "tcmalloc",
    "foreign-legacy-heap-text": " program; for a Go program fetch /debug/pprof/heap",
    "ghc-prof-json": "Haskell",
    "jemalloc-heap-text": "jemalloc",
    "legacy-cpu-binary": "is a CPU profile",
    "other-pb": "is a",
    "threadcreate-text": "threadcreate",
    "threadz-text": "thread stacks",
    "v8-heapprofile-json": "V8",
    "zero-byte-file": "is empty",
}
OTHERS = {
    b"<!DOCTYPE html><html><head><title>Sign in</title>": "is a web page",
    b"\n\n  <html>\n<body>404 page not found": "is a web page",
    b'{"cmdline":["x"],"memstats":{"Alloc":5}}': "expvar",
    b'[{"ph":"X"}]': "is JSON",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n": "git lfs pull",
    b"go 1.22 trace\x00\x00\x00": "is an execution trace",
    b"JAVA PROFILE 1.0.2\x00": "is a heap dump of a Java program",
    b"mode: set\nexample.com/x/x.go:1.1,2.2 1 1\n": "is a coverage profile",
    b"gc 1 @0.004s 2%: 0.01+0.3+0.02 ms clock, 0.04+0/0.2/0+0.1 ms cpu, 4->4->0 MB, 4 MB goal, 4 P\n": "is a gctrace log",
    b"\x7fELF\x02\x01\x01": "is an archive or a program",
    b"go1.7 heap dump\n\x06": "is a heap dump, not a profile",
    b"heap_v2/524288\n  t*: 1: 2 [0: 0]\n": "jemalloc",
    b"404 page not found\n": "is not a readable",
    b"\x00": "is not a readable",
}


def rows(corpus: Path) -> list[dict[str, str]]:
    with open(corpus / "manifest.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_every_file_of_the_corpus_is_read_or_told_for_what_it_is(corpus: Path) -> None:
    for row in rows(corpus):
        data = read_file(str(corpus / row["file"]))
        if row["kind"] in READ:
            assert load(data, row["file"]).kind == READ[row["kind"]]
            continue
        with pytest.raises(DecodeError) as refusal:
            load(data, row["file"])
        assert SAID[row["kind"]] in str(refusal.value), row["file"]
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("kind", sorted(SAID))
def test_commands_refuse_in_one_line_with_exit_code_2(corpus: Path, kind: str) -> None:
    path = str(corpus / next(row["file"] for row in rows(corpus) if row["kind"] == kind))
    for words in (["top", path], ["diff", path, path], ["hunt", path]):
        done = leakhunt(*words, cwd=corpus)
        assert done.returncode == 2, (words, done.stderr)
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1
        assert "Traceback" not in done.stderr
        assert SAID[kind] in done.stderr


@pytest.mark.parametrize(("content", "said"), OTHERS.items(), ids=list(OTHERS.values()))
def test_other_things_people_have_lying_about(content: bytes, said: str) -> None:
    with pytest.raises(DecodeError) as refusal:
        load(content, "some.pprof")
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_profile_of_another_language_is_told_by_its_source_files() -> None:
    from leakhunt.decode.encode import encode
    from tests.decode.build import make_profile

    profile = make_profile([([0], [1, 2, 1, 2], 2)], [(1, -1, [(0, 3)])], [("readFile", "/app/node_modules/x/index.js")])
    with pytest.raises(DecodeError, match="is a profile of a program that is not Go"):
        load(encode(profile), "node.pb")
    mixed = make_profile([([0], [1, 2, 1, 2], 2)], [(1, -1, [(0, 3), (1, 4)])], [("_Cfunc_x", "/x.c"), ("main.f", "/main.go")])
    assert load(encode(mixed), "cgo.pb").kind == ProfileKind.HEAP


def test_a_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(DecodeError, match=r"cannot be read: (Is a directory|No such file or directory)"):
            read_file(str(path))
    (tmp_path / "large").write_bytes(b"x" * 100)
    with pytest.raises(DecodeError, match="is larger than 99 bytes"):
        read_file(str(tmp_path / "large"), limit_bytes=99)
    assert read_file(str(tmp_path / "large"), limit_bytes=100) == b"x" * 100

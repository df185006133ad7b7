"""The whole way with the real toolchain: build, explain, quote, blame, link."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from leakhunt.decode.escape import parse_compiler_text
from leakhunt.errors import ConfigError
from leakhunt.model.site import AllocationSite, Frame
from leakhunt.source.annotate import annotate, check_url_template, site_notes
from leakhunt.source.escapes import EscapeIndex
from leakhunt.source.toolchain import build_and_explain, build_tree
from leakhunt.source.tree import SourceTree
from tests.reports import build
from tests.source.conftest import git

needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="there is no go command")
PUT = AllocationSite((Frame("example.org/app/cache.(*Store).Put", "/build/app/cache/store.go", 19),))


@needs_go
def test_a_real_build_explains_a_site(service: Path) -> None:
    log = build_and_explain(service)
    lines = site_notes(PUT, EscapeIndex(log), SourceTree(service), "https://git.example.org/{commit}/{path}#L{line}")
    commit = git(service, "rev-parse", "HEAD").strip()
    assert lines == (
        "&Entry{...} escapes to the heap: stored in e, then stored in map s.entries (store.go:20)",
        "cache/store.go:19",
        "  16 │     if s.entries == nil {",
        "  17 │         s.entries = make(map[string]*Entry)",
        "  18 │     }",
        "▶ 19 │     e := &Entry{Value: value}",
        "  20 │     s.entries[key] = e",
        "  21 │ }",
        "  22 │ ",
        f"last changed 2026-01-02 by Alice in {commit[:12]}: Keep entries under keys",
        "owned by @org/storage @alice",
        f"https://git.example.org/{commit}/cache/store.go#L19",
    )


@needs_go
def test_a_build_that_fails_says_why(service: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (service / "cache" / "broken.go").write_text("package cache\n\nvar x int = nothing\n")
    with pytest.raises(ConfigError, match=r"go build in .* failed: cache/broken.go:3:13: undefined: nothing"):
        build_and_explain(service)
    with pytest.raises(ConfigError, match=r"go build in .* failed: "):
        build_and_explain(tmp_path_factory.mktemp("empty"))


@needs_go
def test_package_names_from_a_profile_cannot_become_options(service: Path) -> None:
    log = build_and_explain(service, ["-o /tmp/x", "a=b", "all", "..."[:2], "", 'x"y', "example.org/app/cache"])
    assert {d.package for d in log.diagnostics} >= {"example.org/app/cache"}


@needs_go
def test_modules_below_a_root_without_one_are_built(service: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("mono")
    shutil.copytree(service, root / "services" / "app", ignore=shutil.ignore_patterns(".git"))
    for name in ("one", "two"):
        (root / name).mkdir()
        (root / name / "go.mod").write_text(f"module example.org/{name}\n\ngo 1.21\n")
        (root / name / "x.go").write_text(f"package {name}\n\nfunc New() *int {{ return new(int) }}\n")
    log = build_tree(SourceTree(root), {"example.org/app/cache", "main"})
    assert {d.package for d in log.diagnostics} == {"example.org/app/cache", "example.org/app/cmd/server"}
    lines = site_notes(PUT, EscapeIndex(log), SourceTree(root))
    assert lines[0].startswith("&Entry{...} escapes to the heap: ")
    assert "services/app/cache/store.go:19" in lines
    everything = build_tree(SourceTree(root))
    assert {d.package for d in everything.diagnostics} >= {"example.org/one", "example.org/two", "example.org/app/cache"}
    assert everything.source == f"go build in 3 modules of {root.resolve()}"
    assert sum(everything.counts.values()) > sum(log.counts.values())


STACK_LIMITS = """package limits

func explicit() byte {
	var big [129 << 10]byte
	return big[len(big)/2]
}

func implicit() byte {
	p := new([65 << 10]byte)
	return p[9]
}

func sized(n int) byte {
	s := make([]byte, n)
	return s[len(s)-1]
}

func small() byte {
	var kept [127 << 10]byte
	p := new([63 << 10]byte)
	return kept[9] + p[9]
}
"""


@needs_go
@pytest.mark.parametrize(
    ("toolchain", "explicit_limit_kib", "sized_escapes"), [("go1.21.13", 10240, True), ("local", 128, False)]
)
def test_stack_limits_are_those_that_the_words_state(
    tmp_path: Path, toolchain: str, explicit_limit_kib: int, sized_escapes: bool
) -> None:
    (tmp_path / "go.mod").write_text("module example.org/limits\n\ngo 1.21\n")
    (tmp_path / "limits.go").write_text(STACK_LIMITS)
    command = ["env", f"GOTOOLCHAIN={toolchain}", "go", "build", "-gcflags=-m=2", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False, timeout=300)
    if done.returncode != 0:
        pytest.skip(f"{toolchain} cannot be had: {done.stderr[:200]}")
    log = parse_compiler_text(done.stderr.splitlines(), "log")
    heap = {(d.line, EscapeIndex(log).why(d).partition(": ")[2].partition(" (")[0]) for d in log.diagnostics if d.on_heap}
    expected = {(9, "too large for the stack")}
    if explicit_limit_kib == 128:
        expected.add((4, "too large for the stack"))
    if sized_escapes:
        expected.add((14, "its size is not a constant"))
    assert heap == expected


def test_a_line_changed_after_the_profile_is_said(service: Path) -> None:
    said = "that was after the profile was taken: the build may have had another line here"
    written_ns = 1_767_323_045 * 10**9  # the fixture's commit, 2026-01-02T03:04:05Z
    assert said in site_notes(PUT, None, SourceTree(service), taken_ns=written_ns - 1)
    assert said not in site_notes(PUT, None, SourceTree(service), taken_ns=written_ns)
    assert said not in site_notes(PUT, None, SourceTree(service))


def test_every_case_of_a_report_is_annotated_and_nothing_else_changes(service: Path) -> None:
    report = build.one_leak()
    log = parse_compiler_text(["# p", "x.go:1:2: brand new words", "x.go:1:2: y escapes to heap"], "escape.txt")
    annotated = annotate(report, log, SourceTree(service))
    assert all(case.source_notes for case in annotated.cases)
    assert annotated.notes[-2:] == (
        "escape.txt tells decisions without reasons (-m); -gcflags=-m=2 tells through which flow a value escapes",
        "escape.txt: 1 of 3 lines are of no known kind, for example 'x.go:1:2: brand new words'",
    )
    bare = replace(annotated, notes=report.notes, cases=tuple(replace(case, source_notes=()) for case in annotated.cases))
    assert bare == replace(report, cases=tuple(replace(case, source_notes=()) for case in report.cases))
    assert annotate(report) is report


@pytest.mark.parametrize(
    "template", ["ftp://x/{path}", "https://x/", "https://x/{path}/{nope}", "https://x/{path}{", "https://{path.x}"]
)
def test_a_wrong_url_template_is_a_setting_error(template: str) -> None:
    with pytest.raises(ConfigError, match="--source-url"):
        check_url_template(template)

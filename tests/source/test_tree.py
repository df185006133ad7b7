"""Finding a frame's file in a checkout: the right one, or a reason."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leakhunt.errors import ConfigError
from leakhunt.model.site import Frame
from leakhunt.source.tree import Excerpt, SourceTree, _function_around, _symbol_name

PUT = "example.org/app/cache.(*Store).Put"


@pytest.mark.parametrize("file", ["/build/app/cache/store.go", "example.org/app/cache/store.go", "/anywhere/store.go"])
def test_the_lines_around_an_allocation_are_quoted(service: Path, file: str) -> None:
    excerpt = SourceTree(service).quote(Frame(PUT, file, 19))
    assert isinstance(excerpt, Excerpt)
    assert (excerpt.path, excerpt.first, excerpt.marked) == ("cache/store.go", 16, 19)
    assert excerpt.lines[3] == "\te := &Entry{Value: value}"


@pytest.mark.parametrize("file", ["/w/app/cmd/server/main.go", "example.org/app/cmd/server/main.go", "cmd/server/main.go"])
def test_main_is_found_by_its_folder(service: Path, file: str) -> None:
    excerpt = SourceTree(service).quote(Frame("main.main", file, 8))
    assert isinstance(excerpt, Excerpt)
    assert excerpt.path == "cmd/server/main.go"


def test_other_source_is_said_and_not_quoted(service: Path) -> None:
    tree = SourceTree(service)
    assert tree.quote(Frame("example.org/app/cache.New", "store.go", 20)) == (
        "cache/store.go:20 is in Store.Put here, in New in the profile: other source than was built"
    )
    assert tree.quote(Frame(PUT, "store.go", 900)) == (
        "cache/store.go has 23 lines, the profile names line 900: other source than was built"
    )
    assert "is not in" in str(tree.quote(Frame("example.org/app/gone.F", "gone.go", 1)))
    assert "another module" in str(tree.quote(Frame("github.com/x/y.F", "/x/y/store.go", 1)))
    assert "standard library" in str(tree.quote(Frame("strings.(*Builder).Grow", "/go/src/strings/builder.go", 82)))
    assert "not in" in str(tree.quote(Frame("main.main", "/w/cmd/other/main.go", 3)))


def test_a_dependency_is_read_from_the_module_cache(service: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    cache = tmp_path_factory.mktemp("mod")
    (cache / "github.com/!org/lib@v1.2.3").mkdir(parents=True)
    (cache / "github.com/!org/lib@v1.2.3/lib.go").write_text("package lib\n\nfunc F() *int {\n\treturn new(int)\n}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOMODCACHE", str(cache))
        for file in ("github.com/Org/lib@v1.2.3/lib.go", "/root/go/pkg/mod/github.com/!org/lib@v1.2.3/lib.go"):
            excerpt = SourceTree(service).quote(Frame("github.com/Org/lib.F", file, 4))
            assert isinstance(excerpt, Excerpt)
            assert excerpt.lines[excerpt.marked - excerpt.first] == "\treturn new(int)"
        assert "not in the module cache" in str(
            SourceTree(service).quote(Frame("github.com/Org/lib.F", "github.com/Org/lib@v9/lib.go", 4))
        )


def test_nothing_outside_the_tree_is_read(service: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.go").write_text("package main\n// secret\n")
    (service / "cache" / "link.go").symlink_to(outside / "secret.go")
    tree = SourceTree(service)
    for frame in (
        Frame("example.org/app/cache.F", "link.go", 1),
        Frame("main.main", f"../{outside.name}/secret.go", 1),
        Frame("main.main", str(outside / "secret.go"), 1),
        Frame("example.org/app/../../outside.F", "secret.go", 1),
    ):
        assert isinstance(tree.quote(frame), str)


@given(st.text(), st.text(), st.integers())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_any_name_gives_an_excerpt_or_a_reason(service: Path, function: str, file: str, line: int) -> None:
    assert isinstance(SourceTree(service).quote(Frame(function, file + ".go", line)), Excerpt | str)


def test_no_folder_is_a_setting_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--source: .* is not a folder"):
        SourceTree(tmp_path / "absent")


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("a.org/b/c.(*Store).Put", "Store.Put"),
        ("a.org/b/c.(*Store[...]).Put.func1", "Store.Put"),
        ("a.org/b/c.Store.Get", "Store.Get"),
        ("a.org/b/c.Load", "Load"),
        ("a.org/b/c.Load[...]", "Load"),
        ("a.org/b/c.Load.func2.1", "Load"),
        ("a.org/b/c.Load.gowrap1", "Load"),
        ("a.org/b/c.(*Store).Put-fm", "Store.Put"),
        ("a.org/b/c.Each-range1", "Each"),
        ("a.org/b/c.init", ""),
        ("a.org/b/c.init.0", ""),
        ("a.org/b/c.glob..func1", ""),
        ("main.main", "main"),
    ],
)
def test_a_symbol_names_its_declaration(symbol: str, name: str) -> None:
    assert _symbol_name(symbol) == name


def test_the_function_around_a_line_is_read_from_source() -> None:
    text = "package p\n\nvar x = 1\n\nfunc (s *Set[K]) Add(k K) {\n\tgo func() {\n\t}()\n}\n\nvar y = 2\nfunc F[T any]() {\n}"
    lines = text.splitlines()
    assert [_function_around(lines, n) for n in (3, 5, 6, 8, 10, 11)] == ["", "Set.Add", "Set.Add", "Set.Add", "", "F"]

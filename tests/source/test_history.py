"""Who changed a line and who owns it, against a real repository."""

from pathlib import Path

import pytest

from leakhunt.source.history import _git, last_change, owner_pattern, owners, path_in_repository, revision
from tests.source.conftest import git


def test_the_last_change_of_a_line(service: Path) -> None:
    change = last_change(service, "cache/store.go", 20)
    assert change is not None
    head = git(service, "rev-parse", "HEAD").strip()
    assert change.sentence() == f"last changed 2026-01-02 by Alice in {head[:12]}: Keep entries under keys"
    assert revision(service) == head


def test_an_uncommitted_line_is_said(service: Path) -> None:
    file = service / "cache/store.go"
    file.write_text(file.read_text().replace("e := &Entry{Value: value}", "e := &Entry{value}"))
    _git.cache_clear()
    change = last_change(service, "cache/store.go", 19)
    assert change is not None
    assert change.sentence() == "this line is not committed yet"
    assert revision(service).endswith("+dirty")


def test_no_repository_and_no_such_file_are_no_answer(service: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert last_change(service, "cache/absent.go", 1) is None
    assert last_change(service, "--help", 1) is None
    bare = tmp_path_factory.mktemp("bare")
    assert last_change(bare, "x.go", 1) is None
    assert (revision(bare), owners(bare, "x.go")) == ("", ())


def test_owners_are_those_of_the_last_matching_line(service: Path) -> None:
    assert owners(service, "cache/store.go") == ("@org/storage", "@alice")
    assert owners(service, "cmd/server/main.go") == ("@org/everyone",)
    assert owners(service / "cache", "store.go") == ("@org/storage", "@alice")
    assert path_in_repository(service / "cache", "store.go") == "cache/store.go"


@pytest.mark.parametrize(  # docs.github.com, "About code owners"
    ("glob", "owned", "not_owned"),
    [
        ("*", "a/b.go", None),
        ("*.js", "web/app.js", "web/app.jsx"),
        ("/build/logs/", "build/logs/a/b.log", "x/build/logs/a.log"),
        ("docs/*", "docs/start.md", "docs/build/trouble.md"),
        ("apps/", "x/apps/y/z.go", "apps.go"),
        ("/docs/", "docs/a.md", "x/docs/a.md"),
        ("**/logs", "build/deep/logs/x", "logsx/y"),
        ("/apps/github", "apps/github/a/b", "apps/githubs"),
        ("a?c.go", "x/abc.go", "x/a/c.go"),
    ],
)
def test_patterns_match_as_github_documents(glob: str, owned: str, not_owned: str | None) -> None:
    pattern = owner_pattern(glob)
    assert pattern.fullmatch(owned)
    assert not_owned is None or not pattern.fullmatch(not_owned)


def test_gitlab_sections_give_default_owners(service: Path) -> None:
    (service / "CODEOWNERS").write_text("[Storage][2] @store\ncache/\ncmd/ @cmd # the commands\n")
    _clear()
    assert owners(service, "cache/store.go") == ("@store",)
    assert owners(service, "cmd/server/main.go") == ("@cmd",)


def test_a_hostile_pattern_is_matched_in_bounded_time() -> None:
    assert not owner_pattern("*a" * 40).fullmatch("a" * 5_000 + "b")


def _clear() -> None:
    from leakhunt.source.history import _codeowners

    _codeowners.cache_clear()

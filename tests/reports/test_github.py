"""GitHub annotations: one command a line, on the repository's own line, and no input can forge one."""

import re
from dataclasses import replace

import pytest

from leakhunt.model.finding import Status
from leakhunt.reports import RenderOptions, render
from tests.reports import build
from tests.reports.golden_files import check

COMMAND = re.compile(r"::(error|warning|notice) ((?:\w+=[^:,]*,?)+)::[^\n]+")


@pytest.mark.parametrize("name", build.ALL)
def test_every_line_is_one_of_our_commands(name: str) -> None:
    lines = render("github", build.ALL[name]()).splitlines()
    assert all(COMMAND.fullmatch(line) for line in lines)
    assert lines[-1].startswith("::notice title=leakhunt::")
    assert sum(line.startswith("::error") for line in lines) <= 10


def test_hostile_text_cannot_end_a_command() -> None:
    text = render("github", build.hostile())
    assert "\n::error file=a,line=1::" not in text
    assert "%0A" not in text
    assert "%250A" in text


def test_the_line_is_the_repositorys() -> None:
    first = render("github", build.one_leak(), RenderOptions(trim_path=("/home/ci/shop/",))).splitlines()[0]
    assert first.startswith("::error file=session/store.go,line=88,title=LEAK lazy-ttl-cache%3A gcache.(*LRUCache).set::")


def test_a_known_leak_is_a_warning() -> None:
    known = replace(build.one_leak(), cases=(replace(build.LEAK, status=Status.KNOWN),))
    assert render("github", known).startswith("::warning ")


def test_golden(request: pytest.FixtureRequest) -> None:
    check(request, "github.txt", render("github", build.one_leak(), RenderOptions(trim_path=("/home/ci/shop",))))

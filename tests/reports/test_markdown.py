"""The Markdown report, through a renderer: tables are tables, nothing from an input is markup, it fits a comment."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from leakhunt.reports import RenderOptions, markdown, render
from tests.reports import build
from tests.reports.golden_files import check

GITHUB = MarkdownIt("gfm-like", {"linkify": False})
SPOKEN = frozenset("text softbreak code_inline".split())
SPOKEN_IN_A_LIST = SPOKEN | frozenset(
    "inline paragraph_open paragraph_close bullet_list_open bullet_list_close list_item_open list_item_close".split()
)


def tokens(text: str) -> list[Any]:
    return [leaf for token in GITHUB.parse(text) for leaf in (token, *(token.children or ()))]


@pytest.mark.parametrize("name", build.ALL)
def test_only_our_own_markup(name: str) -> None:
    text = render("markdown", build.ALL[name]())
    kinds = {token.type for token in tokens(text)}
    assert not {kind for kind in kinds if "html" in kind or "link" in kind or "image" in kind or kind == "hr"}
    assert len(text) < 65_536
    assert text.endswith("\n")


@pytest.mark.parametrize("name", build.ALL)
def test_each_case_is_one_row_and_one_heading(name: str) -> None:
    report = build.ALL[name]()
    parsed = tokens(render("markdown", report))
    headings = [parsed[i + 1].content for i, token in enumerate(parsed) if token.type == "heading_open"]
    ours = [heading for heading in headings if heading.startswith(("LEAK: ", "FILLING: ", "SUSPECT: "))]
    assert len(ours) == len(report.cases) + bool(report.cases)
    rows = sum(token.type == "tr_open" for token in parsed)
    tables = sum(token.type == "table_open" for token in parsed)
    assert rows - tables == min(len(report.cases), markdown.ROWS_OF_A_TABLE) + len(report.cleared)


@given(st.text(max_size=60))
def test_a_sentence_never_becomes_markup(sentence: str) -> None:
    parsed = tokens(f"- {markdown.text(sentence)}")
    assert {token.type for token in parsed} <= SPOKEN_IN_A_LIST
    assert sum(token.type == "bullet_list_open" for token in parsed) == 1


@given(st.text(max_size=60))
def test_a_name_is_one_code_span(name: str) -> None:
    parsed = [token for token in tokens(markdown.code(name)) if token.type in SPOKEN]
    assert [token.type for token in parsed] == ["code_inline"]


@given(st.text(alphabet="`|\\ab ", max_size=20))
def test_a_table_cell_stays_a_cell(name: str) -> None:
    parsed = tokens(markdown._table(("a", "b"), [(markdown.code(name), markdown.text(name))]))
    assert sum(token.type == "td_open" for token in parsed) == 2
    assert sum(token.type == "tr_open" for token in parsed) == 2


def test_names_read_as_code() -> None:
    assert markdown.text("Grows in session.(*Store).Put, called by f().") == "Grows in `session.(*Store).Put`, called by f()."
    assert markdown.text("run `leakhunt dump path`, (`f`)") == "run `leakhunt dump path`, (`f`)"
    assert markdown.text("see https://example.com/a_b @someone #12") == "see `https://example.com/a_b` `@someone` `#12`"


def test_a_huge_report_says_what_it_left_out() -> None:
    text = render("markdown", build.many(400))
    assert len(text) < 65_536
    assert "findings left out to stay within the size of a comment" in text
    assert "… 360 more rows." in text


@pytest.mark.parametrize("name", ["empty", "clean", "with_retention_and_limit"])
def test_golden(name: str, request: pytest.FixtureRequest) -> None:
    check(request, f"{name}.md", render("markdown", build.ALL[name](), RenderOptions(trim_path=("/home/ci/shop",))))


def test_a_link_to_the_source_can_be_followed() -> None:
    notes = ("▶ 2 │ b := new(T)", "https://git.example.org/f.go#L2", "https://x.example/> [x](y)")
    report = replace(build.one_leak(), cases=tuple(replace(case, source_notes=notes) for case in build.one_leak().cases))
    lines = render("markdown", report, RenderOptions()).splitlines()
    assert "<https://git.example.org/f.go#L2>" in lines
    assert (
        "https://x.example/> [x](y)" in lines[lines.index("In the source:") : lines.index("<https://git.example.org/f.go#L2>")]
    )

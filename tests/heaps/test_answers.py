"""The answers of `leakhunt dump`, as a person reads them and as JSON, on a dump that can be followed by hand."""

import json
from pathlib import Path

import pytest

from leakhunt.graph.dominators import retained_objects
from leakhunt.graph.paths import UNREACHED, Rank
from leakhunt.heaps import answers
from leakhunt.model.answer import Answer
from leakhunt.reports.answers import render_json, render_text
from tests.heaps import story
from tests.reports.golden_files import check

GOLDEN = Path(__file__).parent / "golden"
VIEW = story.view(story.FIRST)


def by_site(pattern: str) -> Answer:
    objects = answers.objects_of_sites(VIEW, lambda name: pattern in name)
    return answers.paths_of_objects(VIEW, objects, pattern)


def by_address(address: int) -> Answer:
    answer = answers.path_of_object(VIEW, address)
    assert answer is not None
    return answer


ANSWERS = {
    "summary": lambda: answers.summary(VIEW),
    "types": lambda: answers.types(VIEW, 3),
    "roots": lambda: answers.roots(VIEW),
    "tree": lambda: answers.tree(VIEW),
    "dominators": lambda: answers.dominators(VIEW),
    "path-of-site": lambda: by_site("main.put"),
    "path-of-object": lambda: by_address(story.PAYLOADS + 2048 + 100),
    "path-of-unreached": lambda: by_address(story.LOOSE),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_text(request: pytest.FixtureRequest, name: str) -> None:
    check(request, f"{name}.txt", render_text(ANSWERS[name](), 80), GOLDEN)


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("width", [40, 80, 160])
def test_text_keeps_to_its_width_where_columns_allow_it(name: str, width: int) -> None:
    lines = render_text(ANSWERS[name](), width).splitlines()
    assert max(map(len, lines)) <= max(width, 80)


@pytest.mark.parametrize("name", ANSWERS)
def test_json_is_what_text_shows_and_the_same_each_time(name: str) -> None:
    answer = ANSWERS[name]()
    body = json.loads(render_json(answer))
    assert body["schema"].startswith("leakhunt.dump.")
    for table in answer.tables:
        assert [[row[column.key] for column in table.columns] for row in body[table.name]] == [
            [row[column.key] for column in table.columns] for row in table.rows
        ]
    assert render_json(ANSWERS[name]()) == render_json(answer)


def test_no_answer_shows_contents() -> None:
    for make in ANSWERS.values():
        for text in (render_text(make(), 160), render_json(make())):
            assert "hunter2" not in text


def test_who_reaches_what() -> None:
    ranks = dict(zip(VIEW.graph.addresses.tolist(), VIEW.reached.ranks.tolist(), strict=True))
    assert ranks[story.CACHE] == ranks[story.PAYLOADS] == Rank.GLOBAL
    assert ranks[story.LOCAL] == Rank.STACK
    assert ranks[story.CYCLE] == Rank.FINALIZER
    assert ranks[story.LOOSE] == UNREACHED


def test_retained_together_is_more_than_the_sum_where_two_hold_one() -> None:
    a, b, shared = story.HEAP, story.HEAP + 0x1000, story.HEAP + 0x2000
    w = story.w
    view = story.view(
        w.dump(
            w.object_(a, w.words(shared, 0), [0]),
            w.object_(b, w.words(shared, 0), [0]),
            w.object_(shared, bytes(1024)),
            w.segment(12, story.DATA, w.words(a, b), [0, 8]),
        )
    )
    assert view.dominators.retained_bytes[:3].tolist() == [16, 16, 1024]
    assert retained_objects(view.dominators)[:3].tolist() == [1, 1, 1]
    entry = view.dominators.entry
    assert (view.dominators.retained_bytes[entry], retained_objects(view.dominators)[entry]) == (1056, 3)


def test_an_empty_dump_has_answers_too() -> None:
    empty = story.view(story.w.dump())
    for answer in (
        answers.summary(empty),
        answers.types(empty),
        answers.roots(empty),
        answers.tree(empty),
        answers.dominators(empty),
    ):
        assert render_text(answer, 80)
        json.loads(render_json(answer))
    assert answers.path_of_object(empty, 1) is None

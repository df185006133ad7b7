"""Expiry and goroutines of a committed dump of a real program, with the binary that wrote it."""

import json
from functools import cache
from pathlib import Path

import pytest

from leakhunt.decode.stripped import write_stripped
from leakhunt.heaps.answers import roots
from leakhunt.heaps.census import expiry, sentence
from leakhunt.heaps.view import HeapView, open_heap
from leakhunt.reports.answers import render_json, render_text

SPECIMENS = Path(__file__).resolve().parent.parent.parent / "fixtures" / "dumps" / "specimens"
GOLDEN = Path(__file__).resolve().parent / "golden"


@cache
def view(with_binary: bool = True) -> HeapView:
    binary = str(SPECIMENS / "go1.27.3.binary.zst") if with_binary else None
    return open_heap(SPECIMENS / "go1.27.3.dump.zst", binary=binary)


def test_expiry_reads_like_its_golden(pytestconfig: pytest.Config) -> None:
    text = render_text(expiry(view()), 100)
    path = GOLDEN / "expiry.txt"
    if pytestconfig.getoption("--golden"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_a_census_is_a_sentence() -> None:
    (stamps,) = [census for census in view().expiry if census.place.root_name == "main.stamps"]
    assert sentence(stamps).startswith(
        "150 of 200 entries of main.stamps (map[string]main.stampItem) are past their deadline, oldest by 0.1"
    )
    assert sentence(stamps).endswith("they retain 21.1 KiB")


def test_nothing_of_the_contents_is_printed() -> None:
    for text in (render_json(expiry(view())), render_json(roots(view()))):
        assert "session-0" not in text
        assert "key-0" not in text
        assert "user-0" not in text


@pytest.mark.parametrize("case", ["no binary", "stripped dump"])
def test_what_is_missing_is_said(case: str, tmp_path: Path) -> None:
    if case == "no binary":
        heap, note = view(with_binary=False), "without --binary only columns of times"
    else:
        path = tmp_path / "stripped.heap"
        path.write_bytes(write_stripped(view().graph, view().naming))
        heap, note = open_heap(path), "a stripped dump has no contents"
    answer = expiry(heap)
    assert any(text.startswith(note) for text in answer.notes)


def test_goroutines_are_shown_by_who_waits_and_why() -> None:
    table = next(table for table in roots(view()).tables if table.name == "goroutines")
    (worker,) = [row for row in table.rows if row["function"] == "main.worker"]
    assert (worker["goroutines"], worker["wait_reason"], worker["variables"]) == (10, "chan receive", ["batch", "in"])
    assert worker["reached_bytes"] > 0


def test_json_has_what_the_table_leaves_out() -> None:
    document = json.loads(render_json(expiry(view())))
    row = next(row for row in document["expiry"] if row["root"] == "main.tokenCache")
    assert (row["item"], row["field"], row["unit"], row["basis"]) == ("cache.Item", "Expiration", "ns", "named field")
    assert (row["entries"], row["with_expiry"], row["expired"]) == (200, 200, 150)
    assert document["caps"][0]["field"] == "max"
    assert document["slack"][0]["path"] == "main.heads -> [][]uint8 -> [x] []uint8"

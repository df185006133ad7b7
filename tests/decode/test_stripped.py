"""Stripped dumps: what goes in comes out, contents stay behind, damage raises only the decoder's error."""

import contextlib
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakhunt.decode.heapdump import read_dump
from leakhunt.decode.stripped import MAGIC, read_stripped, write_stripped
from leakhunt.errors import DecodeError
from leakhunt.graph.build import build_graph
from leakhunt.graph.shapes import name_by_shape
from leakhunt.heaps import answers
from leakhunt.heaps.view import HeapView, open_heap
from leakhunt.reports.answers import render_json
from tests.decode import dump_writer as w
from tests.decode.test_heapdump import WHOLE
from tests.specimens import specimen

SECRET = b"correct horse battery staple"


def view_of(data: bytes) -> HeapView:
    return HeapView("x", build_graph(read_dump(memoryview(data), "x")))


def test_every_answer_is_the_same_on_the_stripped_file(tmp_path: Path) -> None:
    whole = open_heap(specimen().dump)
    path = tmp_path / "stripped"
    path.write_bytes(write_stripped(whole.graph, whole.naming))
    assert path.stat().st_size < Path(specimen().dump).stat().st_size / 20
    stripped = open_heap(path)
    assert stripped.graph.contents is None
    for answer in (answers.types, answers.roots, answers.tree, answers.dominators):
        assert render_json(answer(whole)) == render_json(answer(stripped))


def test_the_same_dump_gives_the_same_bytes_wherever_its_file_lay(tmp_path: Path) -> None:
    written = []
    for name, mtime in (("mine.dump", 1_700_000_000), ("a copy with a longer name.dump", 1_750_000_000)):
        path = tmp_path / name
        path.write_bytes(WHOLE)
        os.utime(path, (mtime, mtime))
        view = open_heap(path)
        assert view.graph.process.modified_ns == mtime * 1_000_000_000
        written.append(write_stripped(view.graph, view.naming))
    assert written[0] == written[1]


def test_names_travel_with_the_file() -> None:
    graph = view_of(WHOLE).graph
    naming = name_by_shape(graph)
    read = read_stripped(write_stripped(graph, naming), "x").naming
    assert read is not None
    assert list(read.type_names) == list(naming.type_names)
    assert np.array_equal(read.label_ids, naming.label_ids)
    assert read_stripped(write_stripped(graph, None), "x").naming is None


def test_contents_stay_behind() -> None:
    base = 0xC000010000
    data = w.dump(
        w.object_(base, SECRET + bytes(4), []),
        w.goroutine(1, 0xC000070000),
        w.frame(0xC000070000, 0, SECRET + bytes(4), "main.main"),
        w.segment(12, 0x600000, SECRET + bytes(4)),
    )
    import zstandard

    stripped = write_stripped(view_of(data).graph, None)
    unfolded = zstandard.ZstdDecompressor().decompress(stripped[len(MAGIC) :])
    assert SECRET in data
    assert SECRET[:8] not in unfolded
    assert b"main.main" in unfolded


@pytest.mark.parametrize("end", [0, 5, len(MAGIC), len(MAGIC) + 3, 200])
def test_a_cut_file_is_refused(end: int) -> None:
    with pytest.raises(DecodeError):
        read_stripped(write_stripped(view_of(WHOLE).graph, None)[:end], "cut")


STRIPPED = write_stripped(view_of(WHOLE).graph, name_by_shape(view_of(WHOLE).graph))


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4))
def test_damage_raises_only_the_decoders_error(changes: list[tuple[int, int]]) -> None:
    """Damaged behind the compression, where a checksum does not catch it first."""
    import zstandard

    body = bytearray(zstandard.ZstdDecompressor().decompress(STRIPPED[len(MAGIC) :]))
    for place, value in changes:
        body[place % len(body)] = value
    with contextlib.suppress(DecodeError):
        graph = read_stripped(MAGIC + zstandard.compress(bytes(body)), "damaged")
        view = HeapView("x", graph)
        for answer in (answers.summary, answers.tree, answers.dominators):
            render_json(answer(view))

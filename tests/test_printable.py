"""Text from inputs is shown inert."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from leakhunt.printable import MAX_SHOWN_CHARACTERS, printable


def test_ordinary_names_are_left_alone() -> None:
    assert printable("github.com/bluele/gcache.(*LRUCache).set") == "github.com/bluele/gcache.(*LRUCache).set"
    assert printable("main.größe") == "main.größe"


def test_escapes_show() -> None:
    assert printable("a\x1b[31mb\nc") == "a\\x1b[31mb\\x0ac"
    assert printable("a\u202eb") == "a\\u202eb"
    assert printable(b"\xff".decode("utf-8", "surrogateescape")) == "\\xff"


@given(st.text(alphabet=st.characters(codec=None)))
def test_nothing_hidden_comes_out(text: str) -> None:
    assert all(unicodedata.category(c) not in ("Cc", "Cf", "Cs") for c in printable(text))


def test_length_is_bounded() -> None:
    assert len(printable("x" * 10_000)) <= MAX_SHOWN_CHARACTERS

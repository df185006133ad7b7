"""The phrases that the formats for people share."""

import pytest

from leakhunt.model.site import AllocationSite, Frame
from leakhunt.reports import wording


@pytest.mark.parametrize(
    ("function", "short"),
    [
        ("github.com/bluele/gcache.(*LRUCache).set", "gcache.(*LRUCache).set"),
        ("github.com/jellydator/ttlcache/v3.(*Cache[...]).Set", "ttlcache/v3.(*Cache[...]).Set"),
        ("main.main", "main.main"),
        ("", ""),
        ("ends/", "ends/"),
    ],
)
def test_short_function(function: str, short: str) -> None:
    assert wording.short_function(function) == short


@pytest.mark.parametrize(
    ("file", "folders", "expected"),
    [
        ("/home/ci/shop/a.go", ("/home/ci/shop",), "a.go"),
        ("/home/ci/shop/a.go", ("/home/ci/shop/",), "a.go"),
        ("/home/ci/shopping/a.go", ("/home/ci/shop",), "/home/ci/shopping/a.go"),
        ("example.com/shop/a.go", ("/home/ci/shop", "example.com/shop"), "a.go"),
        ("/a.go", ("",), "/a.go"),
    ],
)
def test_trimmed(file: str, folders: tuple[str, ...], expected: str) -> None:
    assert wording.trimmed(file, folders) == expected


def test_own_frame_is_the_innermost_inside() -> None:
    site = AllocationSite(
        (Frame("lib.f", "/mod/lib/f.go", 1), Frame("app.g", "/src/app/g.go", 2), Frame("app.h", "/src/app/h.go", 3))
    )
    assert wording.own_frame(site, ("/src/app",)).function == "app.g"
    assert wording.own_frame(site, ()).function == "lib.f"


@pytest.mark.parametrize(
    "remedy",
    ["Sweep it\nor bound it:\n    go func() {\n    \tsweep()\n    }()", "Sweep it or bound it:\n\ngo func() {\n\tsweep()\n}()"],
)
def test_remedy_is_advice_and_example(remedy: str) -> None:
    assert wording.remedy_parts(remedy) == ("Sweep it or bound it:", "go func() {\n    sweep()\n}()")


@pytest.mark.parametrize(
    ("q", "text"),
    [(0.0003, "q = 0.0003"), (1e-9, "q < 0.000001"), (0.0, "q < 0.000001"), (1.0, "q = 1"), (float("nan"), "q not computed")],
)
def test_q(q: float, text: str) -> None:
    assert wording.q_text(q) == text

"""The report for a build log: what fails first, what passes with its reason, nothing that acts on a terminal."""

from dataclasses import replace

import pytest

from leakhunt.model.finding import Status
from leakhunt.reports import RenderOptions, render
from tests.reports import build


@pytest.mark.parametrize("name", build.ALL)
def test_every_report(name: str) -> None:
    text = render("short", build.ALL[name]())
    assert not [c for c in text if ord(c) < 0x20 and c != "\n"]
    assert len(text.splitlines()) < 200


def test_a_leak_fails_with_its_line_and_fingerprint() -> None:
    text = render("short", build.one_leak(), RenderOptions(trim_path=("/home/ci/shop",)))
    assert "FAIL LEAK gcache.(*LRUCache).set  +1.02 MiB/h [898 KiB, 1.21 MiB]  lazy-ttl-cache, new" in text
    assert f"fingerprint {build.LEAK.fingerprint}, at session/store.go:88" in text
    assert "Give the cache a bound" in text
    assert "go cache.Start()" not in text


def test_a_known_leak_passes_with_the_reason() -> None:
    text = render("short", replace(build.one_leak(), cases=(replace(build.LEAK, status=Status.KNOWN),)))
    assert "FAIL" not in text
    assert (
        f"pass {build.LEAK.fingerprint} gcache.(*LRUCache).set  +1.02 MiB/h [898 KiB, 1.21 MiB]: known by the baseline" in text
    )

"""The HTML report in a real browser: no error, no request, the icicle zooms and searches, by mouse and by keyboard.

Needs Debian's chromium beside playwright; skips and says so where it is missing. LEAKHUNT_SCREENSHOTS=FOLDER
keeps pictures of both themes at desk and phone width for a person to look at.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from leakhunt.reports import RenderOptions, render
from tests.reports import build

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync".split()
DESK, PHONE = (1280, 900), (390, 844)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@dataclass
class Opened:
    """A page with what it complained about and asked for."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def width_of(self, function: str) -> float:
        return float(self.page.locator(f'.node[title^="{function}\\a"]').first.bounding_box()["width"])


@pytest.fixture
def visit(browser: Any, tmp_path: Path) -> Iterator[Any]:
    contexts = []

    def _visit(report: build.Report, size: tuple[int, int] = DESK, scheme: str = "light") -> Opened:
        path = tmp_path / "report.html"
        path.write_text(render("html", report, RenderOptions(version="0.1.0")), encoding="utf-8")
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
        contexts.append(context)
        opened = Opened(context.new_page())
        opened.page.on("console", lambda message: opened.complaints.append(message.text))
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.on("dialog", lambda dialog: (opened.complaints.append("dialog"), dialog.dismiss()))
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.goto(path.as_uri())
        return opened

    yield _visit
    for context in contexts:
        context.close()


# The two halves that differ most; all four when somebody wants to look.
LOOKS = [(DESK, "light"), (PHONE, "dark")] + [(DESK, "dark"), (PHONE, "light")] * ("LEAKHUNT_SCREENSHOTS" in os.environ)


@pytest.mark.parametrize("name", build.ALL)
@pytest.mark.parametrize(("size", "scheme"), LOOKS, ids=lambda part: str(part))
def test_every_report_opens_quietly(visit: Any, name: str, size: tuple[int, int], scheme: str) -> None:
    opened = visit(build.ALL[name](), size, scheme)
    assert opened.complaints == []
    assert [url.split(":")[0] for url in opened.requests] == ["file"]
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= size[0]
    dark = opened.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 19, 24)"
    assert dark == (scheme == "dark")
    folder = os.environ.get("LEAKHUNT_SCREENSHOTS")
    if folder:
        opened.page.screenshot(path=f"{folder}/{name}-{scheme}-{size[0]}.png", full_page=True)


def test_policy_stops_what_escaping_would_let_through(visit: Any) -> None:
    """The second line of defence is real: an inline handler and a foreign script put into the page do not run."""
    opened = visit(build.with_series())
    opened.page.evaluate("""() => {
        const image = document.createElement("div");
        image.innerHTML = '<img src=x onerror="document.title=1">';
        document.body.append(image);
        const script = document.createElement("script");
        script.textContent = "document.title = 2";
        document.body.append(script);
    }""")
    opened.page.wait_for_timeout(100)
    assert opened.page.title().startswith("LEAK: ")
    assert any("Content Security Policy" in complaint for complaint in opened.complaints)


def test_zoom_by_mouse(visit: Any) -> None:
    opened = visit(build.with_series())
    tile = "example.com/shop/part3.(*Index).add"
    before = opened.width_of(tile)
    opened.page.locator(f'.node[title^="{tile}\\a"]').click()
    whole = opened.page.locator("#tree").bounding_box()["width"]
    assert opened.width_of(tile) == pytest.approx(whole - 2, abs=2)
    assert before < whole / 3
    assert tile in opened.page.locator("#told").inner_text()
    opened.page.locator("#reset").click()
    assert opened.width_of(tile) == pytest.approx(before, abs=1)
    assert opened.complaints == []


def test_zoom_by_keyboard(visit: Any) -> None:
    opened = visit(build.with_series())
    page = opened.page
    page.locator('.node[tabindex="0"]').focus()
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    focused = page.evaluate("document.activeElement.title")
    assert focused.startswith("example.com/shop/web.(*Server).login\n")
    assert page.locator(".node.above").count() == 2
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert page.locator(".node.above").count() == 0
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.title") != page.locator(".node").first.get_attribute("title")
    assert opened.complaints == []


def test_search_marks_and_counts(visit: Any) -> None:
    opened = visit(build.with_series())
    page = opened.page
    page.keyboard.press("/")
    page.keyboard.type("GCACHE")
    marked = page.locator(".node.hit").all()
    assert marked
    assert all("gcache" in node.get_attribute("title") for node in marked)
    assert "matches" in page.locator("#told").inner_text()
    page.locator("#search").fill("no such function")
    assert page.locator(".node.hit").count() == 0
    assert "Search: 0 matches" in page.locator("#told").inner_text()


def test_any_two_snapshots_and_both_counts(visit: Any) -> None:
    report = build.with_series()
    assert report.series is not None
    opened = visit(report)
    page = opened.page
    page.locator("#base").select_option(index=4)
    page.locator("#new").select_option(index=11)
    page.locator("#metric").select_option("objects")
    before, after = (int(report.series.inuse_objects[:, i].sum()) for i in (4, 11))
    assert f"{before:,} objects → {after:,} objects" in page.locator("#told").inner_text()
    page.locator("#metric").select_option("bytes")
    page.locator("#new").select_option(index=4)
    assert "Nothing grew between these two snapshots" in page.locator("#told").inner_text()
    page.locator("#width").select_option("held")
    assert page.locator(".node").count() > 5
    page.locator("#new").select_option(index=0)
    assert page.locator(".node.s1, .node.s2, .node.s3, .node.s4").count() > 5
    assert opened.complaints == []


def test_printing_unfolds_everything(visit: Any) -> None:
    opened = visit(build.many(12))
    assert opened.page.locator(".case details[open]").count() == 5
    opened.page.emulate_media(media="print")
    assert opened.page.pdf()[:5] == b"%PDF-"


def test_a_huge_series_draws_in_time(visit: Any) -> None:
    from tests.reports.test_html import big_report

    opened = visit(big_report(sites=5_000, snapshots=40))
    assert opened.page.locator(".node").count() > 50
    assert "are drawn as one" in opened.page.locator("#omitted").inner_text()
    assert opened.complaints == []

"""The HTML report without a browser: well formed, inert, the same bytes, within its size, and its drawing adds up."""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leakhunt.model.finding import Report
from leakhunt.model.site import AllocationSite, Frame
from leakhunt.reports import RenderOptions, render
from leakhunt.reports.html import icicle, moment
from leakhunt.reports.html.chart import spark_points, timeline
from leakhunt.reports.html.retention import retention_tree
from tests.reports import build
from tests.reports.golden_files import check

MEGABYTE = 1_000_000


def html(report: Report) -> str:
    return render("html", report, RenderOptions(version="0.1.0"))


def parsed(text: str) -> Element:
    """The document; any parse error of the HTML standard raises."""
    root: Element = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)
    return root


def embedded(root: Element) -> Any:
    (data,) = [element for element in root.iter("script") if element.get("type") == "application/json"]
    return json.loads(data.text or "")


@pytest.mark.parametrize("name", build.ALL)
def test_well_formed_and_inert(name: str) -> None:
    root = parsed(html(build.ALL[name]()))
    for element in root.iter():
        assert element.tag not in ("iframe", "img", "object", "embed", "link", "base", "audio", "video")
        for attribute, value in element.attrib.items():
            assert not attribute.startswith("on")
            assert attribute not in ("src", "style", "srcset", "action", "formaction")
            if attribute == "href":
                assert value.startswith("#")
    scripts = [element.get("type") for element in root.iter("script")]
    assert scripts in ([], ["application/json", None])


@pytest.mark.parametrize("name", build.ALL)
def test_policy_names_exactly_our_style_and_script(name: str) -> None:
    text = html(build.ALL[name]())
    policy = next(m.get("content", "") for m in parsed(text).iter("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for kind, source in re.findall(r"<(style|script)>(.*?)</\1>", text, re.DOTALL):
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_hostile_names_are_shown_as_text() -> None:
    text = html(build.hostile())
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in text
    assert "alert(1)</script>" not in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2066\u200b\ufeff\ud800-\udfff]", text)


def test_same_bytes_in_another_process() -> None:
    program = (
        "from tests.reports import build; from leakhunt.reports import render, RenderOptions;"
        "print(render('html', build.with_series(), RenderOptions(version='0.1.0')), end='')"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
            capture_output=True,
            check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    }
    assert outputs == {html(build.with_series()).encode()}


def big_report(sites: int, snapshots: int) -> Report:
    """A series with the proportions of large public profiles: stacks of 24 frames that share all but four or so, about as
    many functions as sites up to a few thousand, sizes with a heavy tail, three sites of ten changing at each snapshot."""
    rng = np.random.default_rng(7)
    outer = [Frame(f"net/http.(*layer{i}).ServeHTTP", f"/usr/local/go/src/net/http/layer{i}.go", 100 + i) for i in range(12)]
    made = []
    for i in range(sites):
        package, kind, handler = f"example.com/shop/package{i % 97}", i % 13, i % 31
        inner = [Frame(f"{package}.(*Type{kind}).step{d}", f"/home/ci/shop/package{i % 97}/file{kind}.go", d) for d in range(4)]
        middle = [
            Frame(f"example.com/shop/web.(*Server).handle{handler}depth{d}", f"/home/ci/web/{handler}.go", d) for d in range(8)
        ]
        made.append(AllocationSite((*inner, *middle, *outer)))
    series = build.series_of(tuple(made), snapshots)
    changes = rng.integers(-2, 4, size=(sites, snapshots)) * (rng.random((sites, snapshots)) < 0.3)
    objects = np.maximum(0, np.cumsum(changes, axis=1) + rng.integers(0, 50, size=(sites, 1))).astype(np.int64)
    size = np.minimum(1e7, rng.pareto(0.6, size=(sites, 1)) * 64 + 16).astype(np.int64)
    series = replace(series, inuse_objects=objects, inuse_bytes=objects * size)
    totals = tuple(int(total) for total in series.inuse_bytes.sum(axis=0))
    times = tuple(series.times_ns.tolist())
    return replace(build.many(), series=series, total_bytes=totals, times_ns=times, inputs=build.inputs(snapshots))


def test_a_usual_series_fits_a_megabyte_whole() -> None:
    text = html(big_report(sites=1_500, snapshots=24))
    assert len(text.encode()) <= MEGABYTE
    assert embedded(parsed(text))["omitted"] == {"sites": 0, "snapshots": 0}


def test_a_huge_series_stays_small_and_says_what_is_missing() -> None:
    report = replace(big_report(sites=20_000, snapshots=300), cases=build.many(2_000).cases, cleared=build.CLEARED * 2_000)
    text = html(report)
    assert len(text.encode()) <= 5 * MEGABYTE
    assert embedded(parsed(text))["omitted"]["sites"] > 10_000
    assert "1,900 findings omitted" in text
    assert "more sites omitted" in text


def test_totals_stay_true_when_sites_are_omitted() -> None:
    series = big_report(sites=8_000, snapshots=60).series
    assert series is not None
    data = icicle.icicle_data(series, ())
    assert data["omitted"]["sites"] > 0
    chosen = data["snapshots"]
    assert len(chosen) <= icicle.MOST_SNAPSHOTS
    assert {0, 59} <= set(chosen)
    shown = np.sum([np.cumsum(site[1]) for site in data["sites"]], axis=0)
    assert shown.tolist() == series.inuse_bytes.sum(axis=0)[chosen].tolist()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=5), min_size=1, max_size=12), st.integers(1, 6))
def test_the_drawing_is_the_series(stacks: list[list[str]], snapshots: int) -> None:
    """Twin: sums by every prefix of a stack, counted in a dictionary, are the sums of the tree's nodes."""
    series = build.series_of(tuple(AllocationSite(tuple(map(Frame, stack))) for stack in stacks), snapshots)
    data = icicle.icicle_data(series, ())
    expected: dict[tuple[str, ...], int] = {}
    for stack, held in zip(stacks, series.inuse_bytes[:, -1].tolist(), strict=True):
        outermost_first = tuple(reversed(stack))
        for depth in range(len(outermost_first) + 1):
            expected[outermost_first[:depth]] = expected.get(outermost_first[:depth], 0) + held
    paths: list[tuple[str, ...]] = []
    for parent, name in zip(data["parents"], data["names"], strict=True):
        assert parent < len(paths)
        paths.append((*paths[parent], data["functions"][name]) if parent >= 0 else ())
    sums = [0] * len(paths)
    for node, steps, _ in data["sites"]:
        sums[node] += sum(steps)
    for node in range(len(paths) - 1, 0, -1):
        sums[data["parents"][node]] += sums[node]
    assert dict(zip(paths, sums, strict=True)) == expected


def test_deep_stacks_are_cut_at_the_outer_end() -> None:
    stack = tuple(Frame(f"f{i}") for i in range(130))
    data = icicle.icicle_data(build.series_of((AllocationSite(stack),), 2), ())
    assert data["functions"][1] == "[30 outer frames]"
    assert data["functions"][-1] == "f0"


def test_timeline_marks_restarts_and_collections() -> None:
    chart = timeline((0, 50, 100), (10, 20, 5), (), (0, 2), ("", "restarted"), (25, 400))
    assert chart is not None
    assert [(mark.kind, mark.x) for mark in chart.marks] == [("restart", 1000.0), ("collection", 250.0)]
    assert chart.total == "0,50.0 500,0.0 1000,75.0"
    assert timeline((5,), (1,), (), (), (), ()) is None


def test_moments() -> None:
    assert moment(build.START_NS) == "2026-09-21 14:13:20 UTC"
    assert moment(7_750_000_000) == "7.75s after the start"
    assert moment(0) == ""


def test_sparkline_ends_with_the_newest_value() -> None:
    assert spark_points((1, 2, 3)) == "0,100 500,50 1000,0"
    assert spark_points((4,)) == "0,100 1000,100"
    assert spark_points(()) == ""


def test_retention_paths_share_their_beginning() -> None:
    case = build.with_retention_and_limit().cases[0]
    other = replace(case, retention=replace(build.RETENTION, path=build.RETENTION.path[:2]))
    (root,) = retention_tree((case, other))
    store = root.children[0]
    assert store.label == "*session.Store"
    assert store.children[0].cases == [2]
    assert store.children[0].children[0].cases == [1]


def test_golden(request: pytest.FixtureRequest) -> None:
    """The words of the page in reading order, without its style, script and drawing."""
    root = parsed(html(build.with_series()))
    skipped = {id(part) for element in root.iter() if element.tag in ("style", "script", "title") for part in element.iter()}
    words = []
    for element in next(root.iter("body")).iter():
        if id(element) not in skipped and element.text and element.text.strip():
            words.append(" ".join(element.text.split()))
        if element.tail and element.tail.strip():
            words.append(" ".join(element.tail.split()))
    check(request, "with_series.html.txt", "\n".join(words) + "\n")


def test_quoted_source_is_marked_and_linked() -> None:
    hostile = 'https://x.example/"><script>alert(1)</script>'
    notes = ("  1 │ a := 1", "▶ 2 │ b := <new>", "https://git.example.org/f.go?a=1&b=2#L2", hostile, "javascript:alert(1)")
    report = replace(build.one_leak(), cases=tuple(replace(case, source_notes=notes) for case in build.one_leak().cases))
    page = render("html", report, RenderOptions())
    assert "  1 │ a := 1\n<mark>▶ 2 │ b := &lt;new&gt;</mark>\n" in page
    assert '<a href="https://git.example.org/f.go?a=1&amp;b=2#L2" rel="noreferrer">' in page
    assert page.count('rel="noreferrer"') == 1
    assert "<script>alert" not in page

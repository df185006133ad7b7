"""Every format on the series of real programs: a leak, a filling cache, a clean service, one that restarted."""

import json
from functools import cache
from pathlib import Path

import html5lib
import pytest
from jsonschema import Draft202012Validator
from junitparser import JUnitXml
from markdown_it import MarkdownIt
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as SarifLog

import leakhunt
from leakhunt.model.finding import Report
from leakhunt.reports import FORMATS, RenderOptions, render

ROOT = Path(__file__).resolve().parents[2]
SERIES = ("sessions", "vendors-50", "arrivals-step", "presence-restart")
SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))


@cache
def report_on(name: str) -> Report:
    return leakhunt.hunt(str(ROOT / "fixtures" / "series" / name), limit="2GiB")


def test_the_series_differ_in_what_they_show() -> None:
    assert report_on("sessions").verdict == "leak"
    assert report_on("arrivals-step").verdict == "clean"
    assert report_on("presence-restart").window.segments > 1


@pytest.mark.parametrize("name", SERIES)
def test_every_format_is_what_it_says(name: str) -> None:
    report = report_on(name)
    texts = {format: render(format, report, RenderOptions(version="0.1.0")) for format in FORMATS}
    Draft202012Validator(SCHEMA).validate(json.loads(texts["json"]))
    SarifLog.model_validate(json.loads(texts["sarif"]))
    assert len(json.loads(texts["sarif"])["runs"][0]["results"]) == len(report.cases)
    assert JUnitXml.fromstring(texts["junit"].encode()).tests >= len(report.cases) + len(report.cleared)
    assert len(texts["csv"].splitlines()) == 1 + len(report.cases)
    page = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(texts["html"])
    assert len(texts["html"].encode()) < 1_000_000
    restarts = [line for line in page.iter("{http://www.w3.org/2000/svg}line") if line.get("class") == "restart"]
    assert len(restarts) == report.window.segments - 1
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(texts["markdown"])
    assert not [token for token in tokens if token.type == "html_block"]
    for case in report.cases:
        assert case.fingerprint in texts["terminal"]
        assert case.fingerprint in texts["markdown"]
        assert case.fingerprint in texts["html"]

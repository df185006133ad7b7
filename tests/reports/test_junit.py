"""JUnit XML, read back by a library that CI tools use: one test a tracked site, the leak fails, doubt is skipped."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from junitparser import Failure, JUnitXml, Skipped, TestCase

from leakhunt.model.finding import Status, Verdict
from leakhunt.reports import RenderOptions, render
from tests.reports import build
from tests.reports.golden_files import check


def read_back(report: build.Report, options: RenderOptions | None = None) -> list[TestCase]:
    parsed = JUnitXml.fromstring(render("junit", report, options or RenderOptions()).encode())
    return [test for suite in parsed for test in suite]


@pytest.mark.parametrize("name", build.ALL)
def test_counts_are_those_of_the_tests(name: str) -> None:
    parsed = JUnitXml.fromstring(render("junit", build.ALL[name]()).encode())
    tests = [test for suite in parsed for test in suite]
    assert parsed.tests == len(tests) > 0
    assert parsed.failures == sum(isinstance(result, Failure) for test in tests for result in test.result)
    (suite,) = list(parsed)
    assert suite.skipped == sum(isinstance(result, Skipped) for test in tests for result in test.result)


def test_a_leak_fails_and_what_was_cleared_passes() -> None:
    leak, tile, catalogue, untested = read_back(build.one_leak())
    assert leak.classname == "github.com/bluele/gcache"
    assert isinstance(leak.result[0], Failure)
    assert leak.result[0].type == "lazy-ttl-cache"
    assert "fingerprint e921ae5ad9dcacf2" in leak.result[0].text
    assert not tile.result
    assert not catalogue.result
    assert isinstance(untested.result[0], Skipped)


def test_nothing_measured_is_skipped_and_never_green() -> None:
    for report in (build.bare(), build.empty()):
        (verdict,) = read_back(report)
        assert isinstance(verdict.result[0], Skipped)


@pytest.mark.parametrize(
    ("verdict", "status", "options", "fails"),
    [
        (Verdict.LEAK, Status.NEW, RenderOptions(), True),
        (Verdict.LEAK, Status.WORSE, RenderOptions(), True),
        (Verdict.LEAK, Status.KNOWN, RenderOptions(), False),
        (Verdict.LEAK, Status.NEW, RenderOptions(tolerated={build.LEAK.fingerprint: "slower than --min-growth"}), False),
        (Verdict.FILLING, Status.NEW, RenderOptions(), False),
        (Verdict.SUSPECT, Status.NEW, RenderOptions(), False),
        (Verdict.SUSPECT, Status.NEW, RenderOptions(strict=True), True),
    ],
)
def test_what_fails(verdict: Verdict, status: Status, options: RenderOptions, fails: bool) -> None:
    case = replace(build.LEAK, verdict=verdict, status=status)
    test = read_back(replace(build.one_leak(), cases=(case,)), options)[0]
    assert isinstance(test.result[0], Failure if fails else Skipped)


def test_hostile_names_are_text() -> None:
    root = ElementTree.fromstring(render("junit", build.hostile()))
    assert {element.tag for element in root.iter()} <= {
        "testsuites", "testsuite", "testcase", "failure", "skipped", "properties", "property", "system-out",
    }  # fmt: skip
    assert root.findall(".//testcase/failure")[0].get("message", "").startswith("LEAK: </script><script>")


def test_golden(request: pytest.FixtureRequest) -> None:
    text = render("junit", build.with_retention_and_limit(), RenderOptions(trim_path=("/home/ci/shop",)))
    check(request, "with_retention_and_limit.junit.xml", text)

"""The report as JUnit XML, for CI servers that show tests.

One test case a tracked site: a leak fails, what is tolerated or undecided is skipped with the reason, what was cleared
passes. The dialect is that of the Jenkins xunit schema (junit-10.xsd), which other servers read too; the document is built
by xml.etree, and `printable` keeps out the characters that XML cannot hold.
"""

from datetime import UTC, datetime
from xml.etree import ElementTree

from leakhunt.model.finding import Case, Report, Stance, Verdict
from leakhunt.model.site import AllocationSite, package_of
from leakhunt.printable import printable
from leakhunt.reports import RenderOptions
from leakhunt.reports.wording import (
    growth_sentence,
    headline_of,
    limit_sentence,
    location,
    own_frame,
    remedy_lines,
    retention_lines,
    scope,
    short_function,
    statistics_sentence,
    tolerated,
    trimmed,
    verdict_label,
)
from leakhunt.units import NS_PER_SECOND, counted, format_bytes

MOST_CASES = 1_000


def render(report: Report, options: RenderOptions) -> str:
    """`report` as a `testsuites` document with one suite, never without a test case."""
    suite = ElementTree.Element("testsuite", name="leakhunt", time="0")
    if report.window.start_ns > 0:
        taken = datetime.fromtimestamp(report.window.end_ns // NS_PER_SECOND, UTC)
        suite.set("timestamp", taken.strftime("%Y-%m-%dT%H:%M:%S"))
    properties = ElementTree.SubElement(suite, "properties")
    told = {"verdict": str(report.verdict), "headline": headline_of(report), "scope": scope(report), "command": report.command}
    for name, value in told.items():
        ElementTree.SubElement(properties, "property", name=name, value=printable(value))
    for case in report.cases[:MOST_CASES]:
        _add_case(suite, case, options)
    for cleared in report.cleared[:MOST_CASES]:
        _test(suite, cleared.site, options).set("status", printable(f"{cleared.pattern}: {cleared.reason}"))
    if report.not_testable.sites:
        amount = f"{counted(report.not_testable.sites, 'site')}, {format_bytes(report.not_testable.bytes)} in use"
        _skip(_summary_test(suite, "not testable"), f"{amount}: {report.not_testable.reason}")
    if report.verdict == Verdict.INCONCLUSIVE or not (report.cases or report.cleared or report.not_testable.sites):
        verdict = _summary_test(suite, "verdict")
        if report.verdict == Verdict.INCONCLUSIVE:
            _skip(verdict, headline_of(report))
    if report.notes:
        ElementTree.SubElement(suite, "system-out").text = "\n".join(printable(note) for note in report.notes)
    _count(suite)
    root = ElementTree.Element("testsuites", name="leakhunt")
    for key in ("tests", "failures", "errors"):
        root.set(key, suite.attrib[key])
    root.append(suite)
    ElementTree.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _add_case(suite: ElementTree.Element, case: Case, options: RenderOptions) -> None:
    test = _test(suite, case.site, options)
    why_not = tolerated(case, options)
    message = f"{verdict_label(case.verdict)}: {case.headline}"
    if why_not:
        _skip(test, f"{message} ({why_not})")
        return
    failure = ElementTree.SubElement(test, "failure", type=printable(case.pattern), message=printable(message))
    failure.text = "\n".join(printable(line) for line in _account(case, options.trim_path))


def _account(case: Case, trim_path: tuple[str, ...]) -> list[str]:
    """What a person reads below the failed test."""
    lines = [f"grows {growth_sentence(case.growth)}", f"{format_bytes(case.inuse_bytes)} in use"]
    lines += [statistics_sentence(case.statistics)]
    lines += [limit_sentence(case.limit)] if case.limit else []
    lines += [f"{'for' if f.stance == Stance.IMPLICATES else 'against'}: {f.text} ({f.detector})" for f in case.evidence]
    lines += ["allocated at"]
    lines += [f"  {frame.function}  {location(frame, trim_path)}".rstrip() for frame in case.site.user_stack[:12]]
    lines += retention_lines(case.retention) if case.retention else []
    lines += [f"fingerprint {case.fingerprint}", "what to do", *remedy_lines(case.remedy)]
    return lines


def _test(suite: ElementTree.Element, site: AllocationSite, options: RenderOptions) -> ElementTree.Element:
    frame = own_frame(site, options.trim_path)
    leaf = site.leaf.function
    test = ElementTree.SubElement(
        suite,
        "testcase",
        classname=printable(package_of(leaf)) or "[unknown]",
        name=f"{printable(short_function(leaf))} [{site.fingerprint[:8]}]",
        time="0",
    )
    if frame.file:
        test.set("file", printable(trimmed(frame.file, options.trim_path)))
        test.set("line", str(frame.line))
    return test


def _summary_test(suite: ElementTree.Element, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname="leakhunt", name=name, time="0")


def _skip(test: ElementTree.Element, reason: str) -> None:
    ElementTree.SubElement(test, "skipped", message=printable(reason))


def _count(suite: ElementTree.Element) -> None:
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    suite.set("errors", "0")

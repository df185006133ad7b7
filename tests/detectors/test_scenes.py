"""What a hunt says of each scene, word for word: verdicts, the charges and excuses behind them, and their numbers."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from leakhunt.detectors import DETECTORS
from leakhunt.evidence import Evidence
from leakhunt.hunt import hunt
from leakhunt.model.finding import Case, Cleared, Finding
from tests.detectors.scenes import SCENES

GOLDEN = Path(__file__).parent / "golden" / "scenes.txt"


def told(seen: Evidence) -> str:
    """A report as lines of text that a person can check, numbers to five digits."""
    report = hunt(seen)
    lines = [f"{report.verdict}: {report.headline}"]
    for case in report.cases:
        lines += _case(case)
    lines += [f"  cleared {c.site.leaf.function}: {c.pattern}: {c.reason}; {_growth(c)}" for c in report.cleared]
    accused = {site for case in report.cases for site in case.sites}
    for finding in (f for detector in DETECTORS for f in detector.examine(seen)):
        if seen.series.sites[finding.sites[0]] not in accused:
            lines += finding_lines(finding)
    untested = report.not_testable
    lines.append(f"  not testable: {untested.sites} sites, {untested.bytes:,} bytes {untested.reason}".rstrip())
    lines += [f"  note: {note}" for note in report.notes]
    lines += [f"  next: {step}" for step in report.next_steps]
    return "\n".join(lines) + "\n"


def _case(case: Case) -> Iterator[str]:
    names = ", ".join(site.leaf.function for site in case.sites)
    yield f"  {case.verdict} {case.pattern}, {case.confidence}: {names}: {case.headline}"
    yield f"    {_growth(case)}; {case.inuse_bytes:,} bytes in use, {case.statistics.samples} samples"
    if case.limit is not None:
        limit = case.limit
        yield f"    limit in {limit.hours:.5g} h ({limit.low_hours:.5g} to {limit.high_hours:.5g})"
    if case.retention is not None:
        yield f"    held by {case.retention.root.name}, {case.retention.retained_bytes:,} bytes"
    for finding in case.evidence:
        yield from finding_lines(finding)
    yield from (f"    | {line}" for line in case.remedy.splitlines())


def _growth(of: Case | Cleared) -> str:
    growth = of.growth
    objects = f"{growth.objects_per_hour:.5g} objects/h"
    return f"{growth.bytes:,} bytes, {growth.bytes_per_hour:.5g}/h ({growth.low:.5g} to {growth.high:.5g}), {objects}"


def finding_lines(finding: Finding) -> Iterator[str]:
    """A finding as the golden files show it."""
    sign = "against" if finding.stance == "implicates" else "for"
    head = f"{finding.detector} ({finding.pattern}, {finding.confidence}, {len(finding.sites)} sites)"
    yield f"    {sign}: {head}: {finding.text}"
    facts = (f"{name}={value:.5g}" if isinstance(value, float) else f"{name}={value}" for name, value in finding.facts.items())
    yield f"      {', '.join(facts)}"


def read_golden(path: Path = GOLDEN) -> dict[str, str]:
    """The parts of a golden file by their names."""
    parts = path.read_text(encoding="utf-8").split("## ")[1:] if path.exists() else []
    return {name: text.rstrip("\n") + "\n" for name, _, text in (part.partition("\n") for part in parts)}


def agree(request: pytest.FixtureRequest, path: Path, name: str, text: str, names: Iterable[str]) -> None:
    """Holds `text` to the part `name` of a golden file, or with --golden writes it there, in the order of `names`."""
    golden = read_golden(path)
    if request.config.getoption("--golden"):
        golden[name] = text
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(f"## {each}\n{golden[each]}" for each in names if each in golden), encoding="utf-8")
    assert text == golden.get(name), "if it should have changed, run pytest --golden and review the diff"


@pytest.mark.parametrize("name", SCENES)
def test_a_hunt_says(request: pytest.FixtureRequest, name: str) -> None:
    agree(request, GOLDEN, name, told(SCENES[name]()), SCENES)


def test_no_scene_is_forgotten() -> None:
    assert list(read_golden()) == list(SCENES)

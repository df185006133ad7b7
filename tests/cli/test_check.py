"""`check` as a CI job runs it, on series of real programs: exit codes, baseline, GitHub, redaction, bad input."""

import json
import re
import stat
from pathlib import Path

import pytest
from junitparser import JUnitXml

from tests.cli.running import leakhunt

SERIES = Path(__file__).resolve().parents[2] / "fixtures" / "series"
LEAKING = str(SERIES / "sessions")  # a gcache LRU cache with a TTL and keys that nobody asks for again
HARMLESS = str(SERIES / "arrivals-step")
QUIET = {"GITHUB_ACTIONS": "", "GITHUB_STEP_SUMMARY": "", "SOURCE_DATE_EPOCH": "1795564800"}  # 2026-11-25


def test_a_leak_fails(tmp_path: Path) -> None:
    done = leakhunt("check", LEAKING, cwd=tmp_path, environment=QUIET)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("LEAK: ")
    assert "FAIL LEAK main.startSession" in done.stdout
    assert done.stdout.rstrip().endswith("check: 1 finding stops the build (exit 1)")
    assert done.stderr == ""


def test_no_leak_passes(tmp_path: Path) -> None:
    done = leakhunt("check", HARMLESS, cwd=tmp_path, environment=QUIET)
    assert done.returncode == 0, done.stdout
    assert "check: no leak that stops the build (exit 0)" in done.stdout


def test_hunt_exits_0_whatever_the_verdict(tmp_path: Path) -> None:
    assert leakhunt("hunt", LEAKING, cwd=tmp_path, environment=QUIET).returncode == 0


@pytest.mark.parametrize(
    ("flags", "code"), [((), 3), (("--allow-inconclusive",), 0), (("--allow-inconclusive", "--strict"), 3)]
)
def test_two_snapshots_decide_nothing(tmp_path: Path, flags: tuple[str, ...], code: int) -> None:
    two = [str(path) for path in sorted((SERIES / "sessions").glob("heap_*"))[:2]]
    done = leakhunt("check", *two, *flags, cwd=tmp_path, environment=QUIET)
    assert (done.returncode, done.stderr) == (code, "")
    assert "inconclusive" in done.stdout.splitlines()[-1]


def test_nothing_to_measure_never_passes(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "noise.pb.gz").write_bytes(b"not a profile")
    for argument in ("empty", "noise.pb.gz", "missing"):
        done = leakhunt("check", argument, cwd=tmp_path, environment=QUIET)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert done.stdout == ""


def test_an_unreadable_input_among_good_ones_is_named_and_the_rest_decides(tmp_path: Path) -> None:
    (tmp_path / "noise.pb.gz").write_bytes(b"not a profile")
    done = leakhunt("check", LEAKING, "noise.pb.gz", cwd=tmp_path, environment=QUIET)
    assert done.returncode == 1
    assert "skipped: noise.pb.gz: " in done.stdout


def test_min_growth(tmp_path: Path) -> None:
    assert leakhunt("check", LEAKING, "--min-growth", "10TiB/h", cwd=tmp_path, environment=QUIET).returncode == 0
    (tmp_path / "leakhunt.toml").write_text('[check]\nmin-growth = "10TiB/h"\n')
    done = leakhunt("check", LEAKING, cwd=tmp_path, environment=QUIET)
    assert done.returncode == 0
    assert ": slower than +10.0 TiB/h" in done.stdout
    assert leakhunt("check", LEAKING, "--min-growth", "1KiB", cwd=tmp_path, environment=QUIET).returncode == 1


def test_the_life_of_a_baseline(tmp_path: Path) -> None:
    """Accepted, then known; worse when the allowance shrinks; expired; fixed and named as stale; removed."""
    path = tmp_path / "leaks.toml"
    accept = leakhunt("check", LEAKING, "--baseline", "leaks.toml", "--update-baseline", cwd=tmp_path, environment=QUIET)
    assert accept.returncode == 0, accept.stdout + accept.stderr
    text = path.read_text()
    assert 'function = "main.startSession"' in text
    assert 'reason = "accepted by --update-baseline on 2026-11-25"' in text

    known = leakhunt("check", LEAKING, "--baseline", "leaks.toml", cwd=tmp_path, environment=QUIET)
    assert known.returncode == 0
    assert "known by the baseline" in known.stdout

    path.write_text(re.sub(r'allowed = ".*"', 'allowed = "1 MiB/h"', text))
    worse = leakhunt("check", LEAKING, "--baseline", "leaks.toml", cwd=tmp_path, environment=QUIET)
    assert worse.returncode == 1
    assert "lazy-ttl-cache, worse" in worse.stdout

    path.write_text(text.replace('owner = ""', 'owner = "web"\nexpires = 2026-11-24'))
    expired = leakhunt("check", LEAKING, "--baseline", "leaks.toml", cwd=tmp_path, environment=QUIET)
    assert expired.returncode == 1
    assert "was accepted until 2026-11-24; it counts as new again" in expired.stdout

    path.write_text(text)
    fixed = leakhunt("check", HARMLESS, "--baseline", "leaks.toml", cwd=tmp_path, environment=QUIET)
    assert fixed.returncode == 0
    assert "(main.startSession) is no longer seen" in fixed.stdout
    leakhunt("check", HARMLESS, "--baseline", "leaks.toml", "--update-baseline", cwd=tmp_path, environment=QUIET)
    assert "[[leak]]" not in path.read_text()


def test_the_baseline_of_the_settings_lies_beside_them(tmp_path: Path) -> None:
    (tmp_path / "leakhunt.toml").write_text('[check]\nbaseline = "leaks.toml"\n')
    (tmp_path / "deep" / "er").mkdir(parents=True)
    done = leakhunt("check", LEAKING, "--update-baseline", cwd=tmp_path / "deep" / "er", environment=QUIET)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "leaks.toml").is_file()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--baseline", "missing.toml"), "there is no such file; --update-baseline makes it"),
        (("--update-baseline",), "give --baseline FILE"),
        (("--min-growth", "fast"), "--min-growth: 'fast' is not a size"),
        (("--format", "pdf"), "--format: 'pdf' is not a format; choose one of terminal, short"),
        (("-o", "report.pdf"), "cannot tell the format by its name"),
        (("-o", "no/such/folder/report.md"), "cannot be written"),
        (("--redact", "some"), "--redact: is none, names or full"),
        (("--redact", "names", "--redact-map", "bad.json"), "is not a map of names"),
    ],
)
def test_usage_errors_are_one_line_and_exit_2(tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    (tmp_path / "bad.json").write_text("[]")
    done = leakhunt("check", LEAKING, *arguments, cwd=tmp_path, environment=QUIET)
    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.json"]


def test_many_formats_at_once(tmp_path: Path) -> None:
    names = ("r.md", "r.html", "r.json", "r.sarif", "r.xml", "r.txt")
    done = leakhunt("check", LEAKING, *(part for name in names for part in ("-o", name)), cwd=tmp_path, environment=QUIET)
    assert done.returncode == 1
    assert json.loads((tmp_path / "r.json").read_text())["verdict"] == "leak"
    assert json.loads((tmp_path / "r.sarif").read_text())["version"] == "2.1.0"
    assert JUnitXml.fromfile(str(tmp_path / "r.xml")).failures == 1
    assert (tmp_path / "r.html").read_text().startswith("<!DOCTYPE html>")
    assert (tmp_path / "r.md").read_text().startswith("## LEAK: ")
    assert (tmp_path / "r.txt").read_text().startswith(" LEAK ")


def test_json_on_standard_output_is_nothing_but_json(tmp_path: Path) -> None:
    done = leakhunt("check", LEAKING, "--format", "json", cwd=tmp_path, environment={**QUIET, "GITHUB_ACTIONS": "true"})
    assert json.loads(done.stdout)["schema"] == "leakhunt.report/1"
    assert "::error " in done.stderr


def test_in_github_actions(tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    (tmp_path / "go.mod").write_text("module example.com/shop\n\ngo 1.26\n")
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_WORKSPACE": str(tmp_path)}
    done = leakhunt("check", LEAKING, cwd=tmp_path, environment=environment)
    assert done.returncode == 1
    assert "::error file=sessions/main.go,line=" in done.stdout
    assert summary.read_text().startswith("## LEAK: ")


def test_redaction_with_a_map(tmp_path: Path) -> None:
    run = ("hunt", LEAKING, "--redact", "names", "--redact-map", "map.json", "--format", "json")
    first, second = (leakhunt(*run, cwd=tmp_path, environment=QUIET) for _ in range(2))
    assert first.stdout == second.stdout
    assert "startSession" not in first.stdout
    assert stat.S_IMODE((tmp_path / "map.json").stat().st_mode) == 0o600
    names = json.loads((tmp_path / "map.json").read_text())["names"]
    redacted = json.loads(first.stdout)["findings"][0]
    plain = json.loads(leakhunt("hunt", LEAKING, "--format", "json", cwd=tmp_path, environment=QUIET).stdout)["findings"][0]
    assert redacted["fingerprint"] == plain["fingerprint"]
    assert re.sub(r"[pn][0-9a-f]{10}", lambda match: names[match[0]], redacted["site"]["function"]) == plain["site"]["function"]


def test_the_report_is_the_same_every_time(tmp_path: Path) -> None:
    for name in ("json", "html", "sarif", "junit", "markdown", "terminal"):
        texts = {
            leakhunt("hunt", LEAKING, "--format", name, cwd=tmp_path, environment={**QUIET, "PYTHONHASHSEED": seed}).stdout
            for seed in ("1", "2")
        }
        assert len(texts) == 1


def test_benchmarks_alone_and_beside_profiles(tmp_path: Path) -> None:
    line = "BenchmarkPut-2 \t 1000\t 1200 ns/op\t {} B/op\t {} allocs/op\n"
    (tmp_path / "old.txt").write_text("pkg: example.com/shop\n" + line.format(64, 1) * 10)
    (tmp_path / "new.txt").write_text("pkg: example.com/shop\n" + line.format(128, 2) * 10)
    same, more = ("--bench", "old.txt", "old.txt"), ("--bench", "old.txt", "new.txt")
    assert leakhunt("check", *same, cwd=tmp_path, environment=QUIET).returncode == 0
    assert leakhunt("check", *more, cwd=tmp_path, environment=QUIET).returncode == 1
    assert leakhunt("check", HARMLESS, *more, cwd=tmp_path, environment=QUIET).returncode == 1
    assert leakhunt("check", LEAKING, *same, cwd=tmp_path, environment=QUIET).returncode == 1
    nothing = leakhunt("check", cwd=tmp_path, environment=QUIET)
    assert nothing.returncode == 2
    assert "name profiles, or benchmarks with --bench OLD NEW" in nothing.stderr


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_a_terminal_that_lacks_characters_gets_question_marks(tmp_path: Path, encoding: str) -> None:
    for format in ("terminal", "markdown", "short", "json"):
        environment = {**QUIET, "PYTHONIOENCODING": encoding}
        done = leakhunt("hunt", LEAKING, "--format", format, cwd=tmp_path, environment=environment)
        assert done.returncode == 0, done.stderr

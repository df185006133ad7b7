"""Benchmark comparison: equal to benchstat's on real files, to brute force on small samples, calibrated in simulation."""

import csv
import io
import itertools
import math
import random
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leakhunt import thresholds
from leakhunt.decode.gobench import parse_benchmarks
from leakhunt.measure import benchstat
from leakhunt.model.benchmark import Benchmarks, Change

BENCH = Path(__file__).resolve().parents[2] / "fixtures" / "bench"
VERSIONS = sorted(path.parent.name for path in BENCH.glob("*/provenance.json"))
PERF = "golang.org/x/perf@v0.0.0-20260908200009-22c9c6c9d4da"
FACTORS = {"ns/op": 1e-9, "MB/s": 1e6}  # benchstat shows seconds and bytes


@pytest.fixture(scope="session")
def benchstat_command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("go") is None:
        pytest.skip("there is no go command to build benchstat with")
    folder = tmp_path_factory.mktemp("perf")
    (folder / "go.mod").write_text("module probe\n\ngo 1.26\n")
    for arguments in (
        ["get", PERF.replace("@", "/cmd/benchstat@")],
        ["build", "-o", "benchstat", "golang.org/x/perf/cmd/benchstat"],
    ):
        done = subprocess.run(["go", *arguments], cwd=folder, capture_output=True, encoding="utf-8", check=False, timeout=300)
        if done.returncode:
            pytest.skip(f"benchstat cannot be built: {done.stderr[-200:]}")
    return folder / "benchstat"


def _benchstat(command: Path, old: Path, new: Path) -> dict[tuple[str, str], tuple[float, str, float, str, str, str]]:
    """{(name, unit): (old median, its interval, new median, its interval, change, p)} as benchstat prints them."""
    done = subprocess.run(
        [command, "-format", "csv", "-ignore", "pkg", old, new], capture_output=True, encoding="utf-8", check=True, timeout=60
    )
    said: dict[tuple[str, str], tuple[float, str, float, str, str, str]] = {}
    unit = ""
    for row in csv.reader(io.StringIO(done.stdout)):
        if len(row) > 2 and row[2] == "CI":
            unit = row[1]
        elif len(row) >= 7 and row[0] not in ("", "geomean") and row[1] and row[3]:
            said[row[0], unit] = (float(row[1]), row[2], float(row[3]), row[4], row[5], row[6])
    return said


def _percent(median: float, low: float, high: float) -> str:
    """benchmath.Summary.PctRangeString: the larger side of the interval as a percentage."""
    if math.isinf(low) or math.isinf(high):
        return "∞"
    if median == 0:
        return "0%" if low == high == 0 else "?"
    return f"{100 * max(high / median - 1, 1 - low / median):.0f}%"


def _assert_equal_to_benchstat(command: Path, old: Path, new: Path) -> int:
    theirs = _benchstat(command, old, new)
    ours = benchstat.compare(parse_benchmarks(old.read_bytes(), "old"), parse_benchmarks(new.read_bytes(), "new"))
    assert len(ours.comparisons) == len(theirs) > 0
    for comparison in ours.comparisons:
        unit = {"ns/op": "sec/op", "MB/s": "B/s"}.get(comparison.key.unit, comparison.key.unit)
        factor = FACTORS.get(comparison.key.unit, 1.0)
        before, before_range, after, after_range, change, p = theirs[comparison.key.name, unit]
        assert comparison.old.median * factor == pytest.approx(before, rel=1e-12)
        assert comparison.new.median * factor == pytest.approx(after, rel=1e-12)
        assert _percent(comparison.old.median, comparison.old.low, comparison.old.high) == before_range
        assert _percent(comparison.new.median, comparison.new.low, comparison.new.high) == after_range
        assert p.startswith(f"p={comparison.p:.3f} ")
        if comparison.p > thresholds.BENCH_ALPHA:
            assert change == "~"
        elif comparison.delta is None:
            assert change == "?"
        else:
            assert change == ("0.00%" if comparison.delta == 0 else f"{100 * comparison.delta:+.2f}%")
    return len(theirs)


@pytest.mark.parametrize("version", VERSIONS)
def test_equal_to_benchstat_on_real_results(benchstat_command: Path, version: str) -> None:
    assert _assert_equal_to_benchstat(benchstat_command, BENCH / version / "pointer.txt", BENCH / version / "value.txt") == 13


def test_equal_to_benchstat_between_go_versions(benchstat_command: Path) -> None:
    for old, new in itertools.pairwise(VERSIONS):
        _assert_equal_to_benchstat(benchstat_command, BENCH / old / "value.txt", BENCH / new / "value.txt")


@pytest.mark.parametrize(
    "sizes", [(1, 1), (2, 3), (3, 3), (4, 4), (5, 9), (6, 6), (12, 20), (25, 25), (26, 25), (30, 31), (50, 50), (51, 40)]
)
@pytest.mark.parametrize("digits", [0, 1, 6])
def test_equal_to_benchstat_on_samples_of_all_sizes_with_and_without_ties(
    benchstat_command: Path, tmp_path: Path, sizes: tuple[int, int], digits: int
) -> None:
    random_ = random.Random(f"{sizes}{digits}")
    for name, size, mean in (("old", sizes[0], 10.0), ("new", sizes[1], 10.8)):
        lines = ["goos: linux", "pkg: p"]
        for _ in range(size):
            lines += [
                f"BenchmarkX 100 {random_.gauss(mean, 1):.{digits}f} ns/op {random_.gauss(mean, 3):.{digits}f} B/op 7 allocs/op"
            ]
        (tmp_path / f"{name}.txt").write_text("\n".join(lines) + "\n")
    _assert_equal_to_benchstat(benchstat_command, tmp_path / "old.txt", tmp_path / "new.txt")


def _brute_p(first: tuple[int, ...], second: tuple[int, ...]) -> float | None:
    """Every way to draw the first sample from both, counted one by one."""
    pool = (*first, *second)
    if len(set(pool)) == 1:
        return None

    def twice_u(a: tuple[int, ...], b: tuple[int, ...]) -> int:
        return sum(2 * (x > y) + (x == y) for x in a for y in b)

    observed = twice_u(first, second)
    pairs = len(first) * len(second)
    if observed == pairs:
        return 1.0
    observed = min(observed, 2 * pairs - observed)
    draws = [
        twice_u(tuple(pool[i] for i in drawn), tuple(pool[i] for i in range(len(pool)) if i not in drawn))
        for drawn in itertools.combinations(range(len(pool)), len(first))
    ]
    return min(1.0, 2 * sum(u <= observed for u in draws) / len(draws))


@given(st.lists(st.integers(0, 6), min_size=1, max_size=5), st.lists(st.integers(0, 6), min_size=1, max_size=5))
@settings(max_examples=200)
def test_the_exact_test_equals_counting_every_draw(first: list[int], second: list[int]) -> None:
    ours, brute = benchstat.mann_whitney(first, second), _brute_p(tuple(first), tuple(second))
    assert ours == (None if brute is None else pytest.approx(brute, rel=1e-12))


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=12), st.lists(st.floats(0.1, 100), min_size=1, max_size=12))
def test_swapping_samples_inverts_the_ratio(old: list[float], new: list[float]) -> None:
    ratio, low, high = benchstat.ratio_interval(old, new)
    back, back_low, back_high = benchstat.ratio_interval(new, old)
    assert low <= ratio <= high
    assert back_low == pytest.approx(1 / high if high != math.inf else 0.0)
    assert back_high == (math.inf if low == 0 else pytest.approx(1 / low))
    assert min(back, 1 / ratio) > 0


def test_the_ratios_interval_covers_as_it_says() -> None:
    random_, covered, trials = random.Random(7), 0, 1_500
    for _ in range(trials):
        old = [random_.lognormvariate(0, 0.1) for _ in range(8)]
        new = [1.2 * random_.lognormvariate(0, 0.1) for _ in range(8)]
        _, low, high = benchstat.ratio_interval(old, new)
        covered += low <= 1.2 <= high
    assert 0.95 - 0.02 <= covered / trials <= 0.985  # exact 95 % or a little more: the U statistic is discrete


def _file(values: dict[str, list[float]], unit: str = "B/op", package: str = "p", head: str = "") -> Benchmarks:
    lines = [head, f"pkg: {package}"]
    lines += [f"Benchmark{name} 10 {value} {unit}" for name, samples in values.items() for value in samples]
    return parse_benchmarks("\n".join(lines).encode(), "file")


def test_false_alarms_over_many_benchmarks_are_held() -> None:
    random_, called, files = random.Random(3), 0, 150
    for _ in range(files):
        old, new = ({f"B{i}": [random_.gauss(100, 5) for _ in range(8)] for i in range(30)} for _ in range(2))
        called += any(c.change in (Change.WORSE, Change.BETTER) for c in benchstat.compare(_file(old), _file(new)).comparisons)
    assert called / files <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / files)


def test_what_a_change_is_called() -> None:
    def change(old: list[float], new: list[float], head: str = "", unit: str = "B/op") -> tuple[Change, str]:
        [found] = benchstat.compare(_file({"X": old}, unit, head=head), _file({"X": new}, unit)).comparisons
        return found.change, found.note

    assert change([16] * 4, [24] * 4) == (Change.WORSE, "")
    assert change([24] * 4, [16] * 4) == (Change.BETTER, "")
    assert change([24] * 4, [24] * 4) == (Change.SAME, "all runs are equal")
    assert change([16] * 3, [24] * 3) == (Change.UNSURE, "needs 4 runs a side to differ at 0.05")
    assert change([0] * 4, [24] * 4)[0] is Change.WORSE
    assert change([10] * 4, [20] * 4, "Unit hits/op better=higher", "hits/op")[0] is Change.BETTER
    assert change([10] * 4, [20] * 4, unit="MB/s")[0] is Change.BETTER
    assert change([100], [105], "Unit text-bytes assume=exact", "text-bytes")[0] is Change.WORSE


def test_one_clear_change_among_many_that_misses_the_correction_is_unsure() -> None:
    steady = {f"B{i}": [10.0 + i, 11.0 + i, 12.0 + i, 13.0 + i] for i in range(30)}
    compared = benchstat.compare(_file(steady | {"X": [10, 11, 12, 13]}), _file(steady | {"X": [20, 21, 22, 23]}))
    assert Counter(c.change for c in compared.comparisons) == {Change.SAME: 30, Change.UNSURE: 1}


def test_other_packages_are_matched_by_name_and_missing_benchmarks_named() -> None:
    compared = benchstat.compare(_file({"X": [1.0], "Old": [2.0]}, package="a"), _file({"X": [1.0], "New": [2.0]}, package="b"))
    assert [c.key.name for c in compared.comparisons] == ["X"]
    assert (compared.only_old, compared.only_new) == (("Old",), ("New",))
    assert compared.notes == ("packages differ (a and b): matched by name",)
    other = benchstat.compare(_file({"X": [1.0]}, head="cpu: A"), _file({"X": [1.0]}, head="cpu: B"))
    assert other.notes == ("cpu differs: A and B",)

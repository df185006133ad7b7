"""Flat and cumulative values against `go tool pprof -top`, on real profiles and on any profile."""

import csv
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakhunt.decode import load, pprof, read_file
from leakhunt.decode.encode import encode
from leakhunt.errors import ConfigError
from leakhunt.measure.diff import diff_table
from leakhunt.measure.flat import flat_table
from leakhunt.measure.prune import pruned
from leakhunt.measure.subtract import subtract
from leakhunt.model.profile import Mapping, Profile
from tests.decode.build import HEAP_TYPES, make_profile, profiles

_ROW = re.compile(r"\s*(-?\d+)B?\s+\S+\s+\S+\s+(-?\d+)B?\s+\S+\s+(.*?)(?: \(inline\)| \(partial-inline\))?")
SAMPLE_TYPES = [value_type.type for value_type in HEAP_TYPES]
SMALL = st.integers(-(10**6), 10**6)


def pprof_top(binary: str, *arguments: str) -> dict[str, tuple[int, int]]:
    """Function (or line) -> flat and cum, as pprof prints them."""
    command = [binary, "-top", "-nodefraction=0", "-nodecount=0", "-unit=B", "-symbolize=none", *arguments]
    printed = subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8", "surrogateescape")
    lines = printed.partition("cum%\n")[2].splitlines()
    rows = {}
    for line in lines:
        match = _ROW.fullmatch(line)
        assert match, line
        rows[match[3]] = (int(match[1]), int(match[2]))
    return rows


def heap_files(corpus: Path) -> list[str]:
    with open(corpus / "manifest.csv", newline="") as file:
        return [row["file"] for row in csv.DictReader(file) if row["kind"] in ("go-heap-pb", "heap-pb", "go-legacy-heap-text")]


def rows_of(profile: Profile, sample_type: str, by_line: bool = False) -> dict[str, tuple[int, int]]:
    table = flat_table(profile, sample_type, by_line=by_line)
    named = {f"{row.function} {row.file}:{row.line}" if row.line and by_line else row.function: row for row in table.rows}
    return {name: (row.flat, row.cum) for name, row in named.items()}


@pytest.mark.parametrize("sample_type", SAMPLE_TYPES)
def test_every_function_of_the_corpus_has_the_values_that_pprof_prints(corpus: Path, gopprof: str, sample_type: str) -> None:
    for name in heap_files(corpus):
        path = str(corpus / name)
        ours = rows_of(load(read_file(path), name), sample_type)
        assert ours == pprof_top(gopprof, f"-sample_index={sample_type}", path), name


def test_lines_are_those_of_pprof(corpus: Path, gopprof: str) -> None:
    for name in heap_files(corpus)[::7]:
        path = str(corpus / name)
        ours = rows_of(load(read_file(path), name), "alloc_space", by_line=True)
        theirs = pprof_top(gopprof, "-sample_index=alloc_space", "-lines", path)
        assert ours == theirs, name


def test_differences_are_those_of_pprof(corpus: Path, gopprof: str) -> None:
    many = sorted((corpus / "files/parca-dev+parca").glob("*many*"))
    pairs = [(many[0], many[-1]), *zip(many[::3], many[1::3], strict=False)]
    assert len(pairs) > 3
    for base, new in pairs:
        theirs = pprof_top(gopprof, "-diff_base", str(base), str(new))
        table = diff_table(load(read_file(str(base)), "base"), load(read_file(str(new)), "new"))
        assert {row.function: row.delta for row in table.rows} == {name: flat for name, (flat, _) in theirs.items() if flat}


@given(profiles(sample_types=HEAP_TYPES, values=SMALL))
def test_flat_adds_up_to_what_has_a_stack(profile: Profile) -> None:
    table = flat_table(profile)
    stacked = [s for s in range(profile.samples) if profile.stack_offsets[s] < profile.stack_offsets[s + 1]]
    assert sum(row.flat for row in table.rows) == sum(profile.values[4 * s + 3] for s in stacked)
    assert table.total == sum(profile.values[3::4])
    assert all(row.low <= row.flat <= row.high for row in table.rows)


@given(profiles(sample_types=HEAP_TYPES, values=SMALL), st.sampled_from(SAMPLE_TYPES), st.booleans())
def test_the_kernel_adds_as_the_simple_twin_does(profile: Profile, sample_type: str, by_line: bool) -> None:
    profile.drop_frames = ""  # the twin takes nothing out
    column, flat, cum = SAMPLE_TYPES.index(sample_type), dict[str, int](), dict[str, int]()
    for s in range(profile.samples):
        frames = []
        for location in profile.stack_locations[profile.stack_offsets[s] : profile.stack_offsets[s + 1]]:
            mapping = profile.location_mappings[location]
            binary = profile.mappings[mapping].file.rpartition("/")[2] if mapping >= 0 else ""
            without = f"[{binary}]" if binary else "<unknown>"
            lines = range(profile.line_offsets[location], profile.line_offsets[location + 1])
            for line in lines:
                function = profile.line_functions[line]
                name = profile.function_names[function] if function >= 0 else ""
                place = f" {profile.function_files[function]}:{profile.line_numbers[line]}" if by_line and name else ""
                frames.append(name + place if name else without)
            frames += [] if len(lines) else [without]
        value = profile.values[4 * s + column]
        for frame in frames[:1]:
            flat[frame] = flat.get(frame, 0) + value
        for frame in set(frames):
            cum[frame] = cum.get(frame, 0) + value
    table = flat_table(profile, sample_type, by_line=by_line)
    ours = {f"{r.function} {r.file}:{r.line}" if by_line and (r.file or r.line) else r.function: r for r in table.rows}
    expected = {name: (flat.get(name, 0), value) for name, value in cum.items() if value or flat.get(name, 0)}
    if len(ours) == len(table.rows):  # names of files and functions may run into each other
        assert {name: (row.flat, row.cum) for name, row in ours.items()} == {
            name.removesuffix(" :0") if by_line else name: values for name, values in expected.items()
        }


@given(profiles(sample_types=HEAP_TYPES, values=SMALL), profiles(sample_types=HEAP_TYPES, values=SMALL), st.booleans())
def test_swapping_a_difference_negates_it(base: Profile, new: Profile, by_cum: bool) -> None:
    base.period = new.period = 524288
    there, back = diff_table(base, new, by_cum=by_cum), diff_table(new, base, by_cum=by_cum)
    assert {(r.function, r.delta, r.low, r.high) for r in there.rows} == {
        (r.function, -r.delta, -r.high, -r.low) for r in back.rows
    }
    assert there.new_total - there.base_total == back.base_total - back.new_total


@given(profiles(sample_types=HEAP_TYPES, values=SMALL), profiles(sample_types=HEAP_TYPES, values=SMALL))
def test_the_difference_as_a_profile_has_the_differences_of_the_table(base: Profile, new: Profile) -> None:
    base.drop_frames = new.drop_frames = ""
    written, table = pprof.decode(encode(subtract(base, new)), "written"), diff_table(base, new)
    assert flat_table(written).total == table.new_total - table.base_total
    assert {row.function: row.flat for row in flat_table(written).rows if row.flat} == {
        row.function: row.delta for row in table.rows
    }
    back = subtract(new, base)
    assert sorted(-value for value in back.values) == sorted(subtract(base, new).values)


def test_a_difference_of_a_profile_with_itself_is_empty() -> None:
    profile = make_profile([([0], [1, 2, 1, 2], 2)], [(1, -1, [(0, 3)])], [("f", "f.go")])
    assert diff_table(profile, profile).rows == []
    assert subtract(profile, profile).samples == 0


def test_the_place_of_a_function_is_where_most_of_it_is() -> None:
    locations = [(1, -1, [(0, 10)]), (2, -1, [(0, 20)]), (3, -1, [(1, 5), (0, 30)])]
    samples = [([0], [0, 0, 1, 100], 100), ([1], [0, 0, 9, 900], 100), ([2], [0, 0, 50, 5000], 100)]
    profile = make_profile(samples, locations, [("main.f", "f.go"), ("main.g", "g.go")])
    assert [(r.function, r.file, r.line, r.flat, r.cum) for r in flat_table(profile).rows] == [
        ("main.g", "g.go", 5, 5000, 5000),
        ("main.f", "f.go", 20, 1000, 6000),
    ]


def test_an_unknown_sample_index_names_the_known_ones() -> None:
    profile = make_profile([], [], [])
    with pytest.raises(ConfigError, match="'cpu' is none of alloc_objects, alloc_space, inuse_objects, inuse_space"):
        flat_table(profile, "cpu")


def test_frames_are_dropped_as_pprof_drops_them(gopprof: str, tmp_path: Path) -> None:
    """Matches in inlined lines, kept exceptions, a match without a frame above it, and C++ names."""
    names = ["malloc", "operator new(unsigned long)", "(anonymous namespace)::make(int)", "main.user", "runtime.call32", "free"]
    locations = [(i + 1, 0, [(i, i + 1)]) for i in range(6)]
    locations += [(7, 0, [(3, 1), (0, 2), (3, 3)]), (8, 0, [(3, 1), (5, 2)])]
    stacks = [[0, 1, 3], [0, 2, 3], [2, 0, 3, 0], [4, 0, 4, 3], [5, 0], [6, 3], [7, 3], [3, 6], [6], [3, 7, 0]]
    samples = [(stack, [0, 0, 1, 1 << i], 1) for i, stack in enumerate(stacks)]
    profile = make_profile(
        samples, locations, [(name, f"{name}.go") for name in names], mappings=(Mapping("/bin/x", ""),),
        drop_frames=r"malloc|free|runtime\..*|operator new(\[\])?|\(anonymous namespace\)::make",
        keep_frames=r"runtime\.call[0-9]*",
    )  # fmt: skip
    path = tmp_path / "dropping.pb"
    path.write_bytes(encode(profile))
    assert rows_of(profile, "inuse_space") == pprof_top(gopprof, str(path))
    assert rows_of(pruned(profile), "inuse_space") == rows_of(profile, "inuse_space")


def test_a_pattern_that_is_none_drops_nothing() -> None:
    profile = make_profile([([0], [0, 0, 1, 8], 8)], [(1, -1, [(0, 3)])], [("f", "f.go")], drop_frames="(")
    assert rows_of(profile, "inuse_space") == {"f": (8, 8)}

"""Text forms: the same moment of a real Go program in every form, and what is refused."""

import math
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakhunt.decode import load, read_file, text
from leakhunt.errors import DecodeError
from leakhunt.model.profile import Profile, ProfileKind
from leakhunt.model.site import is_runtime, normalise
from tests.decode.test_encode import check

HEAP = """heap profile: 2: 3145728 [5: 3145840] @ heap/1048576
1: 2097152 [1: 2097152] @ 0x100 0x200
#\t0xff\tmain.fill+0xef\t\t/src/app/main.go:30
#\t0x1ff\tmain.main+0x1f\t/src/app/main.go:12

1: 1048576 [1: 1048576] @ 0x300
0: 0 [3: 112] @ 0x100 0x400
#\t0xff\tmain.fill+0xef\t/src/app/main.go:30
#\t0x3ff\tmain.(*T[...]).add+0x2f\t/src/app/t.go:8

# runtime.MemStats
# Alloc = 1753784
# Stack = 327680 / 360448
# LastGC = 1795569147271632477
# PauseNs = [1 2 3]
# NumForcedGC = 2
# GCCPUFraction = 0.01
# MaxRSS = 25169920
"""
STACKS = """goroutine 1 [running]:
main.main()
\t/src/app/main.go:12 +0x1d

goroutine 7 [chan receive, 12 minutes, locked to thread]:
main.(*T).wait(0xc000010000, {0x1, 0x2})
\t/src/app/t.go:8 +0x1d fp=0xc000
created by main.main in goroutine 1
\t/src/app/main.go:20 +0x2f

goroutine 8 [chan receive]:
main.(*T).wait(...)
\t/src/app/t.go:8 +0x1d
created by main.main in goroutine 1
\t/src/app/main.go:20 +0x2f
"""


def stacks(profile: Profile) -> Counter[tuple[tuple[str, int], ...]]:
    """Last value by stack of (function, line), runtime frames at the leaf left out."""
    counts: Counter[tuple[tuple[str, int], ...]] = Counter()
    width = len(profile.sample_types)
    for sample in range(profile.samples):
        frames = []
        for location in profile.stack_locations[profile.stack_offsets[sample] : profile.stack_offsets[sample + 1]]:
            for line in range(profile.line_offsets[location], profile.line_offsets[location + 1]):
                name = normalise(profile.function_names[profile.line_functions[line]])
                if frames or not is_runtime(name):
                    frames.append((name, profile.line_numbers[line]))
        counts[tuple(frames)] += profile.values[sample * width + width - 1]
    return counts


def test_heap_text_has_names_numbers_and_memory_statistics() -> None:
    profile = load(HEAP.encode(), "heap.txt")
    assert profile.kind == ProfileKind.HEAP
    assert profile.period == 524288
    assert [t.type for t in profile.sample_types] == ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"]
    shown = int(2097152 / (1 - math.exp(-4)))  # 2 MiB is four sampling periods
    assert profile.values.tolist()[:4] == [1, shown, 1, shown]
    assert profile.block_bytes.tolist() == [2097152, 1048576, 37]
    assert profile.function_names == ["main.fill", "main.main", "main.(*T[...]).add"]
    assert profile.line_numbers.tolist() == [30, 12, 8]
    assert profile.location_addresses.tolist() == [0xFF, 0x1FF, 0x2FF, 0x3FF]
    assert profile.memstats == {
        "Alloc": 1753784, "StackInuse": 327680, "StackSys": 360448, "LastGC": 1795569147271632477, "NumForcedGC": 2,
        "MaxRSS": 25169920,
    }  # fmt: skip
    assert profile.time_ns == 1795569147271632477
    assert "does not say when it was taken" in profile.notes[0]


def test_goroutines_are_added_up_by_stack() -> None:
    profile = load(STACKS.encode(), "goroutines.txt")
    assert profile.kind == ProfileKind.GOROUTINE
    assert stacks(profile) == {(("main.main", 12),): 1, (("main.(*T).wait", 8),): 2}


def test_only_leaked_goroutines_count_where_some_are_marked() -> None:
    profile = load(STACKS.replace("[chan receive]", "[chan receive (leaked)]").encode(), "goroutines.txt")
    assert profile.kind == ProfileKind.GOROUTINE_LEAK
    assert stacks(profile) == {(("main.(*T).wait", 8),): 1}
    assert profile.notes == ("goroutines.txt: 1 of 3 goroutines are marked leaked; only those count",)


def test_the_stacks_of_a_crash_are_read() -> None:
    profile = load(b"panic: boom\n\n" + STACKS.encode() + b"exit status 2\n", "crash.log")
    assert sum(profile.values) == 3


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (HEAP.replace("1: 1048576 [1", "1: 1048576 {1"), "line 6 is no sample"),
        (HEAP.replace("0: 0 [3", "0: 5 [3"), "line 7 has bytes in no object"),
        (HEAP.replace("0x300", "0x30000000000000000"), "line 6 has an address that does not fit 64 bits"),
        (HEAP.replace("[3: 112]", "[3: 99999999999999999999]"), "line 7 has a number that does not fit 64 bits"),
        (HEAP.replace("@ heap/1048576", "@ heapsight/1"), "is a heapsight profile"),
        ("goroutine profile: total 3\n3 at 0x1\n", "line 2 is no stack"),
        (HEAP.replace("heap/1048576", "heap_v2/524288") + "MAPPED_LIBRARIES:\n", "of tcmalloc"),
    ],
)
def test_malformed_text_is_refused_with_its_line(content: str, reason: str) -> None:
    with pytest.raises(DecodeError, match=reason) as refusal:
        load(content.encode(), "some.txt")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("sample", "rate", "shown"),
    [
        ("1: 8 [1: 8]", 4 * 10**18, (1 << 63) - 1024),  # found by fuzzing: 1 - exp(-8 / rate) is 0
        ("1: -4000000 [1: 8]", 2000, 0),  # exp(4000) is no float
        ("-1: -2097152 [1: 8]", 1048576, -int(2097152 / (1 - math.exp(-4)))),
    ],
)
def test_numbers_at_the_edge_of_arithmetic_stay_numbers(sample: str, rate: int, shown: int) -> None:
    profile = load(f"heap profile: 1: 1 [2: 2] @ heap/{rate}\n{sample} @ 0x1\n".encode(), "edge.txt")
    assert profile.values[3] == shown


@given(st.text(alphabet=st.sampled_from("0123456789:[]@ xabcdef#\t\n-gorutine profile: total heap/.()+"), max_size=300))
def test_any_text_is_refused_or_read(content: str) -> None:
    for reader, head in (
        (text.decode_heap, "heap profile: 1: 1 [2: 2] @ heap/2\n"),
        (text.decode_goroutines, "goroutine profile: total 1\n"),
        (text.decode_stacks, "goroutine 1 [running]:\n"),
    ):
        try:
            profile = reader((head + content).encode(), "any")
        except DecodeError as error:
            line = str(error)
        else:
            check(profile)
            line = ""
        assert "\n" not in line


@pytest.fixture(scope="session")
def forms(go: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which a real Go program has written its profiles in every form."""
    folder = tmp_path_factory.mktemp("forms")
    source = Path(__file__).parent / "forms" / "main.go"
    subprocess.run([go, "run", str(source), str(folder)], check=True, capture_output=True, timeout=120)
    return folder


@pytest.mark.parametrize("name", ["heap", "allocs", "goroutine"])
def test_text_has_the_totals_that_pprof_prints(forms: Path, gopprof: str, name: str) -> None:
    for form in ("0", "1"):
        path = forms / f"{name}.{form}"
        raw = subprocess.run([gopprof, "-raw", str(path)], capture_output=True, text=True, check=True).stdout
        header, _, rest = raw.partition("Samples:\n")[2].partition("\n")
        rows = [line.partition(":")[0].split() for line in rest.partition("Locations\n")[0].splitlines() if ": " in line]
        profile = load(read_file(str(path)), path.name)
        width = len(profile.sample_types)
        assert [sum(profile.values[i::width]) for i in range(width)] == [sum(int(row[i]) for row in rows) for i in range(width)]
        assert len(header.split()) == width


def test_every_form_has_the_same_stacks(forms: Path) -> None:
    """Of what is in use: writing a profile allocates a little, which is free again by then."""
    in_use = {form: +stacks(load(read_file(str(forms / f"heap.{form}")), form)) for form in ("0", "1")}
    assert in_use["0"] == in_use["1"]
    assert len(in_use["0"]) > 3
    waiting = {form: stacks(load(read_file(str(forms / f"goroutine.{form}")), form)) for form in ("0", "1", "2")}
    for counts in waiting.values():
        assert next(count for frames, count in counts.items() if frames[0][0] == "main.wait") == 32

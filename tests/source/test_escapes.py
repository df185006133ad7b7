"""Matching the compiler's decisions to frames, and putting a flow into words."""

from pathlib import Path

import pytest

from leakhunt.decode.escape import load_compiler_log, parse_compiler_text
from leakhunt.model.escape import CompilerLog
from leakhunt.model.site import AllocationSite, Frame
from leakhunt.source.escapes import EscapeIndex, heap_lines, summary

LOGS = Path(__file__).resolve().parents[2] / "fixtures" / "escape"
STORE = """# example.com/app/cache
cache/store.go:20:9: &Entry{...} escapes to heap in (*Store).Put:
cache/store.go:20:9:   flow: e ← &{storage for &Entry{...}}:
cache/store.go:20:9:     from &Entry{...} (spill) at cache/store.go:20:9
cache/store.go:20:9:     from e := &Entry{...} (assign) at cache/store.go:20:4
cache/store.go:20:9:   flow: {heap} ← e:
cache/store.go:20:9:     from s.entries[key] = e (assign) at cache/store.go:22:17
cache/store.go:18:24: parameter key leaks to {heap} for (*Store).Put with derefs=0:
cache/store.go:18:24:   flow: {heap} ← key:
cache/store.go:18:24:     from s.entries[key] = e (key of map put) at cache/store.go:22:17
cache/store.go:20:9: &Entry{...} escapes to heap
cache/store.go:30:9: &point{...} does not escape
cache/store.go:40:9: &Entry{...} does not escape
# example.com/app/web
web/store.go:20:9: make([]byte, 10) escapes to heap
web/page.go:50:3: &Entry{...} escapes to heap
""".splitlines()


def _site(*frames: tuple[str, str, int]) -> AllocationSite:
    return AllocationSite(tuple(Frame(*frame) for frame in frames))


def _says(log: CompilerLog, *frames: tuple[str, str, int]) -> tuple[str, ...]:
    index = EscapeIndex(log)
    return summary(index, index.explain(_site(*frames)))


PUT = "example.com/app/cache.(*Store).Put"


@pytest.mark.parametrize(
    "file",
    ["/build/app/cache/store.go", "example.com/app/cache/store.go", r"C:\w\cache\store.go", "/trimmed/elsewhere/store.go"],
)
def test_a_file_is_matched_by_package_however_the_profile_names_it(file: str) -> None:
    said = _says(parse_compiler_text(STORE, "log"), (PUT, file, 20))
    assert said == ("&Entry{...} escapes to the heap: stored in e, then stored in map s.entries (store.go:22)",)


def test_the_closure_of_a_go_statement_has_words() -> None:
    """The compiler makes one for `go h.tick(a)` and says only that it is spilled; one that is stored is told as ever."""
    log = parse_compiler_text(
        """# example.com/app/hall
hall/hall.go:48:2: func literal escapes to heap in (*Hall).Start:
hall/hall.go:48:2:   flow: {heap} ← &{storage for func literal}:
hall/hall.go:48:2:     from func literal (spill) at hall/hall.go:48:2
hall/hall.go:60:4: func literal escapes to heap in (*Hall).Start:
hall/hall.go:60:4:   flow: {heap} ← &{storage for func literal}:
hall/hall.go:60:4:     from func literal (spill) at hall/hall.go:60:4
hall/hall.go:60:4:     from h.end = func literal (assign) at hall/hall.go:60:2
""".splitlines(),
        "log",
    )
    start = "example.com/app/hall.(*Hall).Start"
    assert _says(log, (start, "hall/hall.go", 48)) == (
        "func literal escapes to the heap: run by go, or by defer in a loop (hall.go:48)",
    )
    assert _says(log, (start, "hall/hall.go", 60)) == ("func literal escapes to the heap: stored in h.end (hall.go:60)",)


def test_a_line_moved_by_one_is_found_and_said() -> None:
    log = parse_compiler_text(STORE, "log")
    for line in (19, 21):
        why, note = _says(log, (PUT, "cache/store.go", line))
        assert why.startswith("&Entry{...} escapes to the heap")
        assert note == f"the compiler's line is 20, the profile's {line}"
    assert "decides nothing on this line" in _says(log, (PUT, "cache/store.go", 25))[0]
    assert "decides nothing on this line" in _says(log, (PUT, "cache/store.go", 31))[0]  # a neighbour that stays is no answer


def test_a_value_that_stays_means_another_allocates() -> None:
    why, note = _says(parse_compiler_text(STORE, "log"), (PUT, "cache/store.go", 30))
    assert why == "&point{...} does not escape"
    assert "these bytes are another's" in note


def test_the_call_that_inlined_a_callee_decides() -> None:
    frames = ("example.com/app/cache.newEntry", "cache/store.go", 40), ("example.com/app/web.Show", "web/page.go", 50)
    why, note = _says(parse_compiler_text(STORE, "log"), *frames)
    assert why.startswith("&Entry{...} escapes to the heap")
    assert note == "inlined into example.com/app/web.Show"


def test_the_standard_librarys_allocation_is_not_the_lines() -> None:
    log = parse_compiler_text([*STORE, "web/page.go:60:3: &errors.errorString{...} escapes to heap"], "log")
    [said] = _says(log, ("strings.(*Builder).Grow", "strings/builder.go", 60), ("example.com/app/web.Show", "web/page.go", 50))
    assert said.startswith("allocated inside strings.(*Builder).Grow")
    why, note = _says(log, ("errors.New", "errors/errors.go", 62), ("example.com/app/web.Show", "web/page.go", 60))
    assert (why[:22], note) == ("&errors.errorString{..", "inlined from errors.New")


def test_a_package_that_was_not_built_is_named() -> None:
    log = parse_compiler_text(STORE, "log")
    [said] = _says(log, ("github.com/x/y.F", "github.com/x/y@v1.0.0/other.go", 3))
    assert said == "other.go is not in the compiler's log; build github.com/x/y with -gcflags=github.com/x/y=-m=2"
    [said] = _says(log, ("github.com/x/y%2ev3.F", "/gone/store.go", 20))  # same base name, another package and folder
    assert "build github.com/x/y.v3 with" in said


def test_two_files_that_fit_equally_are_an_ambiguity_and_not_a_guess() -> None:
    log = parse_compiler_text(
        ["# a/one", "one/main.go:5:2: moved to heap: x", "# a/two", "two/main.go:5:2: moved to heap: y"], "log"
    )
    [said] = _says(log, ("main.main", "/src/main.go", 5))
    assert said == "2 files of the compiler's log could be /src/main.go: none is taken"
    [said] = _says(log, ("main.main", "/src/two/main.go", 5))
    assert said.startswith("variable y is moved to the heap")


def test_generics_instantiated_elsewhere_are_found_by_path() -> None:
    log = parse_compiler_text(["# b/user", "../lib/set/set.go:9:12: make(map[go.shape.int]struct {}) escapes to heap"], "log")
    assert "escapes to the heap" in _says(log, ("a/lib/set.New[...]", "/w/lib/set/set.go", 9))[0]


@pytest.mark.parametrize("version", sorted(path.parent.name for path in LOGS.glob("*/provenance.json")))
def test_every_flow_of_a_real_module_has_words(version: str) -> None:
    log = load_compiler_log(LOGS / version / "m2.txt.gz")
    index = EscapeIndex(log)
    said = [index.why(d) for d in log.diagnostics if d.on_heap]
    assert all(": " in sentence and "{heap}" not in sentence for sentence in said if not sentence.startswith(("func literal",)))
    assert any("stored in map " in sentence for sentence in said)
    # the limit on sizes that are not constants went in Go 1.25 (runtime-sized stack buffers of up to 32 bytes)
    assert any("its size is not a constant" in sentence for sentence in said) == (version < "go1.25")


def test_heap_lines_are_grouped_and_filtered_by_package() -> None:
    log = parse_compiler_text(STORE, "log")
    assert [key for key, _ in heap_lines(log)] == [
        ("example.com/app/cache", "cache/store.go", 20),
        ("example.com/app/web", "web/store.go", 20),
        ("example.com/app/web", "web/page.go", 50),
    ]
    assert [key[0] for key, _ in heap_lines(log, "example.com/app/w")] == []
    assert len(list(heap_lines(log, "example.com/app"))) == 3


def test_what_makes_memory_comes_before_conversions_and_constants() -> None:
    log = parse_compiler_text(
        [
            "# a",
            'x.go:5:1: "v2." escapes to heap',
            "x.go:5:2: len(serial) escapes to heap",
            "x.go:5:3: p does not escape",
            "x.go:5:9: make([]float64, 96) escapes to heap",
            "x.go:5:10: &Device{...} escapes to heap",
        ],
        "log",
    )
    index = EscapeIndex(log)
    shown = [d.expression for d in index.explain(_site(("a.F", "x.go", 5))).diagnostics]
    assert shown == ["make([]float64, 96)", "&Device{...}", "len(serial)", '"v2."', "p"]

"""The compiler's diagnostics: real logs of four Go versions in four forms, agreeing with one another and with `grep`."""

import contextlib
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakhunt.decode.escape import load_compiler_log, parse_compiler_json, parse_compiler_text
from leakhunt.errors import DecodeError
from leakhunt.model.escape import Decision, FlowReason

LOGS = Path(__file__).resolve().parents[2] / "fixtures" / "escape"
VERSIONS = sorted(path.parent.name for path in LOGS.glob("*/provenance.json"))
FORMS = ("m", "m-l", "m2")


def _text(version: str, form: str) -> str:
    return gzip.decompress((LOGS / version / f"{form}.txt.gz").read_bytes()).decode()


def test_four_go_versions_are_here() -> None:
    assert VERSIONS == ["go1.21.13", "go1.24.9", "go1.26.8", "go1.27.3"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("form", FORMS)
def test_every_line_of_a_real_module_is_known(version: str, form: str) -> None:
    log = load_compiler_log(LOGS / version / f"{form}.txt.gz")
    assert log.counts.get("unknown", 0) == 0, log.unknown
    assert sum(log.counts.values()) == len(_text(version, form).splitlines())
    assert log.has_flows == (form == "m2")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("form", FORMS)
def test_the_decisions_are_those_that_grep_finds(version: str, form: str) -> None:
    found = load_compiler_log(LOGS / version / f"{form}.txt.gz").diagnostics
    lines = [line.split(": ", 1) for line in _text(version, form).splitlines() if not line.startswith("#")]
    heap = {place for place, said in lines if said.endswith(" escapes to heap") or said.startswith("moved to heap: ")}
    stays = {place for place, said in lines if said.endswith(" does not escape")}
    places = {d: f"{d.file}:{d.line}" + (f":{d.column}" if d.column else "") for d in found}
    assert {place for d, place in places.items() if d.on_heap} == heap
    assert set(places.values()) >= stays
    moved = sum(said.startswith("moved to heap: ") for _, said in lines)
    assert sum(d.decision is Decision.MOVED for d in found) == moved


@pytest.mark.parametrize("version", VERSIONS)
def test_text_and_json_tell_the_same_flows(version: str) -> None:
    text = load_compiler_log(LOGS / version / "m2.txt.gz")
    records = load_compiler_log(LOGS / version / "json")
    assert records.go_version == version
    assert records.counts.get("unknown", 0) == 0

    def keyed(log: object) -> dict[object, object]:
        return {
            (d.file, d.line, d.column, d.expression): [
                (s.target, s.source, [(r.expression, r.reason) for r in s.reasons]) for s in d.flow
            ]
            for d in log.diagnostics  # type: ignore[attr-defined]
            if d.on_heap
        }

    assert keyed(text) == keyed(records)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_heap_decision_of_m2_has_its_flow(version: str) -> None:
    assert all(d.flow for d in load_compiler_log(LOGS / version / "m2.txt.gz").diagnostics if d.on_heap)


def test_a_flow_is_read_as_it_is_written() -> None:
    log = load_compiler_log(LOGS / "go1.27.3" / "m2.txt.gz")
    [moved] = [d for d in log.diagnostics if d.file.endswith("/decode.go") and d.line == 42]
    assert (moved.package, moved.decision, moved.expression, moved.function) == (
        "gopkg.in/yaml.v3", Decision.MOVED, "p", "newParser",
    )  # fmt: skip
    [step] = moved.flow
    assert (step.target, step.source) == ("~r0", "&p")
    assert step.reasons == (
        FlowReason("&p", "address-of", "gopkg.in/yaml.v3@v3.0.1/decode.go", 50),
        FlowReason("return &p", "return", "gopkg.in/yaml.v3@v3.0.1/decode.go", 50),
    )


def test_lines_of_no_known_kind_are_counted_and_shown() -> None:
    log = parse_compiler_text(["# a/b", "./x.go:1:2: brand new words", "no position", "./x.go:3:4: y escapes to heap"], "log")
    assert log.counts == {"escapes to heap": 1, "package": 1, "unknown": 2}
    assert log.unknown == ("./x.go:1:2: brand new words", "no position")
    assert [d.package for d in log.diagnostics] == ["a/b"]


def test_a_windows_path_and_a_test_package_are_read() -> None:
    log = parse_compiler_text(["# a/b [a/b.test]", r"C:\src\x.go:7:2: moved to heap: v"], "log")
    [found] = log.diagnostics
    assert (found.package, found.file, found.line) == ("a/b", r"C:\src\x.go", 7)


def test_a_file_without_diagnostics_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello\nworld\n")
    with pytest.raises(DecodeError, match="no compiler diagnostics in it; make one with: go build -gcflags=-m=2"):
        load_compiler_log(tmp_path / "notes.txt")
    with pytest.raises(DecodeError, match="cannot be read: No such file"):
        load_compiler_log(tmp_path / "absent.txt")
    (tmp_path / "half.txt.gz").write_bytes(gzip.compress(b"x.go:1:2: y escapes to heap\n" * 10_000)[:40])
    with pytest.raises(DecodeError, match="cannot be read"):
        load_compiler_log(tmp_path / "half.txt.gz")


def test_json_that_is_not_the_compilers_is_refused() -> None:
    with pytest.raises(DecodeError, match="line 2 is not what go build"):
        parse_compiler_json(['{"version":0,"package":"p","file":"x.go"}', '{"code":"escape"}'], "log")
    with pytest.raises(DecodeError, match="version 1 of the compiler's JSON"):
        parse_compiler_json(['{"version":1}'], "log")


@given(
    st.lists(
        st.text(max_size=60) | st.sampled_from(["x.go:1:2:   flow: a = &b:", "x.go:1:2:     from b (spill) at x.go:1", "# p"])
    )
)
def test_any_text_is_counted_line_by_line(lines: list[str]) -> None:
    assert sum(parse_compiler_text(lines, "log").counts.values()) == len(lines)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_json_raises_only_the_decoders_error(value: object) -> None:
    with contextlib.suppress(DecodeError):
        parse_compiler_json([json.dumps(value), json.dumps({"code": "escape", "message": "x", "range": value})], "log")


RECORD = {
    "range": {"start": {"line": 42, "character": 2}, "end": {"line": 42, "character": 2}},
    "severity": 3,
    "code": "escape",
    "source": "go compiler",
    "message": "p escapes to heap",
    "relatedInformation": [
        {
            "location": {
                "uri": "file:///x.go",
                "range": {"start": {"line": 50, "character": 9}, "end": {"line": 50, "character": 9}},
            },
            "message": "escflow:    flow: ~r0 = &p:",
        }
    ],
}


def _places(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, part in inside for place in _places(part, (*path, key)))]


@given(
    st.sampled_from(_places(RECORD)[1:]),
    st.none() | st.integers() | st.floats() | st.text() | st.lists(st.none()) | st.just({}),
)
def test_a_record_with_one_field_changed_raises_only_the_decoders_error(place: tuple[object, ...], value: object) -> None:
    record = json.loads(json.dumps(RECORD))
    at = record
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    with contextlib.suppress(DecodeError):
        parse_compiler_json([json.dumps(record)], "log")


def test_variables_that_the_compiler_made_have_no_place() -> None:
    """What Go 1.26 says of a range over a function: its own `#next` stands nowhere, and is nobody's to repair."""
    log = parse_compiler_text(
        [
            "xiter.MergeFunc.func1 capturing by ref: xiter.#next (addr=false assign=true width=8)",
            "<unknown line number>: xiter.#next escapes to heap in MergeFunc.func1:",
            "<unknown line number>:   flow: {storage for func literal} ← &xiter.#next:",
            "<unknown line number>:     from xiter.#next (captured by a closure) at xiter.go:48:6",
            "moved to heap: xiter.#next",
            "xiter.go:45:3: func literal escapes to heap in MergeFunc:",
            "xiter.go:45:3:   flow: {heap} ← &{storage for func literal}:",
            "xiter.go:45:3:     from xiter.#state1 (reference) at <unknown line number>",
            "xiter.go:45:3: func literal escapes to heap",
        ],
        "build",
    )
    assert log.counts == {
        "capture": 1, "escape flow": 2, "flow": 2, "flow reason": 2, "moved to heap": 1, "escapes to heap": 1,
    }  # fmt: skip
    (one,) = log.diagnostics
    assert (one.file, one.line, one.expression) == ("xiter.go", 45, "func literal")
    assert one.flow[0].reasons == (FlowReason("xiter.#state1", "reference", "", 0),)

"""Types, functions and variables of real binaries: plain, stripped, position-independent, and what is none."""

import os
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leakhunt.decode.elfimage import ElfImage
from leakhunt.decode.gobinary import GoBinary, open_binary
from leakhunt.errors import DecodeError, MismatchError
from leakhunt.model.gotype import Kind
from leakhunt.model.heap import DumpedType
from tests.specimens import BUILDS, SOURCE, specimen


@pytest.mark.parametrize("build", BUILDS)
def test_types_are_found_by_name_in_every_build(go: str, build: str) -> None:
    binary = open_binary(specimen(build).binary)
    item = binary.type(binary.type_named("gcache.lruItem"))
    assert item is not None
    assert (item.kind, item.size_bytes, item.package_path) == (Kind.STRUCT, 56, "github.com/bluele/gcache")
    assert [field.name for field in item.fields] == ["clock", "key", "value", "expiration"]
    expiration = binary.type(item.fields[3].type_id)
    assert expiration is not None
    assert (expiration.kind, expiration.name, expiration.is_direct) == (Kind.POINTER, "*time.Time", True)
    time = binary.type(expiration.element)
    assert time is not None
    assert [(field.name, field.offset) for field in time.fields] == [("wall", 0), ("ext", 8), ("loc", 16)]


@pytest.mark.parametrize("build", BUILDS)
def test_maps_have_their_group_of_slots(go: str, build: str) -> None:
    binary = open_binary(specimen(build).binary)
    sessions = binary.type(binary.type_named("map[int]*main.Session"))
    assert sessions is not None
    key, element, group = (binary.type(part) for part in (sessions.key, sessions.element, sessions.group))
    assert key is not None
    assert element is not None
    assert group is not None
    assert (key.name, element.name, group.kind) == ("int", "*main.Session", Kind.STRUCT)
    assert group.size_bytes >= 8 * (key.size_bytes + element.size_bytes)


@pytest.mark.parametrize("build", BUILDS)
def test_functions_are_found_by_the_table_every_binary_has(go: str, build: str) -> None:
    binary = open_binary(specimen(build).binary)
    found = binary.function_at(binary.text + 0x20)
    assert found is not None
    names = set()
    for offset in range(0, len(binary._entries) - 1, 7):
        entry = binary.text + int(binary._entries[offset, 0])
        name, at = binary.function_at(entry + 1) or ("", 0)
        assert at == entry
        names.add(name)
    assert any(name.startswith("runtime.") for name in names)


def test_variables_have_their_types(go: str) -> None:
    binary = open_binary(specimen().binary)
    names = {variable.name: variable for variable in binary.variables()}
    for name, kind, type_name in (
        ("main.lruCache", Kind.INTERFACE, "gcache.Cache"),
        ("main.history", Kind.SLICE, "[]*main.Session"),
        ("main.queue", Kind.CHAN, "chan *main.Session"),
        ("main.recent", Kind.POINTER, "*list.List"),
        ("main.sizes", Kind.MAP, "map[[2]int64]float64"),
        ("main.bigTable", Kind.ARRAY, "[16384]*main.User"),
        ("main.syncRegistry", Kind.STRUCT, "sync.Map"),
    ):
        found = binary.type(names[name].type_id)
        assert found is not None, name
        assert (found.kind, found.name) == (kind, type_name)
        assert names[name].size_bytes == found.size_bytes
    assert len(open_binary(specimen("stripped").binary).variables()) == 0


def test_locals_of_a_waiting_function_lie_in_its_frame(go: str) -> None:
    binary = open_binary(specimen().binary)
    assert binary.dwarf is not None
    lows, highs, rows = binary.dwarf._functions
    names = [binary.dwarf._name(row) for row in rows]
    i = names.index("main.worker")
    seen = {local.name for pc in range(lows[i] + 1, highs[i]) for local in binary.locals_at(pc)}
    assert {"batch", "in", "ctx"} & seen
    assert all(local.offset < 64 for pc in range(lows[i] + 1, highs[i]) for local in binary.locals_at(pc))


def test_names_of_entries_are_those_that_pyelftools_reads(go: str) -> None:
    from elftools.elf.elffile import ELFFile

    path = specimen().binary
    dwarf = open_binary(path).dwarf
    assert dwarf is not None
    tags = {"DW_TAG_subprogram", "DW_TAG_variable", "DW_TAG_structure_type", "DW_TAG_member"}
    checked = 0
    with open(path, "rb") as file:
        for unit in ELFFile(file).get_dwarf_info().iter_CUs():
            if unit.get_top_DIE().attributes["DW_AT_name"].value not in (b"main", b"github.com/bluele/gcache"):
                continue
            for die in unit.iter_DIEs():
                if die.tag in tags and "DW_AT_name" in die.attributes:
                    row = dwarf._entries.row_at(die.offset)
                    assert dwarf._name(row).encode() == die.attributes["DW_AT_name"].value
                    checked += 1
    assert checked > 300


def test_a_binary_is_checked_against_the_dump(go: str) -> None:
    binary = open_binary(specimen().binary)
    version, data = binary.go_version, (binary.data[0], binary.data[1] - binary.data[0])
    none = np.empty((0, 2), np.int64)
    binary.load_at("a.dump", version, data, none)
    with pytest.raises(MismatchError, match=r"built with go1.*written by go1\.2"):
        binary.load_at("a.dump", "go1.2", data, none)
    with pytest.raises(MismatchError, match="data segments differ"):
        binary.load_at("a.dump", version, (data[0], data[1] + 8), none)
    with pytest.raises(MismatchError, match="data segments differ"):
        binary.load_at("a.dump", version, (data[0] + 4096, data[1]), none)
    with pytest.raises(MismatchError, match="1 of 1 itabs"):
        binary.load_at("a.dump", version, data, np.array([[binary.data[0], binary.types]], np.int64))


def test_a_slide_moves_every_address(go: str) -> None:
    binary = open_binary(specimen("pie").binary)
    before = {v.name: v.address for v in binary.variables()}
    item = binary.type_named("main.Session")
    slide = 0x55555000
    binary.load_at(
        "a.dump", binary.go_version, (binary.data[0] + slide, binary.data[1] - binary.data[0]), np.empty((0, 2), np.int64)
    )
    assert {v.name: v.address for v in binary.variables()} == {name: at + slide for name, at in before.items()}
    assert binary.type_named("main.Session") == item + slide
    found = binary.type(item + slide)
    assert found is not None
    assert binary.type(item) is None
    assert [(binary.type(f.type_id) or found).name for f in found.fields] == ["string", "*main.User", "[]uint8", "time.Time"]


def test_a_truncated_dump_places_a_position_independent_binary_by_its_types(go: str) -> None:
    binary = open_binary(specimen("pie").binary)
    time = binary.type(binary.type_named("time.Time"))
    assert time is not None
    slide = 0x7F0000_000000
    types = [DumpedType(5, 8, "errors."), DumpedType(time.id + slide, time.size_bytes, "time.Time")]
    binary.load_at("a.dump", binary.go_version, None, np.empty((0, 2), np.int64), types)
    assert binary.slide == slide
    assert binary.type_named("time.Time") == time.id + slide


@pytest.mark.parametrize("build", ["plain", "stripped-pie"])
def test_binaries_for_arm64_are_read_too(go: str, build: str, tmp_path: Path) -> None:
    path = tmp_path / "arm64"
    command = ["go", "build", "-o", str(path), *BUILDS[build], "."]
    built = subprocess.run(command, cwd=SOURCE, env=os.environ | {"GOARCH": "arm64", "CGO_ENABLED": "0"}, check=False)
    if built.returncode:
        pytest.skip("no cross-compilation here")
    binary = open_binary(str(path))
    item = binary.type(binary.type_named("gcache.lruItem"))
    assert item is not None
    assert [field.name for field in item.fields] == ["clock", "key", "value", "expiration"]
    assert ("main.lruCache" in {v.name for v in binary.variables()}) == (build == "plain")


DEFERS = """package main

import "os"

type letter struct{ text string }

func (l *letter) close(where *os.File, twice bool) {
	l.text = ""
	if twice {
		where = nil
	}
}

//go:noinline
func read(n int, where *os.File) {
	for range n {
		l := &letter{text: "a"}
		defer l.close(where, n > 1)
	}
}

func main() { read(len(os.Args), os.Stdout) }
"""


def test_a_wrapper_of_a_deferred_call_captures_what_it_hands_on(go: str, tmp_path: Path) -> None:
    (tmp_path / "main.go").write_text(DEFERS)
    (tmp_path / "go.mod").write_text("module defers\n\ngo 1.22\n")
    binary = tmp_path / "defers"
    subprocess.run([go, "build", "-o", str(binary), "."], cwd=tmp_path, check=True, env=os.environ | {"GOTOOLCHAIN": "local"})
    rows = subprocess.run([go, "tool", "nm", str(binary)], check=True, capture_output=True, text=True).stdout.splitlines()
    entry = next(int(row.split()[0], 16) for row in rows if row.endswith("main.read.deferwrap1"))
    program = open_binary(str(binary))
    found = program.captures_of(entry)
    assert [(capture.name, capture.offset) for capture in found] == [("l", 8), ("where", 16), ("twice", 24)]
    letter = program.type(found[0].type_id)
    assert letter is not None
    assert letter.name == "*main.letter"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not an ELF executable"),
        (b"MZ\x90\x00", "not an ELF executable but a Windows one"),
        (b"\xcf\xfa\xed\xfe\0\0\0\0", "but a macOS one"),
        (b"\x7fELF", "broken ELF file"),
        (b"\x7fELF\x02\x01\x01" + bytes(200), "Go 1.21|broken ELF|no Go module"),
    ],
)
def test_what_is_no_go_binary_gets_one_line(data: bytes, reason: str) -> None:
    with pytest.raises(DecodeError, match=reason) as caught:
        GoBinary(ElfImage(data, "a.out"))
    assert "\n" not in str(caught.value)


def test_a_program_of_another_language_gets_one_line() -> None:
    with pytest.raises(DecodeError, match="no Go module data"):
        open_binary("/bin/true")
    with pytest.raises(DecodeError, match="no such file"):
        open_binary("/nonexistent")


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_binary_raises_only_the_decoders_error(go: str, data: st.DataObject) -> None:
    whole = Path(specimen("stripped").binary).read_bytes()
    damaged = bytearray(whole[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else whole)
    for _ in range(data.draw(st.integers(0, 8))):
        at = data.draw(st.integers(0, max(len(damaged) - 8, 0)) | st.integers(0, 0x1000))
        damaged[at : at + 8] = struct.pack("<Q", data.draw(st.integers(0, 2**64 - 1)))
    try:
        binary = GoBinary(ElfImage(bytes(damaged), "damaged"))
        binary.variables()
        for name in ("main.Session", "gcache.lruItem"):
            binary.type(binary.type_named(name))
        binary.function_at(binary.text + 100)
    except DecodeError:
        pass

"""The tables of top and diff, as a person sees them at 80 and 160 columns, and as a program reads them."""

import csv
import io
import json

from leakhunt.measure.diff import diff_table
from leakhunt.measure.flat import flat_table
from leakhunt.model.profile import Profile
from leakhunt.reports.tables import render_diff, render_top
from tests.decode.build import make_profile

MIB = 1 << 20
FUNCTIONS = [
    ("github.com/acme/shop/internal/sessions.(*Store[...]).put", "/src/shop/internal/sessions/store.go"),
    ("main.handle", "/src/shop/main.go"),
    ("=cmd|calc", "/src/shop/odd.go"),
]


def heap(name: str, *objects: int) -> Profile:
    """A heap of these numbers of MiB-sized objects by function, every one of them sampled in effect, and small ones."""
    locations = [(1, -1, [(0, 31)]), (2, -1, [(1, 12)]), (3, -1, [(2, 1)])]
    samples = [([i, 1], [n, n * 64 * MIB, n, n * 64 * MIB], 64 * MIB) for i, n in enumerate(objects)]
    samples.append(([1], [32768, 2 * MIB, 32768, 2 * MIB], 64))
    profile = make_profile(samples, locations, FUNCTIONS)
    profile.source = name
    return profile


OLD, NEW = heap("old.pb.gz", 3, 1, 0), heap("new.pb.gz", 10, 1, 1)


def test_top_at_80_columns() -> None:
    assert (
        render_top(flat_table(NEW), "table", 80)
        == """\
new.pb.gz: inuse_space 770 MiB in 4 samples, one per 512 KiB
    flat  flat%       cum    cum%     95% of flat  function
 640 MiB  83.1%   640 MiB   83.1%         640 MiB  …l/sessions.(*Store[...]).put
66.0 MiB   8.6%   770 MiB  100.0%  64.5..69.1 MiB  main.handle  main.go:12
64.0 MiB   8.3%  64.0 MiB    8.3%        64.0 MiB  =cmd|calc  /src/shop/odd.go:1
"""
    )


def test_top_at_160_columns() -> None:
    lines = render_top(flat_table(NEW, limit=2), "table", 160).splitlines()
    assert lines[2].endswith(
        "640 MiB  github.com/acme/shop/internal/sessions.(*Store[...]).put  /src/shop/internal/sessions/store.go:31"
    )
    assert lines[3].endswith("64.5..69.1 MiB  main.handle  /src/shop/main.go:12")
    assert lines[4] == "1 more (-n 0 shows all)"
    assert max(map(len, lines)) <= 160


def test_no_line_is_wider_than_the_terminal() -> None:
    for width in (80, 100, 160):
        tables = render_top(flat_table(NEW, by_cum=True), "table", width) + render_diff(diff_table(OLD, NEW), "table", width)
        assert all(len(line) <= width for line in tables.splitlines())


def test_diff_shows_change_interval_and_both_values() -> None:
    lines = render_diff(diff_table(OLD, NEW), "table", 100).splitlines()
    assert lines[0] == "inuse_space: 258 MiB in old.pb.gz, 770 MiB in new.pb.gz: +512 MiB"
    assert lines[1].split() == ["change", "95%", "interval", "base", "new", "function"]
    assert lines[2].split()[:8] == ["+448", "MiB", "+448", "MiB", "192", "MiB", "640", "MiB"]
    assert lines[3].split()[:8] == ["+64.0", "MiB", "+64.0", "MiB", "0", "B", "64.0", "MiB"]


def test_notes_stand_below_the_table() -> None:
    text = render_diff(diff_table(NEW, heap("restarted.pb.gz", 1, 1, 0)), "table", 160)
    assert "note: " not in text  # all counters fell: the order is turned round
    other = heap("other.pb.gz", 1, 9, 0)
    assert "note: the profiles are not of one process run" in render_diff(diff_table(NEW, other), "table", 160)


def test_without_sampling_there_is_no_interval() -> None:
    everything = heap("rate1.pb.gz", 3, 1, 0)
    everything.period = 1
    text = render_top(flat_table(everything), "table", 80)
    assert "95%" not in text
    assert text.splitlines()[1].split() == ["flat", "flat%", "cum", "cum%", "function"]


def test_units_are_those_asked_for() -> None:
    table = flat_table(NEW, limit=1)
    assert "655,360.00 KiB" in render_top(table, "table", 160, "KiB")
    assert "671,088,640 B" in render_top(table, "table", 160, "B")
    assert render_top(table, "csv", None, "MiB").splitlines()[1].split(",")[3:] == ["640"] * 4
    assert render_top(flat_table(NEW, "inuse_objects", limit=1), "table", 160, "MiB").splitlines()[2].split()[0] == "32,769"


def test_json_is_the_contract_with_sorted_keys() -> None:
    text = render_top(flat_table(NEW), "json")
    content = json.loads(text)
    assert content["schema"] == "leakhunt.top/1"
    assert content["total"] == content["totals"]["inuse_space"] == 770 * MIB
    assert list(content) == sorted(content)
    assert set(content["rows"][0]) == {"function", "file", "line", "flat", "cum", "low", "high"}
    assert list(content["rows"][0]) == sorted(content["rows"][0])
    difference = json.loads(render_diff(diff_table(OLD, NEW), "json"))
    assert difference["schema"] == "leakhunt.diff/1"
    assert (difference["base_total"], difference["new_total"]) == (258 * MIB, 770 * MIB)
    assert set(difference["rows"][0]) == {"function", "file", "line", "base", "new", "delta", "low", "high"}
    assert render_top(flat_table(NEW), "json") == text


def test_csv_reads_back_and_computes_nothing() -> None:
    rows = list(csv.DictReader(io.StringIO(render_top(flat_table(NEW), "csv"))))
    assert [row["function"] for row in rows] == [FUNCTIONS[0][0], "main.handle", "'=cmd|calc"]
    assert [int(row["flat"]) for row in rows] == [640 * MIB, 66 * MIB, 64 * MIB]
    changes = list(csv.DictReader(io.StringIO(render_diff(diff_table(NEW, OLD), "csv"))))
    assert [int(row["delta"]) for row in changes] == [-448 * MIB, -64 * MIB]

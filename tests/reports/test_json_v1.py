"""The JSON report: the contract's shape, whole numbers, the same bytes."""

import json
from typing import Any

import pytest

from leakhunt.reports import RenderOptions, render
from tests.reports import build

OPTIONS = RenderOptions(version="0.1.0")


def parsed(report: build.Report) -> Any:
    return json.loads(render("json", report, OPTIONS))


def walk(value: Any) -> list[Any]:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value, *(leaf for child in children for leaf in walk(child))]


@pytest.mark.parametrize("name", build.ALL)
def test_same_bytes_sorted_keys_no_floats(name: str) -> None:
    text = render("json", build.ALL[name](), OPTIONS)
    assert text == render("json", build.ALL[name](), OPTIONS)
    assert text.isascii()
    assert not [value for value in walk(json.loads(text)) if isinstance(value, float)]
    assert json.dumps(json.loads(text), sort_keys=True, indent=1) + "\n" == text


def test_fields_of_the_contract() -> None:
    report = parsed(build.with_retention_and_limit())
    assert report["schema"] == "leakhunt.report/1"
    assert report["verdict"] == "leak"
    assert report["window"] == {"start_ns": build.START_NS, "end_ns": build.times(24)[-1], "snapshots": 24, "segments": 1}
    (finding,) = report["findings"]
    assert finding["site"]["function"] == finding["site"]["stack"][0]["function"] == "github.com/bluele/gcache.(*LRUCache).set"
    assert finding["statistics"] == {"q_value": 300, "samples": 118, "snapshots": 24}
    assert finding["growth"]["bytes_per_hour"] == round(1.02 * build.MIB)
    assert finding["retention"]["root"] == {"kind": "data", "name": "example.com/shop/session.defaultStore"}
    assert finding["retention"]["path"][1]["edge"] == ".entries"
    assert finding["evidence"][1]["facts"] == {"freed_samples": 0, "retention_ratio_ppm": 1_000_000}
    assert report["not_testable"]["sites"] == 412


def test_standard_library_leaf_gives_way_to_the_users_frame() -> None:
    assert parsed(build.clean())["cleared"][1]["site"]["function"] == "example.com/shop/catalogue.Load"


def test_numbers_that_do_not_exist_are_null() -> None:
    finding = parsed(build.odd_numbers())["findings"][0]
    assert finding["growth"] == {
        "bytes": -(1 << 62),
        "bytes_per_hour": None,
        "low": None,
        "high": None,
        "objects_per_hour": None,
    }
    assert finding["statistics"]["q_value"] is None


def test_trim_path() -> None:
    report = json.loads(render("json", build.clean(), RenderOptions(trim_path=("/home/ci/shop",))))
    assert report["cleared"][0]["site"]["file"] == "tile/lru.go"


def test_hostile_names_survive_but_are_bounded() -> None:
    report = parsed(build.hostile())
    functions = [finding["site"]["function"] for finding in report["findings"]]
    assert functions[0] == build.HOSTILE[0]
    assert functions[5].startswith("\\xff\\x80 not utf-8")
    assert len(functions[6]) <= 4096

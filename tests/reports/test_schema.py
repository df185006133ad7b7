"""docs/report.schema.json describes every report that json_v1 writes, and nothing looser."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from leakhunt.reports import RenderOptions, render
from tests.reports import build

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)


def parsed(name: str) -> Any:
    return json.loads(render("json", build.ALL[name](), RenderOptions(version="0.1.0")))


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", build.ALL)
def test_every_report_is_valid(name: str) -> None:
    VALIDATOR.validate(parsed(name))


@pytest.mark.parametrize("name", build.ALL)
def test_every_key_written_is_described(name: str) -> None:
    """The schema lets later versions add keys; this version may not write one that it does not describe."""

    def closed(schema: Any) -> Any:
        if isinstance(schema, list):
            return [closed(part) for part in schema]
        if not isinstance(schema, dict):
            return schema
        return {key: False if key == "additionalProperties" and part is True else closed(part) for key, part in schema.items()}

    Draft202012Validator(closed(SCHEMA)).validate(parsed(name))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("verdict",), "guilty"),
        (("findings", 0, "growth", "low"), 1.5),
        (("findings", 0, "fingerprint"), "9f31c2"),
        (("findings", 0, "evidence", 0, "stance"), "maybe"),
        (("window", "snapshots"), -1),
        (("inputs", 0, "sha256"), "zz"),
    ],
)
def test_a_wrong_report_is_refused(path: tuple[str | int, ...], value: Any) -> None:
    report = parsed("with_retention_and_limit")
    target = report
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    with pytest.raises(ValidationError):
        VALIDATOR.validate(report)


@pytest.mark.parametrize("key", "schema tool verdict inputs window findings cleared not_testable notes".split())
def test_a_key_of_the_contract_must_be_there(key: str) -> None:
    report = parsed("one_leak")
    del report[key]
    with pytest.raises(ValidationError):
        VALIDATOR.validate(report)

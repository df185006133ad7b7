"""SARIF: valid by the published schema, one result a case, placed on a line that the repository's owner can change."""

import json
import re
import shutil
import subprocess
import tarfile
from typing import Any

import pytest
from jsonschema import Draft7Validator
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as SarifLog

from leakhunt.reports import RenderOptions, render
from tests.reports import build
from tests.reports.golden_files import check

OPTIONS = RenderOptions(version="0.1.0", trim_path=("/home/ci/shop",))


def log(name: str) -> Any:
    return json.loads(render("sarif", build.ALL[name](), OPTIONS))


@pytest.fixture(scope="session")
def published_schema(tmp_path_factory: pytest.TempPathFactory) -> Draft7Validator:
    """The schema file as Microsoft's npm package @microsoft/jest-sarif carries it."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm, which has the schema file, is not here; the models generated from it are tested all the same")
    folder = tmp_path_factory.mktemp("sarif")
    command = [npm, "pack", "--silent", "@microsoft/jest-sarif@1.0.0-beta.0"]
    packed = subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
    if packed.returncode != 0:
        pytest.skip("the npm registry does not answer; the models generated from the schema are tested all the same")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        member = archive.extractfile("package/lib/schemas/sarif-2.1.0-rtm.5.json")
        assert member is not None
        return Draft7Validator(json.load(member))


@pytest.mark.parametrize("name", build.ALL)
def test_valid_by_models_generated_from_the_schema(name: str) -> None:
    SarifLog.model_validate(log(name))


@pytest.mark.parametrize("name", build.ALL)
def test_valid_by_the_published_schema(name: str, published_schema: Draft7Validator) -> None:
    document = log(name)
    # That schema is the release candidate's: the same but for where it says it lies.
    errors = [error.message for error in published_schema.iter_errors(document)]
    assert not errors


def test_the_published_schema_refuses_what_is_wrong(published_schema: Draft7Validator) -> None:
    document = log("one_leak")
    document["runs"][0]["results"][0]["level"] = "fatal"
    assert list(published_schema.iter_errors(document))


def test_an_empty_run_is_a_log() -> None:
    (run,) = log("bare")["runs"]
    assert run["results"] == []
    assert run["tool"]["driver"]["rules"] == []
    assert run["properties"]["verdict"] == "inconclusive"


def test_a_result() -> None:
    (run,) = log("with_retention_and_limit")["runs"]
    (result,) = run["results"]
    assert result["ruleId"] == run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "lazy-ttl-cache"
    assert result["level"] == "error"
    assert result["partialFingerprints"] == {"leakhunt/v1": build.LEAK.fingerprint}
    assert result["baselineState"] == "updated"
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "session/store.go", "uriBaseId": "%SRCROOT%"}, "region": {"startLine": 88}}
    flow = result["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [step["location"]["logicalLocations"][0]["fullyQualifiedName"] for step in flow] == [
        "example.com/shop/session.defaultStore", "*session.Store", "map[string]*session.Entry", "*session.Entry",
    ]  # fmt: skip


@pytest.mark.parametrize("name", build.ALL)
def test_uris_and_messages_are_inert(name: str) -> None:
    text = render("sarif", build.ALL[name](), OPTIONS)
    assert text.isascii()
    for uri in re.findall(r'"uri": "([^"]*)"', text):
        assert re.fullmatch(r"(?:file://)?[A-Za-z0-9/._~%-]+", uri)
    assert not re.search(r'"text": "[^"]*\]\(', text)


def test_golden(request: pytest.FixtureRequest) -> None:
    check(request, "with_retention_and_limit.sarif", render("sarif", build.with_retention_and_limit(), OPTIONS))

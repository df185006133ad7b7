"""The worked CI example in docs/ci, run as it stands on a real Go program: fixed it passes, with the fix taken out it fails."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from junitparser import JUnitXml

CI = Path(__file__).resolve().parent.parent / "docs" / "ci"
FIX = "\tdelete(s.carts, customer)\n"
WITHOUT_GITHUB = {"GITHUB_ACTIONS": "", "GITHUB_STEP_SUMMARY": "", "GITHUB_WORKSPACE": ""}


@pytest.fixture
def shop(tmp_path: Path, go: str) -> Path:
    """A copy of the example module."""
    return Path(shutil.copytree(CI / "shop", tmp_path / "shop"))


@pytest.fixture
def leaking(shop: Path) -> Path:
    """The example module with its fix taken out, as a careless change would."""
    source = shop / "cart" / "cart.go"
    text = source.read_text()
    assert text.count(FIX) == 1
    source.write_text(text.replace(FIX, ""))
    return shop


@pytest.fixture
def path_with_leakhunt(tmp_path: Path) -> str:
    """PATH on which `leakhunt` is this checkout's."""
    command = tmp_path / "bin" / "leakhunt"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from leakhunt.cli import main; main()" "$@"\n')
    command.chmod(0o755)
    return f"{command.parent}{os.pathsep}{os.environ['PATH']}"


def run_script(module: Path, path: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **WITHOUT_GITHUB, "PATH": path, "SOAK_PROFILES": str(module.parent / "profiles")}
    (module.parent / "profiles").mkdir()
    return subprocess.run(
        [str(CI / "soak.sh")], cwd=module, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def test_script_passes_when_fixed(shop: Path, path_with_leakhunt: str) -> None:
    done = run_script(shop, path_with_leakhunt)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "(exit 0)" in done.stdout
    assert JUnitXml.fromfile(str(shop / "leakhunt.xml")).failures == 0


def test_script_fails_when_leaking(leaking: Path, path_with_leakhunt: str) -> None:
    done = run_script(leaking, path_with_leakhunt)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"^FAIL LEAK cart\.open ", done.stdout, re.MULTILINE)
    assert ", at cart/cart.go:" in done.stdout
    assert JUnitXml.fromfile(str(leaking / "leakhunt.xml")).failures >= 1
    assert (leaking / "leakhunt.html").read_text().startswith("<!DOCTYPE html>")


def run_workflow(module: Path, path: str) -> tuple[int, str]:
    """Runs the workflow's own steps as the runner does (docs.github.com: bash --noprofile --norc -eo pipefail), up to the
    first that fails. Actions of others, which a runner fetches, and the installation stand for what is here already."""
    workflow = yaml.safe_load((CI / "leakhunt.yml").read_text())
    temporary = module.parent / "runner"
    temporary.mkdir()
    environment = {
        **os.environ,
        "PATH": path,
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(module),
        "GITHUB_STEP_SUMMARY": str(temporary / "summary.md"),
    }
    told = ""
    for step in workflow["jobs"]["soak"]["steps"]:
        if "run" not in step or step["name"] == "Install leakhunt":
            continue
        variables = {name: value.replace("${{ runner.temp }}", str(temporary)) for name, value in step.get("env", {}).items()}
        assert "${{" not in step["run"] + "".join(variables.values())
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=module, env={**environment, **variables}, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        told += done.stdout + done.stderr
        if done.returncode:
            return done.returncode, told
    return 0, told


def test_workflow_passes_when_fixed(shop: Path, path_with_leakhunt: str) -> None:
    code, told = run_workflow(shop, path_with_leakhunt)
    assert code == 0, told
    assert "::error" not in told
    assert json.loads((shop / "leakhunt.sarif").read_text())["runs"][0]["results"] == []


def test_workflow_fails_when_leaking(leaking: Path, path_with_leakhunt: str) -> None:
    code, told = run_workflow(leaking, path_with_leakhunt)
    assert code == 1, told
    assert "::error file=cart/cart.go,line=" in told
    results = json.loads((leaking / "leakhunt.sarif").read_text())["runs"][0]["results"]
    places = {result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in results}
    assert "cart/cart.go" in places
    assert (leaking.parent / "runner" / "summary.md").read_text().startswith("## LEAK: ")


def test_a_known_leak_passes_until_it_is_worse(leaking: Path, path_with_leakhunt: str) -> None:
    """The baseline's round: the leak is accepted, the next run of the same program is known by another set of profiles."""
    first = run_script(leaking, path_with_leakhunt)
    assert first.returncode == 1
    profiles = str(leaking.parent / "profiles")
    environment = {**os.environ, **WITHOUT_GITHUB, "PATH": path_with_leakhunt}
    accept = ["leakhunt", "check", profiles, "--baseline", "leaks.toml", "--update-baseline"]
    assert subprocess.run(accept, cwd=leaking, env=environment, capture_output=True, check=False).returncode == 0
    # A line more above the allocation: other lines and addresses, another build; the leak is the same one.
    source = leaking / "cart" / "cart.go"
    source.write_text(source.read_text().replace("// Store holds", "\n// A line more.\n\n// Store holds"))
    shutil.rmtree(leaking.parent / "profiles")
    assert run_script(leaking, path_with_leakhunt).returncode == 1
    known = ["leakhunt", "check", profiles, "--baseline", "leaks.toml", "--format", "json"]
    done = subprocess.run(known, cwd=leaking, env=environment, capture_output=True, text=True, check=False)
    findings = json.loads(done.stdout)["findings"]
    status = {finding["site"]["function"]: finding["status"] for finding in findings}
    assert status["example.com/shop/cart.open"] in ("known", "worse")

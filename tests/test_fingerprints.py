"""A fingerprint names a leak: builds, addresses, shifted lines and compiler flags leave it, and two leaks do not share it."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import leakhunt
from leakhunt.model.finding import Case

SHOP = Path(__file__).resolve().parent.parent / "docs" / "ci" / "shop"
FIX = "\tdelete(s.carts, customer)\n"
SECOND_LEAK = """
var pages [][]byte

func keep(receipt string) string {
	pages = append(pages, make([]byte, 1024))
	return receipt
}
"""


def leaks_of(module: Path, folder: Path, *flags: str) -> dict[str, Case]:
    """Function to case of the leaks in a soak of `module`, built with `flags`."""
    folder.mkdir()
    command = ["go", "test", "-tags", "soak", "-run", "^TestSoak$", "-count", "1", "-memprofilerate", "16384", *flags, "./..."]
    environment = {**os.environ, "SOAK_PROFILES": str(folder)}
    subprocess.run(command, cwd=module, env=environment, check=True, capture_output=True, timeout=300)
    return {case.site.leaf.function: case for case in leakhunt.hunt(str(folder)).cases if case.verdict == "leak"}


def test_the_same_leak_keeps_it_and_another_has_its_own(tmp_path: Path, go: str) -> None:
    module = Path(shutil.copytree(SHOP, tmp_path / "shop"))
    source = module / "cart" / "cart.go"
    leaking = source.read_text().replace(FIX, "")
    source.write_text(leaking)
    first = leaks_of(module, tmp_path / "first")["example.com/shop/cart.open"]

    moved = Path(shutil.copytree(module, tmp_path / "elsewhere" / "shop"))
    shifted = leaking.replace("// Store holds", "// A comment\n// of two lines.\n\n// Store holds")
    (moved / "cart" / "cart.go").write_text(shifted.replace("return receipt(c)", "return keep(receipt(c))") + SECOND_LEAK)
    both = leaks_of(moved, tmp_path / "second", "-trimpath", "-gcflags=-l")
    assert both["example.com/shop/cart.open"].fingerprint == first.fingerprint
    assert both["example.com/shop/cart.open"].site.leaf.line != first.site.leaf.line
    assert both["example.com/shop/cart.keep"].fingerprint != first.fingerprint
    assert len({case.fingerprint for case in both.values()}) == len(both)


@pytest.mark.parametrize("names", [("sessions", "sessions-off-peak"), ("audit", "devices")])
def test_no_two_findings_of_different_sites_share_it(names: tuple[str, str]) -> None:
    series = Path(__file__).resolve().parent.parent / "fixtures" / "series"
    stacks: dict[str, str] = {}
    for name in names:
        report = leakhunt.hunt(str(series / name))
        for site in [case.site for case in report.cases] + [cleared.site for cleared in report.cleared]:
            stack = json.dumps([frame.function for frame in site.frames])
            assert stacks.setdefault(site.fingerprint, stack) == stack

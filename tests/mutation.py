"""Writes docs/mutation.md from what mutmut found: which of the mutants of the statistics and the verdict code the tests kill.

    .venv/bin/pip install -e '.[test,mutation]'
    .venv/bin/mutmut run --max-children 1 $(.venv/bin/python -m tests.mutation --sample 36)
    .venv/bin/python -m tests.mutation

All mutants take hours on one core; `--sample N` names N of each module, the same ones each time (after `mutmut run` has made
them once; without it, `mutmut run` tries all). pyproject.toml says what is mutated and which tests are asked.
"""

import argparse
import json
import random
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "mutants" / "leakhunt"
PAGE = ROOT / "docs" / "mutation.md"
MARK = "<!-- table: written by python -m tests.mutation -->"
SURVIVED, NOT_REACHED = 0, 33  # mutmut's exit codes: no test failed; no test of those asked runs the function


def results() -> dict[str, dict[str, int | None]]:
    """By module: the exit code of the tests for each mutant, 0 where none failed, None where it was not tried."""
    found = {}
    for path in sorted(RESULTS.rglob("*.py.meta")):
        codes = json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
        if codes:
            found[str(path.relative_to(RESULTS)).removesuffix(".py.meta").replace("/", ".")] = codes
    return found


def sample(most: int) -> list[str]:
    """`most` mutants of each module, drawn with a fixed seed."""
    return [name for codes in results().values() for name in random.Random(3).sample(sorted(codes), min(most, len(codes)))]


def table() -> list[str]:
    """A row a module, the detectors together, and the sum."""
    lines = ["| module | mutants | tried | killed | survived | not reached | score |", "|---|---|---|---|---|---|---|"]
    rows: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for module, codes in results().items():
        tried = [code for code in codes.values() if code is not None]
        for name in ("detectors" if module.startswith("detectors.") else f"`{module}`", "all") if tried else ():
            rows[name]["mutants"] += len(codes)
            rows[name]["tried"] += len(tried)
            rows[name]["survived"] += tried.count(SURVIVED)
            rows[name]["unreached"] += tried.count(NOT_REACHED)
    together = rows.pop("all", None)
    return lines + [_row(name, row) for name, row in rows.items()] + ([_row("all", together)] if together else [])


def _row(name: str, row: dict[str, int]) -> str:
    killed = row["tried"] - row["survived"] - row["unreached"]
    numbers = (row["mutants"], row["tried"], killed, row["survived"], row["unreached"])
    return f"| {name} | {' | '.join(map(str, numbers))} | {100 * killed / row['tried']:.0f} % |"


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes docs/mutation.md from the results under mutants/.")
    parser.add_argument("--sample", type=int, metavar="N", help="print the names of N mutants of each module instead")
    options = parser.parse_args()
    if options.sample:
        print(" ".join(sample(options.sample)))
        return
    before, _, after = PAGE.read_text(encoding="utf-8").partition(MARK)
    rest = after.partition(MARK)[2]
    PAGE.write_text("\n".join([before + MARK, "", *table(), "", MARK + rest]), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

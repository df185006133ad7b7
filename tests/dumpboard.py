"""How right hunts are that have heap dumps beside profiles: root, path, pattern, and expired entries, program by program.

`python -m tests.dumpboard` builds and runs every labelled program of fixtures/go (fixtures/run.py --dump; a quarter of an
hour), hunts on the profiles alone and on the profiles with both dumps and the binary, and compares with the label and with what
the program counted itself just before the last dump. `python -m tests.dumpboard NAME...` does some again. What came out is kept
in fixtures/dumps/hunted.json, of the programs in KEPT also the profiles and the last dump, stripped; docs/scoreboard-dumps.md
is written from that, and tests/test_dumpboard.py holds the page and those programs to what the code gives.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from leakhunt.config import Settings
from leakhunt.decode.stripped import write_stripped
from leakhunt.evidence import Evidence, Source, gather
from leakhunt.heaps.view import open_heap
from leakhunt.hunt import hunt
from leakhunt.model.census import ExpiryCensus
from leakhunt.model.finding import Case, Report, Retention, Verdict
from tests.scoreboard import ROOT, labels

HUNTED = ROOT / "fixtures" / "dumps" / "hunted"
ROWS = ROOT / "fixtures" / "dumps" / "hunted.json"
PAGE = ROOT / "docs" / "scoreboard-dumps.md"
# gcache in its four kinds, go-cache without a janitor, maps with a time to live (time.Time, nanoseconds), a registry, a context
# chain, blocked goroutines, a finalizer cycle, a pinned subslice.
KEPT = (
    "sessions-simple", "sessions", "quotes-lfu", "quotes-arc", "rates", "coupons", "otp", "devices", "pipeline", "fanout",
    "handles", "imports",
)  # fmt: skip
# Labelled after what dumps add to a hunt had been written, and not looked at before: the others were.
UNSEEN = (
    "logship-long", "recommend-coarse", "fares", "fares-90", "magiclinks", "magiclinks-swept", "spool", "spool-even", "quorum",
    "quorum-room", "shelf-20", "shelf-50", "shelf-90", "matches",
)  # fmt: skip
LEAST_STEPS = 3  # of a path on the page, and up to where it grew
CLOCK_SHARE = 0.03  # what the time between the program's count and the dump may explain

Row = dict[str, Any]


def load(paths: Iterable[Path], binary: str = "") -> Evidence:
    """Evidence of some files."""
    return gather([Source(path.name, path, path.read_bytes) for path in paths], Settings(binary=binary))


def run(name: str, into: Path) -> Path:
    """The folder of a fresh run: profiles, two dumps, the program and counts.json."""
    command = [sys.executable, str(ROOT / "fixtures" / "run.py"), "--dump", "--into", str(into), name]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return into / name


def observe(name: str, folder: Path) -> Row:
    """What a hunt makes of one run, and what is true of it."""
    label, counts = labels()[name], json.loads((folder / "counts.json").read_text())
    profiles = sorted(folder.glob("*.pb.gz"))
    evidence = load([*profiles, folder / "half.dump", folder / "heap.dump"], str(folder / label["program"]))
    alone, report = hunt(load(profiles)), hunt(evidence)
    graph = evidence.dumps[-1].graph
    return {
        "name": name,
        "go": counts.pop("go"),
        "counted": {key: value for key, value in sorted(counts.items()) if key in ("entries", "expired")},
        "alone": {"verdict": str(alone.verdict), "patterns": sorted({case.pattern for case in alone.cases})},
        "verdict": str(report.verdict),
        "cases": [shown(case) for case in report.cases],
        "census": _census(report, evidence),
        "typed_percent": round(100 * evidence.dumps[-1].naming.typed_bytes / max(1, graph.heap_bytes), 1),
        "self_check": graph.self_check.exact,
    }


def shown(case: Case) -> Row:
    """A case as the page has it."""
    held = case.retention
    return {
        "verdict": str(case.verdict),
        "pattern": case.pattern,
        "root": held.root.name if held else "",
        "path": steps(held) if held else [],
        "grows_at": held.grows_at if held else None,
    }


def steps(held: Retention) -> list[str]:
    """The path as text, a step each."""
    return [f"{step.edge} {step.type}".strip() for step in held.path]


def _census(report: Report, evidence: Evidence) -> Row | None:
    """Entries and expired ones of the container that the first case is about."""
    roots = [case.retention.root.name for case in report.cases if case.retention]
    found: list[ExpiryCensus] = [each for each in evidence.dumps[-1].expiry if each.place.root_name in roots[:1]]
    first = max(found, key=lambda each: each.entries, default=None)
    if first is None:
        return None
    return {"entries": first.entries, "expired": first.expired, "expired_at_most": first.expired_at_most, "field": first.field}


def keep(name: str, folder: Path) -> None:
    """The profiles of a run and its last dump, stripped, in fixtures/dumps/hunted."""
    target = HUNTED / name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for profile in folder.glob("*.pb.gz"):
        shutil.copy2(profile, target)
    view = open_heap(folder / "heap.dump", binary=str(folder / labels()[name]["program"]))
    (target / "heap.heap").write_bytes(write_stripped(view.graph, view.naming))


def rows() -> list[Row]:
    """What was observed, in the order of the labels."""
    found = json.loads(ROWS.read_text(encoding="utf-8")) if ROWS.exists() else {}
    return [found[name] for name in labels() if name in found]


def root_is_right(row: Row, label: Row) -> bool:
    """Whether every case names a root that the label names (a variable of it, for a function)."""
    wanted = tuple(part["root"] for part in [label, *label.get("also", [])])
    return bool(row["cases"]) and all(case["root"].startswith(wanted) for case in row["cases"])


def pattern_is_right(row: Row, label: Row) -> bool:
    """Whether the patterns are those of the label; where that says no more than growth, one of its alternatives will do."""
    wanted = {part["pattern"] for part in [label, *label.get("also", [])]}
    said = {case["pattern"] for case in row["cases"]}
    return said == wanted or (wanted == {"steady-growth"} and said <= {"steady-growth", *label.get("alternatives", [])})


def expired_is_right(row: Row) -> bool | None:
    """Whether the expired entries are those that the program counted, but for the clock; None where it counted none."""
    counted, census = row["counted"].get("expired"), row["census"]
    if not counted:
        return None
    return census is not None and abs(census["expired"] - counted) <= CLOCK_SHARE * counted


def page() -> str:
    """docs/scoreboard-dumps.md."""
    known = labels()
    leaks = [row for row in rows() if known[row["name"]]["leak"]]
    controls = [row for row in rows() if not known[row["name"]]["leak"]]
    counted = [right for row in leaks if (right := expired_is_right(row)) is not None]
    lines = [
        "# Scoreboard of hunts with heap dumps",
        "",
        "Written by `python -m tests.dumpboard`; do not edit. Each program of fixtures/go was run once more, with a heap dump",
        "in mid-window and one at the end; the labels are those of the [scoreboard](scoreboard.md). A root is right when it is",
        "the variable, or the function whose stacks hold, that the label names; a pattern when it is the label's own.",
        "",
        f"- leaks told as *leak*: {_of(leaks, _is_told)} (by the profiles alone {_of(leaks, _is_told_alone)})",
        f"- root right: {sum(root_is_right(row, known[row['name']]) for row in leaks)} of {len(leaks)}",
        f"- pattern right: {sum(pattern_is_right(row, known[row['name']]) for row in leaks)} of {len(leaks)} (by the profiles "
        f"alone {sum(_alone_is_right(row, known[row['name']]) for row in leaks)})",
        f"- expired entries as the program counted them, within {100 * CLOCK_SHARE:.0f} %: {sum(counted)} of {len(counted)}",
        f"- controls with a false alarm: {len(controls) - _count(controls, _is_silent)} of {len(controls)} (by the profiles "
        f"alone {_count(controls, _is_told_alone)})",
        f"- of the {len(UNSEEN)} series that were first run when the detectors were done ({UNSEEN[0]} to {UNSEEN[-1]}): "
        f"{sum(_is_right(row, known[row['name']]) for row in rows() if row['name'] in UNSEEN)} right in all of this",
        f"- self-check of the dumps exact: {sum(row['self_check'] for row in rows())} of {len(rows())}",
        f"- least share of bytes with a type: {min((row['typed_percent'] for row in rows()), default=0)} %",
        "",
        "## Leaks",
        "",
        "Path: the first steps; **bold** is where it grew between the dumps. Expired: by the dump, and by the program itself.",
        "",
        "| series | verdict | pattern by profiles | pattern with dumps | root | path | expired | counted |",
        "|---|---|---|---|---|---|---|---|",
        *(_leak_line(row, known[row["name"]]) for row in leaks),
        "",
        "## Controls",
        "",
        "| series | verdict by profiles | verdict with dumps |",
        "|---|---|---|",
        *(
            f"| {row['name']}{'' if _is_silent(row) else ' ✗'} | {row['alone']['verdict']} | {row['verdict']} |"
            for row in controls
        ),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _is_told(row: Row) -> bool:
    return bool(row["verdict"] == Verdict.LEAK)


def _is_told_alone(row: Row) -> bool:
    return bool(row["alone"]["verdict"] == Verdict.LEAK)


def _is_silent(row: Row) -> bool:
    return all(case["verdict"] != Verdict.LEAK for case in row["cases"])


def _is_right(row: Row, label: Row) -> bool:
    if not label["leak"]:
        return _is_silent(row)
    return _is_told(row) and root_is_right(row, label) and pattern_is_right(row, label) and expired_is_right(row) is not False


def _alone_is_right(row: Row, label: Row) -> bool:
    return pattern_is_right({"cases": [{"pattern": pattern} for pattern in row["alone"]["patterns"]]}, label)


def _count(found: Sequence[Row], is_so: Any) -> int:
    return sum(bool(is_so(row)) for row in found)


def _of(found: Sequence[Row], is_so: Any) -> str:
    return f"{_count(found, is_so)} of {len(found)}"


def _leak_line(row: Row, label: Row) -> str:
    right = _is_right(row, label)
    cases = row["cases"]
    first = cases[0] if cases else {"root": "-", "path": [], "grows_at": None}
    path = [f"**{_code(step)}**" if i == first["grows_at"] else _code(step) for i, step in enumerate(first["path"])]
    most = LEAST_STEPS if first["grows_at"] is None else max(LEAST_STEPS, first["grows_at"] + 1)
    text = " ".join(path[:most]) + (" …" if len(path) > most else "")
    census, counted = row["census"], row["counted"].get("expired")
    expired = f"{census['expired']:,} of {census['entries']:,}" if census and counted is not None else "-"
    patterns = ", ".join(case["pattern"] for case in cases) or "-"
    return (
        f"| {row['name']}{'' if right else ' ✗'} | {row['verdict']} | {', '.join(row['alone']['patterns']) or '-'} | "
        f"{patterns} | {_code(first['root'])} | {text} | {expired} | {'-' if counted is None else f'{counted:,}'} |"
    )


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


def main(names: Sequence[str]) -> None:
    """Runs series and writes what was observed after each, then the page."""
    for name in names or list(labels()):
        with tempfile.TemporaryDirectory() as temporary:
            folder = run(name, Path(temporary))
            found = json.loads(ROWS.read_text(encoding="utf-8")) if ROWS.exists() else {}
            found[name] = observe(name, folder)
            ROWS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            if name in KEPT:
                keep(name, folder)
        print(name, found[name]["verdict"], [case["pattern"] for case in found[name]["cases"]], flush=True)
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main(sys.argv[1:])

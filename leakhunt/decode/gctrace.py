"""Reads what a Go process writes to stderr under `GODEBUG=gctrace=1`.

The line is printed by runtime.gcMarkTermination (runtime/mgc.go) and reads the same in Go 1.21 to 1.27, but for a remark in
parentheses since 1.26; versions before 1.18 lack stacks and globals:

    gc 12 @3.400s 2%: 0.012+1.5+0.003 ms clock, 0.10+0.40/1.2/0.3+0.02 ms cpu, 4->5->3 MB, 6 MB goal, 0 MB stacks,
    1 MB globals, 8 P (forced)                                                                       (all one line)

What a log collector puts before it is skipped, other lines are counted. Cost is linear in the log.
"""

import re

from leakhunt.errors import DecodeError
from leakhunt.model.gctrace import GcTrace

MAX_COLLECTIONS = 5_000_000  # a collection every 20 ms for a day
_LINE = re.compile(
    rb"gc (?P<number>\d{1,10}) @(?P<seconds>\d{1,12}\.\d{1,3})s (?P<cpu>\d{1,3})%(?: \([^)]{0,60}\))?: "
    rb"(?P<clock>[\d.]{1,12}\+[\d.]{1,12}\+[\d.]{1,12}) ms clock, [\d.+/]{5,90} ms cpu, "
    rb"(?P<start>\d{1,12})->(?P<end>\d{1,12})->(?P<live>\d{1,12}) MB, (?P<goal>\d{1,12}) MB goal, "
    rb"(?:(?P<stacks>\d{1,12}) MB stacks, (?P<globals>\d{1,12}) MB globals, )?\d{1,7} P(?P<forced> \(forced\))?"
)


def is_gctrace(data: bytes) -> bool:
    """Whether a gctrace line stands in the first 64 KiB."""
    return _LINE.search(data, 0, 1 << 16) is not None


def parse_gctrace(data: bytes, source: str) -> GcTrace:
    """Reads a log; where processes follow one another, the one with the most collections. Raises DecodeError when it holds
    not one gctrace line."""
    import numpy as np

    rows: list[tuple[float, ...]] = []
    processes: list[list[tuple[float, ...]]] = [rows]
    previous = (0, 0.0)
    matched_lines = 0
    for match in _LINE.finditer(data):
        matched_lines += 1
        if matched_lines > MAX_COLLECTIONS:
            raise DecodeError(source, match.start(), f"more than {MAX_COLLECTIONS} collections")
        number, seconds = int(match["number"]), float(match["seconds"])
        if rows and (number <= previous[0] or seconds < previous[1]):  # another process begins
            rows = []
            processes.append(rows)
        previous = (number, seconds)
        try:
            stop, mark, terminate = map(float, match["clock"].split(b"+"))
        except ValueError:
            raise DecodeError(source, match.start(), f"{match['clock'].decode()} are no three times in milliseconds") from None
        rows.append(
            (
                seconds, int(match["live"]), int(match["start"]), int(match["end"]), int(match["goal"]),
                int(match["stacks"] or -1), int(match["globals"] or -1), stop + terminate, mark, int(match["cpu"]),
                match["forced"] is not None,
            )
        )  # fmt: skip
    if not matched_lines:
        raise DecodeError(source, None, "no gctrace line in it; run the program with GODEBUG=gctrace=1 and keep its stderr")
    table = np.array(max(processes, key=len), dtype=np.float64)
    whole = [np.ascontiguousarray(table[:, column].astype(np.int64)) for column in (1, 2, 3, 4, 5, 6, 9)]
    live, start, end, goal, stacks, globals_, cpu = whole
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    return GcTrace(
        source, table[:, 0].copy(), live, start, end, goal, stacks, globals_, table[:, 7].copy(), table[:, 8].copy(), cpu,
        table[:, 10].astype(np.bool_), len(processes), max(0, lines - matched_lines),
    )  # fmt: skip

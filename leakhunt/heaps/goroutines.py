"""Goroutines by where they stand, why they wait, and what their stacks hold: one row for all that stand alike."""

from collections import Counter, defaultdict

import numpy as np

from leakhunt.graph.roots import telling_frames
from leakhunt.heaps.view import HeapView
from leakhunt.model.answer import Column, Row, Table, Unit
from leakhunt.model.heap import RootKind

VARIABLES_SHOWN = 3
_STATUS = {1: "runnable", 2: "running", 3: "system call", 4: "waiting"}


def goroutines(view: HeapView, most: int) -> Table:
    """The user's goroutines by function and wait reason, most first.

    `reached` is what no global variable reaches and the roots in frames called by that function reach first; `variables`
    names the roots among them that reach most.
    """
    process = view.graph.process
    table, frames = process.goroutines, process.frames
    telling = telling_frames(process)
    counts: Counter[tuple[str, str]] = Counter()
    for g in np.flatnonzero(~table.is_system).tolist():
        first, end = int(table.frame_starts[g]), int(table.frame_starts[g + 1])
        function = frames.function_names[frames.functions[telling[first]]] if first < end else "unknown function"
        reason = table.wait_reasons[g] or _STATUS.get(int(table.statuses[g]) & 0xF, "")
        counts[function, reason] += 1
    reached, variables = _reached(view)
    rows: list[Row] = [
        {
            "goroutines": count,
            "function": function,
            "wait_reason": reason,
            "reached_bytes": reached.get(function, 0),
            "variables": variables.get(function, []),
            "shown": function + (f" ({', '.join(variables[function])})" if variables.get(function) else ""),
        }
        for (function, reason), count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    columns = [
        Column("goroutines", "goroutines", Unit.COUNT),
        Column("reached_bytes", "reached", Unit.BYTES),
        Column("wait_reason", "wait reason"),
        Column("shown", "function (variables)"),
    ]
    title = "Goroutines by where they wait"
    return Table("goroutines", title, columns, rows[:most], left_out=max(0, len(rows) - most))


def _reached(view: HeapView) -> tuple[dict[str, int], dict[str, list[str]]]:
    """By function: bytes that its frames reach first, and its variables that do, heaviest first."""
    trie = view.paths
    totals: dict[str, int] = defaultdict(int)
    weights: dict[str, Counter[str]] = defaultdict(Counter)
    for node in np.flatnonzero(trie.parents < 0).tolist():
        group = trie.groups[int(trie.labels[node])]
        if group.kind not in (RootKind.STACK, RootKind.CONSERVATIVE):
            continue
        function, _, variable = group.name.partition(" ")
        totals[function] += int(trie.total_bytes[node])
        if variable:
            weights[function][variable] += int(trie.total_bytes[node])
    return totals, {f: [name for name, _ in names.most_common(VARIABLES_SHOWN)] for f, names in weights.items()}

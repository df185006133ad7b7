"""What leakhunt's numbers promise on the labelled series, beside what happened: false-alarm rates, and the rate's interval.

Parts of docs/scoreboard.md. A level promises a share of false alarms where nothing grows: of the sites tested at a level of p,
of the series (one correction each) at a level of q. The interval of a rate promises to hold the true one 95 times in 100; the
true one is known from runs of the same programs in which every allocation was recorded (tests/exact.py).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median

import numpy as np

from leakhunt.measure.trend import analyse
from leakhunt.model.finding import Case
from leakhunt.model.series import Series
from leakhunt.thresholds import ALPHA, CONVICTING_Q
from leakhunt.units import NS_PER_HOUR

EXACT = Path(__file__).resolve().parent.parent / "fixtures" / "exact.json"
SITE_LEVELS = (0.05, 0.01, 0.001)


def false_alarms(parts: Mapping[str, Sequence[tuple[Series, bool]]]) -> list[str]:
    """A row for each part: its series without growth, and whether each was called a leak."""
    lines = ["## False alarms: promised and seen", ""]
    lines += [
        "Series in which nothing grows. Promised is at most the level times the number tested; seen is how often it happened."
    ]
    lines += ["p is of one site, after what lifetimes explain is taken out; q is corrected for all sites of a series.", ""]
    heads = [f"sites at p ≤ {level:g}: promised, seen" for level in SITE_LEVELS]
    heads += [f"series with a site at q ≤ {level:g}: promised, seen" for level in (ALPHA, CONVICTING_Q)]
    lines += [f"| part | series | sites tested | {' | '.join(heads)} | called leak |", "|---" * (4 + len(heads)) + "|"]
    for part, series in parts.items():
        trends = [analyse(each) for each, _ in series]
        p = np.concatenate([np.where(t.lengthening, t.p, 1.0)[t.tested] for t in trends]) if trends else np.empty(0)
        cells = [f"{level * len(p):.2f}, {int((p <= level).sum())}" for level in SITE_LEVELS]
        for level in (ALPHA, CONVICTING_Q):
            cells.append(f"{level * len(series):.2f}, {sum(bool((t.q[t.tested] <= level).any()) for t in trends)}")
        lines.append(f"| {part} | {len(series)} | {len(p)} | {' | '.join(cells)} | {sum(wrong for _, wrong in series)} |")
    return [*lines, ""]


def coverage(found: Iterable[tuple[str, Series, Case]]) -> list[str]:
    """Of the leaks found, whose programs were also run with every allocation recorded: does the interval hold the truth?"""
    truth = json.loads(EXACT.read_text(encoding="utf-8"))
    ratios, outside = [], []
    for name, series, case in found:
        if name not in truth:
            continue
        segment = series.longest_segment
        hours = int(series.times_ns[segment.stop - 1] - series.times_ns[segment.start]) / NS_PER_HOUR
        interval_hours = hours / (segment.stop - segment.start - 1)
        true = sum(truth[name].get(site.fingerprint, 0) for site in case.sites) / interval_hours
        ratios.append(case.growth.bytes_per_hour / true)
        if not case.growth.low <= true <= case.growth.high:
            outside.append(name)
    inside = len(ratios) - len(outside)
    lines = ["## The rate's interval: promised and seen", ""]
    lines += ["The true rate of a leak is what its sites gain in a run of the same program with every allocation recorded."]
    lines += [
        f"The 95 % interval of the rate, from the usual sampled profiles, holds it for {inside} of {len(ratios)} leaks found"
    ]
    lines += [
        f"({inside / len(ratios):.2f}, promised .95); outside: {', '.join(outside) or 'none'}. The rate itself is in the median"
    ]
    near = sum(0.5 <= ratio <= 2 for ratio in ratios)
    lines += [f"{median(ratios):.2f} times the true one, and within a factor of two for {near}."]
    return [*lines, ""]

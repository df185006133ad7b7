"""Objects too brief to be in any snapshot say nothing about those that are."""

import numpy as np

from leakhunt.measure.turnover import births_and_deaths, seen_events
from tests.detectors.lab import Row, evidence

SLOW_LEAK = [3, 4, 5, 6, 6, 6, 7, 7, 7, 7, 8, 8, 11, 11, 11, 11, 13, 14, 15, 15, 15, 16, 17, 17]


def test_a_slow_leak_under_churn_that_no_snapshot_shows_is_seen() -> None:
    churn = [6 * i for i in range(len(SLOW_LEAK))]
    (group,) = evidence(Row("main.earn < main.buy", 480, SLOW_LEAK, freed=churn)).growing_groups
    assert group.trend.q < 1e-3
    assert group.trend.freed_samples == churn[-1]  # what was freed is still said as it is


def test_turnover_that_moves_the_counts_is_kept() -> None:
    rng = np.random.default_rng(7)
    kept = 0
    for _ in range(200):
        counts, cumulative, alive, born = [], [], 20.0, 0.0
        for _ in range(12):
            dies, comes = rng.binomial(int(alive), 0.4), rng.poisson(8)
            alive, born = alive - dies + comes, born + comes
            counts.append(alive)
            cumulative.append(born)
        hours = np.arange(12.0)
        events = births_and_deaths(np.array([counts]), np.array([cumulative]))
        seen = seen_events(np.array([counts]), *events, hours)
        kept += bool(np.array_equal(seen[0], events[0]))
    assert kept >= 197  # .2 % are expected to be taken for brief; 4 of 200 or more have probability .0002

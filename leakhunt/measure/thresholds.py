"""Every number that decides something about growth, with where it comes from. Detectors share them.

"Simulation" is `python -m tests.simulate`: 80 processes of 1 500 harmless and 6 leaking sites each, 5 to 48 snapshots; its
table is in docs/how-it-decides.md.
"""

from leakhunt.units import BYTES_PER_MIB

MIN_SNAPSHOTS = 4
"""Snapshots in the longest segment below which nothing is tested: at three, "grew at every step" is wrong 17 % of the time on
pure churn (simulation of 20 MiB sites), and no test can repair that. Fewer give candidates only."""

MIN_EVENTS = 6
"""Sampled births and deaths over the segment below which a site is not tested: with fewer no order of events is improbable
enough for any correction (2^-6 = .016), and each such site would only make the correction harder for the others."""

ALPHA = 0.05
"""False discovery rate that Benjamini-Hochberg holds over the sites tested."""

LAST_HALF_ALPHA = 0.10
"""Level of the drift test on the last half of the segment, the guard against warm-ups. Simulation: at .10 it drops 16 of 178
false alarms and 2 of 300 leaks, at .05 30 and 15."""

LIFETIME_LENIENCY = 0.5
"""How much better "lifetimes as ever" must explain the deaths than a leak does (log likelihood ratio) before growth counts as
explained. Simulation: at 0 it costs 20 of 300 leaks, at 1 it lets 66 more harmless sites through of 120 000 and gains 10."""

LIFETIME_CERTAIN_Z = 3.0
"""Lifetimes that lengthen this surely (z) are a leak even if load grew as well, as where both happen at once."""

ESTIMATE_DISPERSION = 2.0
"""Least over-dispersion assumed where counts are estimates (merged or rewritten profiles): sizes within a site are then mixed,
which about doubles the variance of a count (sizes of 16 B to 64 KiB)."""

MIN_GROWTH_BYTES = BYTES_PER_MIB
"""Growth over the segment below which a site is no leak worth a report: two samples at the default period."""

POWER = 0.80
"""Power for which the smallest detectable leak is stated."""

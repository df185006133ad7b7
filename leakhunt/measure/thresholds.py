"""Every number that decides something about growth, with where it comes from. Detectors share them.

"Simulation" is `python -m tests.simulate`, the process simulator of the tests; its table is in docs/how-it-decides.md.
"""

from leakhunt.units import BYTES_PER_MIB

MIN_SNAPSHOTS = 4
"""Snapshots in the longest segment below which nothing is tested: at three, "grew at every step" is wrong 17 % of the time on
pure churn (simulation of 20 MiB sites), and no test can repair that. Fewer give candidates only."""

ALPHA = 0.05
"""False discovery rate that Benjamini-Hochberg holds over the sites tested."""

LAST_HALF_ALPHA = 0.05
"""Level of the same test on the last half of the segment, the guard against plateaus."""

MIN_GROWTH_BYTES = BYTES_PER_MIB
"""Growth over the segment below which a site is no leak worth a report: two samples at the default period."""

POWER = 0.80
"""Power for which the smallest detectable leak is stated."""

"""The truth about how fast each leak of the fixtures grows, from runs in which every allocation was recorded.

    python fixtures/run.py --exact --into DIR         the same programs, flags and seeds, with runtime.MemProfileRate 1
    python -m tests.exact DIR                         writes fixtures/exact.json

What arrives in one interval is fixed by the seed, so both runs keep the same bytes an interval; which of them a sampled profile
shows is chance. The scoreboard compares the rate's interval with these figures. Sites are known by fingerprint, those that
change by less than LEAST_BYTES an interval are left out.
"""

import json
import sys
from pathlib import Path
from typing import Any

from leakhunt.model.series import Series
from tests.scoreboard import FIXTURES, load

FILE = FIXTURES / "exact.json"
LEAST_BYTES = 64


def bytes_per_interval(series: Series) -> dict[str, int]:
    """Bytes gained an interval by each site, by fingerprint, over the longest segment."""
    segment = series.longest_segment
    gained = series.inuse_bytes[:, segment.stop - 1] - series.inuse_bytes[:, segment.start]
    each = {
        site.fingerprint: round(int(g) / (segment.stop - segment.start - 1))
        for site, g in zip(series.sites, gained, strict=True)
    }
    return {fingerprint: gain for fingerprint, gain in sorted(each.items()) if abs(gain) >= LEAST_BYTES}


def main() -> None:
    truth: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    for folder in sorted(path for path in Path(sys.argv[1]).iterdir() if path.is_dir()):
        series = load(folder).series
        if series.period_bytes != 1:
            sys.exit(f"{folder}: recorded with a period of {series.period_bytes} bytes; run fixtures/run.py --exact")
        truth[folder.name] = bytes_per_interval(series)
    FILE.write_text(json.dumps(dict(sorted(truth.items())), indent=0) + "\n", encoding="utf-8")
    print(f"wrote {FILE.relative_to(FIXTURES.parent)}: {len(truth)} series")


if __name__ == "__main__":
    main()

"""The baseline: leaks that are known and accepted for now, and how a report compares with them.

A TOML file that people edit, one `[[leak]]` an entry:

    [[leak]]
    fingerprint = "e921ae5ad9dcacf2"
    function = "example.com/shop/session.(*Store).Put"   # for people; the fingerprint decides
    pattern = "lazy-ttl-cache"
    reason = "SHOP-812: sessions move to the new store"
    owner = "web"
    expires = 2027-01-31          # accepted until the end of this day
    allowed = "1.2 MiB/h"         # worse than this, with 97.5 % certainty, fails again

Pure: takes and gives text; the command line reads and writes the file and says what day it is.
"""

import math
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from leakhunt.errors import ConfigError
from leakhunt.model.finding import Case, Report, Status, Verdict
from leakhunt.printable import printable
from leakhunt.units import format_rate, parse_bytes

SCHEMA = "leakhunt.baseline/1"
HEADER = "Leaks that are known and accepted for now; `leakhunt check --update-baseline` keeps this file."


@dataclass(frozen=True, slots=True)
class AcceptedLeak:
    """One entry. `expires` is the last day on which it holds, None for ever; `allowed_bytes_per_hour` None for any rate."""

    fingerprint: str
    function: str = ""
    pattern: str = ""
    reason: str = ""
    owner: str = ""
    expires: date | None = None
    allowed_bytes_per_hour: int | None = None

    @property
    def name(self) -> str:
        """How messages call it."""
        return f"{self.fingerprint} ({printable(self.function)})" if self.function else self.fingerprint


@dataclass(frozen=True, slots=True)
class Comparison:
    """A report against a baseline.

    report    the same report with each case's status set, and a note for every stale entry
    fixed     entries whose leak is no longer there; empty when the report is inconclusive, for then nothing is known
    expired   entries past their date that would otherwise have applied
    """

    report: Report
    fixed: tuple[AcceptedLeak, ...]
    expired: tuple[AcceptedLeak, ...]


def parse_baseline(text: str, source: str) -> tuple[AcceptedLeak, ...]:
    """The entries of a baseline file. Raises ConfigError naming the entry and key and what it wants."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(source, f"is not valid TOML: {error}") from None
    for key in document:
        if key not in ("schema", "leak"):
            raise ConfigError(f"{source}: {key}", "is unknown; a baseline has [[leak]] entries")
    if document.get("schema", SCHEMA) != SCHEMA:
        raise ConfigError(f"{source}: schema", f"is {document['schema']!r}; this leakhunt reads {SCHEMA!r}")
    entries = document.get("leak", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError(f"{source}: leak", "wants [[leak]] entries")
    leaks = tuple(_entry(entry, f"{source}: leak {number}") for number, entry in enumerate(entries, 1))
    seen: set[str] = set()
    for leak in leaks:
        if leak.fingerprint in seen:
            raise ConfigError(source, f"has {leak.fingerprint} twice; keep one of them")
        seen.add(leak.fingerprint)
    return leaks


def _entry(entry: dict[str, Any], where: str) -> AcceptedLeak:
    values: dict[str, Any] = {}
    for key, value in entry.items():
        if key not in _KEYS:
            raise ConfigError(f"{where}: {key}", f"is unknown; an entry has {', '.join(_KEYS)}")
        field, read = _KEYS[key]
        values[field] = read(f"{where}: {key}", value)
    if "fingerprint" not in values:
        raise ConfigError(where, "has no fingerprint; the report shows it beside each finding")
    return AcceptedLeak(**values)


def _fingerprint(key: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) != 16 or not set(value) <= set("0123456789abcdef"):
        raise ConfigError(key, f"wants the 16 hex digits that the report shows, has {value!r}")
    return value


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ConfigError(key, f"wants a string, has {value!r}")
    return value


def _day(key: str, value: Any) -> date:
    if isinstance(value, datetime) or not isinstance(value, date):
        raise ConfigError(key, f"wants a date such as 2027-01-31 without quotes, has {value!r}")
    return value


def _rate(key: str, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    try:
        return parse_bytes(_text(key, value).strip().removesuffix("/h"))
    except ValueError:
        raise ConfigError(key, f'wants a rate such as "1.2 MiB/h", has {value!r}') from None


_KEYS: dict[str, tuple[str, Callable[[str, Any], Any]]] = {
    "fingerprint": ("fingerprint", _fingerprint),
    "function": ("function", _text),
    "pattern": ("pattern", _text),
    "reason": ("reason", _text),
    "owner": ("owner", _text),
    "expires": ("expires", _day),
    "allowed": ("allowed_bytes_per_hour", _rate),
}


def compare(report: Report, baseline: tuple[AcceptedLeak, ...], today: date) -> Comparison:
    """`report` with each case marked new, known or worse, and what the baseline holds in vain.

    An entry stands for the case that has its fingerprint, or one of whose sites has it: which site of a leak is shown first
    may differ between builds. Worse means that the whole 95 % interval of the rate lies above the allowed rate.
    """
    by_fingerprint = {leak.fingerprint: leak for leak in baseline}
    used: set[str] = set()
    expired: list[AcceptedLeak] = []
    cases = []
    for case in report.cases:
        leak = _entry_for(case, by_fingerprint)
        status = Status.NEW
        if leak is not None:
            used.add(leak.fingerprint)
            if leak.expires is not None and today > leak.expires:
                expired.append(leak)
            else:
                status = Status.WORSE if _is_worse(case, leak) else Status.KNOWN
        cases.append(replace(case, status=status))
    unused = tuple(leak for leak in baseline if leak.fingerprint not in used)
    fixed = () if report.verdict == Verdict.INCONCLUSIVE else unused
    notes = [f"Baseline: {leak.name} was accepted until {leak.expires}; it counts as new again." for leak in expired]
    notes += [f"Baseline: {leak.name} is no longer seen; remove the entry or run --update-baseline." for leak in fixed]
    gone = tuple(leak.fingerprint for leak in fixed)
    compared = replace(report, cases=tuple(cases), notes=(*report.notes, *notes), fixed=gone)
    return Comparison(compared, fixed, tuple(expired))


def _entry_for(case: Case, by_fingerprint: dict[str, AcceptedLeak]) -> AcceptedLeak | None:
    for fingerprint in (case.fingerprint, *(site.fingerprint for site in case.sites)):
        if fingerprint in by_fingerprint:
            return by_fingerprint[fingerprint]
    return None


def _is_worse(case: Case, leak: AcceptedLeak) -> bool:
    return leak.allowed_bytes_per_hour is not None and case.growth.low > leak.allowed_bytes_per_hour


def update(text: str, comparison: Comparison, today: date, source: str) -> str:
    """The baseline file `text` ("" for none yet) made to accept what `comparison` found, with its comments kept.

    Leaks that are new get an entry that allows the upper end of their interval and gives today as the reason; worse and
    expired ones get the new rate, and their expiry date is taken out; fixed ones are removed. Suspects are not accepted.
    """
    import tomlkit
    from tomlkit.items import AoT

    known = {leak.fingerprint: leak for leak in parse_baseline(text, source)}
    document = tomlkit.parse(text)
    if not text.strip():
        document.add(tomlkit.comment(HEADER))
        document.add("schema", tomlkit.item(SCHEMA))
    entries = document.get("leak")
    if entries is None:
        entries = AoT([])
        document.add("leak", entries)
    gone = {leak.fingerprint for leak in comparison.fixed}
    for index in reversed(range(len(entries))):
        if entries[index]["fingerprint"] in gone:
            del entries[index]
    expired = {leak.fingerprint for leak in comparison.expired}
    for case in comparison.report.cases:
        if case.verdict != Verdict.LEAK or case.status == Status.KNOWN:
            continue
        leak = _entry_for(case, known)
        if leak is None:
            entries.append(_new_table(case, today))
            continue
        entry = next(entry for entry in entries if entry["fingerprint"] == leak.fingerprint)
        entry["allowed"] = _allowed(case)
        if leak.fingerprint in expired:
            del entry["expires"]
    if not len(entries):
        del document["leak"]
    return tomlkit.dumps(document)


def _new_table(case: Case, today: date) -> Any:
    import tomlkit

    table = tomlkit.table()
    table.add("fingerprint", case.fingerprint)
    table.add("function", printable(case.site.leaf.function))
    table.add("pattern", case.pattern)
    table.add("reason", f"accepted by --update-baseline on {today.isoformat()}")
    table.add("owner", "")
    table.add("allowed", _allowed(case))
    return table


def _allowed(case: Case) -> str:
    """The upper end of the rate's interval, as a person writes it; the rate where there is no such end."""
    ends = (case.growth.high, case.growth.bytes_per_hour)
    rate = next((end for end in ends if math.isfinite(end)), 0.0)
    return format_rate(max(rate, 0.0)).removeprefix("+")

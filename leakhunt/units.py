"""Numbers with units, both ways: bytes, counts, durations and rates as a person writes and reads them.

Pure functions on plain numbers; imports nothing of the project. Bytes are binary (KiB, MiB), as pprof counts them.
"""

_BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_BYTE_FACTORS = {
    "": 1, "b": 1,
    "k": 1 << 10, "kb": 1 << 10, "kib": 1 << 10,
    "m": 1 << 20, "mb": 1 << 20, "mib": 1 << 20,
    "g": 1 << 30, "gb": 1 << 30, "gib": 1 << 30,
    "t": 1 << 40, "tb": 1 << 40, "tib": 1 << 40,
}  # fmt: skip
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*\Z"
_DURATION = r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)"

NS_PER_SECOND = 1_000_000_000
NS_PER_HOUR = 3_600 * NS_PER_SECOND
BYTES_PER_MIB = 1 << 20


def format_bytes(count: float, signed: bool = False) -> str:
    """Bytes with three significant digits: `1.02 MiB`, `-512 B`; `signed` writes the plus too."""
    magnitude, unit = abs(count), 0
    while magnitude >= 1023.95 and unit < len(_BYTE_UNITS) - 1:
        magnitude /= 1024
        unit += 1
    if unit == 0 or magnitude >= 99.95:
        digits = f"{magnitude:.0f}"
    else:
        digits = f"{magnitude:.1f}" if magnitude >= 9.995 else f"{magnitude:.2f}"
    sign = "-" if count < 0 and float(digits) != 0 else "+" if signed and count > 0 else ""
    return f"{sign}{digits} {_BYTE_UNITS[unit]}"


def format_rate(bytes_per_hour: float) -> str:
    """A signed growth rate: `+1.02 MiB/h`."""
    return f"{format_bytes(bytes_per_hour, signed=True)}/h"


def format_count(count: float, signed: bool = False) -> str:
    """A count with thin grouping: `1,931`."""
    return f"{count:+,.0f}" if signed else f"{count:,.0f}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 profile`, `24 profiles`."""
    return f"{format_count(count)} {noun if count == 1 else plural or noun + 's'}"


def format_duration(seconds: float) -> str:
    """The two largest units: `5h45m`, `3d2h`, `12.5s`."""
    if seconds < 0:
        return "-" + format_duration(-seconds)
    if seconds < 60:
        return f"{seconds:.3g}s"
    minutes = round(seconds / 60)
    if minutes < 60:
        whole, rest = divmod(round(seconds), 60)
        return f"{whole}m{rest:02d}s" if rest else f"{whole}m"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}h{minutes:02d}m" if minutes else f"{hours}h"
    days, hours = divmod(hours, 24)
    return f"{days}d{hours}h" if hours else f"{days}d"


def parse_bytes(text: str) -> int:
    """`2GiB`, `512m`, `1048576` as bytes. Raises ValueError with what was expected."""
    import re  # here, because `top` formats numbers, parses none, and starts in less time than this takes

    match = re.match(_SIZE, text)
    factor = _BYTE_FACTORS.get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise ValueError(f"{text!r} is not a size; write for example 512MiB or 2GiB")
    return round(float(match[1]) * factor)


def parse_duration_ns(text: str) -> int:
    """`90s`, `1h30m`, `250ms` as nanoseconds, Go's notation plus `d`. Raises ValueError with what was expected."""
    import re

    parts = re.findall(_DURATION, text.strip())
    if not parts or "".join(number + unit for number, unit in parts) != text.strip():
        raise ValueError(f"{text!r} is not a duration; write for example 30s, 5m or 1h30m")
    return round(sum(float(number) * _SECONDS[unit] for number, unit in parts) * NS_PER_SECOND)

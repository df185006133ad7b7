"""The ways leakhunt refuses to go on, each with what a person needs to act on it.

    LeakhuntError
    ├── DecodeError     an input is not what it should be: source, byte offset, reason
    ├── ConfigError     a setting is wrong: key, reason
    ├── MismatchError   two inputs do not belong together: a, b, reason
    └── CaptureError    a profile could not be fetched: url, reason

An exception means "cannot go on". Doubt about a result is a note on the value, never an exception. The command line turns
each of these into one line on stderr and exit code 2; nothing else may reach a user as a traceback.
"""


class LeakhuntError(Exception):
    """Base of everything that leakhunt raises on purpose. `str()` is one line fit to show, once made printable."""


class DecodeError(LeakhuntError):
    """An input cannot be read.

    `source` names the input, `offset` is the byte offset in the decompressed input where decoding stopped (None where an
    offset would say nothing, as for a file of the wrong kind), `reason` says what is wrong and what to do about it.
    """

    def __init__(self, source: str, offset: int | None, reason: str) -> None:
        self.source = source
        self.offset = offset
        self.reason = reason
        where = "" if offset is None else f" at byte {offset}"
        super().__init__(f"{source}: {reason}{where}")


class ConfigError(LeakhuntError):
    """A setting is unknown or has a value that cannot be used; `key` is its dotted name or its flag."""

    def __init__(self, key: str, reason: str) -> None:
        self.key = key
        self.reason = reason
        super().__init__(f"{key}: {reason}")


class MismatchError(LeakhuntError):
    """Inputs `a` and `b` cannot be compared or joined, for `reason`."""

    def __init__(self, a: str, b: str, reason: str) -> None:
        self.a = a
        self.b = b
        self.reason = reason
        super().__init__(f"{a} and {b}: {reason}")


class CaptureError(LeakhuntError):
    """Fetching from `url` (without credentials) failed, for `reason`."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(f"{url}: {reason}")

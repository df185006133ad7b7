"""How to reach targets. Loads no HTTP client, so that a command can read its options without one."""

from dataclasses import dataclass, field
from pathlib import Path

from leakhunt.capture.credentials import Credentials


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach targets.

    timeout_seconds   for one attempt as a whole, from connecting to the last byte
    retries           how often a failed attempt is repeated
    """

    credentials: Credentials = field(default_factory=Credentials)
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    timeout_seconds: float = 30.0
    retries: int = 3

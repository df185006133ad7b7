"""The servers of the capture tests, for the commands that use them."""

from tests.capture.conftest import growing, misbehaving, sessions_binary, steady, thumbs_binary

__all__ = ["growing", "misbehaving", "sessions_binary", "steady", "thumbs_binary"]

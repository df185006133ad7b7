"""Servers that several tests share."""

from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.capture.servers import Service, build_service, misbehaving_server


@pytest.fixture(scope="session")
def misbehaving() -> Iterator[ThreadingHTTPServer]:
    """A server whose faults are chosen by path."""
    with misbehaving_server() as server:
        yield server


@pytest.fixture(scope="session")
def sessions_binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The session service of fixtures/go, built."""
    return build_service("./sessions", tmp_path_factory.mktemp("go"))


@pytest.fixture(scope="session")
def thumbs_binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service whose memory grows outside Go's heap."""
    return build_service("./thumbs", tmp_path_factory.mktemp("go"))


@pytest.fixture
def growing(sessions_binary: Path) -> Iterator[Service]:
    """The session service with visitors; its gcache grows by some 2 MB in a second."""
    service = Service(sessions_binary, "-snapshots", "0")
    service.start()
    service.run("-snapshots", "0", "-visit", service.url)
    yield service
    service.stop()


@pytest.fixture
def steady(sessions_binary: Path) -> Iterator[Service]:
    """The same, with its sweeper on."""
    service = Service(sessions_binary, "-snapshots", "0", "-off")
    service.start()
    service.run("-snapshots", "0", "-visit", service.url)
    yield service
    service.stop()

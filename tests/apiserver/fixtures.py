"""One real API server for a whole test run.

A conftest imports `binaries`, `real_server` and `pytest_collection_finish`; a test that uses the server carries the
mark `realapi`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.apiserver.build import Binaries, ensure
from tests.apiserver.server import RealAPIServer
from tests.apiserver.toolchain import Unavailable

__all__ = ["binaries", "pytest_collection_finish", "real_server"]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what is missing before the first test, whose time is limited, and only if a test needs it."""
    if session.config.option.collectonly or not any(item.get_closest_marker("realapi") for item in session.items):
        return
    capture = session.config.pluginmanager.get_plugin("capturemanager")
    assert capture is not None
    with capture.global_and_fixture_disabled():
        try:
            ensure(os.environ)
        except Unavailable:
            # The tests that need it fail with that sentence; the others run.
            return


@pytest.fixture(scope="session")
def binaries() -> Binaries:
    """etcd and kube-apiserver; the test fails with one sentence where there are none."""
    why = ""
    try:
        return ensure(os.environ)
    except Unavailable as error:
        why = str(error)
    pytest.fail(why, pytrace=False)


@pytest.fixture(scope="session")
def real_server(binaries: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealAPIServer]:
    """Ready, with nothing in it but what a new cluster has."""
    server = RealAPIServer(binaries, tmp_path_factory.mktemp("apiserver"))
    server.start()
    yield server
    server.stop()

"""Two things for the whole run: no event loop outside of the tests that ask for one, and a log that no test closes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator

import pytest
import structlog

from fleetdns import log


@pytest.fixture(scope="session", autouse=True)
def no_loop_by_accident() -> None:
    """A plug-in asks for the current loop before synchronous tests too; Python would make one that nobody closes.

    Having been told once that there is none, it makes none.
    """
    asyncio.set_event_loop(None)


@pytest.fixture(autouse=True)
def log_that_outlives_the_test() -> Iterator[None]:
    """A test that sends the log somewhere takes that away with it; the next one must not write into a closed stream."""
    before = structlog.get_config()["logger_factory"]
    yield
    if structlog.get_config()["logger_factory"] is not before:
        log.configure("warning", "json", stream=sys.__stderr__)

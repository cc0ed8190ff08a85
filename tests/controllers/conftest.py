"""Keeps the loop bookkeeping of the test plug-ins quiet."""

import asyncio

import pytest


@pytest.fixture(scope="session", autouse=True)
def no_implicit_event_loop() -> None:
    """The virtual clock asks for "the current loop" before synchronous tests too; asked first by one of those, Python
    would make a loop that nobody closes. Having said once that there is none, it makes none.
    """
    asyncio.set_event_loop(None)

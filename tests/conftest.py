"""One thing for the whole run: no event loop outside of the tests that ask for one."""

from __future__ import annotations

import asyncio

import pytest


@pytest.fixture(scope="session", autouse=True)
def no_loop_by_accident() -> None:
    """A plug-in asks for the current loop before synchronous tests too; Python would make one that nobody closes.

    Having been told once that there is none, it makes none.
    """
    asyncio.set_event_loop(None)

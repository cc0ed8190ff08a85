"""What tests of commands need that run an event loop of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _a_loop_to_forget() -> Iterator[None]:
    """looptime asks for the current loop before each test and makes one; asyncio.run forgets it without closing it."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()

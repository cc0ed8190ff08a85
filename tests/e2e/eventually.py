"""Waiting for another process, which sets no event here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(look: Callable[[], Awaitable[T]], holds: Callable[[T], bool], *, within: float = 20.0) -> T:
    """What `look` gives once it `holds`. TimeoutError after `within` seconds."""
    async with asyncio.timeout(within):
        while True:
            seen = await look()
            if holds(seen):
                return seen
            await asyncio.sleep(0.02)

"""What lies between the controller and its servers: delays drawn from the seed, and a record of what passed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")


class Network:
    """Each message takes its own time, so that a seed is one order of events. `trace`: what an observer would note."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.trace: list[str] = []
        self._travelling: list[asyncio.Future[Any]] = []

    async def pass_through(self, *, slowest: float) -> None:
        """One way, from a millisecond up to `slowest` seconds."""
        await asyncio.sleep(0.001 + self._random.random() * slowest)

    async def sent(self, arrive: Callable[[], T], *, slowest: float) -> T:
        """What the other side does when a request arrives. Once sent, half of all requests cannot be recalled."""
        is_lost_with_sender = self._random.random() < 0.5

        async def travel() -> T:
            await self.pass_through(slowest=slowest)
            return arrive()

        travelling = asyncio.ensure_future(travel())
        self._travelling.append(travelling)
        travelling.add_done_callback(self._arrived)
        try:
            return await asyncio.shield(travelling)
        except asyncio.CancelledError:
            if is_lost_with_sender:
                travelling.cancel()
            raise

    def _arrived(self, travelling: asyncio.Future[Any]) -> None:
        self._travelling.remove(travelling)
        if not travelling.cancelled():
            travelling.exception()  # whoever sent it may be gone

    def note(self, text: str) -> None:
        """Record something at the present moment."""
        self.trace.append(f"{asyncio.get_running_loop().time():10.3f} {text}")

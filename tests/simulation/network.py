"""What lies between the controller and its servers: delays drawn from the seed, and a record of what passed."""

from __future__ import annotations

import asyncio
from random import Random


class Network:
    """Each message takes its own time, so that a seed is one order of events. `trace`: what an observer would note."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.trace: list[str] = []

    async def pass_through(self, *, slowest: float) -> None:
        """One way, from a millisecond up to `slowest` seconds."""
        await asyncio.sleep(0.001 + self._random.random() * slowest)

    def note(self, text: str) -> None:
        """Record something at the present moment."""
        self.trace.append(f"{asyncio.get_running_loop().time():10.3f} {text}")

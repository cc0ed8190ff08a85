"""How long the event loop lets nothing else run: a task that wants to run every millisecond, and how late it comes."""

from __future__ import annotations

import asyncio
import time

_TICK = 0.001  # seconds


class Pulse:
    """`longest`: seconds since it was last set to zero."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def run(self) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(_TICK)
            now = time.perf_counter()
            self.longest = max(self.longest, now - last - _TICK)
            last = now

    def reset(self) -> float:
        """The longest standstill so far; counts anew from here on."""
        longest, self.longest = self.longest, 0.0
        return longest

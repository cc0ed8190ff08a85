"""How long the event loop lets nothing else run: a task that wants to run every millisecond, and how late it comes."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

_TICK = 0.001  # seconds


@dataclass(frozen=True, slots=True)
class Standstill:
    """Seconds. `longest`: by the clock, so that whatever else runs on the machine is in it, and other threads.

    `busiest`: the most CPU that the loop's own thread used between two turns of the loop.
    """

    longest: float
    busiest: float


class Pulse:
    """What was worst since it was last asked."""

    def __init__(self) -> None:
        self._longest = 0.0
        self._busiest = 0.0

    async def run(self) -> None:
        last, used = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(_TICK)
            now, using = time.perf_counter(), time.thread_time()
            self._longest = max(self._longest, now - last - _TICK)
            self._busiest = max(self._busiest, using - used)
            last, used = now, using

    def worst(self) -> Standstill:
        """Counts anew from here on."""
        found = Standstill(self._longest, self._busiest)
        self._longest = self._busiest = 0.0
        return found

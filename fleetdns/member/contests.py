"""Exports on the hub that somebody else keeps replacing: two agents with one cluster's name, most likely.

Each puts its own back, since one of them may be right; but not again and again without a pause.
"""

from __future__ import annotations

from collections.abc import Callable

from fleetdns.api.meta import ObjectKey

PAUSE = 60.0  # seconds between two times that the same export is put back


class Contests:
    """`clock`: the loop's."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._put_back: dict[ObjectKey, float] = {}

    def wait(self, service: ObjectKey) -> float:
        """Seconds until the export of a Service may be put back again."""
        last = self._put_back.get(service)
        return 0.0 if last is None else max(0.0, last + PAUSE - self._clock())

    def note(self, service: ObjectKey) -> None:
        """It is put back now."""
        self._put_back[service] = self._clock()

    def forget(self, service: ObjectKey) -> None:
        """Nobody exports it any more."""
        self._put_back.pop(service, None)

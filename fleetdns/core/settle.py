"""How long what is still moving is left alone, so that things that arrive one after the other become one write.

`kubectl apply -f dir/` becomes one PUT, and 200 clusters that join at once one import.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

QUIET = 0.2
LIMIT = 2.0
_OVER = 0.001  # seconds; sums of floats miss by less, and a wait that a clock cannot measure never ends


@dataclass(frozen=True, slots=True)
class Settling(Generic[T]):
    """What was asked for at the last look, since when it has been so, and since when somebody has waited (seconds)."""

    asked: T
    unchanged_since: float
    waiting_since: float


def settling(before: Settling[T] | None, asked: T, *, now: float) -> Settling[T]:
    """The state after one more look."""
    if before is None:
        return Settling(asked, now, now)
    if before.asked != asked:
        return Settling(asked, now, before.waiting_since)
    return before


def remaining(state: Settling[T], *, now: float, lacking: float | None = None) -> float:
    """Seconds still to wait; 0 when things were quiet for long enough or have moved for too long.

    `lacking`: something is known to be still on its way; it is waited for as long as the limit and so many seconds.
    """
    latest = state.waiting_since + LIMIT
    until = min(state.unchanged_since + QUIET, latest) if lacking is None else latest + lacking
    return until - now if until - now > _OVER else 0.0

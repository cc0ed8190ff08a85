"""How long to wait after a failure: exponential, capped, jittered, with the randomness passed in."""

import math
from collections.abc import Hashable
from dataclasses import dataclass
from random import Random
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

_ROUNDING = 0.001  # seconds; a try that was due may begin a trifle before its time


@dataclass(frozen=True, slots=True)
class Backoff:
    """base, base*factor, base*factor^2 ... up to cap seconds, each then stretched by up to jitter (1.0: up to doubled).

    The jitter comes after the cap, as in client-go: callers that failed together do not come back together.
    """

    base: float
    factor: float
    cap: float
    jitter: float

    def __post_init__(self) -> None:
        if not (0 < self.base <= self.cap and self.factor >= 1 and self.jitter >= 0):
            raise ValueError(f"a back-off needs 0 < base <= cap, factor >= 1 and jitter >= 0: {self}")

    def delay(self, attempt: int, random: Random) -> float:
        """Seconds to wait after failure number attempt, counted from 0."""
        return self._without_jitter(attempt) * (1 + self.jitter * random.random())

    def _without_jitter(self, attempt: int) -> float:
        growth = self.cap / self.base
        # By logarithms: factor ** attempt overflows for a key that has failed for weeks.
        if attempt * math.log(self.factor) >= math.log(growth):
            return self.cap
        return self.base * self.factor**attempt


@dataclass(frozen=True, slots=True)
class _Streak:
    """Failures in a row, but for the first, and when the next try is due after the last of them."""

    count: int
    due_at: float


class Failures(Generic[K]):
    """Failures in a row of each key, counted per kind of back-off: quick retries do not lengthen a later slow one."""

    def __init__(self) -> None:
        self._streaks: dict[K, dict[Backoff, _Streak]] = {}

    def due(self, key: K, backoff: Backoff, *, now: float, random: Random) -> float:
        """When a key that failed now is to be tried again.

        A key that ran before that time, because something else wanted it to, and failed once more, keeps its time:
        three changes at once must not make it wait as long as three tries.
        """
        streaks = self._streaks.setdefault(key, {})
        last = streaks.get(backoff)
        if last is not None and now < last.due_at - _ROUNDING:
            return last.due_at
        count = 0 if last is None else last.count + 1
        streaks[backoff] = _Streak(count, now + backoff.delay(count, random))
        return streaks[backoff].due_at

    def forget(self, key: K) -> None:
        """The key has succeeded, or is gone."""
        self._streaks.pop(key, None)

    def __len__(self) -> int:
        return len(self._streaks)


class RestingBackoff:
    """A back-off that starts again at its base once nothing has failed for reset_after seconds."""

    def __init__(self, backoff: Backoff, *, reset_after: float, random: Random) -> None:
        self._backoff = backoff
        self._reset_after = reset_after
        self._random = random
        self._attempt = 0
        self._last = -math.inf  # when the last wait was due to end

    def delay(self, now: float) -> float:
        """Seconds to wait after a failure at now."""
        if now - self._last > self._reset_after:
            self._attempt = 0
        delay = self._backoff.delay(self._attempt, self._random)
        self._attempt += 1
        self._last = now + delay
        return delay

    def restart(self) -> None:
        """The next failure is of another kind: it is the first one."""
        self._attempt = 0

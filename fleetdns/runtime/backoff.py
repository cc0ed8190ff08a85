"""How long to wait after a failure: exponential, capped, jittered, with the randomness passed in."""

import math
from collections.abc import Hashable
from dataclasses import dataclass
from random import Random
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


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


class Failures(Generic[K]):
    """Failures in a row of each key, counted per kind of back-off: quick retries do not lengthen a later slow one."""

    def __init__(self) -> None:
        self._counts: dict[K, dict[Backoff, int]] = {}

    def attempt(self, key: K, backoff: Backoff) -> int:
        """Count one more failure; gives the number of those before it."""
        counts = self._counts.setdefault(key, {})
        before = counts.get(backoff, 0)
        counts[backoff] = before + 1
        return before

    def forget(self, key: K) -> None:
        """The key has succeeded, or is gone."""
        self._counts.pop(key, None)

    def __len__(self) -> int:
        return len(self._counts)


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

"""How often something may be asked for: a token bucket as a value of time."""

from __future__ import annotations

_CLOSE_ENOUGH = 1e-6  # tokens; sums of floats miss by less


class TokenBucket:
    """Full at first with `capacity` tokens; grows by `rate` tokens a second. `now`: seconds of any steady clock."""

    def __init__(self, *, capacity: float, rate: float, now: float) -> None:
        self.capacity = capacity
        self._rate = rate
        self._tokens = capacity  # as of _at
        self._at = now

    def tokens(self, now: float) -> float:
        """How many tokens there are."""
        return min(self.capacity, self._tokens + max(0.0, now - self._at) * self._rate)

    def take(self, now: float) -> bool:
        """Take one; False when there is none."""
        tokens = self.tokens(now)
        if tokens < 1 - _CLOSE_ENOUGH:
            return False
        self._tokens, self._at = tokens - 1, now
        return True

    def wait(self, now: float) -> float:
        """Seconds until there is one."""
        return max(0.0, (1 - self.tokens(now)) / self._rate)

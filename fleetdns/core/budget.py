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
        self._opens_at = now

    def tokens(self, now: float) -> float:
        """How many tokens there are."""
        if self.closed_for(now) > 0:
            return 0.0
        return min(self.capacity, self._tokens + max(0.0, now - self._at) * self._rate)

    def take(self, now: float, amount: int = 1) -> bool:
        """Take so many; False, and none is taken, when there are fewer."""
        tokens = self.tokens(now)
        if tokens < amount - _CLOSE_ENOUGH:
            return False
        self._tokens, self._at = tokens - amount, now
        return True

    def give_back(self, now: float, amount: int) -> None:
        """Tokens that were taken and not used."""
        if self.closed_for(now) > 0:
            return
        self._tokens, self._at = min(self.capacity, self.tokens(now) + amount), now

    def close(self, until: float) -> None:
        """Give nothing before `until`, one then, and go on from there at the usual rate."""
        if until > self._opens_at:
            self._tokens, self._at, self._opens_at = 1.0, until, until

    def closed_for(self, now: float) -> float:
        """Seconds until a bucket that was closed opens again."""
        return max(0.0, self._opens_at - now)

    def wait(self, now: float, amount: float = 1) -> float:
        """Seconds until there are so many, if nobody takes any; `amount` may be more than there is ever room for."""
        closed = self.closed_for(now)
        return closed + max(0.0, (amount - self.tokens(now + closed)) / self._rate)

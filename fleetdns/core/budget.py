"""How often something may be asked for: a token bucket as a value of time."""

from __future__ import annotations

_CLOSE_ENOUGH = 1e-6  # tokens; sums of floats miss by less
_PROBATION = 20.0  # seconds after which the one that was let through is not waited for any more
_LOOK_AGAIN = 1.0  # seconds


class TokenBucket:
    """Full at first with `capacity` tokens; grows by `rate` tokens a second. `now`: seconds of any steady clock.

    Closed, it gives nothing until a time, one token then, and goes on once somebody says how that one fared.
    """

    def __init__(self, *, capacity: float, rate: float, now: float) -> None:
        self.capacity = capacity
        self._rate = rate
        self._tokens = capacity  # as of _grows_from
        self._grows_from = now
        self._opens_at = now

    def tokens(self, now: float) -> float:
        """How many tokens there are."""
        if self.closed_for(now) > 0:
            return 0.0
        return min(self.capacity, self._tokens + max(0.0, now - self._grows_from) * self._rate)

    def take(self, now: float, amount: int = 1) -> bool:
        """Take so many; False, and none is taken, when there are fewer."""
        tokens = self.tokens(now)
        if tokens < amount - _CLOSE_ENOUGH:
            return False
        self._hold(tokens - amount, now)
        return True

    def give_back(self, now: float, amount: int) -> None:
        """Tokens that were taken and not used; a bucket that was closed meanwhile does not take them back, and one that
        let somebody try lets somebody else.
        """
        if self.closed_for(now) <= 0:
            self._hold(min(self.room(now), self.tokens(now) + amount), now)

    def close(self, until: float) -> None:
        """Give nothing before `until`."""
        if until > self._opens_at:
            self._tokens, self._opens_at, self._grows_from = 1.0, until, until + _PROBATION

    def prove(self, now: float) -> None:
        """Whatever was let through was not refused: the bucket fills again."""
        if self.closed_for(now) <= 0 and self._is_on_probation(now):
            self._grows_from = now

    def room(self, now: float) -> float:
        """How many tokens there can be at once."""
        return 1.0 if self.closed_for(now) > 0 or self._is_on_probation(now) else self.capacity

    def grown(self, seconds: float) -> float:
        """How many tokens come in that time."""
        return self._rate * max(0.0, seconds)

    def closed_for(self, now: float) -> float:
        """Seconds until a bucket that was closed opens again."""
        return max(0.0, self._opens_at - now)

    def wait(self, now: float, amount: float = 1) -> float:
        """Seconds until there are so many, if nobody takes any; `amount` may be more than there is ever room for."""
        opens = now + self.closed_for(now)
        missing = amount - self.tokens(opens)
        if missing <= 0:
            return opens - now
        proven = _LOOK_AGAIN if self._is_on_probation(opens) else 0.0
        return opens - now + proven + missing / self._rate

    def _is_on_probation(self, now: float) -> bool:
        return now < self._grows_from and self._opens_at < self._grows_from

    def _hold(self, tokens: float, now: float) -> None:
        self._tokens = tokens
        if not self._is_on_probation(now):
            self._grows_from = now

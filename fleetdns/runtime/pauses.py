"""How long a reflector waits after an error: longer each time, and briefly again where somebody is waiting for news."""

from collections.abc import Callable
from random import Random

from .backoff import Backoff, RestingBackoff
from .listwatch import ListWatchError, NotServed, Throttled, Unavailable

# client-go waits up to 30 s, doubled by jitter. One request of each kind every ten seconds is no burden to a server,
# and a minute more is a long time to those who wait for its return.
_RETRY = Backoff(base=0.8, factor=2.0, cap=10.0, jitter=1.0)
_RETRY_RESETS_AFTER = 120.0
# Looking for a kind is one cheap 404, and somebody who has just created it is waiting.
_LOOK_AGAIN = Backoff(base=1.0, factor=1.5, cap=10.0, jitter=0.5)


class Pauses:
    """Those of one reflector. `on_not_served` is told how many times in a row the server did not have the kind."""

    def __init__(self, *, random: Random, on_not_served: Callable[[int], None]) -> None:
        self._random = random
        self._on_not_served = on_not_served
        self._backoff = RestingBackoff(_RETRY, reset_after=_RETRY_RESETS_AFTER, random=random)
        self._looks = 0  # answers in a row that the kind is not served
        self._is_out_of_reach = False  # the last failure was that the server did not answer

    def served(self) -> None:
        """The server has the kind: it gave the whole state."""
        self._looks = 0

    def after(self, error: ListWatchError, *, now: float) -> float:
        """Seconds until it is tried again. `now`: the loop's time."""
        if isinstance(error, NotServed):
            self._looks += 1
            self._on_not_served(self._looks)
            return _LOOK_AGAIN.delay(self._looks - 1, self._random)
        was_out_of_reach, self._is_out_of_reach = self._is_out_of_reach, isinstance(error, Unavailable)
        if was_out_of_reach and not self._is_out_of_reach:
            self._backoff.restart()
        pause = self._backoff.delay(now)
        if isinstance(error, Throttled) and error.retry_after is not None:
            # Never before it was asked for, and not together with everybody else who was asked the same.
            return max(pause, error.retry_after * self._random.uniform(1.0, 1.1))
        return pause

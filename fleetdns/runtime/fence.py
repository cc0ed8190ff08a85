"""Says whether a write may start: only while our lease outlives it, by this machine's own clock."""

import math
from collections.abc import Callable


class Fence:
    """Closed until it is extended, and for ever once it is closed. clock, margin: seconds; clock never goes back.

    margin pays for clocks that do not run at the same speed, and for the moment between the question and the write.
    """

    def __init__(self, clock: Callable[[], float], *, margin: float) -> None:
        self._clock = clock
        self._margin = margin
        self._until = -math.inf
        self._last_end = math.inf  # when the last write has to have ended, whatever the lease allows
        self._is_closed = False

    @property
    def left(self) -> float:
        """Seconds until no write may start any more; negative when that time is over, or never began."""
        return -math.inf if self._is_closed else self._until - self._margin - self._clock()

    def valid_for(self, seconds: float) -> bool:
        """Whether a write that takes so long ends while nobody else can hold the lease."""
        return 0 <= seconds <= min(self.left, self._last_end - self._clock())

    def extend(self, until: float) -> None:
        """Nobody else can hold the lease before this moment."""
        self._until = max(self._until, until)

    def end_by(self, moment: float) -> None:
        """No write starts that may not have ended by then: we are going to stop."""
        self._last_end = min(self._last_end, moment)

    def close(self) -> None:
        """No write starts from now on, whatever happens to the lease."""
        self._is_closed = True

"""Azure that fails for everybody: after a run of failures one call at a time tries whether it is over, and all others
wait for that. How often a service that is down is asked does not depend on how many profiles there are.

A lane is what fails together: the reads or the writes of one resource group.

state      on a failure                                            on a success
open       closes after 5 failures in a row, of 3 askers or more   stays
closed     the next try later, 2 s doubling to 30 s                opens, and everybody may go on

Whoever did not fail before goes first, and after 12 s at most: it may be that only some profiles fail, and their tries
must not keep the others from showing that Azure works. Whoever asks during a try is told when the next would be if this
one failed now; if it succeeds, everybody is woken.

What fails for one or two alone closes nothing: each of them waits by itself, 1 s doubling to 10 s. When somebody else
succeeds they may try at once; whoever fails then, too, has a trouble of its own: 5 s doubling to 30 s.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

L = TypeVar("L", bound=Hashable)

_FAILURES = 5
_ASKERS = 3  # what fails for one or two alone is their own
_FIRST_TRY = 2.0
_SLOWEST_TRY = 30.0
_SLOWEST_FIRST_TRY = 12.0  # seconds; of somebody who did not fail before
_AHEAD = 0.5  # seconds by which such a one comes before those who failed
_FIRST_OWN = 1.0
_SLOWEST_OWN = 10.0
_FIRST_IN_VAIN = 5.0
_JITTER = 0.2
_MISSED = 300.0  # seconds; whoever waits for a lane comes back far sooner


@dataclass(frozen=True, slots=True)
class _Closed:
    """`tried_until`: somebody who failed before tries now, or did and was never heard of again; `first_until`: the same
    of somebody who did not. `trier`: who that is.

    at       without jitter                          who did not fail may try at    who failed may try at
    0.0 s    the lane closes                         1.5 s                          2.0 s
    1.5 s    one who did not fail tries              5.8 s: as if it failed now     6.3 s
    2.0 s    that fails                              5.5 s                          6.0 s
    6.0 s    one who failed tries, and fails         13.5 s                         14.0 s
    14.0 s   the same                                25.5 s: 12 s at most           30.0 s
    30.0 s   the same                                41.5 s                         60.0 s
    """

    tries: int
    since: float
    next_try: float
    tried_until: float = 0.0
    first_until: float = 0.0
    trier: str = ""

    def until(self, now: float, *, has_failed: bool) -> float:
        """When it is worth asking again for somebody who does not try now, and failed before or did not."""
        if has_failed:
            after_this = now + _pause(self.tries + 1, 1.0)
            return max(self.next_try, min(after_this, max(self.tried_until, self.first_until)))
        after_this = now + min(_pause(self.tries + 1, 1.0), _SLOWEST_FIRST_TRY) - _AHEAD
        return max(min(self.next_try, self.since + _SLOWEST_FIRST_TRY) - _AHEAD, min(after_this, self.first_until))


@dataclass(frozen=True, slots=True)
class _Failing:
    """Somebody whose last call failed: how often in a row, when last, and when it may ask again.

    `has_chance`: somebody else has succeeded since; `in_vain`: how many such chances it had.
    """

    times: int
    heard: float
    next_try: float
    has_chance: bool = False
    in_vain: int = 0

    def with_chance(self) -> _Failing:
        pause = min(_SLOWEST_TRY, _FIRST_IN_VAIN * 2 ** min(self.in_vain - 1, 8)) if self.in_vain else 0.0
        return self if self.has_chance else replace(self, next_try=self.heard + pause, has_chance=True)


class Outages(Generic[L]):
    """`longest`: seconds that one call may take. Times: seconds of one steady clock."""

    def __init__(self, *, longest: float) -> None:
        self._longest = longest
        self._failures: dict[L, tuple[int, frozenset[str]]] = {}  # in a row, and who had them
        self._failing: dict[L, dict[str, _Failing]] = {}  # by asker
        self._closed: dict[L, _Closed] = {}

    def wait(self, lane: L, asker: str, now: float, *, tries: bool) -> float | None:
        """Seconds until it is worth asking again; None: a call may be made now.

        `tries`: it is made, so that nobody else tries a closed lane at the same time.
        """
        closed, own = self._closed.get(lane), self._failing.get(lane, {}).get(asker)
        if closed is None:
            return own.next_try - now if own is not None and own.next_try > now else None
        has_failed = own is not None
        if asker == closed.trier:
            return None
        until = closed.until(now, has_failed=has_failed)
        if until > now:
            return until - now
        if tries:
            heard = now + self._longest
            trying = replace(closed, tried_until=heard) if has_failed else replace(closed, first_until=heard)
            self._closed[lane] = replace(trying, trier=asker)
        return None

    def gave_up(self, asker: str) -> None:
        """Who was to try a lane did not, or was never heard of: somebody else may."""
        for lane, closed in self._closed.items():
            if closed.trier == asker:
                self._closed[lane] = replace(closed, tried_until=0.0, first_until=0.0, trier="")

    def closed(self, now: float) -> tuple[L, ...]:
        """The lanes that are closed, without those that nobody has tried for long: nobody wants anything of them."""
        lanes = tuple(self._closed.items())  # a copy: a scrape may come from another thread
        return tuple(lane for lane, closed in lanes if now <= closed.next_try + _MISSED)

    def failed(self, lane: L, asker: str, *, now: float, jitter: float) -> bool:
        """A call failed in a way that tells of Azure, not of what was asked. `jitter`: 0..1; True: the lane closes."""
        self._note(lane, asker, now, jitter)
        closed = self._closed.get(lane)
        if closed is not None:
            if closed.trier == asker:  # others that were on their way when the lane closed say nothing new
                self._closed[lane] = _again(closed.tries + 1, now, jitter)
            return False
        count, askers = self._failures.get(lane, (0, frozenset()))
        count, askers = count + 1, askers | {asker} if len(askers) < _ASKERS else askers
        self._failures[lane] = (count, askers)
        if count < _FAILURES or len(askers) < _ASKERS:
            return False
        del self._failures[lane]
        self._closed[lane] = _again(0, now, jitter)
        return True

    def succeeded(self, lane: L, asker: str) -> bool:
        """Azure did what it was asked to, or refused it for a reason; True: the lane was closed and is open now."""
        self._failures.pop(lane, None)
        failing = self._failing.pop(lane, {})
        others = {name: found.with_chance() for name, found in failing.items() if name != asker}
        if others:
            self._failing[lane] = others
        return self._closed.pop(lane, None) is not None

    def _note(self, lane: L, asker: str, now: float, jitter: float) -> None:
        failing = self._failing.setdefault(lane, {})
        if lane not in self._closed:  # while it is closed, most of those who failed do not get to try
            for name in [name for name, found in failing.items() if found.heard + _MISSED < now]:
                del failing[name]
        before = failing.get(asker, _Failing(0, now, now))
        delay = min(_SLOWEST_OWN, _FIRST_OWN * 2 ** min(before.times, 8)) * (1 + _JITTER * jitter)
        failing[asker] = _Failing(before.times + 1, now, now + delay, in_vain=before.in_vain + before.has_chance)


def _again(tries: int, now: float, jitter: float) -> _Closed:
    return _Closed(tries, now, now + _pause(tries, jitter))


def _pause(tries: int, jitter: float) -> float:
    return min(_SLOWEST_TRY, _FIRST_TRY * 2.0 ** min(tries, 8)) * (1 + _JITTER * jitter)

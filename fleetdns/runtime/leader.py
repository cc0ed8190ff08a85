"""Leader election over a lease, by client-go's rules: at any moment at most one replica may write.

A record of somebody else's is overruled only after it stayed unchanged for its own duration, by this machine's
monotonic clock. Whoever cannot renew stops before the others may begin; the fence says so even to a process that slept.
"""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import NoReturn, Protocol

from .fence import Fence
from .lease import Lease, LeaseConflict, LeaseError, LeaseRecord, LeaseStore

_JITTER = 1.2  # client-go's: a retry takes up to 2.2 times as long
_EARLIER = 0.1  # a renewal comes up to so much before its time: replicas must not knock in step
_INSTANT = 0.01  # seconds; too short for a request, and a timer may fire so much before its time
_FAREWELL = 3.0  # seconds for giving the lease back; a process that stops has not much time
_RELEASED_FOR = 1  # seconds; a lease of 0 would not be valid


class LeadershipLost(Exception):
    """Another replica leads, or may begin to at any moment; the text says why, as a sentence."""


@dataclass(frozen=True, slots=True)
class Timing:
    """duration: whole seconds that a lease lasts; interval: seconds from one renewal to the next."""

    duration: int
    interval: float

    @property
    def retry(self) -> float:
        """Seconds between two looks of one who waits, or whose renewal failed; before jitter."""
        return self.interval / 5

    @property
    def margin(self) -> float:
        """Seconds that the holder stops before the others may begin."""
        return self.duration / 20

    @property
    def patience(self) -> float:
        """Seconds for one attempt in all: a peer that hangs must leave time for another attempt."""
        return self.interval


class LeaderObserver(Protocol):
    """Told of changes only, never of single attempts."""

    def following(self, holder: str, /) -> None:
        """Somebody else holds the lease."""
        return

    def leading(self) -> None:
        """The lease is ours."""
        return

    def failing(self, problem: str, /) -> None:
        """The lease cannot be read or written, for another reason than before."""
        return

    def recovered(self) -> None:
        """It can be again."""
        return

    def lost(self, because: str, /) -> None:
        """We led, and do not any more."""
        return

    def released(self) -> None:
        """The lease was given back."""
        return


class NoLeaderObserver(LeaderObserver):
    """Sees nothing."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A record, and when it was first seen so, on the loop's clock."""

    record: LeaseRecord
    at: float


class Elector:
    """One candidate for one lease, from its campaign to its end; a lost leadership does not come back.

    acquire(), then keep() while the work is done, then release(). now: wall clock, aware, for the record's times.
    """

    def __init__(
        self,
        store: LeaseStore,
        *,
        identity: str,
        timing: Timing,
        now: Callable[[], datetime],
        random: Random,
        observer: LeaderObserver | None = None,
    ) -> None:
        self.identity = identity
        self._store = store
        self._timing = timing
        self._now = now
        self._random = random
        self._observer: LeaderObserver = observer or NoLeaderObserver()
        self._clock = asyncio.get_running_loop().time
        self.fence = Fence(self._clock, margin=timing.margin)
        self._seen: _Seen | None = None
        self._missing_since: float | None = None  # when a lease that had been seen was first found gone
        self._held: Lease | None = None  # what the next renewal replaces; None: read before writing
        self._holder: str | None = None  # whom the observer was told of last
        self._problem: str | None = None

    @property
    def is_leading(self) -> bool:
        """The lease is ours, with time left to do something."""
        return self.fence.left > 0

    @property
    def holder(self) -> str | None:
        """Who led when we last looked; None: nobody, or nobody knows."""
        return self._seen.record.holder or None if self._seen else None

    @property
    def problem(self) -> str | None:
        """Why the last attempt failed; None when it did not."""
        return self._problem

    async def acquire(self) -> None:
        """Returns once the lease is ours; failures are told to the observer and tried again for ever."""
        while True:
            if await self._attempt(self._timing.patience) and self.is_leading:
                self._observer.leading()
                return
            await asyncio.sleep(self._look_pause())

    async def keep(self) -> NoReturn:
        """Renew until cancelled. Raises LeadershipLost, with the fence closed, before anybody else may begin."""
        pause = self._renewal_pause()
        while True:
            await asyncio.sleep(max(0.0, min(pause, self.fence.left)))
            left = self.fence.left
            if left < _INSTANT:
                raise self._lost(f"the lease was not renewed within {self._timing.duration - self._timing.margin:g} s")
            if await self._attempt(min(self._timing.patience, left)):
                pause = self._renewal_pause()
                continue
            if self._is_overruled:
                raise self._lost(f"{self.holder} holds the lease")
            pause = self._retry_pause()

    async def release(self) -> None:
        """Give the lease back if it is ours, so that another can lead at once. Every write must have ended."""
        self.fence.close()
        self._held = None
        try:
            async with asyncio.timeout(_FAREWELL):
                while not await self._is_given_back():
                    pass
        except TimeoutError:
            self._fail(f"no answer within {_FAREWELL:g} s")
        except LeaseError as error:
            self._fail(str(error))

    async def _attempt(self, patience: float) -> bool:
        """One round of at most so many seconds; whether it ended with a lease of ours."""
        started = self._clock()
        try:
            async with asyncio.timeout(patience):
                lease = await self._claimed()
        except LeaseConflict:
            self._held = None
            lease = None
        except TimeoutError:
            return self._fail(f"no answer within {self._timing.patience:g} s")
        except LeaseError as error:
            return self._fail(str(error))
        self._succeed()
        if lease is None:
            self._follow()
            return False
        self._held, self._seen = lease, _Seen(lease.record, self._clock())
        # Others count from the moment they see it, which is after the request was sent.
        self.fence.extend(started + self._timing.duration)
        return True

    async def _claimed(self) -> Lease | None:
        """The lease, taken or renewed; None while it is somebody else's."""
        if self._held is not None:
            try:
                return await self._store.replace(self._held, self._claim(self._held.record))
            except LeaseConflict:
                self._held = None
        found = await self._store.read()
        if found is None:
            return await self._store.create(self._claim(None)) if self._may_make else None
        self._see(found.record)
        return await self._store.replace(found, self._claim(found.record)) if self._may_take else None

    def _see(self, record: LeaseRecord) -> None:
        self._missing_since = None
        if self._seen is None or self._seen.record != record:
            self._seen = _Seen(record, self._clock())

    @property
    def _may_take(self) -> bool:
        return self._clock() >= self._runs_out

    @property
    def _runs_out(self) -> float:
        """When the record that was seen may be overruled; long ago when it is nobody's, or ours."""
        if self._seen is None or not self._is_overruled:
            return -math.inf
        return self._seen.at + (self._seen.record.duration or self._timing.duration)

    @property
    def _may_make(self) -> bool:
        """A lease that was deleted under its holder may still be trusted by it: then wait as for one that is held."""
        if self._seen is None or self.is_leading:
            return True
        if self._missing_since is None:
            self._missing_since = self._clock()
        return self._clock() >= self._missing_since + max(self._seen.record.duration, self._timing.duration)

    @property
    def _is_overruled(self) -> bool:
        return self._seen is not None and self._seen.record.holder not in ("", self.identity)

    def _claim(self, before: LeaseRecord | None) -> LeaseRecord:
        now, duration = self._now(), self._timing.duration
        if before is None:
            return LeaseRecord(self.identity, duration, acquired_at=now, renewed_at=now)
        if before.holder == self.identity:
            return replace(before, duration=duration, renewed_at=now)
        return LeaseRecord(self.identity, duration, acquired_at=now, renewed_at=now, transitions=before.transitions + 1)

    async def _is_given_back(self) -> bool:
        """False when somebody wrote in between."""
        lease = await self._store.read()
        if lease is None or lease.record.holder != self.identity:
            return True
        now = self._now()
        free = replace(lease.record, holder="", duration=_RELEASED_FOR, acquired_at=now, renewed_at=now)
        try:
            await self._store.replace(lease, free)
        except LeaseConflict:
            return False
        self._observer.released()
        return True

    def _fail(self, problem: str) -> bool:
        # The write may have happened: what is stored now has to be read.
        self._held = None
        # While nobody looked it may have been there, and have gone once more.
        self._missing_since = None
        if problem != self._problem:
            self._problem = problem
            self._observer.failing(problem)
        return False

    def _succeed(self) -> None:
        if self._problem is not None:
            self._problem = None
            self._observer.recovered()

    def _follow(self) -> None:
        if self._is_overruled and self.holder != self._holder:
            self._holder = self.holder
            self._observer.following(self.holder or "")

    def _lost(self, because: str) -> LeadershipLost:
        self.fence.close()
        self._observer.lost(because)
        return LeadershipLost(because)

    def _look_pause(self) -> float:
        """Until the next look of one who waits: at the latest when the lease has run out, not a retry after that."""
        pause = self._retry_pause()
        left = self._runs_out - self._clock()
        return min(pause, left + _INSTANT) if left > 0 else pause

    def _renewal_pause(self) -> float:
        return self._timing.interval * (1 - _EARLIER * self._random.random())

    def _retry_pause(self) -> float:
        return self._timing.retry * (1 + _JITTER * self._random.random())

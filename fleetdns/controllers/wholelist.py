"""The list of the whole subscription, with which a start begins, and what stands in for it.

what it is answered                            what is listed
everything                                     that
refused: rights on groups only                 the groups that are known
fails again and again, though groups answer    the groups that are known, and all of it when it answers one day
fails, and so do the groups                    nothing: Azure is down, and is asked again

It may be too long for the time it has, or break on somebody else's profile. What is in groups that nobody names is
seen in no other way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from random import Random
from typing import TypeVar

from fleetdns.controllers.index import AzureIndex
from fleetdns.errors import Bug, Deferred, FleetDNSError, Forbidden, Throttled
from fleetdns.runtime.backoff import Backoff

TRIES = 3  # times that it fails before groups are asked whether it is this list alone
_ROUND = 0.9  # of the time between two sweeps, which is never shorter: no group is asked more than by sweeps
_AGAIN = Backoff(base=60.0, factor=2.0, cap=3600.0, jitter=0.5)  # it may take a minute each time, for nothing

T = TypeVar("T")


class WholeList:
    """`see_groups` lists the groups that are known and says whether any answered; `interval`: seconds between sweeps.

    `failed` hears of each time that something else stands in for it; `tries`: how often it has to fail before that.
    """

    def __init__(
        self,
        index: AzureIndex,
        subscription: str,
        *,
        see_groups: Callable[[], Awaitable[bool]],
        failed: Callable[[FleetDNSError], None],
        interval: float,
        clock: Callable[[], float],
        random: Random,
        tries: int = TRIES,
    ) -> None:
        self._index = index
        self._subscription = subscription
        self._see_groups = see_groups
        self._failed = failed
        self._interval = interval
        self._clock = clock
        self._random = random
        self._tries = tries
        self._in_vain = 0  # times that it failed
        self._groups_asked = -inf  # when groups were last asked because of that
        self._due = inf  # when it is asked for again, while groups stand in for it

    async def first(self) -> None:
        """Everything that a start can see. Raises what keeps it from that."""
        # Groups come first: had they answered after it failed, Azure might only have come back in between.
        do_groups_answer = await self._do_groups_answer()
        try:
            await self._list()
        except Forbidden:
            await self._see_groups()
        except (Throttled, Deferred):  # it says itself when it may be asked for
            raise
        except FleetDNSError as error:
            if not do_groups_answer:
                self._in_vain += 1
                raise
            self._stand_in(error)

    @property
    def is_due(self) -> bool:
        """Whether it is to be asked for again, beside the sweeps."""
        return self._clock() >= self._due

    async def again(self) -> bool:
        """Ask for it once more, where groups stand in for it; whether it answers."""
        self._due = inf
        try:
            await self._list()
        except FleetDNSError as error:
            self._stand_in(error)
            return False
        return True

    def _stand_in(self, error: FleetDNSError) -> None:
        self._due = self._clock() + _AGAIN.delay(max(0, self._in_vain - self._tries), self._random)
        self._in_vain += 1
        self._failed(error)

    async def _do_groups_answer(self) -> bool:
        """Whether they do although it fails; asked once a sweep at most."""
        now = self._clock()
        if self._in_vain < self._tries or now - self._groups_asked < _ROUND * self._interval:
            return False
        self._groups_asked = now
        return await self._see_groups()

    async def _list(self) -> None:
        await answer(lambda: self._index.list_subscription(self._subscription))


async def answer(ask: Callable[[], Awaitable[T]]) -> T:
    """What a list gives; stands in the line for it, as no worker may.

    Raises FleetDNSError and nothing else: what one list brings to light of our bugs must not end the others.
    """
    while True:
        try:
            return await ask()
        except Deferred as error:
            if error.because is not None:
                raise
            await asyncio.sleep(error.retry_after)
        except FleetDNSError:
            raise
        except Exception as bug:
            raise Bug(bug) from bug

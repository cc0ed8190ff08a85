"""Traffic Manager behind the budget of calls: what is not allowed now raises Deferred, and nothing is sent.

A reconcile opens a turn for its profile, sets aside the calls that it is about to make, and makes them. Calls outside
of any turn (lists, name checks) stand in the line alone. Every answer teaches: a 429 closes a bucket for everybody, a
run of failures closes the lane, and the first success opens it again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from random import Random
from typing import TypeAlias, TypeVar

from fleetdns.controllers.ports import TrafficManager
from fleetdns.core.callbudget import (
    ENDPOINT_DELETES,
    ENDPOINT_WRITES,
    LISTS,
    NAME_CHECKS,
    PROFILE_DELETES,
    PROFILE_READS,
    PROFILE_WRITES,
    USER,
    CallBudget,
    Kind,
    Need,
    Wait,
)
from fleetdns.core.calls import DeleteEndpoint, DeleteProfile, PatchProfile, PutEndpoint, PutProfile
from fleetdns.core.outage import Outages
from fleetdns.core.trafficmanager import Endpoint, Listing, Profile, ProfileRef
from fleetdns.errors import Deferred, FleetDNSError, Forbidden, NotLeading, Throttled, Unavailable
from fleetdns.retry import SHORTEST_PAUSE

T = TypeVar("T")
Lane: TypeAlias = tuple[str, str, str]  # folded subscription and resource group, "reads" or "writes"

_READS = frozenset({PROFILE_READS, LISTS, NAME_CHECKS})
LONGEST_CALL = 20.0  # seconds; a try that was not heard of for so long was lost


class MeteredTrafficManager:
    """Fulfils the controllers' TrafficManager. `budget` None: that of Azure's documented limits.

    `clock`: seconds, the loop's; `on_recovered`: a lane is open again.
    """

    def __init__(
        self,
        azure: TrafficManager,
        budget: CallBudget | None,
        *,
        clock: Callable[[], float],
        random: Random,
        on_recovered: Callable[[], None],
    ) -> None:
        self.budget = budget or CallBudget(now=clock())
        self.outages: Outages[Lane] = Outages(longest=LONGEST_CALL)
        self._azure = azure
        self._clock = clock
        self._random = random
        self._on_recovered = on_recovered
        self._turns: dict[str, int] = {}  # account -> urgency, while somebody works on it
        self._last: dict[str | Lane, FleetDNSError] = {}  # why a bucket or a lane is closed

    def available(self) -> Mapping[str, float]:
        """The calls that may be made at once, by bucket."""
        return self.budget.available(self._clock())

    def failing(self) -> tuple[str, ...]:
        """ "reads" or "writes" for each lane in which Azure fails for everybody."""
        return tuple(lane[2] for lane in self.outages.closed(self._clock()))

    @contextmanager
    def turn(self, ref: ProfileRef, *, urgency: int) -> Iterator[None]:
        """While somebody works on a profile; what was set aside for it and not used goes back at the end."""
        self._turns[ref.folded] = urgency
        try:
            yield
        finally:
            self._turns.pop(ref.folded, None)  # two objects may claim one profile
            self.outages.gave_up(ref.folded)
            self.budget.release(ref.folded, now=self._clock())

    def reserve(self, ref: ProfileRef, need: Need) -> None:
        """Set calls aside for the profile whose turn it is. Raises Deferred when it has to wait for any of them."""
        now = self._clock()
        lanes = sorted({_lane(kind, ref.subscription, ref.resource_group) for kind in need})
        for lane in lanes:
            self._check_lane(lane, ref.folded, now)
        wait = self.budget.reserve(ref.folded, need, urgency=self._turns.get(ref.folded, USER), now=now)
        if wait is not None:
            raise self._deferred(wait)
        for lane in lanes:
            # Whoever reads in order to write is the one that tries: others need not read for nothing.
            self.outages.wait(lane, ref.folded, now, tries=True)

    async def get(self, ref: ProfileRef) -> Profile | None:
        return await self._of(ref, PROFILE_READS, lambda: self._azure.get(ref))

    async def list_group(self, subscription: str, resource_group: str) -> Listing:
        # Not held up by a closed lane: sweeps come once a minute, and are how it is seen that Azure is back.
        lane = _lane(LISTS, subscription, resource_group)
        account = f"list {resource_group.lower()}"
        return await self._sent(
            account, LISTS, lane, lambda: self._azure.list_group(subscription, resource_group), is_try=True
        )

    async def list_subscription(self, subscription: str) -> Listing:
        lane = _lane(LISTS, subscription, "")
        return await self._sent("list", LISTS, lane, lambda: self._azure.list_subscription(subscription), is_try=True)

    async def put_profile(self, call: PutProfile) -> Profile:
        return await self._of(call.ref, PROFILE_WRITES, lambda: self._azure.put_profile(call))

    async def patch_profile(self, call: PatchProfile) -> Profile:
        return await self._of(call.ref, PROFILE_WRITES, lambda: self._azure.patch_profile(call))

    async def delete_profile(self, call: DeleteProfile) -> None:
        await self._of(call.ref, PROFILE_DELETES, lambda: self._azure.delete_profile(call))

    async def put_endpoint(self, call: PutEndpoint) -> Endpoint:
        return await self._of(call.ref, ENDPOINT_WRITES, lambda: self._azure.put_endpoint(call))

    async def delete_endpoint(self, call: DeleteEndpoint) -> None:
        await self._of(call.ref, ENDPOINT_DELETES, lambda: self._azure.delete_endpoint(call))

    async def is_name_available(self, subscription: str, relative_name: str) -> bool:
        return await self._sent(
            f"name {relative_name.lower()}",
            NAME_CHECKS,
            _lane(NAME_CHECKS, subscription, ""),
            lambda: self._azure.is_name_available(subscription, relative_name),
        )

    async def _of(self, ref: ProfileRef, kind: Kind, send: Callable[[], Awaitable[T]]) -> T:
        return await self._sent(ref.folded, kind, _lane(kind, ref.subscription, ref.resource_group), send)

    async def _sent(
        self, account: str, kind: Kind, lane: Lane, send: Callable[[], Awaitable[T]], *, is_try: bool = False
    ) -> T:
        now = self._clock()
        if not is_try:
            self._check_lane(lane, account, now)
        wait = self.budget.spend(account, kind, urgency=self._turns.get(account, USER), now=now)
        if account not in self._turns:
            self.budget.release(account, now=now)
        if wait is not None:
            raise self._deferred(wait)
        self.outages.wait(lane, account, now, tries=True)
        try:
            result = await send()
        except FleetDNSError as error:
            self._learn(account, kind, lane, error)
            raise
        finally:
            if account not in self._turns:
                self.outages.gave_up(account)  # where it was cut off, or answered nothing that tells of the lane
        self._recover(account, kind, lane)
        return result

    def _check_lane(self, lane: Lane, account: str, now: float) -> None:
        seconds = self.outages.wait(lane, account, now, tries=False)
        if seconds is None:
            return
        because = self._last[lane]
        raise Deferred(because.code, because.sentence, retry_after=seconds, because=because)

    def _learn(self, account: str, kind: Kind, lane: Lane, error: FleetDNSError) -> None:
        now = self._clock()
        match error:
            case NotLeading():  # nothing was sent
                return
            case Throttled():
                # With no pause at all, or a date that is past by our clock, each of those who wait would try in turn.
                until = now + max(SHORTEST_PAUSE, error.retry_after)
                closed = self.budget.throttled(kind, error.code, until=until)
                self._last[closed] = error.again()
            case Unavailable() | Forbidden():
                self._last[lane] = error.again()
                self.outages.failed(lane, account, now=now, jitter=self._random.random())
            case _:
                self._recover(account, kind, lane)

    def _recover(self, account: str, kind: Kind, lane: Lane) -> None:
        self.budget.answered(kind, now=self._clock())
        if self.outages.succeeded(lane, account):
            self._on_recovered()

    def _deferred(self, wait: Wait) -> Deferred:
        if wait.is_closed and wait.kind in self._last:
            because = self._last[wait.kind]
            return Deferred(because.code, because.sentence, retry_after=wait.seconds, because=because)
        return Deferred("AzureCallBudget", _WAITING, retry_after=wait.seconds)


_WAITING = "more changes wait than Azure takes calls for in a minute; this one stands in the line"


def is_trouble(error: FleetDNSError) -> bool:
    """Whether this passes when Azure is itself again, so that it is worth a try as soon as that is seen."""
    if isinstance(error, Deferred):
        return error.because is not None
    return isinstance(error, Unavailable | Forbidden | Throttled)


def _lane(kind: Kind, subscription: str, resource_group: str) -> Lane:
    return subscription.lower(), resource_group.lower(), "reads" if kind in _READS else "writes"

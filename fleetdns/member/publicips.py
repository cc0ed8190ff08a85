"""The public IPs of the resource groups in use: one list for all Services, fresh where an address is not known yet.

Over time a group is listed once a minute (or per interval, where that is shorter) and no more, whatever is asked for. A
few lists may come earlier, each after twice the pause of the one before, and the later ones wait for it.

An address is missing when a list that was begun after the question does not have it: a list that is older than a load
balancer proves nothing about its address, and one that leaves out what was known a minute ago, or what an agent before
this one told the hub, is asked for once more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Protocol

from fleetdns.api.service import RESOURCE_GROUP_ANNOTATION
from fleetdns.core.budget import TokenBucket
from fleetdns.core.publicip import Finding, NotThere, PublicIP, Untold, folded_address
from fleetdns.errors import FleetDNSError, Forbidden, Rejected, Throttled
from fleetdns.member.ports import PublicIPs

_IN_HAND = 4  # lists that may come early, after a quiet time
_FIRST_PAUSE = 2.0  # seconds between the first two of those
_JITTER = 0.1
_SUSTAINED = 60.0  # seconds between lists of a group, in the long run
_QUESTIONS_KEPT = 7200.0  # seconds since an address was last asked for; Azure may ask for a pause of an hour
_ON_TIME = 0.8  # of the interval: a group that was listed later than that is left out of a sweep


class PublicIPObserver(Protocol):
    """Told how lists go."""

    def listed(self, resource_group: str, changed: int) -> None:
        """So many addresses were not as known."""
        ...

    def list_failed(self, resource_group: str, error: FleetDNSError) -> None:
        """What was known before stands."""
        ...


@dataclass(frozen=True, slots=True)
class _Question:
    """When an address that is not known was first asked for, and when last. `is_doubted`: a list that does not have it
    was not believed.
    """

    first: float
    last: float
    is_doubted: bool = False


@dataclass(slots=True)
class _Group:
    """One resource group. `listed_at` None: it never answered; otherwise when the list was begun."""

    name: str
    bucket: TokenBucket
    by_address: Mapping[str, PublicIP] = field(default_factory=dict)
    questions: dict[str, _Question] = field(default_factory=dict)
    listed_at: float | None = None
    asked_at: float | None = None
    error: FleetDNSError | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class PublicIPDirectory:
    """`interval`: seconds; `in_use`: the groups to be listed in each sweep; `clock`: the loop's.

    `changed` is called with the addresses of which something else is known than before.
    """

    def __init__(
        self,
        azure: PublicIPs,
        *,
        subscription: str,
        interval: float,
        in_use: Callable[[], Iterable[str]],
        changed: Callable[[frozenset[str]], None],
        observer: PublicIPObserver,
        clock: Callable[[], float],
        random: Random,
    ) -> None:
        self._azure = azure
        self._subscription = subscription
        self._interval = interval
        self._in_use = in_use
        self._changed = changed
        self._observer = observer
        self._clock = clock
        self._random = random
        self._groups: dict[str, _Group] = {}  # by folded name
        self._closed_until = clock()  # before that Azure does not want to be asked, whatever the group
        self._closed_by: Throttled | None = None

    async def find(
        self, resource_group: str, address: str, *, is_enough: Callable[[PublicIP], bool], is_told: bool = False
    ) -> Finding:
        """What is known of an address. Where that is not enough it is asked for, once for all who wait for it.

        `is_told`: the hub has it, so that a first list that leaves it out is not believed.
        """
        group = self._group(resource_group)
        address = folded_address(address)
        if self._has(group, address, is_enough):
            return group.by_address[address]
        if address not in group.by_address:
            self._asked(group, address)
        async with group.lock:
            if not self._has(group, address, is_enough) and self.wait(resource_group) == 0:
                await self._list(group)
        return self._finding(group, address, is_told=is_told)

    def wait(self, resource_group: str) -> float:
        """Seconds until the group may be listed again."""
        group, now = self._group(resource_group), self._clock()
        paused = 0.0
        if group.asked_at is not None:
            early = group.bucket.capacity - group.bucket.tokens(now)
            paused = group.asked_at + _FIRST_PAUSE * 2 ** max(0.0, early - 1) - now
        return max(0.0, self._closed_until - now, group.bucket.wait(now), paused)

    async def run(self) -> None:
        """Sweep for ever, with jitter: labels come and go in Azure without any change of a Service."""
        while True:
            await asyncio.sleep(self._interval * (1 + _JITTER * (2 * self._random.random() - 1)))
            await self.sweep()

    async def sweep(self) -> None:
        """List every group in use that was not listed lately, and forget the others."""
        used = {name.lower(): name for name in self._in_use()}
        self._groups = {folded: group for folded, group in self._groups.items() if folded in used}
        for name in used.values():
            group = self._group(name)
            async with group.lock:
                if self._is_due(group):
                    await self._list(group)

    def _is_due(self, group: _Group) -> bool:
        now = self._clock()
        is_recent = group.listed_at is not None and now - group.listed_at < _ON_TIME * self._interval
        return not is_recent and now >= self._closed_until and group.bucket.wait(now) == 0

    def _group(self, name: str) -> _Group:
        folded = name.lower()
        if folded not in self._groups:
            bucket = TokenBucket(capacity=_IN_HAND, rate=1 / min(self._interval, _SUSTAINED), now=self._clock())
            self._groups[folded] = _Group(name, bucket)
        return self._groups[folded]

    @staticmethod
    def _has(group: _Group, address: str, is_enough: Callable[[PublicIP], bool]) -> bool:
        found = group.by_address.get(address)
        return found is not None and is_enough(found)

    def _asked(self, group: _Group, address: str) -> _Question:
        now = self._clock()
        before = group.questions.get(address)
        group.questions[address] = _Question(now, now) if before is None else replace(before, last=now)
        return group.questions[address]

    async def _list(self, group: _Group) -> None:
        """One call; a failure is remembered and changes nothing that is known."""
        group.asked_at = self._clock()
        group.bucket.take(group.asked_at)
        try:
            found = await self._azure.list_group(self._subscription, group.name)
        except FleetDNSError as error:
            group.error = error
            if isinstance(error, Throttled):
                self._closed_until, self._closed_by = self._clock() + error.retry_after, error
            self._observer.list_failed(group.name, error)
            return
        before, now = group.by_address, {ip.address: ip for ip in found}
        differing = frozenset(
            address for address in before.keys() | now.keys() if before.get(address) != now.get(address)
        )
        group.by_address, group.listed_at, group.error = now, group.asked_at, None
        oldest = self._clock() - _QUESTIONS_KEPT
        group.questions = {a: asked for a, asked in group.questions.items() if a not in now and asked.last > oldest}
        for address in before.keys() - now.keys():
            self._doubt(group, address)
        self._observer.listed(group.name, len(differing))
        if differing:
            self._changed(differing)

    def _doubt(self, group: _Group, address: str) -> None:
        """Nothing that was begun until now says that it is missing."""
        now = self._clock()
        group.questions[address] = _Question(now, now, is_doubted=True)

    def _finding(self, group: _Group, address: str, *, is_told: bool) -> Finding:
        found = group.by_address.get(address)
        if found is not None:
            return found
        if group.error is not None:
            return Untold(_failure(group.name, group.error))
        if self._closed_by is not None and self._clock() < self._closed_until:
            return Untold(_failure(group.name, self._closed_by))
        question = self._asked(group, address)
        if group.listed_at is None or group.listed_at < question.first:
            return Untold(None)
        if is_told and not question.is_doubted:
            self._doubt(group, address)
            return Untold(None)
        return NotThere(
            f"no public IP of resource group {group.name} has the address {address}; if it lies in another group, "
            f"name that in the Service's annotation {RESOURCE_GROUP_ANNOTATION} or as the agent's "
            "--public-ip-resource-group",
            group.name,
        )


def _failure(group: str, error: FleetDNSError) -> str:
    said = f"the public IPs of resource group {group} cannot be listed: {error.code}: {error.sentence.rstrip('.')}"
    match error:
        case Forbidden():
            needs = "a valid credential, and Microsoft.Network/publicIPAddresses/read there"
            return f"{said}; the agent's identity needs {needs}"
        case Rejected():
            return f"{said}; check the name of the group, and the agent's --subscription-id"
    return said

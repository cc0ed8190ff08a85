"""Keeps what is known of Azure fresh: one list per resource group in use per sweep, and a look at whatever changed.

A sweep that fails changes nothing. While a group is silent for longer than `patience`, its profiles are looked at so
that their status can say so, and again when it speaks. Until Azure was listed once, that is tried more often.

Groups are listed one after the other while they answer. One that takes long holds up neither the others nor the next
sweep, which leaves it out as long as its list is on its way. At the start, which whatever is made new waits for, one
that fails holds up what concerns it and nothing else, and one that says nothing the others for one call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable
from random import Random
from typing import Any, Protocol

from fleetdns.api.meta import ObjectKey
from fleetdns.controllers.caches import Caches
from fleetdns.controllers.index import AzureIndex
from fleetdns.controllers.wholelist import TRIES, WholeList, answer
from fleetdns.core.identity import Identity, Naming, identify
from fleetdns.core.naming import profile_tag
from fleetdns.core.outcome import Failure
from fleetdns.core.trafficmanager import ProfileRef
from fleetdns.errors import Deferred, FleetDNSError, Throttled
from fleetdns.retry import SHORTEST_PAUSE
from fleetdns.runtime.backoff import Backoff

_JITTER = 0.1
_FIRST = Backoff(base=1.0, factor=2.0, cap=60.0, jitter=0.5)
_TURN = 1.0  # seconds that a group has before the next one is listed beside it


class SweepObserver(Protocol):
    """Told how sweeps go."""

    def swept(self, resource_group: str, changed: int) -> None:
        """A resource group ("": everything, at the start) was listed; so many profiles were not as known."""
        ...

    def sweep_failed(self, resource_group: str, error: FleetDNSError) -> None:
        """A list failed ("" for the whole subscription); the next sweep tries again."""
        ...

    def fell_silent(self, resource_group: str, profiles: int, because: Failure | None) -> None:
        """Nothing was heard for long of so many profiles, and `because` is what is told of it."""
        ...

    def spoke_again(self, resource_group: str, profiles: int) -> None:
        """They are heard of again."""
        ...


class Sweep:
    """`enqueue` is called with each key worth a look; `interval` and `patience` in seconds; `clock`: the loop's."""

    def __init__(
        self,
        caches: Caches,
        index: AzureIndex,
        *,
        naming: Naming,
        enqueue: Callable[[ObjectKey], None],
        observer: SweepObserver,
        interval: float,
        patience: float,
        clock: Callable[[], float],
        random: Random,
        troubled: Collection[ObjectKey] = (),
        orphaned: Callable[[], Iterable[str]] = tuple,
        tries: int = TRIES,
    ) -> None:
        """`troubled`: the keys that wait for Azure to be itself again; who owns them keeps them true.

        `orphaned`: the folded groups that hold profiles nobody stands for any more; `tries`: of a WholeList.
        """
        self._orphaned = orphaned
        self._troubled = troubled
        self._caches = caches
        self._index = index
        self._naming = naming
        self._enqueue = enqueue
        self._observer = observer
        self._interval = interval
        self._patience = patience
        self._clock = clock
        self._random = random
        self._last_begun = clock()  # when the last sweep began, or the last try of the first listing
        self._all_heard = clock()  # when the first listing ended, or is waited for since: for groups heard of only then
        self._last_heard: dict[str, float] = {}  # folded group -> when its own list last gave an answer
        self._under_way: set[str] = set()  # folded groups whose list is being waited for: none is asked for twice
        self._told_silent: set[str] = set()  # folded groups whose profiles say in status that nothing is heard of them
        self._whole = WholeList(
            index,
            naming.subscription,
            see_groups=self._see_groups,
            failed=lambda error: observer.sweep_failed("", error),
            interval=interval,
            clock=clock,
            random=random,
            tries=tries,
        )

    async def first(self) -> None:
        """List everything once, so that nothing is made twice; a failure is remembered and tried again by run()."""
        self._last_begun = self._clock()
        try:
            await self._whole.first()
        except FleetDNSError as error:
            # It is the cause for groups that have none of their own, and what profiles show must not turn each time.
            self._failed("", error, is_told=bool(self._told_silent))
            self._index.listing_ended(error)
        else:
            self._all_heard = self._clock()
            for group in ("", *(self.groups_known() if self._index.is_whole else ())):
                self._index.silences.heard(group)
            # With rights on groups alone it also ends where none of them answered, and that is no list that succeeded.
            if self._index.is_whole or self._last_heard or not self.groups_known():
                self._observer.swept("", 0)
            self._index.listing_ended(None)

    async def run(self) -> None:
        """Sweep for ever, with jitter: many controllers must not ask in step."""
        attempt = 0
        while not self._index.is_listed:
            await asyncio.sleep(self._pause(attempt))
            await self.first()
            attempt += 1
            self._after_first()
        async with asyncio.TaskGroup() as lists:
            while True:
                await asyncio.sleep(self._until_next())
                await self._begin(lists)

    async def once(self) -> None:
        """One sweep over every resource group in use; ends when each has answered or failed."""
        async with asyncio.TaskGroup() as lists:
            await self._begin(lists)

    async def _begin(self, lists: asyncio.TaskGroup) -> None:
        """Begin to list every group in use, within half an interval whatever they answer."""
        self._last_begun = self._clock()
        groups = self._by_group()
        used = tuple(identity.ref for identities in groups.values() for identity in identities)
        for group in sorted(set(self._orphaned()) - groups.keys()):
            groups[group] = []  # nobody uses it; that an orphan has gone is seen nowhere else
        if self._whole.is_due:
            lists.create_task(self._see_whole(), name="list everything")
        await self._begin_each(lists, groups, lambda group: self._sweep_group(group, groups[group]))
        self._index.observed.prune(used, before=self._clock() - self._patience)

    async def _begin_each(
        self, lists: asyncio.TaskGroup, groups: Collection[str], look: Callable[[str], Coroutine[Any, Any, None]]
    ) -> None:
        """Begin to look at groups, one after the other while they answer, and at all within half an interval."""
        turn = min(_TURN, self._interval / 2 / max(1, len(groups)))
        for group in [group for group in groups if group not in self._under_way]:
            self._under_way.add(group)
            listed = lists.create_task(look(group), name=f"list {group}")
            await asyncio.wait({listed}, timeout=turn)

    def _until_next(self) -> float:
        """Seconds until Azure is to be listed again, with jitter."""
        due = self._last_begun + self._interval * (1 + _JITTER * (2 * self._random.random() - 1))
        return max(0.0, due - self._clock())

    def _pause(self, attempt: int) -> float:
        """Seconds until the first listing is tried again: no later than a sweep would be."""
        error = self._index.list_error
        if isinstance(error, Throttled | Deferred):
            return max(SHORTEST_PAUSE, error.retry_after)
        return max(SHORTEST_PAUSE, min(_FIRST.delay(attempt, self._random), self._until_next()))

    def _after_first(self) -> None:
        for group, identities in self._by_group().items():
            if self._index.is_listed:
                self._look_at(identities)
            else:
                self._note_silence(group, identities)

    async def _see_whole(self) -> None:
        """What is in groups that nobody names, where the start had to do without."""
        if await self._whole.again():
            self._observer.swept("", 0)
            self._look_at(self._identities())

    async def _see_groups(self) -> bool:
        """List the groups that are known; whether any answered."""
        began = self._clock()
        async with asyncio.TaskGroup() as lists:
            await self._begin_each(lists, self.groups_known(), self._see_group)
        return any(heard >= began for heard in self._last_heard.values())

    async def _see_group(self, group: str) -> None:
        """One that does not answer, or that anybody may name and nobody may read, must not keep the others from being
        served: what concerns it waits until it was seen.
        """
        try:
            await self._list_group(group)
        except FleetDNSError as error:
            self._failed(group, error, is_told=group in self._told_silent)
        else:
            self._last_heard[group] = self._clock()
            self._index.silences.heard(group)
        finally:
            self._under_way.discard(group)

    def groups_known(self) -> list[str]:
        """The folded groups that objects or settings name."""
        groups = {identity.ref.resource_group.lower() for identity in self._identities()}
        groups |= {group for _, group in self._naming.allowed or ()}
        if self._naming.resource_group:
            groups.add(self._naming.resource_group.lower())
        return sorted(groups)

    async def _sweep_group(self, group: str, identities: list[Identity]) -> None:
        now = self._clock()
        try:
            changed = await self._list_group(group)
        except FleetDNSError as error:
            self._failed(group, error, is_told=group in self._told_silent)
            self._note_silence(group, identities)
            return
        finally:
            self._under_way.discard(group)
        self._index.silences.heard(group)
        self._observer.swept(group, len(changed))
        self._last_heard[group] = now
        folded = {ref.folded for ref in changed}
        was_silent = group in self._told_silent
        if was_silent:
            self._told_silent.discard(group)
            self._observer.spoke_again(group, len(identities))
        self._look_at(i for i in identities if was_silent or i.ref.folded in folded or i.key in self._troubled)

    async def _list_group(self, group: str) -> tuple[ProfileRef, ...]:
        """The profiles of a group that changed."""
        return await answer(lambda: self._index.list_group(self._naming.subscription, group))

    def _failed(self, group: str, error: FleetDNSError, *, is_told: bool) -> None:
        self._observer.sweep_failed(group, error)
        now = self._clock()
        self._index.silences.failed(group, error, is_told=is_told, patience=self._patience, now=now)

    def _note_silence(self, group: str, identities: Collection[Identity]) -> None:
        if self._clock() - self._last_heard.get(group, self._all_heard) <= self._patience:
            return
        if identities and group not in self._told_silent:
            self._told_silent.add(group)
            self._observer.fell_silent(group, len(identities), self._index.silences.because(group))
        self._look_at(identities)

    def _look_at(self, identities: Iterable[Identity]) -> None:
        for identity in identities:
            self._enqueue(identity.key)

    def _by_group(self) -> dict[str, list[Identity]]:
        """The profiles that may be looked after, by folded resource group."""
        groups: dict[str, list[Identity]] = {}
        for identity in sorted(self._identities(), key=lambda identity: identity.ref.folded):
            groups.setdefault(identity.ref.resource_group.lower(), []).append(identity)
        return groups

    def _identities(self) -> list[Identity]:
        found = (
            identify(
                profile, azure=self._index.candidates(profile_tag(profile.metadata.key), None), naming=self._naming
            )
            for profile in self._caches.profiles.values()
        )
        return [identity for identity in found if isinstance(identity, Identity)]

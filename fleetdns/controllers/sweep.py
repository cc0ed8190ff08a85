"""Keeps what is known of Azure fresh: one list per resource group in use per sweep, and a look at whatever changed.

A sweep that fails changes nothing. When a group was silent for longer than `patience`, its profiles are looked at so
that their status can say so, and again when it speaks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from random import Random
from typing import Protocol

from fleetdns.api.meta import ObjectKey
from fleetdns.controllers.caches import Caches
from fleetdns.controllers.index import AzureIndex
from fleetdns.core.identity import Identity, Naming, locate
from fleetdns.core.naming import profile_tag
from fleetdns.errors import FleetDNSError, Forbidden, Throttled

_JITTER = 0.1


class SweepObserver(Protocol):
    """Told how sweeps go."""

    def swept(self, resource_group: str, changed: int) -> None:
        """A resource group was listed; so many profiles were not as known."""
        ...

    def sweep_failed(self, resource_group: str, error: FleetDNSError) -> None:
        """A list failed ("" for the whole subscription); the next sweep tries again."""
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
    ) -> None:
        self._caches = caches
        self._index = index
        self._naming = naming
        self._enqueue = enqueue
        self._observer = observer
        self._interval = interval
        self._patience = patience
        self._clock = clock
        self._random = random
        self._heard: dict[str, float] = {}  # folded group -> when it last answered, or when it was first asked
        self._silent: set[str] = set()  # folded groups whose profiles were told so

    async def first(self) -> None:
        """List everything once, so that nothing is made twice; a failure is remembered and tried again by run()."""
        try:
            await self._list_everything()
        except FleetDNSError as error:
            self._observer.sweep_failed("", error)
            self._index.listing_ended(error)
        else:
            self._index.listing_ended(None)

    async def run(self) -> None:
        """Sweep for ever, with jitter: many controllers must not ask in step."""
        while True:
            await asyncio.sleep(self._interval * (1 + _JITTER * (2 * self._random.random() - 1)))
            await self.once()

    async def once(self) -> None:
        """One sweep over every resource group in use."""
        was_listed = self._index.is_listed
        if not was_listed:
            await self.first()
        if self._index.is_listed != was_listed:
            self._look_at(self._identities())
        identities = self._identities()
        for group in sorted({identity.ref.resource_group.lower() for identity in identities}):
            await self._sweep_group(group, [i for i in identities if i.ref.resource_group.lower() == group])

    async def _list_everything(self) -> None:
        try:
            await self._index.list_subscription(self._naming.subscription)
        except Forbidden:
            # Rights on resource groups only: then the groups that are known have to do.
            for group in self._groups_known():
                await self._index.list_group(self._naming.subscription, group)

    def _groups_known(self) -> list[str]:
        groups = {identity.ref.resource_group.lower() for identity in self._identities()}
        groups |= {group for _, group in self._naming.allowed or ()}
        if self._naming.resource_group:
            groups.add(self._naming.resource_group.lower())
        return sorted(groups)

    async def _sweep_group(self, group: str, identities: list[Identity]) -> None:
        now = self._clock()
        self._heard.setdefault(group, now)
        try:
            changed = await self._index.list_group(self._naming.subscription, group)
        except FleetDNSError as error:
            self._observer.sweep_failed(group, error)
            self._note_silence(group, identities)
            if isinstance(error, Throttled):
                await asyncio.sleep(error.retry_after)
            return
        self._observer.swept(group, len(changed))
        self._heard[group] = now
        folded = {ref.folded for ref in changed}
        was_silent = group in self._silent
        self._silent.discard(group)
        self._look_at(i for i in identities if was_silent or i.ref.folded in folded)

    def _note_silence(self, group: str, identities: Iterable[Identity]) -> None:
        if group not in self._silent and self._clock() - self._heard[group] > self._patience:
            self._silent.add(group)
            self._look_at(identities)

    def _look_at(self, identities: Iterable[Identity]) -> None:
        for identity in identities:
            self._enqueue(identity.key)

    def _identities(self) -> list[Identity]:
        found = (
            locate(profile, azure=self._index.candidates(profile_tag(profile.metadata.key), None), naming=self._naming)
            for profile in self._caches.profiles.values()
        )
        return [identity for identity in found if isinstance(identity, Identity)]

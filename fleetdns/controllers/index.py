"""What is known of Azure, shared by the reconciler and the sweep: observations, whether Azure was listed at all, and
what lists that failed were answered.

A new process lists before it makes anything new: a profile it cannot see yet may be the one it is about to make twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from math import inf

from fleetdns.controllers.ports import Reads
from fleetdns.core.cause import Silences
from fleetdns.core.grouplists import GroupLists
from fleetdns.core.observed import GET, Observation, ObservedProfiles
from fleetdns.core.trafficmanager import Listing, Profile, ProfileRef
from fleetdns.errors import FleetDNSError, Forbidden, Transient

_RECORDED_AT_ONCE = 10  # profiles; comparing so many takes 2 ms where each has 200 endpoints


class AzureIndex:
    """Reads of Traffic Manager with memory. `clock`: seconds, the loop's."""

    def __init__(self, azure: Reads, *, clock: Callable[[], float]) -> None:
        self.observed = ObservedProfiles()
        self.silences = Silences()
        self._azure = azure
        self._clock = clock
        self._list_error: FleetDNSError | None = None
        self._is_listed = False
        self._is_whole = False  # the whole subscription was listed, not only groups
        self._refusal: Forbidden | None = None  # of the whole subscription
        self._groups = GroupLists()

    def candidates(self, tag: str, ref: ProfileRef | None) -> tuple[Profile, ...]:
        """Every profile known that could be one object's: those with its tag, and the one a reference names."""
        named = self.observed.get(ref) if ref is not None else None
        return (*self.observed.tagged(tag), *((named.profile,) if named and named.profile else ()))

    def known(self, ref: ProfileRef) -> Observation | None:
        return self.observed.get(ref)

    def age(self, ref: ProfileRef) -> float:
        """Seconds since what is known of a profile was asked for; endless where nothing is."""
        known = self.observed.get(ref)
        return self._clock() - known.started if known is not None else inf

    async def read(self, ref: ProfileRef) -> Profile | None:
        """One GET, remembered."""
        started = self._clock()
        profile = await self._azure.get(ref)
        self.observed.read(ref, profile, source=GET, started=started)
        return profile

    async def list_group(self, subscription: str, resource_group: str) -> tuple[ProfileRef, ...]:
        """List a resource group; the profiles whose picture changed, those that are gone among them."""
        started, group = self._clock(), (subscription.lower(), resource_group.lower())
        try:
            listing = await self._azure.list_group(subscription, resource_group)
        except FleetDNSError as error:
            self._groups.failed(group, error, now=self._clock())
            raise
        known = self.observed.known_in(resource_group, subscription)
        expected = [ref for ref in known if not listing.may_hold(ref)]
        changed = await self._record(listing, expected=expected, started=started)
        self._groups.seen(group)
        return changed

    async def list_subscription(self, subscription: str) -> None:
        """List everything once; Forbidden where only resource groups may be read."""
        started = self._clock()
        try:
            listing = await self._azure.list_subscription(subscription)
        except Forbidden as error:
            self._refusal = error
            raise
        await self._record(listing, expected=(), started=started)
        self._is_whole = True

    async def see_homes(self, ref: ProfileRef, tag: str, *, others: Iterable[str]) -> None:
        """Before anything new is made at `ref` for the object that `tag` names: what its group holds was seen once, and
        the other groups that may hold its profile already (folded), and what a lost write may have left for it is seen
        again. Raises what keeps it from that.
        """
        if not self._is_listed:
            error = self._list_error or Transient("NotListedYet", "the profiles in Azure are still being listed")
            raise error.again()
        if not self._is_whole:
            for group in others:
                with suppress(Forbidden):  # anybody may be allowed a group that nobody may read
                    await self._see_group(ref.subscription, group)
            await self._see_group(ref.subscription, ref.resource_group)
        for lost in self.observed.unsure(tag):
            if self.observed.is_unsure(lost):  # it was when the first of them was read; a list may have shown it since
                await self.read(lost)

    async def _see_group(self, subscription: str, resource_group: str) -> None:
        now, group = self._clock(), (subscription.lower(), resource_group.lower())
        if self._groups.is_seen(group):
            return
        error = self._groups.waits(group, now=now)
        if error is not None:
            raise error
        self._groups.asked(group, now=now)
        await self.list_group(subscription, resource_group)

    def listing_ended(self, error: FleetDNSError | None) -> None:
        """The first listing came to an end: what may be listed was asked for, or `error` says why not. Of groups that
        did not answer each is seen before anything is made in it.
        """
        self._list_error = error
        self._is_listed = error is None

    @property
    def is_whole(self) -> bool:
        """Whether the whole subscription was seen once, and not only the groups that are known."""
        return self._is_whole

    @property
    def refusal(self) -> Forbidden | None:
        """Why the whole subscription may not be seen, where it was last asked for in vain."""
        return None if self._is_whole or self._refusal is None else self._refusal.again()

    @property
    def is_listed(self) -> bool:
        """Whether everything that may be ours has been seen once, but for groups that do not answer."""
        return self._is_listed

    @property
    def list_error(self) -> FleetDNSError | None:
        """Why Azure could not be listed yet; None before the first attempt and after the first success."""
        return self._list_error

    async def _record(
        self, listing: Listing, *, expected: Iterable[ProfileRef], started: float
    ) -> tuple[ProfileRef, ...]:
        """Record a whole list, a few profiles at a time. What is written between them is newer than the list."""
        changed: list[ProfileRef] = []
        for first in range(0, len(listing.profiles), _RECORDED_AT_ONCE):
            some = listing.profiles[first : first + _RECORDED_AT_ONCE]
            changed += self.observed.listed(some, expected=(), started=started)
            await asyncio.sleep(0)
        present = {profile.ref.folded for profile in listing.profiles}
        missing = (ref for ref in expected if ref.folded not in present)
        changed += self.observed.listed((), expected=missing, started=started)
        return tuple(sorted(changed, key=lambda ref: ref.folded))

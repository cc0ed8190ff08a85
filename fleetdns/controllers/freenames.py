"""Tells a DNS name that is in use elsewhere from other collisions, and looks for a free one to offer in its place."""

from __future__ import annotations

from collections import OrderedDict

from fleetdns.controllers.ports import TrafficManager
from fleetdns.core.calls import Call, PutProfile
from fleetdns.core.freename import similar_names
from fleetdns.core.trafficmanager import Profile
from fleetdns.errors import Conflict, FleetDNSError, NameTaken, NotLeading

_REMEMBERED = 1024  # offers; those of profiles that are long gone make room


class FreeNames:
    """Asks once for each profile and name: the refused PUT is repeated, and what is offered must not change with it."""

    def __init__(self, azure: TrafficManager) -> None:
        self._azure = azure
        self._offers: OrderedDict[tuple[str, str], str | None] = OrderedDict()

    async def explained(self, call: Call, error: FleetDNSError, *, is_new: bool) -> FleetDNSError:
        """A 409 on creating a profile means two things; the name check tells which."""
        is_answer = isinstance(error, Conflict) and not isinstance(error, NotLeading)
        if not (is_new and isinstance(call, PutProfile) and is_answer):
            return error
        name = call.profile.relative_name
        try:
            is_available = await self._azure.is_name_available(call.ref.subscription, name)
        except FleetDNSError as failed:
            return failed
        if is_available:
            return error
        free = await self.offer(call.profile)
        return NameTaken(error.code, f"the DNS name {name} is in use elsewhere", free=free)

    async def offer(self, profile: Profile) -> str | None:
        """A name that was free a moment ago; None where none of the few that were tried is, or nobody could say."""
        key = (profile.ref.folded, profile.relative_name.lower())
        if key not in self._offers:
            try:
                found = await self._first_free(profile)
            except FleetDNSError:
                return None  # worth no failure; the next try asks again
            self._offers[key] = found
            if len(self._offers) > _REMEMBERED:
                self._offers.popitem(last=False)
        return self._offers[key]

    async def _first_free(self, profile: Profile) -> str | None:
        for name in similar_names(profile):
            if await self._azure.is_name_available(profile.ref.subscription, name):
                return name
        return None

"""Looks for a free DNS name to offer where the one that was asked for is in use elsewhere."""

from __future__ import annotations

from collections import OrderedDict

from fleetdns.controllers.ports import TrafficManager
from fleetdns.core.freename import similar_names
from fleetdns.core.trafficmanager import Profile
from fleetdns.errors import FleetDNSError

_REMEMBERED = 1024  # offers; those of profiles that are long gone make room


class FreeNames:
    """Asks once for each profile and name: the refused PUT is repeated, and what is offered must not change with it."""

    def __init__(self, azure: TrafficManager) -> None:
        self._azure = azure
        self._offers: OrderedDict[tuple[str, str], str | None] = OrderedDict()

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

"""What may be an object's profile in Azure already, seen before anything new is made for it."""

from __future__ import annotations

from typing import TypeGuard

from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.controllers.index import AzureIndex
from fleetdns.core.identity import Identity, Unidentified, adoption, homes, identify, unadoptable
from fleetdns.core.memory import Settings
from fleetdns.core.naming import profile_tag


class Identities:
    """Of objects, from what the index knows of Azure and what it is made to look at."""

    def __init__(self, index: AzureIndex, settings: Settings) -> None:
        self._index = index
        self._naming = settings.naming
        self._sweep = settings.sweep

    def identity(self, profile: TrafficManagerProfile) -> Identity | Unidentified:
        """By what is known."""
        azure = self._index.candidates(profile_tag(profile.metadata.key), adoption(profile, self._naming))
        return identify(profile, azure=azure, naming=self._naming)

    async def seen(self, profile: TrafficManagerProfile) -> Identity | Unidentified:
        """After a look at all that may be this object's: what is made before that may be the same thing twice, or
        another one than somebody asked for. Raises what keeps it from looking.
        """
        identity = self.identity(profile)
        named = adoption(profile, self._naming)
        if _is_new(identity) and named is not None and self._index.age(named) >= self._sweep:
            # Nobody sweeps a group for a profile that may be somebody else's.
            await self._index.read(named)
            identity = self.identity(profile)
        if _is_new(identity):
            tag, others = profile_tag(profile.metadata.key), homes(profile, self._naming)
            await self._index.see_homes(identity.ref, tag, others=others)
            identity = self.identity(profile)
        if _is_new(identity) and named is not None:
            known = self._index.known(named)
            there = known.profile if known is not None else None
            return Unidentified(unadoptable(named, there, self._naming), may_pass=True)
        return identity


def _is_new(identity: Identity | Unidentified) -> TypeGuard[Identity]:
    return isinstance(identity, Identity) and identity.is_new

"""Finds the profiles in Azure that no object stands for, and deletes those that somebody names.

Deleting cannot be undone, and absence must be proven: right before each deletion the hub's objects are listed again,
their definitions looked at, and the profile read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fleetdns.controllers.caches import Caches
from fleetdns.controllers.definitions import standstill
from fleetdns.controllers.index import AzureIndex
from fleetdns.controllers.informers import Sources
from fleetdns.controllers.ports import Definitions, TrafficManager
from fleetdns.controllers.snapshot import profiles_alone
from fleetdns.core.calls import DeleteProfile
from fleetdns.core.identity import Naming
from fleetdns.core.naming import HUB_TAG
from fleetdns.core.orphans import Orphan, Standing, elsewhere, orphans, standing
from fleetdns.core.trafficmanager import Profile


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a profile that was named is not deleted."""

    name: str
    because: str


class OrphanCount:
    """What a running controller knows of orphans; asks nobody."""

    def __init__(self, caches: Caches, index: AzureIndex, *, naming: Naming, namespace: str | None) -> None:
        self._caches = caches
        self._index = index
        self._naming = naming
        self._namespace = namespace

    def found(self) -> tuple[Orphan, ...] | None:
        """The orphans among what Azure was last seen to hold; None while not everything was seen."""
        unreadable = self._caches.unreadable()
        if not self._index.is_listed or unreadable.is_unnamed:
            return None
        azure = self._index.observed.present()
        stands = standing(
            azure,
            self._caches.profiles.values(),
            naming=self._naming,
            unreadable=unreadable,
            namespace=self._namespace,
        )
        return orphans(azure, stands)

    def number(self) -> int | None:
        """How many there are; None while not everything was seen."""
        found = self.found()
        return None if found is None else len(found)

    def groups(self) -> frozenset[str]:
        """The folded resource groups that hold some."""
        return frozenset(orphan.ref.resource_group.lower() for orphan in self.found() or ())


class OrphanRemoval:
    """`index`: Azure, listed just now; `clock`: seconds, the one that the index keeps."""

    def __init__(
        self,
        sources: Sources,
        index: AzureIndex,
        *,
        azure: TrafficManager,
        definitions: Definitions,
        naming: Naming,
        namespace: str | None,
        clock: Callable[[], float],
    ) -> None:
        self._sources = sources
        self._index = index
        self._azure = azure
        self._definitions = definitions
        self._naming = naming
        self._namespace = namespace
        self._clock = clock

    async def delete(self, name: str) -> Orphan | Refused:
        """Delete the profile of this name, or resource id, if it is an orphan now. Raises what keeps it from that."""
        named = [profile for profile in self._index.observed.present() if _is_called(profile, name)]
        ours = [profile for profile in named if profile.tag(HUB_TAG) == self._naming.hub_id]
        if len(ours) > 1:
            ids = ", ".join(profile.ref.resource_id for profile in ours)
            return Refused(name, f"several profiles are called so; give the resource id of one: {ids}")
        if not named:
            return Refused(name, "no profile of that name was seen in Azure")
        profile = await self._index.read((ours or named)[0].ref)
        if profile is None:
            return Refused(name, "it is not in Azure any more")
        other = elsewhere(profile, self._namespace) if ours else None
        if other is not None:
            return Refused(name, other)
        stands = await self._standing()
        if isinstance(stands, str):
            return Refused(name, stands)
        verdict = stands.judge(profile)
        if isinstance(verdict, str):
            return Refused(name, f"it is no orphan: {verdict}")
        await self._azure.delete_profile(DeleteProfile(profile.ref, verdict.because))
        self._index.observed.wrote(profile.ref, None, ended=self._clock())
        return verdict

    async def _standing(self) -> Standing | str:
        """Who stands for what now; as a sentence why nobody can say."""
        caches = await profiles_alone(self._sources)
        unreadable = caches.unreadable()
        if unreadable.is_unnamed:
            return "a TrafficManagerProfile on the hub cannot be read at all: it may be the one that stands for it"
        if unreadable.profiles:
            return f"TrafficManagerProfile {min(unreadable.profiles)} on the hub cannot be read"
        found = await standstill(self._definitions)
        if found is not None:
            return found.message
        return standing(
            self._index.observed.present(),
            caches.profiles.values(),
            naming=self._naming,
            unreadable=unreadable,
            namespace=self._namespace,
        )


def _is_called(profile: Profile, name: str) -> bool:
    return name.lower() in (profile.ref.name.lower(), profile.ref.folded)

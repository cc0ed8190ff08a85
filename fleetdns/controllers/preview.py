"""Looks at every profile as a freshly started controller would, and tells what it would do; changes nothing anywhere.

gather -> what overrides and resolution would make of it -> identity -> observe -> plan, one profile at a time.
"""

from __future__ import annotations

from dataclasses import replace

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.profile import CLEANUP_FINALIZER, RETAIN, TrafficManagerProfile
from fleetdns.controllers.caches import Caches
from fleetdns.controllers.definitions import standstill
from fleetdns.controllers.identities import Identities
from fleetdns.controllers.index import AzureIndex
from fleetdns.controllers.outcomes import OverrideOutcomes
from fleetdns.controllers.ports import Definitions
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.calls import DeleteProfile
from fleetdns.core.foresight import resolved
from fleetdns.core.identity import Identity, Unidentified, adoption, foreign_owner, homes, locate
from fleetdns.core.memory import Settings
from fleetdns.core.naming import profile_tag
from fleetdns.core.observed import LIST
from fleetdns.core.passes import Look, passes
from fleetdns.core.plan import needs_proof
from fleetdns.core.preview import ProfilePreview, Step, preview, stays
from fleetdns.core.trafficmanager import Profile, ProfileRef
from fleetdns.errors import Forbidden

_UNREADABLE = "the object cannot be read: whatever it asks for, Azure is left alone"


class Preview:
    """`caches`: the hub, whole; `index`: Azure, listed just now. `resolves_exports`: imports are ours to write."""

    def __init__(
        self,
        caches: Caches,
        index: AzureIndex,
        *,
        outcomes: OverrideOutcomes,
        definitions: Definitions,
        settings: Settings,
        resolves_exports: bool,
    ) -> None:
        self._caches = caches
        self._index = index
        self._outcomes = outcomes
        self._definitions = definitions
        self._settings = settings
        self._resolves_exports = resolves_exports

    async def every(self) -> tuple[ProfilePreview, ...]:
        """Every profile, sorted by namespace and name. Raises what keeps Azure from being read, a refusal only where
        it is that for each of them: a group that anybody may name must not keep the others from their plans.
        """
        found: list[ProfilePreview] = []
        refusals: list[Forbidden] = []
        for profile in self._caches.profiles.values():
            try:
                found.append(await self._of(profile))
            except Forbidden as error:
                refusals.append(error)
                found.append(self._refused(profile, error))
        if refusals and len(refusals) == len(found):
            raise refusals[0]
        unreadable = (ProfilePreview(key, problem=_UNREADABLE) for key in self._caches.profiles.unknown)
        return tuple(sorted((*found, *unreadable), key=lambda each: each.key))

    def _refused(self, profile: TrafficManagerProfile, error: Forbidden) -> ProfilePreview:
        group = profile.spec.resource_group or self._settings.naming.resource_group
        return ProfilePreview(profile.metadata.key, problem=f"resource group {group} may not be read: {error}")

    async def _of(self, profile: TrafficManagerProfile) -> ProfilePreview:
        aggregate = self._outcomes.foreseen(self._caches.aggregate(profile.metadata.key))
        if profile.metadata.is_deleting:
            return await self._deletion(profile)
        if aggregate.leaving_backends:
            found = await standstill(self._definitions)
            if found is not None and TrafficManagerBackend.resource.plural in found.leaving:
                # They are let go with all that they made, and then the profile is looked at without them.
                left = await self._identified(replace(aggregate, backends=aggregate.live_backends), profile)
                return left if left.steps else ProfilePreview(aggregate.key, problem=found.message)
        return await self._identified(aggregate, profile)

    async def _identified(self, aggregate: Aggregate, profile: TrafficManagerProfile) -> ProfilePreview:
        identity = await Identities(self._index, self._settings).seen(profile)
        if isinstance(identity, Unidentified):
            return ProfilePreview(aggregate.key, problem=identity.message)
        return await self._planned(aggregate, profile, identity)

    async def _planned(self, early: Aggregate, profile: TrafficManagerProfile, identity: Identity) -> ProfilePreview:
        observed = await self._observed(identity.ref)
        foreign = observed and foreign_owner(observed, identity, profile=profile, naming=self._settings.naming)
        if foreign:
            return ProfilePreview(early.key, problem=foreign)
        aggregate = resolved(early) if self._resolves_exports else early
        look = Look(aggregate, early, profile, identity, observed, self._settings)
        found = passes(look)
        if any(needs_proof(each.planned) for each in found):
            stands = await standstill(self._definitions)
            if stands is not None:
                found = passes(replace(look, standstill=stands))
        return preview(look, found)

    async def _observed(self, ref: ProfileRef) -> Profile | None:
        """As listed just now; that a list leaves a profile out is no proof that it is gone."""
        known = self._index.known(ref)
        if known is None or (known.profile is None and known.source == LIST):
            return await self._index.read(ref)
        return known.profile

    async def _deletion(self, profile: TrafficManagerProfile) -> ProfilePreview:
        key = profile.metadata.key
        is_looked_for = CLEANUP_FINALIZER in profile.metadata.finalizers and profile.spec.deletion_policy != RETAIN
        problem = stays(profile, await standstill(self._definitions) if is_looked_for else None)
        if problem is not None:
            return ProfilePreview(key, problem=f"it is being deleted; {problem}")
        identity = self._located(profile)
        if isinstance(identity, Identity) and identity.is_new:
            others = homes(profile, self._settings.naming)
            await self._index.see_homes(identity.ref, profile_tag(key), others=others)
            identity = self._located(profile)
        if isinstance(identity, Unidentified):
            return ProfilePreview(key, problem="it is being deleted; nothing in Azure is its own")
        observed = await self._index.read(identity.ref)
        if observed is None or foreign_owner(observed, identity, profile=profile, naming=self._settings.naming):
            return ProfilePreview(key, problem="it is being deleted; nothing in Azure is its own")
        call = DeleteProfile(identity.ref, "the TrafficManagerProfile is deleted")
        return ProfilePreview(key, identity.ref, identity.fqdn, steps=(Step(call),))

    def _located(self, profile: TrafficManagerProfile) -> Identity | Unidentified:
        return locate(profile, azure=self._candidates(profile), naming=self._settings.naming)

    def _candidates(self, profile: TrafficManagerProfile) -> tuple[Profile, ...]:
        named = adoption(profile, self._settings.naming)
        return self._index.candidates(profile_tag(profile.metadata.key), named)

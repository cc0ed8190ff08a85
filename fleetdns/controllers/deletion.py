"""What becomes of Azure and of the backends when a TrafficManagerProfile goes.

Deleting the object deletes the Azure profile with everything in it, unless its deletionPolicy is Retain. Its backends
stay and are told. An object that nothing was created for can always be deleted. While the very kind is being taken from
the hub, objects go as with Retain.
"""

from __future__ import annotations

from fleetdns.api.backend import CLEANUP_FINALIZER as BACKEND_FINALIZER
from fleetdns.api.meta import ObjectKey, is_marked
from fleetdns.api.profile import CLEANUP_FINALIZER as PROFILE_FINALIZER
from fleetdns.api.profile import PAUSED, RETAIN, TrafficManagerProfile
from fleetdns.controllers.apply import Applier
from fleetdns.controllers.definitions import standstill
from fleetdns.controllers.hubwrites import HubWrites
from fleetdns.controllers.metered import is_trouble
from fleetdns.controllers.surroundings import Surroundings
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.backendstatus import unprogrammed_status, without_endpoints
from fleetdns.core.callbudget import DELETION, needed
from fleetdns.core.calls import DeleteProfile
from fleetdns.core.cause import Cause, cause
from fleetdns.core.collision import colliding_since, outlasting
from fleetdns.core.events import NORMAL, Event
from fleetdns.core.identity import Identity, Unidentified, adoption, foreign_owner, homes, locate
from fleetdns.core.naming import profile_tag
from fleetdns.core.outcome import PENDING, Failure, failure_of
from fleetdns.core.status import deletion_waits_status
from fleetdns.errors import Conflict, Deferred, FleetDNSError, Transient

_NOTHING = "nothing was in Azure"


class Deletion:
    """The end of a profile object, and of what hung on it."""

    def __init__(self, around: Surroundings, applier: Applier) -> None:
        self._applier = applier
        self._index = around.index
        self._azure = around.azure
        self._definitions = around.definitions
        self._writer = around.writer
        self._settings = around.settings
        self._patience = around.patience
        self._clock = around.clock
        self._causes: dict[ObjectKey, Cause] = {}  # what was told of an outage
        self._colliding: dict[ObjectKey, float] = {}  # since when every try has met another change

    async def reconcile(self, aggregate: Aggregate) -> None:
        """`aggregate.profile` is None or being deleted."""
        if self._settings.is_dry_run:
            return
        profile = aggregate.profile
        if profile is None:
            self._causes.pop(aggregate.key, None)
            self._colliding.pop(aggregate.key, None)
            (await self._tell_backends(aggregate, "not found")).end()
            return
        if PROFILE_FINALIZER not in profile.metadata.finalizers:
            hub = await self._tell_backends(aggregate, "being deleted")
            await self._writer.remove_finalizer(profile, PROFILE_FINALIZER)
            hub.end()
            return
        is_retained = profile.spec.deletion_policy == RETAIN
        found = None if is_retained else await standstill(self._definitions)
        if found is not None and TrafficManagerProfile.resource.plural in found.leaving:
            await self._release(aggregate, profile, f"the Azure profile stays: {found.message}")
            return
        if is_marked(profile.metadata, PAUSED):
            await self._wait(profile, "annotation fleetdns.io/paused is set")
            return
        if is_retained:
            await self._release(aggregate, profile, "the Azure profile stays: deletionPolicy is Retain")
            return
        if found is not None and not found.leaving:
            await self._wait(profile, found.message)
            raise Transient("DefinitionsUnseen", found.message)
        await self._delete(aggregate, profile)

    async def _delete(self, aggregate: Aggregate, profile: TrafficManagerProfile) -> None:
        key = profile.metadata.key
        try:
            told = await self._delete_in_azure(profile)
        except FleetDNSError as raised:
            error = self._outlasting(key, raised)
            if not isinstance(error, Conflict) and (not isinstance(error, Deferred) or error.because is not None):
                failure = self._failure(key, error)
                await self._wait(profile, f"the last tries gave {failure}", failure)
            if error is raised:
                raise
            raise error from raised
        await self._release(aggregate, profile, told)

    def _outlasting(self, key: ObjectKey, error: FleetDNSError) -> FleetDNSError:
        """The error as it is to be told and tried."""
        now = self._clock()
        since = colliding_since(self._colliding.pop(key, None), error, now=now)
        if since is not None:
            self._colliding[key] = since
        return outlasting(error, since, patience=self._settings.sweep, now=now) or error

    def _failure(self, key: ObjectKey, error: FleetDNSError) -> Failure:
        """What is told of what went wrong: of an outage the cause that was told, whatever is answered by turns."""
        failure = failure_of(error)
        if not is_trouble(error):
            self._causes.pop(key, None)
            return failure
        found = cause(self._causes.get(key), failure, patience=self._patience, now=self._clock())
        self._causes[key] = found
        return found.failure

    async def _release(self, aggregate: Aggregate, profile: TrafficManagerProfile, told: str) -> None:
        hub = await self._tell_backends(aggregate, "being deleted")
        await self._writer.remove_finalizer(profile, PROFILE_FINALIZER)
        await self._writer.tell(profile, Event(NORMAL, "Deleted", told))
        hub.end()

    async def _delete_in_azure(self, profile: TrafficManagerProfile) -> str:
        """Delete this object's Azure profile, if there is one that is its own; gives what came of it as a sentence."""
        identity = self._located(profile)
        if isinstance(identity, Identity) and identity.is_new:
            tag, others = profile_tag(profile.metadata.key), homes(profile, self._settings.naming)
            await self._index.see_homes(identity.ref, tag, others=others)
            identity = self._located(profile)
        if isinstance(identity, Unidentified):
            return _NOTHING
        with self._azure.turn(identity.ref, urgency=DELETION):
            return await self._delete_own(identity, profile)

    async def _delete_own(self, identity: Identity, profile: TrafficManagerProfile) -> str:
        call = DeleteProfile(identity.ref, "the TrafficManagerProfile is deleted")
        self._azure.reserve(identity.ref, needed((call,), reads=1))
        # Read afresh: somebody may have taken the profile over since it was last seen, and this cannot be undone.
        observed = await self._index.read(identity.ref)
        if observed is None and identity.is_new:
            return _NOTHING
        if observed is not None:
            if foreign_owner(observed, identity, profile=profile, naming=self._settings.naming):
                return f"{identity.ref.name} stays in Azure: it is somebody else's"
            await self._applier.delete_profile(call)
        return f"{identity.ref.name} is no longer in Azure"

    def _located(self, profile: TrafficManagerProfile) -> Identity | Unidentified:
        naming = self._settings.naming
        azure = self._index.candidates(profile_tag(profile.metadata.key), adoption(profile, naming))
        return locate(profile, azure=azure, naming=naming)

    async def _wait(self, profile: TrafficManagerProfile, because: str, failure: Failure | None = None) -> None:
        status = deletion_waits_status(profile, because, failure=failure, now=self._writer.now)
        is_azure_error = failure is not None and failure.kind != PENDING
        await self._writer.profile(profile, status, is_azure_error=is_azure_error)

    async def _tell_backends(self, aggregate: Aggregate, state: str) -> HubWrites:
        """The backends of a profile that is gone are free to go, and the others learn why they serve nothing. One that
        the hub refuses keeps nobody, the profile itself included, from going.
        """
        hub, message = HubWrites(), f"TrafficManagerProfile {aggregate.key} is {state}"
        for backend in aggregate.leaving_backends:
            with hub.each():
                await self._writer.remove_finalizer(backend, BACKEND_FINALIZER)
        for backend in aggregate.live_backends:
            status = without_endpoints(unprogrammed_status(backend, message, now=self._writer.now))
            with hub.each():
                await self._writer.backend(backend, status)
        return hub

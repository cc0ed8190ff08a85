"""Writes status, finalizers and events, each only when it differs from what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fleetdns.api.backend import BackendStatus, TrafficManagerBackend
from fleetdns.api.meta import FLEET_METRICS_FINALIZER, timestamp
from fleetdns.api.profile import ProfileStatus, TrafficManagerProfile
from fleetdns.controllers.ports import Hub, HubObject
from fleetdns.core.events import Event, contested, guarded, turned
from fleetdns.core.status import ACCEPTED, PROGRAMMED, status_patch

WallClock = Callable[[], float]


class StatusWriter:
    """The hub's side of a reconcile. `wall_clock`: Unix seconds, for timestamps only."""

    def __init__(self, hub: Hub, *, wall_clock: WallClock) -> None:
        self._hub = hub
        self._wall_clock = wall_clock

    @property
    def now(self) -> str:
        return timestamp(self._wall_clock())

    async def profile(
        self,
        profile: TrafficManagerProfile,
        status: ProfileStatus,
        *,
        is_azure_error: bool = False,
        events: Iterable[Event] = (),
    ) -> None:
        """Patch a profile's status if it differs, and tell what turned."""
        old = profile.status.conditions
        told = (*events, *turned(PROGRAMMED, old, status.conditions, is_azure_error=is_azure_error))
        told = (*told, *guarded(old, status.conditions), *contested(old, status.conditions))
        await self._write(profile, profile.status, status, told)

    async def backend(
        self,
        backend: TrafficManagerBackend,
        status: BackendStatus,
        *,
        is_azure_error: bool = False,
        events: Iterable[Event] = (),
    ) -> None:
        """Patch a backend's status if it differs, and tell what turned."""
        old = backend.status.conditions
        told = (*events, *turned(ACCEPTED, old, status.conditions, is_azure_error=is_azure_error))
        told = (*told, *guarded(old, status.conditions))
        await self._write(backend, backend.status, status, told)

    async def add_finalizer(self, obj: TrafficManagerProfile | TrafficManagerBackend, finalizer: str) -> None:
        """Add a finalizer unless it is there."""
        if finalizer not in obj.metadata.finalizers:
            await self._hub.set_finalizers(obj, (*obj.metadata.finalizers, finalizer))

    async def remove_finalizer(self, obj: HubObject, finalizer: str) -> None:
        """Remove a finalizer if it is there, and what Fleet's controllers would remove at the same moment."""
        left = tuple(f for f in obj.metadata.finalizers if f not in (finalizer, FLEET_METRICS_FINALIZER))
        if left != obj.metadata.finalizers:
            await self._hub.set_finalizers(obj, left)

    async def tell(self, obj: HubObject, event: Event) -> None:
        """Publish one event."""
        await self._hub.publish(obj, event)

    async def _write(
        self,
        obj: HubObject,
        old: ProfileStatus | BackendStatus,
        new: ProfileStatus | BackendStatus,
        told: Iterable[Event],
    ) -> None:
        patch = status_patch(old, new)
        if patch is not None:
            await self._hub.patch_status(obj, patch)
        for event in told:
            await self._hub.publish(obj, event)

"""Writes to the hub: small merge patches, each seen by the caches before it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.exports import InternalServiceExport, ServiceImport
from fleetdns.api.overrides import ResourceOverride
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.core.events import Event
from fleetdns.kube.events import EventPublisher
from fleetdns.kube.objects import Objects
from fleetdns.kube.transport import Transport

HubObject = TrafficManagerProfile | TrafficManagerBackend | ServiceImport | InternalServiceExport


class HubWriter:
    """Fulfils the controllers' Hub.

    `written` is given each object as the server stored it, before the write returns. `before_write(seconds)` runs right
    before each write that may take so long, and may raise to prevent it.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        events: EventPublisher,
        written: Callable[[HubObject], None],
        before_write: Callable[[float], None] | None = None,
    ) -> None:
        self._objects = Objects(transport, before_write=before_write)
        self._events = events
        self._written = written
        self._before_write = before_write

    async def patch_status(self, obj: HubObject, patch: Mapping[str, Any]) -> None:
        """`patch`: what changes inside status."""
        self._keep(await self._objects.patch(obj, {"status": dict(patch)}, subresource="status"))

    async def set_finalizers(self, obj: HubObject, finalizers: tuple[str, ...]) -> None:
        self._keep(await self._objects.set_finalizers(obj, finalizers))

    async def set_annotations(self, obj: HubObject, annotations: Mapping[str, str | None]) -> None:
        self._keep(await self._objects.patch(obj, {"metadata": {"annotations": dict(annotations)}}))

    async def create_import(self, service_import: ServiceImport) -> None:
        self._keep(await self._objects.create(service_import, {"metadata": service_import.metadata}))

    async def delete_import(self, service_import: ServiceImport) -> None:
        await self._objects.delete(service_import)

    async def publish(self, obj: HubObject | ResourceOverride, event: Event) -> None:
        await self._events.publish(obj, event, before_write=self._before_write)

    def _keep(self, stored: HubObject | None) -> None:
        if stored is not None:
            self._written(stored)

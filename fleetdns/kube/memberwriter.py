"""The member agent's writes: to its namespace on the hub, and to its own cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from fleetdns.api.meta import ObjectKey
from fleetdns.api.offer import Offer
from fleetdns.api.service import Service, ServiceExport
from fleetdns.core.events import Event
from fleetdns.kube.events import EventPublisher
from fleetdns.kube.objects import Objects


class OfferWriter:
    """Fulfils the agent's Hub."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def read(self, key: ObjectKey) -> Offer | None:
        return await self._objects.read(Offer, key)

    async def create(self, offer: Offer) -> None:
        await self._objects.create(offer, {"metadata": offer.metadata, "spec": msgspec.to_builtins(offer.spec)})

    async def patch(self, offer: Offer, patch: Mapping[str, Any]) -> None:
        metadata = {**patch.get("metadata", {}), "resourceVersion": offer.metadata.resource_version}
        await self._objects.patch(offer, {**patch, "metadata": metadata}, must_exist=True)

    async def delete(self, offer: Offer) -> None:
        await self._objects.delete(offer)


class ClusterWriter:
    """Fulfils the agent's Cluster. `written` is given each ServiceExport as stored, before the write returns."""

    def __init__(
        self,
        objects: Objects,
        *,
        events: EventPublisher,
        written: Callable[[ServiceExport], None],
        before_write: Callable[[float], None] | None = None,
    ) -> None:
        self._objects = objects
        self._events = events
        self._written = written
        self._before_write = before_write

    async def patch_status(self, export: ServiceExport, patch: Mapping[str, Any]) -> None:
        self._keep(await self._objects.patch(export, {"status": dict(patch)}, subresource="status"))

    async def set_finalizers(self, export: ServiceExport, finalizers: tuple[str, ...]) -> None:
        self._keep(await self._objects.set_finalizers(export, finalizers))

    async def claim_annotations(self, service: Service, annotations: Mapping[str, str]) -> bool:
        return await self._objects.apply(service, {"annotations": annotations} if annotations else {})

    async def publish(self, obj: ServiceExport, event: Event) -> None:
        await self._events.publish(obj, event, before_write=self._before_write)

    def _keep(self, stored: ServiceExport | None) -> None:
        if stored is not None:
            self._written(stored)

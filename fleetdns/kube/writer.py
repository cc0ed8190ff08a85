"""Writes to the hub: small merge patches, each seen by the caches before it returns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.exports import InternalServiceExport, ServiceImport
from fleetdns.api.overrides import ResourceOverride
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.core.events import Event
from fleetdns.errors import Conflict, FleetDNSError, Transient
from fleetdns.kube.errors import Refused, Unreachable, write_error
from fleetdns.kube.events import EventPublisher
from fleetdns.kube.paths import collection, item
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
        self._transport = transport
        self._events = events
        self._written = written
        self._before_write = before_write

    async def patch_status(self, obj: HubObject, patch: Mapping[str, Any]) -> None:
        """`patch`: what changes inside status."""
        await self._patch(obj, item(obj.resource, obj.metadata.key, "status"), {"status": dict(patch)})

    async def set_finalizers(self, obj: HubObject, finalizers: tuple[str, ...]) -> None:
        is_adding = not set(finalizers) <= set(obj.metadata.finalizers)
        metadata = {"finalizers": finalizers, "resourceVersion": obj.metadata.resource_version}
        await self._patch(obj, item(obj.resource, obj.metadata.key), {"metadata": metadata}, must_exist=is_adding)

    async def set_annotations(self, obj: HubObject, annotations: Mapping[str, str | None]) -> None:
        await self._patch(obj, item(obj.resource, obj.metadata.key), {"metadata": {"annotations": dict(annotations)}})

    async def create_import(self, service_import: ServiceImport) -> None:
        resource, metadata = service_import.resource, service_import.metadata
        body = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}
        path = collection(resource, metadata.namespace)
        try:
            answer = await self._sent(lambda: self._transport.create(path, msgspec.json.encode(body)))
        except (Refused, Unreachable) as error:
            raise write_error(error) from error
        self._keep(service_import, answer)

    async def delete_import(self, service_import: ServiceImport) -> None:
        metadata = service_import.metadata
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": metadata.uid}}
        path = item(service_import.resource, metadata.key)
        try:
            await self._sent(lambda: self._transport.delete(path, msgspec.json.encode(options)))
        except (Refused, Unreachable) as error:
            # 409: the uid is another one by now, so this object is gone as well.
            if not _is_gone(error) and not (isinstance(error, Refused) and error.status == 409):
                raise write_error(error) from error

    async def publish(self, obj: HubObject | ResourceOverride, event: Event) -> None:
        if self._before_write is not None:
            try:
                self._before_write(self._events.patience)
            except FleetDNSError:
                return
        await self._events.publish(obj, event)

    async def _patch(self, obj: HubObject, path: str, patch: Mapping[str, Any], *, must_exist: bool = False) -> None:
        try:
            answer = await self._sent(lambda: self._transport.patch(path, msgspec.json.encode(patch)))
        except (Refused, Unreachable) as error:
            if not _is_gone(error):
                raise write_error(error) from error
            if must_exist:
                raise Conflict("NotFound", f"{obj.resource.kind} {obj.metadata.key} is gone") from error
            return
        self._keep(obj, answer)

    async def _sent(self, write: Callable[[], Awaitable[bytes]]) -> bytes:
        if self._before_write is not None:
            self._before_write(self._transport.timeouts.write)
        return await write()

    def _keep(self, obj: HubObject, answer: bytes) -> None:
        try:
            stored = msgspec.json.decode(answer, type=type(obj))
        except ValueError as error:  # msgspec's errors, and UnicodeDecodeError
            raise Transient("UndecodableAnswer", "the API server's answer was not understood") from error
        self._written(stored)


def _is_gone(error: Refused | Unreachable) -> bool:
    return isinstance(error, Refused) and error.status == 404 and error.is_kubernetes

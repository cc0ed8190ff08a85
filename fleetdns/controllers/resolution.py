"""Reconciles one exported service: its InternalServiceExports into its ServiceImport, and the verdict on each.

The caches hear of our own writes by the watch, a moment late: what was written is remembered for as long as they show
the object as it was before, so that nothing is written twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from fleetdns.api.conditions import Condition
from fleetdns.api.exports import (
    EXPORT_FINALIZER,
    ConditionsStatus,
    InternalServiceExport,
    ServiceImport,
    ServiceImportStatus,
)
from fleetdns.api.meta import ObjectKey, ObjectMeta
from fleetdns.controllers.caches import Caches
from fleetdns.controllers.hubwrites import HubWrites
from fleetdns.controllers.ports import Hub
from fleetdns.controllers.status import StatusWriter
from fleetdns.core.burst import Burst, gathered
from fleetdns.core.resolution import Resolution, export_status, new_import, resolve, unresolved
from fleetdns.core.status import status_patch
from fleetdns.errors import FleetDNSError, Forbidden, Rejected
from fleetdns.runtime.controller import Result

_AT_ONCE = 8  # verdicts on their way at the same time, so that 200 of them do not hold up the next change


_Seen = tuple[str, str]  # uid and resourceVersion that the cache showed when a status was written


@dataclass(slots=True)
class _Memory:
    """What was done for one service. Losing it costs writes that change nothing."""

    burst: Burst = field(default_factory=Burst)
    written: tuple[_Seen, ServiceImportStatus] | None = None
    judged: dict[ObjectKey, tuple[_Seen, ConditionsStatus]] = field(default_factory=dict)

    def told(self, export: InternalServiceExport) -> ConditionsStatus:
        """What the export's status says, where the cache has not heard of our last write as well."""
        before = self.judged.get(export.metadata.key)
        return before[1] if before is not None and before[0] == _seen(export.metadata) else export.status


class ResolutionReconciler:
    """One key is one exported service: namespace and name as in the member clusters."""

    def __init__(
        self,
        caches: Caches,
        hub: Hub,
        *,
        writer: StatusWriter,
        clock: Callable[[], float],
        is_dry_run: bool = False,
    ) -> None:
        self._caches = caches
        self._hub = hub
        self._writer = writer
        self._clock = clock
        self._is_dry_run = is_dry_run
        self._memories: dict[ObjectKey, _Memory] = {}

    async def reconcile(self, service: ObjectKey) -> Result:
        """Make the import and the exports' conditions true for one service."""
        unreadable = self._caches.unreadable()
        if self._is_dry_run or service in unreadable.imports:
            return Result()
        current = self._caches.imports.get(service)
        exports = self._caches.exports_of(service)
        memory = self._recalled(service, exports)
        resolution = resolve(service, exports, current=current, unreadable=unreadable)
        writes = HubWrites()
        if current is None:
            # Nothing is left to be taken out of, and the import's own trouble must not hold who wants to leave.
            await self._release(resolution, writes)
        if resolution.status is None:
            memory.burst = Burst()
            await self._remove(current)
        else:
            wait = await self._write(service, current, resolution.status, memory)
            if wait > 0:
                return Result(requeue_after=wait)
        if current is not None:
            await self._release(resolution, writes)
        await self._judge_each(resolution.conflicts, memory)
        writes.end()
        return Result()

    def _recalled(self, service: ObjectKey, exports: tuple[InternalServiceExport, ...]) -> _Memory:
        """What is remembered of a service; nothing of exports that are gone."""
        if not exports:
            self._memories.pop(service, None)
            return _Memory()
        memory = self._memories.setdefault(service, _Memory())
        keys = {export.metadata.key for export in exports}
        memory.judged = {key: value for key, value in memory.judged.items() if key in keys}
        return memory

    async def _release(self, resolution: Resolution, writes: HubWrites) -> None:
        for export in resolution.released:
            with writes.each():
                await self._writer.remove_finalizer(export, EXPORT_FINALIZER)

    async def _remove(self, current: ServiceImport | None) -> None:
        if current is not None and not current.metadata.is_deleting:
            await self._hub.delete_import(current)

    async def _write(
        self, service: ObjectKey, current: ServiceImport | None, status: ServiceImportStatus, memory: _Memory
    ) -> float:
        """Write the import where it says something else; returns the seconds to wait before that may be done."""
        seen = _seen(current.metadata) if current is not None else None
        known = current.status if current is not None else None
        if memory.written is not None and memory.written[0] == seen:
            known = memory.written[1]
        if known == status:
            memory.burst = Burst(written_at=memory.burst.written_at)
            return 0.0
        memory.burst, wait = gathered(memory.burst, status, current=current, now=self._clock())
        if wait > 0:
            return wait
        if current is None:
            current = await self._create(service, memory)
        patch = status_patch(known or current.status, status)
        if patch is not None:
            await self._hub.patch_status(current, patch)
        memory.written = (seen, status) if seen is not None else None
        memory.burst = Burst(written_at=self._clock())
        return 0.0

    async def _create(self, service: ObjectKey, memory: _Memory) -> ServiceImport:
        created = new_import(service)
        try:
            await self._hub.create_import(created)
        except (Rejected, Forbidden) as error:
            # Most often: the service's namespace does not exist on the hub, or is going. The exporters are told, and it
            # is tried again slowly, since somebody may create the namespace.
            because = (
                f"the hub cannot hold a ServiceImport {service}: {error.sentence}; what this Service exports is used "
                f"once namespace {service.namespace} is there on the hub and takes new objects"
            )
            await self._judge_each(unresolved(self._caches.exports_of(service), because), memory)
            raise
        return created

    async def _judge_each(self, verdicts: tuple[tuple[InternalServiceExport, Condition], ...], memory: _Memory) -> None:
        """Tell every export what was decided; one that cannot be told does not keep it from the others."""
        slots, errors, now = asyncio.Semaphore(_AT_ONCE), list[FleetDNSError](), self._writer.now

        async def tell(export: InternalServiceExport, status: ConditionsStatus, patch: dict[str, Any]) -> None:
            async with slots:
                try:
                    await self._hub.patch_status(export, patch)
                except FleetDNSError as error:
                    errors.append(error)
                else:
                    memory.judged[export.metadata.key] = (_seen(export.metadata), status)

        async with asyncio.TaskGroup() as group:
            for export, condition in verdicts:
                known = memory.told(export)
                status = export_status(msgspec.structs.replace(export, status=known), condition, now=now)
                if patch := status_patch(known, status):
                    group.create_task(tell(export, status, patch))
        if errors:
            raise errors[0]


def _seen(metadata: ObjectMeta) -> _Seen:
    return (metadata.uid, metadata.resource_version)

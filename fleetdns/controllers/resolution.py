"""Reconciles one exported service: its InternalServiceExports into its ServiceImport, and the verdict on each."""

from __future__ import annotations

from fleetdns.api.conditions import Condition
from fleetdns.api.exports import EXPORT_FINALIZER, InternalServiceExport, ServiceImport, ServiceImportStatus
from fleetdns.api.meta import ObjectKey
from fleetdns.controllers.caches import Caches
from fleetdns.controllers.ports import Hub
from fleetdns.controllers.status import StatusWriter
from fleetdns.core.resolution import Resolution, export_status, new_import, resolve, unresolved
from fleetdns.core.status import status_patch
from fleetdns.errors import Forbidden, Rejected
from fleetdns.runtime.controller import Result


class ResolutionReconciler:
    """One key is one exported service: namespace and name as in the member clusters."""

    def __init__(self, caches: Caches, hub: Hub, *, writer: StatusWriter, is_dry_run: bool = False) -> None:
        self._caches = caches
        self._hub = hub
        self._writer = writer
        self._is_dry_run = is_dry_run

    async def reconcile(self, service: ObjectKey) -> Result:
        """Make the import and the exports' conditions true for one service."""
        unreadable = self._caches.unreadable()
        if self._is_dry_run or service in unreadable.imports:
            return Result()
        current = self._caches.imports.get(service)
        exports = self._caches.exports_of(service)
        resolution = resolve(service, exports, current=current, unreadable=unreadable)
        if current is None:
            # Nothing is left to be taken out of, and the import's own trouble must not hold who wants to leave.
            await self._release(resolution)
        if resolution.status is None:
            await self._remove(current)
        else:
            await self._write(service, current, resolution.status, exports)
        for export, condition in resolution.conflicts:
            await self._judge(export, condition)
        if current is not None:
            await self._release(resolution)
        return Result()

    async def _release(self, resolution: Resolution) -> None:
        for export in resolution.released:
            await self._writer.remove_finalizer(export, EXPORT_FINALIZER)

    async def _remove(self, current: ServiceImport | None) -> None:
        if current is not None and not current.metadata.is_deleting:
            await self._hub.delete_import(current)

    async def _write(
        self,
        service: ObjectKey,
        current: ServiceImport | None,
        status: ServiceImportStatus,
        exports: tuple[InternalServiceExport, ...],
    ) -> None:
        if current is None:
            current = await self._create(service, exports)
        patch = status_patch(current.status, status)
        if patch is not None:
            await self._hub.patch_status(current, patch)

    async def _create(self, service: ObjectKey, exports: tuple[InternalServiceExport, ...]) -> ServiceImport:
        created = new_import(service)
        try:
            await self._hub.create_import(created)
        except (Rejected, Forbidden) as error:
            # Most often: the service's namespace does not exist on the hub, or is going. The exporters are told, and it
            # is tried again slowly, since somebody may create the namespace.
            because = f"the hub cannot hold a ServiceImport {service}: {error.sentence}"
            for export, condition in unresolved(exports, because):
                await self._judge(export, condition)
            raise
        return created

    async def _judge(self, export: InternalServiceExport, condition: Condition) -> None:
        patch = status_patch(export.status, export_status(export, condition, now=self._writer.now))
        if patch is not None:
            await self._hub.patch_status(export, patch)

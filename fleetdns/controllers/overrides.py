"""Writes what ResourceOverrides make of one exported service on its exports: annotations that hub and agents read.

Where somebody else applies overrides, annotations that were set before stay. Taking them away would move traffic for
no more than a definition that was installed: a cluster that is left out would serve at once, and a label would go, and
with it the endpoint, long before anybody places the Service anew. Who wants them gone takes them off the exports.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable

from fleetdns.api.exports import InternalServiceExport
from fleetdns.api.meta import ObjectKey
from fleetdns.controllers.caches import Caches
from fleetdns.controllers.outcomes import AnnotationChange, OverrideOutcomes
from fleetdns.controllers.overrideswitch import OverrideSwitch
from fleetdns.controllers.ports import Hub
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.events import NORMAL, WARNING, Event
from fleetdns.core.remarks import OVERRIDE_OVERRULED, Remark
from fleetdns.errors import FleetDNSError

_AT_ONCE = 8  # exports written at the same time
_REMEMBERED = 4096  # remarks that were told

_Written = tuple[str, AnnotationChange]  # the resourceVersion that the cache showed, and what was written


class OverrideReconciler:
    """One key is one exported service: namespace and name as in the member clusters."""

    def __init__(self, caches: Caches, hub: Hub, *, switch: OverrideSwitch, is_dry_run: bool = False) -> None:
        self._caches = caches
        self._hub = hub
        self._switch = switch
        self._is_dry_run = is_dry_run
        self._outcomes = OverrideOutcomes(caches, switch)
        self._pending: dict[ObjectKey, dict[ObjectKey, _Written]] = {}  # by service: exports the cache shows as before
        self._told: OrderedDict[tuple[str, Remark], None] = OrderedDict()  # with the uid of the override

    async def reconcile(self, service: ObjectKey) -> bool:
        """Make the exports of a service say what overrides make of them.

        False: the caches do not show it yet. The watch brings what was written, and with it this service again.
        """
        found = self._outcomes.of(service)
        if found is None or self._is_dry_run:
            return True
        is_settled = await self._write(service, found.changes)
        await self._tell(service.namespace, found.remarks)
        return is_settled

    def is_exported(self, service: ObjectKey) -> bool:
        """Whether any cluster exports this service."""
        return bool(self._caches.exports_of(service))

    def is_in_doubt(self, service: ObjectKey) -> bool:
        """Whether something that cannot be read hides what overrides make of a service. No event tells when that ends:
        what hides it may be of another service, or without a name.
        """
        if not self._switch.is_on or self._is_dry_run:
            return False
        unreadable = self._caches.unreadable()
        clusters = (export.cluster for export in self._caches.exports_of(service))
        return unreadable.hides_override(service.namespace) or any(map(unreadable.hides_cluster, clusters))

    def foreseen(self, aggregate: Aggregate) -> Aggregate:
        """The same with what its exports will say."""
        return self._outcomes.foreseen(aggregate)

    async def _write(
        self, service: ObjectKey, changes: tuple[tuple[InternalServiceExport, AnnotationChange], ...]
    ) -> bool:
        """One patch for each; one that fails does not keep it from the others. Whether there was nothing to do."""
        before = self._pending.pop(service, {})
        if not changes:
            return True
        pending = self._pending[service] = {}
        slots, errors = asyncio.Semaphore(_AT_ONCE), list[FleetDNSError]()

        async def write(export: InternalServiceExport, change: AnnotationChange) -> None:
            written = (export.metadata.resource_version, change)
            if before.get(export.metadata.key) != written:
                async with slots:
                    try:
                        await self._hub.set_annotations(export, change)
                    except FleetDNSError as error:
                        errors.append(error)
                        return
            pending[export.metadata.key] = written

        async with asyncio.TaskGroup() as group:
            for export, change in changes:
                group.create_task(write(export, change))
        if errors:
            raise errors[0]
        return False

    async def _tell(self, namespace: str, remarks: Iterable[Remark]) -> None:
        """Each remark once in the life of this process, whichever service it was found for."""
        for remark in remarks:
            override = self._caches.overrides.get(ObjectKey(namespace, remark.override))
            if override is None or (override.metadata.uid, remark) in self._told:
                continue
            self._told[override.metadata.uid, remark] = None
            if len(self._told) > _REMEMBERED:
                self._told.popitem(last=False)
            kind = NORMAL if remark.reason == OVERRIDE_OVERRULED else WARNING
            await self._hub.publish(override, Event(kind, remark.reason, remark.message))

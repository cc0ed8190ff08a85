"""What ResourceOverrides make of the exports of a service, as the caches tell it, where fleetdns is to apply them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fleetdns.api.exports import InternalServiceExport
from fleetdns.api.meta import ObjectKey
from fleetdns.controllers.caches import Caches
from fleetdns.controllers.overrideswitch import OverrideSwitch
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.overrides import annotated, annotation_changes, overridden
from fleetdns.core.remarks import Remark

AnnotationChange = Mapping[str, str | None]  # annotations, None for one that goes


@dataclass(frozen=True, slots=True)
class Found:
    """The exports that do not say yet what overrides make of them, and what there is to say of the overrides."""

    changes: tuple[tuple[InternalServiceExport, AnnotationChange], ...]
    remarks: tuple[Remark, ...]


class OverrideOutcomes:
    """Looks, and writes nothing."""

    def __init__(self, caches: Caches, switch: OverrideSwitch) -> None:
        self._caches = caches
        self._switch = switch

    def of(self, service: ObjectKey) -> Found | None:
        """What overrides make of a service now; None: that is not for us to say, or not known in full."""
        unreadable = self._caches.unreadable()
        if not self._switch.is_on or unreadable.hides_override(service.namespace):
            return None
        exports = [
            export
            for export in self._caches.exports_of(service)
            if export.is_from_own_namespace
            and not export.metadata.is_deleting
            and not unreadable.hides_cluster(export.cluster)
        ]
        labels = {export.cluster: self._caches.labels_of(export.cluster) for export in exports}
        found = overridden(self._caches.overrides_of(service), service=service, clusters=labels)
        changes = ((export, annotation_changes(export, found.outcomes[export.cluster])) for export in exports)
        return Found(tuple((export, change) for export, change in changes if change), found.remarks)

    def foreseen(self, aggregate: Aggregate) -> Aggregate:
        """The same with what its exports will say.

        A Service that is made again has an export without annotations for a moment, and an import that still names its
        cluster: who is left out must not serve in between.
        """
        services = {export.service_key for export in aggregate.exports}
        looks = (self.of(service) for service in sorted(services))
        changed = {
            export.metadata.key: annotated(export, change)
            for found in looks
            if found is not None
            for export, change in found.changes
        }
        if not changed:
            return aggregate
        return replace(aggregate, exports=tuple(changed.get(e.metadata.key, e) for e in aggregate.exports))

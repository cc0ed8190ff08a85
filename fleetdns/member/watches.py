"""From a change of a cached object to the ServiceExports that have to be looked at; old and new both count."""

from __future__ import annotations

from fleetdns.api.meta import ObjectKey
from fleetdns.api.offer import Offer
from fleetdns.api.service import Service, ServiceExport
from fleetdns.member.caches import MemberCaches


def keys_of_export(old: ServiceExport | None, new: ServiceExport | None, caches: MemberCaches) -> frozenset[ObjectKey]:
    """A ServiceExport is its own key."""
    return frozenset(export.metadata.key for export in (old, new) if export is not None)


def keys_of_service(old: Service | None, new: Service | None, caches: MemberCaches) -> frozenset[ObjectKey]:
    """A Service concerns the ServiceExport of its name, if there is one."""
    keys = (service.metadata.key for service in (old, new) if service is not None)
    return frozenset(key for key in keys if caches.exports.get(key) is not None)


def keys_of_offer(old: Offer | None, new: Offer | None, caches: MemberCaches) -> frozenset[ObjectKey]:
    """What lies on the hub concerns the ServiceExport it stands for, and any other whose export has the same name."""
    return frozenset(key for offer in (old, new) if offer is not None for key in caches.keys_of_offer(offer))

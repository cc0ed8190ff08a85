"""What the hub will say of exported services once they are resolved: the same decisions, with nothing written.

Somebody who only wants to see what would happen must not wait for imports and verdicts that nobody writes meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from msgspec import structs

from fleetdns.api.exports import InternalServiceExport, ServiceImport
from fleetdns.api.meta import ObjectKey
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.resolution import Resolution, export_status, new_import, resolve


def resolved(aggregate: Aggregate) -> Aggregate:
    """The same with the imports and the exports' conditions that resolution would write; unreadable ones stay."""
    services = sorted({backend.service_key for backend in aggregate.backends} - aggregate.unreadable.imports)
    current = {service_import.metadata.key: service_import for service_import in aggregate.imports}
    exports = {export.metadata.key: export for export in aggregate.exports}
    for service in services:
        known = current.pop(service, None)
        offers = tuple(export for export in aggregate.exports if export.service_key == service)
        resolution = resolve(service, offers, current=known, unreadable=aggregate.unreadable)
        exports |= {export.metadata.key: export for export in _judged(resolution)}
        current |= {found.metadata.key: found for found in _imported(service, known, resolution)}
    return replace(
        aggregate,
        imports=tuple(current[key] for key in sorted(current)),
        exports=tuple(exports[export.metadata.key] for export in aggregate.exports),
    )


def _judged(resolution: Resolution) -> Iterable[InternalServiceExport]:
    for export, condition in resolution.conflicts:
        yield structs.replace(export, status=export_status(export, condition, now=""))


def _imported(service: ObjectKey, known: ServiceImport | None, resolution: Resolution) -> Iterable[ServiceImport]:
    if resolution.status is not None:
        yield structs.replace(known or new_import(service), status=resolution.status)

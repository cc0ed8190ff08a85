"""From a change of a cached object to the keys that have to be looked at.

Old and new both count: a reference that moved must also free its former owner. Pure over (old, new, caches).
"""

from __future__ import annotations

import msgspec

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.clusters import MemberCluster, Namespace
from fleetdns.api.conditions import is_true
from fleetdns.api.exports import CONFLICT, InternalServiceExport, ServiceImport
from fleetdns.api.meta import ObjectKey
from fleetdns.api.overrides import ResourceOverride
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.controllers.caches import BY_SERVICE, Caches, is_drained
from fleetdns.core import callbudget
from fleetdns.core.overrides import says_override, selected_services

# Higher goes first: who deletes waits for it, who edits looks at it, a restart or a sweep can wait.
DELETION = 10
USER = 0
BACKGROUND = -100


def profile_keys_of_profile(
    old: TrafficManagerProfile | None, new: TrafficManagerProfile | None, caches: Caches
) -> frozenset[ObjectKey]:
    """A profile is its own key."""
    return frozenset(profile.metadata.key for profile in (old, new) if profile is not None)


def profile_keys_of_backend(
    old: TrafficManagerBackend | None, new: TrafficManagerBackend | None, caches: Caches
) -> frozenset[ObjectKey]:
    """A backend belongs to the profile it names, whether that exists or not."""
    return frozenset(backend.profile_key for backend in (old, new) if backend is not None)


def profile_keys_of_import(
    old: ServiceImport | None, new: ServiceImport | None, caches: Caches
) -> frozenset[ObjectKey]:
    """An import concerns every profile that has a backend for its service."""
    services = {service_import.metadata.key for service_import in (old, new) if service_import is not None}
    return _profiles_of_services(services, caches)


def profile_keys_of_export(
    old: InternalServiceExport | None, new: InternalServiceExport | None, caches: Caches
) -> frozenset[ObjectKey]:
    """An export concerns every profile that has a backend for the service it names or named.

    None where only our verdict on it differs, unless it is a lost conflict: two hundred clusters that join are told one
    after the other that they agree, and each time the whole profile would be looked at for nothing.
    """
    if old is not None and new is not None and _differ_in_status_alone(old, new):
        lost = any(_has_lost(export) for export in (old, new))
        return _profiles_of_services(_services_of(old, new), caches) if lost else frozenset()
    return _profiles_of_services(_services_of(old, new), caches)


def profile_keys_of_cluster(
    old: Namespace | MemberCluster | None, new: Namespace | MemberCluster | None, caches: Caches
) -> frozenset[ObjectKey]:
    """A cluster that is drained, or not any more, concerns every profile.

    Not only those with a backend for what it exports: Azure may hold endpoints of it whose export or backend is gone.
    """
    marked = [member for member in (old, new) if member is not None and is_drained(member)]
    return frozenset(caches.profiles.keys()) if len(marked) == 1 else frozenset()


def service_keys_of_export(
    old: InternalServiceExport | None, new: InternalServiceExport | None, caches: Caches
) -> frozenset[ObjectKey]:
    """The services an export names or named; none where only its status differs, which is where our verdict goes."""
    if old is not None and new is not None and _differ_in_status_alone(old, new):
        return frozenset()
    return _services_of(old, new)


def service_keys_of_import(
    old: ServiceImport | None, new: ServiceImport | None, caches: Caches
) -> frozenset[ObjectKey]:
    """An import somebody edits or deletes is resolved again."""
    return frozenset(service_import.metadata.key for service_import in (old, new) if service_import is not None)


def service_keys_of_override(
    old: ResourceOverride | None, new: ResourceOverride | None, caches: Caches
) -> frozenset[ObjectKey]:
    """The exported services that an override selects or selected."""
    selected = {service for override in (old, new) if override is not None for service in selected_services(override)}
    return frozenset(service for service in selected if caches.exports_of(service))


def service_keys_of_cluster(
    old: Namespace | MemberCluster | None, new: Namespace | MemberCluster | None, caches: Caches
) -> frozenset[ObjectKey]:
    """What a member cluster exports and overrides select, when the labels that choose between them may differ."""
    if old is not None and new is not None and old.metadata.labels == new.metadata.labels:
        return frozenset()
    clusters = {each.cluster for each in (old, new) if each is not None and each.cluster is not None}
    exports = [export for cluster in clusters for export in caches.exports_from(cluster)]
    services = {export.service_key for export in exports}
    # What an export still says may come from an override that is gone, and was not taken off for want of the labels.
    saying = {export.service_key for export in exports if says_override(export)}
    return frozenset(saying | {service for service in services if caches.overrides_of(service)})


def service_keys_of_namespace(old: Namespace | None, new: Namespace | None, caches: Caches) -> frozenset[ObjectKey]:
    """What is exported into a namespace that appears, and could not be imported without it."""
    if old is not None or new is None:
        return frozenset()
    services = {export.service_key for export in caches.exports_into(new.metadata.name)}
    return frozenset(service for service in services if caches.imports.get(service) is None)


def priority(*, is_initial: bool, is_deleting: bool) -> int:
    """How urgent a change is."""
    if is_deleting:
        return DELETION
    return BACKGROUND if is_initial else USER


def urgency(priority: int) -> int:
    """How urgent the calls to Azure are that follow from work of this priority."""
    if priority >= DELETION:
        return callbudget.DELETION
    return callbudget.USER if priority >= USER else callbudget.BACKGROUND


def _services_of(old: InternalServiceExport | None, new: InternalServiceExport | None) -> frozenset[ObjectKey]:
    return frozenset(export.service_key for export in (old, new) if export is not None)


def _has_lost(export: InternalServiceExport) -> bool:
    return is_true(export.status.conditions, CONFLICT)


def _differ_in_status_alone(old: InternalServiceExport, new: InternalServiceExport) -> bool:
    metadata = msgspec.structs.replace(old.metadata, resource_version=new.metadata.resource_version)
    return (metadata, old.spec) == (new.metadata, new.spec)


def _profiles_of_services(services: frozenset[ObjectKey] | set[ObjectKey], caches: Caches) -> frozenset[ObjectKey]:
    return frozenset(b.profile_key for service in services for b in caches.backends.by_index(BY_SERVICE, service))

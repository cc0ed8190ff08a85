"""The hub as it is now: every kind listed once, whole or not at all, without a watch.

For commands that look and end: they need no right but to list, and must not take part of a list for all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TypeVar

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.clusters import MemberCluster, Namespace
from fleetdns.api.exports import InternalServiceExport, ServiceImport
from fleetdns.api.meta import ObjectKey, Resource
from fleetdns.api.overrides import ResourceOverride
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.controllers.caches import BACKEND_INDEXES, CLUSTER_INDEXES, EXPORT_INDEXES, OVERRIDE_INDEXES, Caches
from fleetdns.controllers.informers import Sources
from fleetdns.errors import FleetDNSError, Forbidden, Rejected, Transient
from fleetdns.runtime.listwatch import Denied, ListWatchError, NotServed, Unauthenticated
from fleetdns.runtime.pager import whole_list
from fleetdns.runtime.store import Store

T = TypeVar(
    "T",
    TrafficManagerProfile,
    TrafficManagerBackend,
    ServiceImport,
    InternalServiceExport,
    Namespace,
    MemberCluster,
    ResourceOverride,
)

C = TypeVar("C", Namespace, MemberCluster)

NOT_SERVED = "NotServed"
GRANTED = "the ClusterRole fleetdns-reader in docs/commands.md grants all that the commands need"

_OURS = TrafficManagerProfile.resource.group
_PAGE = 500
_PAGE_TIMEOUT = 60.0  # seconds


async def snapshot(sources: Sources) -> Caches:
    """All that one Azure profile can be made from. Raises FleetDNSError."""
    return Caches(
        profiles=await listed(sources, TrafficManagerProfile),
        backends=await listed(sources, TrafficManagerBackend, BACKEND_INDEXES),
        imports=await listed(sources, ServiceImport),
        exports=await listed(sources, InternalServiceExport, EXPORT_INDEXES),
        namespaces=await listed(sources, Namespace, CLUSTER_INDEXES),
        members=await listed(sources, MemberCluster, CLUSTER_INDEXES, is_optional=True),
        overrides=await listed(sources, ResourceOverride, OVERRIDE_INDEXES, is_optional=True),
    )


async def profiles_alone(sources: Sources) -> Caches:
    """The profiles, and of all else nothing. Raises FleetDNSError."""
    return Caches(
        profiles=await listed(sources, TrafficManagerProfile),
        backends=Store(BACKEND_INDEXES),
        imports=Store(),
        exports=Store(EXPORT_INDEXES),
        namespaces=Store(CLUSTER_INDEXES),
        members=Store(CLUSTER_INDEXES),
        overrides=Store(OVERRIDE_INDEXES),
    )


async def as_reader(sources: Sources) -> tuple[Caches, tuple[str, ...]]:
    """What one exported service is made from, overrides aside, and the plurals that may not be listed but could be
    done without. Raises FleetDNSError.
    """
    namespaces, denied_namespaces = await _spared(sources, Namespace)
    members, denied_members = await _spared(sources, MemberCluster)
    caches = Caches(
        profiles=await listed(sources, TrafficManagerProfile),
        backends=await listed(sources, TrafficManagerBackend, BACKEND_INDEXES),
        imports=await listed(sources, ServiceImport),
        exports=await listed(sources, InternalServiceExport, EXPORT_INDEXES),
        namespaces=namespaces,
        members=members,
        overrides=Store(OVERRIDE_INDEXES),
    )
    return caches, (*denied_namespaces, *denied_members)


async def _spared(sources: Sources, kind: type[C]) -> tuple[Store[ObjectKey, C], tuple[str, ...]]:
    """Member clusters, or nothing and what may not be listed."""
    try:
        return await listed(sources, kind, CLUSTER_INDEXES, is_optional=True), ()
    except Forbidden:
        return Store(CLUSTER_INDEXES), (kind.resource.plural,)


async def listed(
    sources: Sources,
    kind: type[T],
    indexes: Mapping[str, Callable[[T], Iterable[Hashable]]] | None = None,
    *,
    is_optional: bool = False,
) -> Store[ObjectKey, T]:
    """Every object of a kind; of one that the hub need not have, none where it has it not. Raises FleetDNSError."""
    store: Store[ObjectKey, T] = Store(indexes)
    try:
        found = await whole_list(
            sources.listwatch(kind), sources.codec(kind), resource_version="", limit=_PAGE, timeout=_PAGE_TIMEOUT
        )
    except ListWatchError as error:
        if is_optional and isinstance(error, NotServed):
            return store
        raise _failed(kind.resource, error) from error
    store.apply(found.state)
    return store


def _failed(resource: Resource, error: ListWatchError) -> FleetDNSError:
    plural = resource.plural
    match error:
        case Unauthenticated():
            return Forbidden("Unauthorized", str(error))
        case Denied():
            return Forbidden("Forbidden", f"the hub does not let you list {plural}: {error}; {GRANTED}")
        case NotServed():
            install = "; install the CRDs: kubectl apply -k manifests/crds" if resource.group == _OURS else ""
            return Rejected(NOT_SERVED, f"the hub does not serve {plural}{install}")
        case _:
            return Transient("NotListed", f"{plural} could not be listed: {error}")

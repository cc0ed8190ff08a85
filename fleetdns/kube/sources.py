"""Where the hub controller's objects come from: a list-watch and a codec for each kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.clusters import MemberCluster, Namespace
from fleetdns.api.exports import InternalServiceExport, ServiceImport
from fleetdns.api.meta import ObjectKey, Resource
from fleetdns.api.overrides import ResourceOverride
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.kube.codec import StructCodec
from fleetdns.kube.listwatch import HubListWatch
from fleetdns.kube.transport import Transport
from fleetdns.kube.versions import VersionedListWatch
from fleetdns.runtime.listwatch import Codec, ListWatch

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

# Of the hub as a whole, whatever namespace was chosen: exports lie in the members' own, the others in none.
_HUBWIDE = frozenset(kind.resource for kind in (InternalServiceExport, Namespace, MemberCluster))
# The kinds of KubeFleet, with what its releases have served them as.
_VERSIONS: Mapping[Resource, tuple[str, ...]] = {
    MemberCluster.resource: ("v1", "v1beta1"),
    ResourceOverride.resource: ("v1", "v1beta1", "v1alpha1"),
}


class HubSources:
    """Fulfils the controllers' Sources. `namespace` None: all; exports always come from every member's namespace."""

    def __init__(self, transport: Transport, *, namespace: str | None) -> None:
        self._transport = transport
        self._namespace = namespace

    def listwatch(self, kind: type[T]) -> ListWatch:
        resource = kind.resource
        namespace = None if resource in _HUBWIDE else self._namespace
        versions = [
            HubListWatch(self._transport, resource._replace(version=version), namespace)
            for version in _VERSIONS.get(resource, (resource.version,))
        ]
        return VersionedListWatch(versions) if len(versions) > 1 else versions[0]

    def codec(self, kind: type[T]) -> Codec[ObjectKey, T]:
        return StructCodec(kind)

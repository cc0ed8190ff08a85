"""Member clusters as the hub knows them: a MemberCluster where that kind exists, and the cluster's own namespace."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from fleetdns.api.exports import MEMBER_NAMESPACE_PREFIX
from fleetdns.api.meta import ObjectMeta, Resource


class MemberCluster(msgspec.Struct, frozen=True, gc=False):
    """A cluster of a fleet that KubeFleet manages; its name is the cluster's. Only its metadata is read."""

    resource: ClassVar[Resource] = Resource("cluster.kubernetes-fleet.io", "v1", "memberclusters", "MemberCluster")

    metadata: ObjectMeta

    @property
    def cluster(self) -> str:
        return self.metadata.name


class Namespace(msgspec.Struct, frozen=True, gc=False):
    """A namespace of the hub. Only its metadata is read."""

    resource: ClassVar[Resource] = Resource("", "v1", "namespaces", "Namespace")

    metadata: ObjectMeta

    @property
    def cluster(self) -> str | None:
        """The member cluster whose namespace this is; None for any other namespace."""
        name = self.metadata.name
        return name.removeprefix(MEMBER_NAMESPACE_PREFIX) if name.startswith(MEMBER_NAMESPACE_PREFIX) else None

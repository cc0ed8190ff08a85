"""TrafficManagerBackend: one exported Service as a weighted part of a profile."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from fleetdns.api.conditions import Condition
from fleetdns.api.meta import GROUP, ObjectKey, ObjectMeta, Resource

CLEANUP_FINALIZER = f"{GROUP}/traffic-manager-backend-cleanup"


class NameRef(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A reference by name inside the same namespace."""

    name: str


class BackendSpec(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """spec of a TrafficManagerBackend; `weight` None counts as 1."""

    profile: NameRef
    backend: NameRef
    weight: int | None = None


class FromCluster(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """Which cluster's export an endpoint stands for, and the weight that export asked for."""

    cluster: str
    weight: int | None = None


class EndpointStatus(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """One Traffic Manager endpoint as Azure holds it; `weight` is Traffic Manager's, 1..1000."""

    name: str
    resource_id: str | None = msgspec.field(default=None, name="resourceID")
    target: str | None = None
    weight: int | None = None
    from_: FromCluster | None = msgspec.field(default=None, name="from")
    monitor_status: str | None = None


class RejectedExport(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A cluster's export that is not an endpoint, and why."""

    cluster: str
    reason: str
    message: str = ""


class BackendStatus(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """status of a TrafficManagerBackend."""

    endpoints: tuple[EndpointStatus, ...] = ()
    endpoint_count: int | None = None
    rejected: tuple[RejectedExport, ...] = ()
    conditions: tuple[Condition, ...] = ()


class TrafficManagerBackend(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """A TrafficManagerBackend as stored on the hub."""

    resource: ClassVar[Resource] = Resource(GROUP, "v1beta1", "trafficmanagerbackends", "TrafficManagerBackend")

    metadata: ObjectMeta
    spec: BackendSpec
    status: BackendStatus = BackendStatus()

    @property
    def profile_key(self) -> ObjectKey:
        return ObjectKey(self.metadata.namespace, self.spec.profile.name)

    @property
    def service_key(self) -> ObjectKey:
        return ObjectKey(self.metadata.namespace, self.spec.backend.name)

    @property
    def weight(self) -> int:
        return 1 if self.spec.weight is None else self.spec.weight

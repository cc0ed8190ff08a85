"""Exported services: what a member cluster offers, and what the hub made of all offers together."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from fleetdns.api.conditions import Condition
from fleetdns.api.meta import GROUP, ObjectKey, ObjectMeta, Resource

EXPORT_FINALIZER = f"{GROUP}/internal-svc-export-cleanup"
MEMBER_NAMESPACE_PREFIX = "fleet-member-"
CONFLICT = "Conflict"
PENDING_CONFLICT = "ServicePendingConflictResolution"

# Annotations of an InternalServiceExport. The member's agent sets the first two,
WITHDRAWN = "fleetdns.io/withdrawn"  # by who is about to delete an export on purpose
AZURE_MESSAGE = "fleetdns.io/azure-message"  # why the agent cannot tell the public IP
# the hub, from ResourceOverrides, these three.
DNS_LABEL = "fleetdns.io/dns-label"
OVERRIDE_WEIGHT = "fleetdns.io/weight"
EXCLUDED = "fleetdns.io/excluded"

MAX_WEIGHT = 1000


def whole_weight(text: str) -> int | None:
    """The weight 0..1000 that an annotation gives as text; None where it gives none."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_WEIGHT))
    return int(text) if is_number and int(text) <= MAX_WEIGHT else None


class ServicePort(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """One port of an exported Service. `target_port` is a number or a name, as in a Service."""

    port: int
    protocol: str = "TCP"
    name: str | None = None
    app_protocol: str | None = None
    target_port: int | str | None = None


class ServiceReference(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """The Service in the member cluster. `exported_since` (RFC 3339) decides conflicts: the oldest wins."""

    cluster_id: str
    namespace: str
    name: str
    exported_since: str = ""


class InternalServiceExportSpec(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """One cluster's offer. `weight` None counts as 1; 0 takes no traffic."""

    service_reference: ServiceReference
    ports: tuple[ServicePort, ...] = ()
    type: str | None = None
    is_dns_label_configured: bool = msgspec.field(default=False, name="isDNSLabelConfigured")
    is_internal_load_balancer: bool = False
    public_ip_resource_id: str | None = msgspec.field(default=None, name="publicIPResourceID")
    weight: int | None = None


class ConditionsStatus(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """A status that is only conditions."""

    conditions: tuple[Condition, ...] = ()


class InternalServiceExport(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """What one member cluster exports, in that cluster's own namespace on the hub."""

    resource: ClassVar[Resource] = Resource(GROUP, "v1alpha1", "internalserviceexports", "InternalServiceExport")

    metadata: ObjectMeta
    spec: InternalServiceExportSpec
    status: ConditionsStatus = ConditionsStatus()

    @property
    def service_key(self) -> ObjectKey:
        reference = self.spec.service_reference
        return ObjectKey(reference.namespace, reference.name)

    @property
    def cluster(self) -> str:
        return self.spec.service_reference.cluster_id

    @property
    def weight(self) -> int:
        """The weight that counts: an override's before the member's own, 1 where nobody gave one."""
        overridden = whole_weight(self.metadata.annotations.get(OVERRIDE_WEIGHT, ""))
        if overridden is not None:
            return overridden
        return 1 if self.spec.weight is None else self.spec.weight

    @property
    def is_from_own_namespace(self) -> bool:
        """False where a member writes another cluster's id: it must not touch that cluster's traffic."""
        return self.metadata.namespace == MEMBER_NAMESPACE_PREFIX + self.cluster


class ClusterRef(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A member cluster by its id."""

    cluster: str


class ServiceImportStatus(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """The clusters whose exports agree, and the ports they agree on."""

    ports: tuple[ServicePort, ...] = ()
    clusters: tuple[ClusterRef, ...] = ()
    type: str | None = None
    ips: tuple[str, ...] = ()
    session_affinity: str | None = None


class ServiceImport(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """An exported Service as the whole fleet sees it."""

    resource: ClassVar[Resource] = Resource(GROUP, "v1alpha1", "serviceimports", "ServiceImport")

    metadata: ObjectMeta
    status: ServiceImportStatus = ServiceImportStatus()

"""The member cluster's side: a Service, and the ServiceExport of the same name that offers it to the fleet."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from fleetdns.api.exports import ConditionsStatus, ServicePort
from fleetdns.api.meta import GROUP, ObjectMeta, Resource

SERVICE_EXPORT_FINALIZER = f"{GROUP}/svc-export-cleanup"
WEIGHT = f"{GROUP}/weight"  # on a ServiceExport

# What the cloud provider reads on a Service.
LABEL_ANNOTATION = "service.beta.kubernetes.io/azure-dns-label-name"
INTERNAL_ANNOTATION = "service.beta.kubernetes.io/azure-load-balancer-internal"
RESOURCE_GROUP_ANNOTATION = "service.beta.kubernetes.io/azure-load-balancer-resource-group"

LOAD_BALANCER = "LoadBalancer"
EXTERNAL_NAME = "ExternalName"
HEADLESS = "None"


class Ingress(msgspec.Struct, frozen=True, gc=False):
    """Where a load balancer listens."""

    ip: str = ""


class LoadBalancerStatus(msgspec.Struct, frozen=True, gc=False):
    """What the cloud provider made for a Service."""

    ingress: tuple[Ingress, ...] = ()


class ServiceStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The part of a Service's status that tells its address."""

    load_balancer: LoadBalancerStatus = LoadBalancerStatus()


class ServiceSpec(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The part of a Service's spec that decides whether and how it is exported."""

    type: str = "ClusterIP"
    cluster_ip: str = msgspec.field(default="", name="clusterIP")
    ports: tuple[ServicePort, ...] = ()


class Service(msgspec.Struct, frozen=True, gc=False):
    """A Service of the member cluster."""

    resource: ClassVar[Resource] = Resource("", "v1", "services", "Service")

    metadata: ObjectMeta
    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus = ServiceStatus()

    @property
    def address(self) -> str | None:
        """The IP address of its load balancer; None while there is none."""
        ingress = self.status.load_balancer.ingress
        return (ingress[0].ip or None) if ingress else None


class ServiceExport(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """Asks that the Service of the same name is offered to the fleet."""

    resource: ClassVar[Resource] = Resource(GROUP, "v1beta1", "serviceexports", "ServiceExport")

    metadata: ObjectMeta
    status: ConditionsStatus = ConditionsStatus()

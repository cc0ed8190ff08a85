"""A member cluster's objects for tests: complete and valid as they come; keywords say what should differ."""

from __future__ import annotations

from collections.abc import Mapping

from fleetdns.api.conditions import Condition
from fleetdns.api.exports import MEMBER_NAMESPACE_PREFIX, ConditionsStatus, ServicePort
from fleetdns.api.meta import ObjectKey
from fleetdns.api.offer import Offer, OfferedService, OfferSpec
from fleetdns.api.service import (
    LOAD_BALANCER,
    WEIGHT,
    Ingress,
    LoadBalancerStatus,
    Service,
    ServiceExport,
    ServiceSpec,
    ServiceStatus,
)
from fleetdns.core.offer import Member, Situation
from fleetdns.core.publicip import Finding, PublicIP
from tests.core.builders import CLUSTER, CREATED, NAMESPACE, NOW, SERVICE, SUBSCRIPTION, make_meta, uid_of

HUB_NAMESPACE = MEMBER_NAMESPACE_PREFIX + CLUSTER
MEMBER = Member(CLUSTER, HUB_NAMESPACE)
GROUP = "MC_nodes"
ADDRESS = "20.0.0.1"
PORTS = (ServicePort(80, name="http", target_port=8080),)


def ip_id(name: str, *, group: str = GROUP) -> str:
    """The resource id of a public IP in a node resource group."""
    return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Network/publicIPAddresses/{name}"


def make_ip(address: str = ADDRESS, *, label: str | None = "app-one", group: str = GROUP) -> PublicIP:
    """The public IP resource of an address."""
    return PublicIP(ip_id(f"pip-{address}", group=group), address, label)


def make_service(
    name: str = SERVICE,
    *,
    namespace: str = NAMESPACE,
    uid: str | None = None,
    service_type: str = LOAD_BALANCER,
    cluster_ip: str = "10.0.0.1",
    address: str | None = ADDRESS,
    ports: tuple[ServicePort, ...] = PORTS,
    is_deleting: bool = False,
    annotations: Mapping[str, str] | None = None,
) -> Service:
    """A LoadBalancer Service that has its address; `address` None: not yet."""
    ingress = () if address is None else (Ingress(address),)
    return Service(
        metadata=make_meta(
            name, namespace=namespace, kind="service", uid=uid, is_deleting=is_deleting, annotations=annotations
        ),
        spec=ServiceSpec(type=service_type, cluster_ip=cluster_ip, ports=ports),
        status=ServiceStatus(LoadBalancerStatus(ingress)),
    )


def make_service_export(
    name: str = SERVICE,
    *,
    namespace: str = NAMESPACE,
    weight: str | None = None,
    finalizers: tuple[str, ...] = (),
    is_deleting: bool = False,
    conditions: tuple[Condition, ...] = (),
) -> ServiceExport:
    """`weight`: the annotation's text."""
    annotations = {} if weight is None else {WEIGHT: weight}
    metadata = make_meta(
        name,
        namespace=namespace,
        kind="svcexport",
        finalizers=finalizers,
        is_deleting=is_deleting,
        annotations=annotations,
    )
    return ServiceExport(metadata=metadata, status=ConditionsStatus(conditions))


def make_offer(
    name: str = SERVICE,
    *,
    namespace: str = NAMESPACE,
    cluster: str = CLUSTER,
    uid: str | None = None,
    exported_since: str = CREATED,
    ports: tuple[ServicePort, ...] = PORTS,
    service_type: str = LOAD_BALANCER,
    target: str | None = "",
    has_label: bool = True,
    is_internal: bool = False,
    weight: int | None = 1,
    is_deleting: bool = False,
    annotations: Mapping[str, str] | None = None,
    conditions: tuple[Condition, ...] = (),
) -> Offer:
    """What the agent has written of `make_service()`; `target` "": its public IP, None: none was known."""
    metadata = make_meta(
        f"{namespace}-{name}",
        namespace=HUB_NAMESPACE,
        kind="export",
        is_deleting=is_deleting,
        annotations=annotations,
    )
    service = OfferedService(
        cluster_id=cluster,
        namespace=namespace,
        name=name,
        exported_since=exported_since,
        api_version="v1",
        kind="Service",
        resource_version="1",
        generation=1,
        uid=uid_of(f"service/{namespace}/{name}") if uid is None else uid,
        namespaced_name=str(ObjectKey(namespace, name)),
    )
    spec = OfferSpec(
        service_reference=service,
        ports=ports,
        type=service_type,
        is_dns_label_configured=has_label,
        is_internal_load_balancer=is_internal,
        public_ip_resource_id=make_ip().id if target == "" else target,
        weight=weight,
    )
    return Offer(metadata=metadata, spec=spec, status=ConditionsStatus(conditions))


def situation(
    *,
    export: ServiceExport | None = None,
    service: Service | None,
    offer: Offer | None = None,
    finding: Finding | None = None,
    first_exported: str | None = None,
    now: str = NOW,
) -> Situation:
    """One ServiceExport to be judged, and what is known beside it."""
    return Situation(MEMBER, export or make_service_export(), service, offer, finding, first_exported, now)

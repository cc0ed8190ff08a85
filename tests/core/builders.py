"""Hub objects and Azure values for tests: complete and valid as they come; keywords say what should differ.

Uids are made from names, so that the same builder call always means the same object.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import NAMESPACE_URL, uuid5

from fleetdns.api.backend import BackendSpec, BackendStatus, NameRef, TrafficManagerBackend
from fleetdns.api.conditions import Condition
from fleetdns.api.exports import (
    MEMBER_NAMESPACE_PREFIX,
    ClusterRef,
    ConditionsStatus,
    InternalServiceExport,
    InternalServiceExportSpec,
    ServiceImport,
    ServiceImportStatus,
    ServicePort,
    ServiceReference,
)
from fleetdns.api.meta import ObjectKey, ObjectMeta
from fleetdns.api.profile import DNSConfig, MonitorConfig, ProfileSpec, ProfileStatus, TrafficManagerProfile
from fleetdns.core.aggregate import Aggregate, Unreadable
from fleetdns.core.desired import Desired, desired_profile
from fleetdns.core.drain import drain
from fleetdns.core.identity import Identity, Naming, identify
from fleetdns.core.naming import EndpointName
from fleetdns.core.trafficmanager import MAX_ENDPOINTS, Endpoint, Profile
from fleetdns.core.weights import EXACT

NAMESPACE = "work"
PROFILE = "myatm"
SERVICE = "app"
CLUSTER = "member-1"
HUB_ID = "hub-one"
SUBSCRIPTION = "0a0a0a0a-0000-4000-8000-000000000001"
RESOURCE_GROUP = "fleet-rg"
ZONE = "trafficmanager.net"
NOW = "2026-01-02T03:04:05Z"
LATER = "2026-01-02T03:05:05Z"
CREATED = "2026-01-01T00:00:00Z"


def uid_of(text: str) -> str:
    """A stable uid for whatever the text names."""
    return str(uuid5(NAMESPACE_URL, text))


def public_ip(name: str) -> str:
    """The resource id of a public IP, spelled as Azure spells it."""
    return (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/MC_{name}/providers/Microsoft.Network/publicIPAddresses/{name}"
    )


def make_meta(
    name: str,
    *,
    namespace: str = NAMESPACE,
    kind: str = "",
    uid: str | None = None,
    generation: int = 1,
    created: str = CREATED,
    is_deleting: bool = False,
    finalizers: tuple[str, ...] = (),
    annotations: Mapping[str, str] | None = None,
) -> ObjectMeta:
    """metadata as an API server fills it in."""
    return ObjectMeta(
        name=name,
        namespace=namespace,
        uid=uid_of(f"{kind}/{namespace}/{name}") if uid is None else uid,
        resource_version="1",
        generation=generation,
        creation_timestamp=created,
        deletion_timestamp=NOW if is_deleting else None,
        finalizers=finalizers,
        annotations=dict(annotations or {}),
    )


def make_profile(
    name: str = PROFILE,
    *,
    namespace: str = NAMESPACE,
    uid: str | None = None,
    generation: int = 1,
    created: str = CREATED,
    is_deleting: bool = False,
    finalizers: tuple[str, ...] = (),
    annotations: Mapping[str, str] | None = None,
    resource_group: str | None = None,
    relative_name: str | None = None,
    ttl: int | None = None,
    monitor: MonitorConfig | None = None,
    deletion_policy: str | None = None,
    status: ProfileStatus | None = None,
) -> TrafficManagerProfile:
    """The product documentation's sample, unless told otherwise."""
    return TrafficManagerProfile(
        metadata=make_meta(
            name,
            namespace=namespace,
            kind="tmp",
            uid=uid,
            generation=generation,
            created=created,
            is_deleting=is_deleting,
            finalizers=finalizers,
            annotations=annotations,
        ),
        spec=ProfileSpec(
            resource_group=resource_group,
            monitor_config=monitor or MonitorConfig(30, 10, 3, "HTTP", 8080, "/"),
            dns_config=DNSConfig(relative_name=relative_name, ttl=ttl),
            deletion_policy=deletion_policy,
        ),
        status=status or ProfileStatus(),
    )


def make_backend(
    name: str = SERVICE,
    *,
    namespace: str = NAMESPACE,
    profile: str = PROFILE,
    service: str | None = None,
    weight: int | None = 100,
    uid: str | None = None,
    generation: int = 1,
    created: str = CREATED,
    is_deleting: bool = False,
    finalizers: tuple[str, ...] = (),
    annotations: Mapping[str, str] | None = None,
    status: BackendStatus | None = None,
) -> TrafficManagerBackend:
    """A backend of the sample profile for the service of its own name."""
    return TrafficManagerBackend(
        metadata=make_meta(
            name,
            namespace=namespace,
            kind="tmb",
            uid=uid,
            generation=generation,
            created=created,
            is_deleting=is_deleting,
            finalizers=finalizers,
            annotations=annotations,
        ),
        spec=BackendSpec(profile=NameRef(profile), backend=NameRef(service or name), weight=weight),
        status=status or BackendStatus(),
    )


def make_export(
    cluster: str = CLUSTER,
    *,
    service: str = SERVICE,
    namespace: str = NAMESPACE,
    member_namespace: str | None = None,
    weight: int | None = None,
    service_type: str | None = "LoadBalancer",
    has_dns_label: bool = True,
    is_internal: bool = False,
    target: str | None = "",
    exported_since: str = CREATED,
    is_deleting: bool = False,
    annotations: Mapping[str, str] | None = None,
    conditions: tuple[Condition, ...] = (),
) -> InternalServiceExport:
    """An eligible export; `target` None: no public IP yet, "": the one named after cluster and service."""
    return InternalServiceExport(
        metadata=make_meta(
            f"{namespace}-{service}",
            namespace=MEMBER_NAMESPACE_PREFIX + cluster if member_namespace is None else member_namespace,
            kind="export",
            is_deleting=is_deleting,
            annotations=annotations,
        ),
        spec=InternalServiceExportSpec(
            service_reference=ServiceReference(cluster, namespace, service, exported_since=exported_since),
            ports=(ServicePort(80),),
            type=service_type,
            is_dns_label_configured=has_dns_label,
            is_internal_load_balancer=is_internal,
            public_ip_resource_id=public_ip(f"{cluster}-{service}") if target == "" else target,
            weight=weight,
        ),
        status=ConditionsStatus(conditions),
    )


def make_import(
    service: str = SERVICE, *, namespace: str = NAMESPACE, clusters: Iterable[str] = (CLUSTER,)
) -> ServiceImport:
    """The resolved service, accepted from these clusters."""
    return ServiceImport(
        metadata=make_meta(service, namespace=namespace, kind="import"),
        status=ServiceImportStatus(
            ports=(ServicePort(80),), clusters=tuple(ClusterRef(cluster) for cluster in clusters), type="ClusterSetIP"
        ),
    )


def make_imports(exports: Iterable[InternalServiceExport]) -> tuple[ServiceImport, ...]:
    """The imports of a hub where every honest export was accepted."""
    clusters: dict[ObjectKey, list[str]] = {}
    for export in exports:
        if export.is_from_own_namespace and not export.metadata.is_deleting:
            clusters.setdefault(export.service_key, []).append(export.cluster)
    return tuple(make_import(key.name, namespace=key.namespace, clusters=clusters[key]) for key in sorted(clusters))


def make_naming(
    *,
    hub_id: str = HUB_ID,
    resource_group: str | None = RESOURCE_GROUP,
    allowed: Iterable[tuple[str, str]] | None = None,
    template: str = "{name}",
    tags: Mapping[str, str] | None = None,
) -> Naming:
    """The administrator's choices."""
    return Naming(
        subscription=SUBSCRIPTION,
        hub_id=hub_id,
        resource_group=resource_group,
        allowed=None if allowed is None else frozenset(allowed),
        template=template,
        zone=ZONE,
        tags=tuple(sorted((tags or {}).items())),
    )


def make_aggregate(
    profile: TrafficManagerProfile | None = None,
    *,
    backends: Iterable[TrafficManagerBackend] | None = None,
    exports: Iterable[InternalServiceExport] | None = None,
    imports: Iterable[ServiceImport] | None = None,
    unreadable: Unreadable | None = None,
    drained: Iterable[str] = (),
) -> Aggregate:
    """One profile, one backend and one exporting cluster, unless told otherwise; imports follow the exports."""
    profile = make_profile() if profile is None else profile
    listed = tuple([make_export()] if exports is None else exports)
    return Aggregate(
        key=profile.metadata.key,
        profile=profile,
        backends=tuple([make_backend()] if backends is None else backends),
        imports=make_imports(listed) if imports is None else tuple(imports),
        exports=listed,
        unreadable=unreadable or Unreadable(),
        drained=frozenset(drained),
    )


def make_identity(
    profile: TrafficManagerProfile | None = None, *, azure: Iterable[Profile] = (), naming: Naming | None = None
) -> Identity:
    """The identity of an object that can have one."""
    identity = identify(profile or make_profile(), azure=azure, naming=naming or make_naming())
    if not isinstance(identity, Identity):
        raise TypeError(f"no identity: {identity.message}")
    return identity


def make_desired(
    aggregate: Aggregate | None = None,
    *,
    naming: Naming | None = None,
    identity: Identity | None = None,
    rounding: str = EXACT,
    room: int = MAX_ENDPOINTS,
) -> Desired:
    """What Azure ought to hold for an aggregate."""
    aggregate = aggregate or make_aggregate()
    profile = aggregate.profile or make_profile()
    naming = naming or make_naming()
    return desired_profile(
        identity or make_identity(profile, naming=naming),
        profile,
        aggregate=aggregate,
        drain=drain(aggregate, None),
        naming=naming,
        rounding=rounding,
        room=room,
    )


def endpoint_name(cluster: str = CLUSTER, *, backend: TrafficManagerBackend | None = None) -> str:
    """The name that fleetdns gives the endpoint of a backend in a cluster."""
    backend = backend or make_backend()
    return str(EndpointName(backend.metadata.uid, backend.spec.backend.name, cluster))


def make_foreign_endpoint(name: str = "by-hand", *, priority: int | None = 1, weight: int = 7) -> Endpoint:
    """An endpoint that somebody else put into the profile."""
    return Endpoint(
        name=name,
        kind="externalEndpoints",
        weight=weight,
        priority=priority,
        target=f"{name}.example.com",
        monitor_status="Online",
        unmanaged=b'{"properties":{"endpointLocation":"West Europe"}}',
    )

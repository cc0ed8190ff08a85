"""What to do about each thing that can be missing, for the person who can do it: where possible the line to type."""

from __future__ import annotations

from collections.abc import Mapping

from fleetdns.api.meta import DRAIN, ObjectKey
from fleetdns.api.profile import ALLOW_EMPTY, TrafficManagerProfile
from fleetdns.api.service import INTERNAL_ANNOTATION, LABEL_ANNOTATION, WEIGHT
from fleetdns.core.candidates import (
    AZURE_REFUSED,
    CLUSTER_MISMATCH,
    CONFLICT_LOST,
    DISABLED_IN_AZURE,
    DNS_LABEL_MISSING,
    DUPLICATE_TARGET,
    ENDPOINT_LIMIT,
    EXPORT_NOT_FOUND,
    INTERNAL_LOAD_BALANCER,
    PUBLIC_IP_PENDING,
    SERVICE_TYPE_NOT_SUPPORTED,
)

# {service}, {namespace}, {cluster}: of the export.
_REJECTED: Mapping[str, str] = {
    SERVICE_TYPE_NOT_SUPPORTED: (
        'in {cluster}: kubectl patch service {service} -n {namespace} -p \'{{"spec":{{"type":"LoadBalancer"}}}}\''
    ),
    INTERNAL_LOAD_BALANCER: (
        f"in {{cluster}}: kubectl annotate service {{service}} -n {{namespace}} {INTERNAL_ANNOTATION}-"
    ),
    PUBLIC_IP_PENDING: "in {cluster}: kubectl describe service {service} -n {namespace}",
    DNS_LABEL_MISSING: (
        f"in {{cluster}}: kubectl annotate service {{service}} -n {{namespace}} {LABEL_ANNOTATION}=LABEL, or a "
        "ResourceOverride on the hub for all clusters"
    ),
    EXPORT_NOT_FOUND: "see that the ServiceExport is still in {cluster}, and that its agent runs",
    CLUSTER_MISMATCH: "start the agent that writes it with the name of its own cluster",
    CONFLICT_LOST: "give the Service in {cluster} the ports of the export that wins",
    DUPLICATE_TARGET: "let only one backend of the profile export what has this public IP",
    ENDPOINT_LIMIT: "spread the clusters over several profiles",
}


def rejected(reason: str, service: ObjectKey, cluster: str) -> str:
    """For an export that cannot be an endpoint."""
    found = _REJECTED.get(reason, "")
    return found.format(service=service.name, namespace=service.namespace, cluster=cluster)


def said_by_azure(reason: str, profile: TrafficManagerProfile | None) -> str:
    """For an endpoint that Azure does not take, or that somebody switched off there."""
    where = f" ({profile.status.resource_id})" if profile is not None and profile.status.resource_id else ""
    if reason == DISABLED_IN_AZURE:
        return f"enable the endpoint in Azure{where}; fleetdns leaves it as it is"
    if reason == AZURE_REFUSED:
        return "mend what the message names; fleetdns tries again within two minutes"
    return "see whose endpoint has this public IP, and take one of the two away"


def left_out(verdict: str, cluster: str, service: ObjectKey) -> tuple[str, str]:
    """(because, what to do) for a cluster that is no endpoint since somebody said so."""
    namespace = f"fleet-member-{cluster}"
    match verdict:
        case "Drained":
            because = f"the cluster is drained: namespace {namespace} or its MemberCluster says {DRAIN}=true"
            return because, f"put it back by kubectl annotate namespace {namespace} {DRAIN}-"
        case "Excluded":
            because = "a ResourceOverride of the overrideType Delete takes the Service from this cluster"
            return because, f"see kubectl get resourceoverrides -n {service.namespace}"
        case "WeightZero":
            because = "the export has the weight 0, by its ServiceExport or a ResourceOverride"
            return because, f"in {cluster}: kubectl annotate svcexport {service.name} -n {service.namespace} {WEIGHT}=1"
        case _:
            because = "its namespace or MemberCluster cannot be read: nobody can say whether it is drained"
            return because, f"see kubectl get namespace {namespace} -o yaml"


def no_backend(service: ObjectKey) -> str:
    return (
        f"apply a TrafficManagerBackend in namespace {service.namespace} with spec.backend.name {service.name} and the "
        "name of a TrafficManagerProfile in spec.profile.name"
    )


def bare_profile(key: ObjectKey) -> str:
    return (
        f"apply a TrafficManagerBackend in namespace {key.namespace} with spec.profile.name {key.name} and an exported "
        f"Service in spec.backend.name; if nobody needs it, kubectl delete tmp {key.name} -n {key.namespace}"
    )


def not_exported(service: ObjectKey, cluster: str) -> str:
    return (
        f"in {cluster}: apply a ServiceExport {service.name} in namespace {service.namespace}; where there is one, "
        f"kubectl describe svcexport {service.name} -n {service.namespace} says whether the agent has seen it"
    )


def not_imported() -> str:
    return (
        "see that fleetdns run is working on the hub, without --no-resolve-exports unless another controller resolves"
    )


def backend_weight(backend: ObjectKey) -> str:
    return f'kubectl patch tmb {backend.name} -n {backend.namespace} --type=merge -p \'{{"spec":{{"weight":1}}}}\''


def profile(key: ObjectKey) -> str:
    return f"apply TrafficManagerProfile {key}, or a backend that names another one"


def programmed(key: ObjectKey, reason: str) -> str:
    """`reason`: that of the condition Programmed."""
    if reason == "DNSNameNotAvailable":
        return f"kubectl edit tmp {key.name} -n {key.namespace}: choose spec.dnsConfig.relativeName"
    return f"kubectl describe tmp {key.name} -n {key.namespace}"


def does_it_run() -> str:
    return "see that fleetdns run is working: kubectl get pods -n fleetdns"


def finalizers() -> str:
    return "see who is to take that finalizer off, and whether it runs"


def once_gone() -> str:
    return "it can be applied again once it is gone"


def wait() -> str:
    return "nothing, if it is new; else see fleetdns plan, and the log of fleetdns run"


def guard(backend: ObjectKey) -> str:
    return (
        f"let it go by kubectl annotate tmb {backend.name} -n {backend.namespace} {ALLOW_EMPTY}=true, or export again"
    )


def probe(of: TrafficManagerProfile | None, target: str) -> str:
    """What the probes ask for at `target`, so that somebody can ask the same."""
    config = of.spec.monitor_config if of is not None else None
    if config is None:
        return ""
    protocol, port = config.protocol or "HTTP", 80 if config.port is None else config.port
    if protocol == "TCP":
        return f"see that {target}:{port} takes TCP connections from outside"
    return f"see that {protocol.lower()}://{target}:{port}{config.path or '/'} answers 200 from outside"

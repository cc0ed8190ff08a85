"""What users and Fleet's agents keep on a hub: profiles, backends, exports and what was made of them.

Nothing here was written by fleetdns or for it.
"""

from __future__ import annotations

from typing import Any

from tests.upgrade.definitions import GROUP

Object = dict[str, Any]

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
NAMESPACE = "work"
CLUSTERS = ("aks-1", "aks-2", "aks-3")
SERVICES = ("app", "api", "batch")
FINALIZERS = f"{GROUP}/"
METRICS_FINALIZER = f"{FINALIZERS}metrics-cleanup"
PROFILE_FINALIZER = f"{FINALIZERS}traffic-manager-profile-cleanup"
BACKEND_FINALIZER = f"{FINALIZERS}traffic-manager-backend-cleanup"
EXPORT_FINALIZER = f"{FINALIZERS}internal-svc-export-cleanup"
PROFILE_TAG = f"{GROUP}.trafficManagerProfile"


def profile(name: str, *, group: str | None = "fleet-dns", version: str = "v1beta1", **monitor: Any) -> Object:
    """A user's TrafficManagerProfile; `monitor` are the fields of its monitorConfig."""
    spec = ({"resourceGroup": group} if group else {}) | ({"monitorConfig": monitor} if monitor else {})
    return _object("TrafficManagerProfile", name, NAMESPACE, version=version, spec=spec)


def backend(name: str, *, profile: str, service: str, weight: int) -> Object:
    spec = {"profile": {"name": profile}, "backend": {"name": service}, "weight": weight}
    return _object("TrafficManagerBackend", name, NAMESPACE, spec=spec)


def export(cluster: str, service: str, *, weight: int) -> Object:
    """What the agent of a member cluster wrote, with the finalizer of the hub's controller."""
    spec = {
        "serviceReference": {
            "clusterId": cluster,
            "apiVersion": "v1",
            "kind": "Service",
            "namespace": NAMESPACE,
            "name": service,
            "resourceVersion": "48213",
            "generation": 1,
            "uid": f"5d0e9b3c-{cluster}",
            "namespacedName": f"{NAMESPACE}/{service}",
            "exportedSince": "2026-03-01T08:00:00Z",
        },
        "ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080}],
        "type": "LoadBalancer",
        "isDNSLabelConfigured": True,
        "isInternalLoadBalancer": False,
        "publicIPResourceID": public_ip(cluster, service),
        "weight": weight,
    }
    made = _object(
        "InternalServiceExport", f"{NAMESPACE}-{service}", f"fleet-member-{cluster}", version="v1alpha1", spec=spec
    )
    made["metadata"]["annotations"] = {f"{GROUP}/fleet-unique-name": f"{NAMESPACE}-{service}-k4x2p"}
    made["metadata"]["finalizers"] = [EXPORT_FINALIZER]
    made["status"] = {"conditions": [condition("Conflict", "False", "NoConflictFound")]}
    return made


def service_import(service: str, *clusters: str) -> Object:
    """What the hub's controller resolved from the exports."""
    made = _object("ServiceImport", service, NAMESPACE, version="v1alpha1")
    made["metadata"]["annotations"] = {f"{GROUP}/service-in-use-by": "{}"}
    made["status"] = {
        "type": "ClusterSetIP",
        "ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080}],
        "clusters": [{"cluster": cluster} for cluster in clusters],
    }
    return made


def service_export(service: str, version: str) -> Object:
    """A user's wish on a member cluster; hubs that propagate it hold it too."""
    made = _object("ServiceExport", service, NAMESPACE, version=version)
    made["metadata"]["annotations"] = {f"{GROUP}/weight": "40"}
    made["status"] = {"conditions": [condition("Valid", "True", "ServiceIsValid")]}
    return made


def public_ip(cluster: str, service: str) -> str:
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/MC_{cluster}_westeurope"
    return f"{group}/providers/Microsoft.Network/publicIPAddresses/kubernetes-{cluster}-{service}"


def target(cluster: str, service: str) -> str:
    return f"{service}-{cluster}.westeurope.cloudapp.azure.com"


def condition(kind: str, status: str, reason: str, message: str = "as Fleet words it", generation: int = 1) -> Object:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": generation,
        "lastTransitionTime": "2026-03-01T08:00:05Z",
    }


def _object(kind: str, name: str, namespace: str, *, version: str = "v1beta1", **more: Any) -> Object:
    return {
        "apiVersion": f"{GROUP}/{version}",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        **more,
    }

"""The built-in kinds that the hub serves."""

from dataclasses import dataclass
from typing import Any

from fleetdns.emulator.hub import builtin_schemas as schemas
from fleetdns.emulator.hub import rights_schemas as rights
from fleetdns.emulator.hub import workload_schemas as workloads
from fleetdns.emulator.hub.service_schema import SERVICE

_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Kind:
    """One version of one kind; `schema` is its openAPIV3Schema, `group` is empty for the core kinds."""

    group: str
    version: str
    plural: str
    singular: str
    kind: str
    namespaced: bool
    verbs: tuple[str, ...]
    schema: dict[str, Any]
    subresources: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


def builtin_kinds() -> tuple[Kind, ...]:
    """Every built-in kind, in a stable order."""
    return (
        _core("ConfigMap", "configmaps", schemas.CONFIG_MAP),
        _core("Event", "events", schemas.EVENT),
        _core("Namespace", "namespaces", schemas.NAMESPACE, namespaced=False, subresources=("finalize", "status")),
        _core("Secret", "secrets", schemas.SECRET),
        _core("Service", "services", SERVICE, subresources=("status",)),
        _core("ServiceAccount", "serviceaccounts", schemas.SERVICE_ACCOUNT),
        Kind("coordination.k8s.io", "v1", "leases", "lease", "Lease", True, _VERBS, schemas.LEASE),
        Kind(
            group="apiextensions.k8s.io",
            version="v1",
            plural="customresourcedefinitions",
            singular="customresourcedefinition",
            kind="CustomResourceDefinition",
            namespaced=False,
            verbs=_VERBS,
            schema=schemas.DEFINITION,
            subresources=("status",),
        ),
        _grouped("apps", "Deployment", "deployments", workloads.DEPLOYMENT, subresources=("status",)),
        _grouped(
            "policy",
            "PodDisruptionBudget",
            "poddisruptionbudgets",
            workloads.DISRUPTION_BUDGET,
            subresources=("status",),
        ),
        _grouped("networking.k8s.io", "NetworkPolicy", "networkpolicies", workloads.NETWORK_POLICY),
        _grouped(rights.GROUP, "Role", "roles", rights.ROLE),
        _grouped(rights.GROUP, "RoleBinding", "rolebindings", rights.ROLE_BINDING),
        _grouped(rights.GROUP, "ClusterRole", "clusterroles", rights.CLUSTER_ROLE, namespaced=False),
        _grouped(
            rights.GROUP, "ClusterRoleBinding", "clusterrolebindings", rights.CLUSTER_ROLE_BINDING, namespaced=False
        ),
    )


def _grouped(
    group: str,
    kind: str,
    plural: str,
    schema: dict[str, Any],
    *,
    namespaced: bool = True,
    subresources: tuple[str, ...] = (),
) -> Kind:
    return Kind(group, "v1", plural, kind.lower(), kind, namespaced, _VERBS, schema, subresources)


def _core(
    kind: str, plural: str, schema: dict[str, Any], *, namespaced: bool = True, subresources: tuple[str, ...] = ()
) -> Kind:
    # As on a real server, namespaces are deleted one by one only.
    verbs = _VERBS if namespaced else tuple(verb for verb in _VERBS if verb != "deletecollection")
    return Kind("", "v1", plural, kind.lower(), kind, namespaced, verbs, schema, subresources)

"""ResourceOverrides for tests, written as a user writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fleetdns.api.meta import ObjectKey
from fleetdns.api.overrides import ResourceOverride
from fleetdns.core.overrides import Overrides, overridden
from tests.core.builders import NAMESPACE, SERVICE, uid_of

LABEL_PATH = "/metadata/annotations/service.beta.kubernetes.io~1azure-dns-label-name"
WEIGHT_PATH = "/metadata/annotations/networking.fleet.azure.com~1weight"
LABEL_KEY = "service.beta.kubernetes.io/azure-dns-label-name"
WEIGHT_KEY = "networking.fleet.azure.com/weight"

Rule = dict[str, Any]


def patch(path: str, value: Any = None, op: str = "add") -> dict[str, Any]:
    return {"op": op, "path": path, "value": value}


def rule(*patches: dict[str, Any], where: Any = None, kind: str = "JSONPatch") -> Rule:
    """`where`: match labels, or whole terms."""
    found: Rule = {"overrideType": kind, "jsonPatchOverrides": list(patches)}
    if isinstance(where, Mapping):
        found["clusterSelector"] = {"clusterSelectorTerms": [{"labelSelector": {"matchLabels": where}}]}
    elif where is not None:
        found["clusterSelector"] = {"clusterSelectorTerms": list(where)}
    return found


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    """A term of one matchExpression."""
    return {"labelSelector": {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}}


def label(value: Any, **options: Any) -> Rule:
    return rule(patch(LABEL_PATH, value), **options)


def weight(value: Any, **options: Any) -> Rule:
    return rule(patch(WEIGHT_PATH, value), **options)


def delete(**options: Any) -> Rule:
    return rule(kind="Delete", **options)


def selector(kind: str, name: str = SERVICE) -> dict[str, str]:
    group, version = ("", "v1") if kind == "Service" else ("networking.fleet.azure.com", "v1beta1")
    return {"group": group, "version": version, "kind": kind, "name": name}


def make_override(
    name: str,
    *rules: Rule,
    on: tuple[str, ...] = ("Service", "ServiceExport"),
    service: str = SERVICE,
    namespace: str = NAMESPACE,
    is_deleting: bool = False,
) -> ResourceOverride:
    """Selects the Service and the ServiceExport unless `on` names one of them, or another kind."""
    return msgspec.convert(
        {
            "metadata": {
                "name": name,
                "namespace": namespace,
                "uid": uid_of(f"override/{namespace}/{name}"),
                "resourceVersion": "1",
                "deletionTimestamp": "2026-01-01T00:00:00Z" if is_deleting else None,
            },
            "spec": {
                "resourceSelectors": [selector(kind, service) for kind in on],
                "policy": {"overrideRules": list(rules)},
            },
        },
        ResourceOverride,
    )


def outcome(*overrides: ResourceOverride, service: str = SERVICE, **clusters: Mapping[str, str]) -> Overrides:
    """What they make of the service in these clusters; without any named, in one of no labels."""
    named = {cluster.replace("_", "-"): labels for cluster, labels in clusters.items()}
    return overridden(overrides, service=ObjectKey(NAMESPACE, service), clusters=named or {"a": {}})

"""Objects of our own kinds, and the paths they are under."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]

GROUP = "networking.fleet.azure.com"
BETA, ALPHA = f"/apis/{GROUP}/v1beta1", f"/apis/{GROUP}/v1alpha1"
PROFILES = f"{BETA}/namespaces/{{ns}}/trafficmanagerprofiles"
OLD_PROFILES = f"{ALPHA}/namespaces/{{ns}}/trafficmanagerprofiles"
BACKENDS = f"{BETA}/namespaces/{{ns}}/trafficmanagerbackends"
EXPORTS = f"{ALPHA}/namespaces/{{ns}}/internalserviceexports"
CONFIG_MAPS = "/api/v1/namespaces/{ns}/configmaps"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/{ns}/leases"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SHOP = f"{PROFILES}/shop"

CRDS = Path(__file__).parents[2] / "manifests" / "crds"
TRANSITION = "2026-01-02T03:04:05Z"


def definitions() -> list[Object]:
    """Our five CustomResourceDefinitions as the manifests have them; each call gives new ones."""
    return copy.deepcopy(_definitions())


@functools.cache
def _definitions() -> list[Object]:
    return [yaml.safe_load(file.read_text()) for file in sorted(CRDS.glob("networking.*.yaml"))]


def profile(name: str = "shop", *, version: str = "v1beta1", labels: Object | None = None, **spec: Any) -> Object:
    metadata = {"name": name} | ({"labels": labels} if labels else {})
    return {"apiVersion": f"{GROUP}/{version}", "kind": "TrafficManagerProfile", "metadata": metadata, "spec": spec}


def backend(name: str = "app", **spec: Any) -> Object:
    whole = {"profile": {"name": "shop"}, "backend": {"name": "app"}} | spec
    return {
        "apiVersion": f"{GROUP}/v1beta1",
        "kind": "TrafficManagerBackend",
        "metadata": {"name": name},
        "spec": whole,
    }


def path_of(plural: str, version: str) -> str:
    """The collection of one of our kinds in one of its versions."""
    return f"/apis/{GROUP}/{version}/namespaces/{{ns}}/{plural}"


def minimal(plural: str, version: str, name: str = "one") -> Object:
    """The least object of one of our kinds that is accepted."""
    kind = next(one["spec"]["names"]["kind"] for one in _definitions() if one["spec"]["names"]["plural"] == plural)
    about = ("clusterId", "kind", "name", "namespace", "namespacedName", "resourceVersion", "uid")
    specs: dict[str, Object] = {
        "trafficmanagerprofiles": {"spec": {}},
        "trafficmanagerbackends": {"spec": {"profile": {"name": "shop"}, "backend": {"name": "app"}}},
        "internalserviceexports": {
            "spec": {"ports": [{"port": 80}], "serviceReference": dict.fromkeys(about, "x") | {"generation": 1}}
        },
    }
    obj: Object = {"apiVersion": f"{GROUP}/{version}", "kind": kind, "metadata": {"name": name}}
    return obj | copy.deepcopy(specs.get(plural, {}))


def served_versions() -> list[tuple[str, str]]:
    """Plural and version of everything that our definitions serve."""
    return [
        (one["spec"]["names"]["plural"], version["name"])
        for one in _definitions()
        for version in one["spec"]["versions"]
    ]


def condition(kind: str = "Programmed", status: str = "True", **more: Any) -> Object:
    return {"type": kind, "status": status, "reason": kind, "message": "", "lastTransitionTime": TRANSITION} | more


def config_map(name: str = "notes", **more: Any) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **more}

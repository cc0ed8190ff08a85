"""A small custom kind for the hub's tests, and short ways to say what is done to it."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from fleetdns.emulator.hub.rest import Hub, StatusError

Object = dict[str, Any]

GROUP = "ex.io"
SHOPS = (GROUP, "v1beta1", "shops", "default")
OLD_SHOPS = (GROUP, "v1alpha1", "shops", "default")
DEFINITIONS = ("apiextensions.k8s.io", "v1", "customresourcedefinitions", None)
CONFIG_MAPS = ("", "v1", "configmaps", "default")
NAMESPACES = ("", "v1", "namespaces", None)
LEASES = ("coordination.k8s.io", "v1", "leases", "default")
EVENTS = ("", "v1", "events", "default")
APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"

# 2026-01-02T03:04:05Z
NOON = 1767323045.0

_TEXT = {"type": "string"}
_CONDITION = {
    "type": "object",
    "required": ["type", "status"],
    "properties": {"type": _TEXT, "status": _TEXT, "reason": _TEXT, "message": _TEXT},
}
_SCHEMA = {
    "type": "object",
    "description": "A shop.",
    "properties": {
        "spec": {
            "type": "object",
            "description": "What the shop should be.",
            "properties": {
                "weight": {
                    "type": "integer",
                    "description": "Its share of the customers.",
                    "minimum": 0,
                    "maximum": 1000,
                    "default": 1,
                },
                "owner": {
                    "type": "string",
                    "maxLength": 63,
                    "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "owner is immutable"}],
                },
                "doors": {"type": "array", "maxItems": 3, "x-kubernetes-list-type": "set", "items": _TEXT},
            },
        },
        "status": {
            "type": "object",
            "properties": {
                "phase": _TEXT,
                "conditions": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["type"],
                    "items": _CONDITION,
                },
            },
        },
    },
}
_COLUMNS = [
    {"name": "Weight", "type": "integer", "jsonPath": ".spec.weight"},
    {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].status"},
    {"name": "Owner", "type": "string", "jsonPath": ".spec.owner", "priority": 1},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
]


def definition() -> Object:
    """Two versions with one schema, as fleetdns' own kinds have them."""
    versions: list[Object] = [
        {
            "name": version,
            "served": True,
            "storage": version == "v1beta1",
            "subresources": {"status": {}},
            "additionalPrinterColumns": _COLUMNS,
            "schema": {"openAPIV3Schema": copy.deepcopy(_SCHEMA)},
        }
        for version in ("v1alpha1", "v1beta1")
    ]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "shops.ex.io"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": "shops", "kind": "Shop", "shortNames": ["sh"], "categories": ["trade"]},
            "versions": versions,
        },
    }


def shop(name: str = "corner", *, version: str = "v1beta1", **spec: Any) -> Object:
    return {"apiVersion": f"{GROUP}/{version}", "kind": "Shop", "metadata": {"name": name}, "spec": spec}


def labelled(obj: Object, **labels: str) -> Object:
    return obj | {"metadata": obj["metadata"] | {"labels": labels}}


def config_map(name: str = "settings", **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


class Clock:
    """Unix seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


def make_hub(clock: Clock | None = None, **more: Any) -> Hub:
    """A hub that knows shops, on a clock that stands still, with the same chance each time."""
    hub = Hub(clock=clock or Clock(), random=random.Random(7), **more)
    hub.install(definition())
    return hub


def refused(call: Any) -> StatusError:
    """The refusal that a call ends in."""
    with pytest.raises(StatusError) as caught:
        call()
    return caught.value


def version_of(obj: Object) -> int:
    return int(obj["metadata"]["resourceVersion"])

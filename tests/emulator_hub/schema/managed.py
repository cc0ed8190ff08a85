"""Objects that several managers write, and who manages what in them."""

from typing import Any

from fleetdns.emulator.hub.managedfields import apply, track
from fleetdns.emulator.hub.schema import StructuralSchema

V1, NOON, LATER = "g.io/v1", "2026-01-01T12:00:00Z", "2026-01-01T13:00:00Z"
SCHEMA = StructuralSchema(
    {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "port": {"type": "integer"},
                    "mode": {"type": "string", "default": "fast"},
                    "inner": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}},
                    "whole": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": True},
                    "headers": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["name"],
                        "items": {
                            "type": "object",
                            "required": ["name"],
                            "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
                        },
                    },
                    "ports": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["port", "protocol"],
                        "items": {
                            "type": "object",
                            "required": ["port"],
                            "properties": {
                                "port": {"type": "integer"},
                                "protocol": {"type": "string", "default": "TCP"},
                            },
                        },
                    },
                    "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                    "probes": {
                        "type": "array",
                        "x-kubernetes-list-type": "atomic",
                        "items": {
                            "type": "object",
                            "properties": {
                                "port": {"type": "integer"},
                                "protocol": {"type": "string", "default": "TCP"},
                            },
                        },
                    },
                },
            },
            "status": {"type": "object", "properties": {"phase": {"type": "string"}}},
        },
    }
)


def shop(spec: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    obj = {"apiVersion": V1, "kind": "Shop", "metadata": {"name": "shop", "namespace": "work", **metadata}}
    return obj if spec is None else {**obj, "spec": spec}


def applied(
    live: Any, config: Any, manager: str, *, force: bool = False, time: str = NOON, subresource: str = ""
) -> Any:
    """The live object after an apply, with its defaults, as it would be stored."""
    new = apply(
        live,
        config,
        manager=manager,
        force=force,
        schema=SCHEMA,
        api_version=V1,
        time=time,
        subresource=subresource,
    )
    return SCHEMA.default(new)


def updated(old: Any, new: Any, manager: str, *, time: str = NOON, subresource: str = "") -> Any:
    return track(
        old,
        SCHEMA.default(new),
        manager=manager,
        operation="Update",
        api_version=V1,
        time=time,
        subresource=subresource,
        schema=SCHEMA,
    )


def owners(obj: dict[str, Any]) -> dict[str, Any]:
    """What each manager manages, as written in fieldsV1."""
    return {entry["manager"]: entry["fieldsV1"] for entry in obj["metadata"].get("managedFields", ())}

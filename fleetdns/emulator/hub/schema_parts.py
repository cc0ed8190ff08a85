"""The parts that the schemas of the built-in kinds are written with."""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]


def text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


def time(description: str) -> dict[str, Any]:
    return text(description, format="date-time")


def number(description: str) -> dict[str, Any]:
    return {"type": "integer", "description": description}


def flag(description: str) -> dict[str, Any]:
    return {"type": "boolean", "description": description}


def texts(description: str) -> dict[str, Any]:
    return {"type": "object", "description": description, "additionalProperties": {"type": "string"}}


def record(description: str, properties: Schema, **more: Any) -> dict[str, Any]:
    return {"type": "object", "description": description, "properties": dict(properties), **more}


def listed(description: str, items: Schema, *keys: str) -> dict[str, Any]:
    """A list keyed by the given fields of its items, atomic without any."""
    kind = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)} if keys else {}
    return {"type": "array", "description": description, "items": dict(items), **kind}


OPEN = {"x-kubernetes-preserve-unknown-fields": True}


def whole(description: str, properties: Schema) -> dict[str, Any]:
    implied = {
        "apiVersion": text("Group and version of the schema this object is written in."),
        "kind": text("The kind of object this is, as the API names it."),
        "metadata": {"type": "object"},
    }
    return record(description, {**implied, **properties})


CONDITION = record(
    "One finding about this object.",
    {
        "type": text("The claim that is judged."),
        "status": text("Whether the claim holds: True, False or Unknown."),
        "reason": text("The finding as one word for programs."),
        "message": text("The finding as a sentence for people."),
        "lastTransitionTime": time("When status last changed."),
    },
    required=["type", "status"],
    **OPEN,
)

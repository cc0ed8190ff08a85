"""What server-side apply says of a value whose type the schema does not have, in its own words."""

from typing import Any

from fleetdns.emulator.hub.jsonvalue import compact
from fleetdns.emulator.hub.structural import Node

_GO_TYPES = {bool: "bool", str: "string", dict: "map[string]interface {}", list: "[]interface {}"}


def mistyped(value: Any, schema: Node) -> str:
    """Why the value does not fit; empty where it does. Null fits everything here and is refused later."""
    if value is None:
        return ""
    match schema.type:
        case "object" if not isinstance(value, dict):
            return f"expected map, got &{{{_shown(value)}}}"
        case "array" if not isinstance(value, list):
            return f"expected list, got &{{{_shown(value)}}}"
        case "string" if not isinstance(value, str):
            return f"expected string, got &value.valueUnstructured{{Value:{_shown(value)}}}"
        case "boolean" if not isinstance(value, bool):
            return f"expected boolean, got &{{{_shown(value)}}}"
        case "integer" | "number" if isinstance(value, bool) or not isinstance(value, int | float):
            return f"expected numeric (int or float), got {_GO_TYPES[type(value)]}"
    return ""


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else compact(value)

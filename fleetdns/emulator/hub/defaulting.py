"""Filling in what a schema gives by default and taking out what it does not know; both return new values."""

import copy
from typing import Any

from fleetdns.emulator.hub.jsonvalue import whole
from fleetdns.emulator.hub.structural import Node

_TYPE_AND_META = frozenset({"apiVersion", "kind", "metadata"})


def defaulted(value: Any, schema: Node | None, *, keep_nulls: bool = False) -> Any:
    """A copy with defaults filled in, and with null replaced by the default, or dropped where it is not allowed."""
    return _filled(whole(value), schema, keep_nulls)


def _filled(value: Any, schema: Node | None, keep_nulls: bool) -> Any:
    if schema is None:
        return value
    if isinstance(value, dict):
        return _filled_object(value, schema, keep_nulls)
    if isinstance(value, list):
        return [_filled(_instead_of_null(item, schema.items), schema.items, keep_nulls) for item in value]
    return value


def _filled_object(value: dict[str, Any], schema: Node, keep_nulls: bool) -> dict[str, Any]:
    filled = {}
    for name, item in value.items():
        known = schema.child(name)
        taken = _instead_of_null(item, known)
        if taken is None and known is not None and not known.nullable and not keep_nulls:
            continue
        filled[name] = _filled(taken, known, keep_nulls)
    for name, known in schema.properties.items():
        if name not in filled and known.default is not None:
            filled[name] = _filled(copy.deepcopy(known.default), known, keep_nulls)
    return filled


def _instead_of_null(value: Any, schema: Node | None) -> Any:
    if value is None and schema is not None and not schema.nullable:
        return copy.deepcopy(schema.default)
    return value


def pruned(value: Any, schema: Node) -> tuple[Any, tuple[str, ...]]:
    """A copy without the fields the schema does not know, and the sorted paths of what was taken out."""
    unknown: list[str] = []
    kept = _pruned_object(value, schema, "", unknown, is_resource=True) if isinstance(value, dict) else value
    return kept, tuple(sorted(unknown))


def _pruned(value: Any, schema: Node | None, path: str, unknown: list[str]) -> Any:
    if isinstance(value, dict):
        if schema is None:
            unknown.extend(f"{path}.{name}" for name in value)
            return {}
        return _pruned_object(value, schema, path, unknown, is_resource=schema.embedded_resource)
    if isinstance(value, list):
        items = schema.items if schema else None
        if items is None and schema is not None and schema.preserve_unknown:
            return value
        return [_pruned(item, items, f"{path}[{position}]", unknown) for position, item in enumerate(value)]
    return value


def _pruned_object(
    value: dict[str, Any], schema: Node, path: str, unknown: list[str], *, is_resource: bool
) -> dict[str, Any]:
    kept = {}
    for name, item in value.items():
        here = f"{path}.{name}" if path else name
        known = schema.child(name)
        if is_resource and name in _TYPE_AND_META:
            kept[name] = item
        elif known is not None:
            kept[name] = _pruned(item, known, here, unknown)
        elif schema.preserve_unknown:
            kept[name] = item
        else:
            unknown.append(here)
    return kept

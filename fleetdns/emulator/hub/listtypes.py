"""The promise of x-kubernetes-list-type: no item twice in a set, no key twice in a keyed list."""

from collections.abc import Iterator
from typing import Any

from fleetdns.emulator.hub.fields import FieldError, child, duplicate, index, invalid, key
from fleetdns.emulator.hub.jsonvalue import compact
from fleetdns.emulator.hub.structural import Node


def duplicates(value: Any, schema: Node | None, path: str = "") -> Iterator[FieldError]:
    """Every item of a set or keyed list, anywhere in the value, that repeats an earlier one; each once."""
    if schema is None:
        return
    if isinstance(value, dict):
        for name in sorted(value):
            here = child(path, name) if name in schema.properties else key(path, name)
            yield from duplicates(value[name], schema.child(name), here)
    if isinstance(value, list):
        yield from _in_list(value, schema, path)
        for position, item in enumerate(value):
            yield from duplicates(item, schema.items, index(path, position))


def _in_list(items: list[Any], schema: Node, path: str) -> Iterator[FieldError]:
    if schema.list_type == "set":
        yield from _repeated(items, path)
    if schema.list_type == "map":
        strange = [position for position, item in enumerate(items) if not isinstance(item, dict | None)]
        if strange:
            at = strange[0]
            yield invalid(index(path, at), items[at], "must be an object for an array of list-type map")
            return
        yield from _repeated([_keys(item, schema) for item in items], path)


def _keys(item: dict[str, Any] | None, schema: Node) -> dict[str, Any]:
    return {name: item[name] for name in schema.list_keys if item and name in item}


def _repeated(values: list[Any], path: str) -> Iterator[FieldError]:
    seen: dict[str, int] = {}
    for position, value in enumerate(values):
        text = compact(value)
        seen[text] = seen.get(text, 0) + 1
        if seen[text] == 2:
            yield duplicate(index(path, position), value)

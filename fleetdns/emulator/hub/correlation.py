"""Which part of the old object each part of the new one corresponds to, and whether it is unchanged.

Fields correspond by name, items of a keyed list by their keys; items of other lists have no earlier self.
"""

from typing import Any

from fleetdns.emulator.hub.jsonvalue import same
from fleetdns.emulator.hub.structural import Node

_SCALARS = (bool, int, float, str)


class Correlated:
    """A value beside its earlier self. `parent` is the nearest enclosing value that has an earlier self."""

    __slots__ = ("_equal", "new", "old", "parent", "schema")

    def __init__(self, new: Any, old: Any, schema: Node, parent: "Correlated | None" = None) -> None:
        self.new = new
        self.old = old
        self.schema = schema
        self.parent = parent
        self._equal: bool | None = None

    def field(self, name: str) -> "Correlated | None":
        """The correspondence of one field or map entry, None where one side lacks it or the schema does not know it."""
        known = self.schema.child(name)
        if known is None or not isinstance(self.new, dict) or not isinstance(self.old, dict):
            return None
        if name not in self.new or name not in self.old:
            return None
        return Correlated(self.new[name], self.old[name], known, self)

    def item(self, position: int) -> "Correlated | None":
        """The correspondence of one list item, None where its earlier self cannot be told."""
        if self.schema.list_type != "map" or self.schema.items is None or not isinstance(self.old, list):
            return None
        wanted = _item_keys(self.new[position], self.schema)
        if wanted is None:
            return None
        earlier = (item for item in self.old if _item_keys(item, self.schema) == wanted)
        return next((Correlated(self.new[position], item, self.schema.items, self) for item in earlier), None)

    @property
    def unchanged(self) -> bool:
        """Whether old and new are equal; keyed lists in any order. Unknown fields never count as unchanged."""
        if self._equal is None:
            self._equal = self._compared()
        return self._equal

    def _compared(self) -> bool:
        new, old = self.new, self.old
        if isinstance(new, dict) and isinstance(old, dict):
            return len(new) == len(old) and all(_unchanged(self.field(name)) for name in new)
        if isinstance(new, list) and isinstance(old, list) and self.schema.list_type == "map":
            return len(new) == len(old) and all(_unchanged(self.item(position)) for position in range(len(new)))
        return same(new, old)


def _unchanged(correlated: Correlated | None) -> bool:
    return correlated is not None and correlated.unchanged


def _item_keys(item: Any, schema: Node) -> tuple[Any, ...] | None:
    """The identity of an item of a keyed list, None where it has none."""
    if not isinstance(item, dict) or not all(isinstance(item.get(name), _SCALARS) for name in schema.list_keys):
        return None
    return tuple((type(item[name]), item[name]) for name in schema.list_keys)

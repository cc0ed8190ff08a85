"""Sets of fields as managedFields names them, and how an object's fields are found, compared, merged and removed.

A path is a tuple of steps: "f:name" a field, 'k:{"name":"a"}' an item of a keyed list, 'v:"x"' an item of a set.
Lists and maps that are atomic are one field each.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from fleetdns.emulator.hub.appliedtypes import mistyped
from fleetdns.emulator.hub.jsonvalue import compact, same, shown
from fleetdns.emulator.hub.structural import ANYTHING, Node

Path = tuple[str, ...]
_Branches = dict[str, tuple[Any, Node]]
FieldSet = frozenset[Path]

NOTHING: FieldSet = frozenset()


class Absent(Enum):
    """What stands where there is no value, which null is one of."""

    MISSING = "there is nothing"
    EMPTIED = "there was something, and its owner took all of it away"


class FieldsInvalid(ValueError):
    """A fieldsV1 value that names no fields."""


MISSING = Absent.MISSING
EMPTIED = Absent.EMPTIED


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of the fields between two objects."""

    removed: FieldSet
    modified: FieldSet
    added: FieldSet

    @property
    def written(self) -> FieldSet:
        return self.modified | self.added


def fields_of(value: Any, schema: Node) -> FieldSet:
    """The fields that an applied configuration claims."""
    return frozenset(_claimed(value, schema, ()))


def _claimed(value: Any, schema: Node, path: Path) -> Iterator[Path]:
    branches = _branches(value, schema)
    if branches is None:
        yield path
        return
    for step, (item, below) in branches.items():
        here = (*path, step)
        yield from _claimed(item, below, here)
        if not step.startswith("f:") or item in (None, {}, EMPTIED) or step[2:] not in schema.properties:
            yield here


def compared(old: Any, new: Any, schema: Node) -> Comparison:
    """Which fields the step from old to new removes, changes and adds; either may be MISSING."""
    changes: dict[str, set[Path]] = {"removed": set(), "modified": set(), "added": set()}
    _compare(old, new, schema, (), changes)
    return Comparison(*(frozenset(changes[name]) for name in ("removed", "modified", "added")))


def _compare(old: Any, new: Any, schema: Node, path: Path, changes: Mapping[str, set[Path]]) -> None:
    left, right = _branches(old, schema), _branches(new, schema)
    if old is MISSING:
        changes["added"].add(path)
    elif new is MISSING:
        changes["removed"].add(path)
    elif (left is None or right is None) and not _fits(old, left, new, right) and not same(old, new):
        changes["modified"].add(path)
    nothing = (MISSING, ANYTHING)
    left, right = left or {}, right or {}
    for step in [*left, *(step for step in right if step not in left)]:
        (before, below), (after, beside) = left.get(step, nothing), right.get(step, nothing)
        _compare(before, after, beside if before is MISSING else below, (*path, step), changes)


def _fits(old: Any, left: _Branches | None, new: Any, right: _Branches | None) -> bool:
    """Null stands beside an object or list as an empty one."""
    return (old is None and right is not None) or (new is None and left is not None)


def merged(live: Any, applied: Any, schema: Node) -> Any:
    """The live value with everything that is applied written over it, item by item where lists have keys."""
    if live is MISSING or applied is MISSING:
        return applied if live is MISSING else live
    left, right = _branches(live, schema), _branches(applied, schema)
    if applied is None and left:
        return live
    if left is None or right is None:
        return applied
    nothing = (MISSING, ANYTHING)
    items = {}
    for step in _merged_order(tuple(left), tuple(right)):
        (before, below), (after, beside) = left.get(step, nothing), right.get(step, nothing)
        items[step] = merged(before, after, beside if before is MISSING else below)
    return list(items.values()) if isinstance(live, list) else {step[2:]: item for step, item in items.items()}


def _merged_order(live: Path, applied: Path) -> Iterator[str]:
    """Applied items in their own order; each live item that is not applied stays before the one it stood before."""
    waiting = list(live)
    for step in applied:
        while waiting and (step in waiting or waiting[0] not in applied):
            first = waiting.pop(0)
            if first == step:
                break
            if first not in applied:
                yield first
        yield step
    yield from (step for step in waiting if step not in applied)


def without(value: Any, paths: FieldSet, schema: Node) -> Any:
    """The value without the fields in the set; what loses its last one that way is EMPTIED."""
    branches = _branches(value, schema)
    if not paths or branches is None:
        return value
    items = {}
    for step, (item, below) in branches.items():
        if (step,) in paths:
            continue
        inner = frozenset(path[1:] for path in paths if len(path) > 1 and path[0] == step)
        items[step] = without(item, inner, below)
    if branches and not items:
        return EMPTIED
    return list(items.values()) if isinstance(value, list) else {step[2:]: item for step, item in items.items()}


def with_nulls(value: Any) -> Any:
    """The value with null for what was emptied: that is what a real server goes on with, and mostly refuses."""
    if isinstance(value, dict):
        return {name: with_nulls(item) for name, item in value.items()}
    if isinstance(value, list):
        return [with_nulls(item) for item in value]
    return None if value is EMPTIED else value


def with_parents(paths: FieldSet, schema: Node) -> FieldSet:
    """The set and every declared field on the way to its members."""
    found = set(paths)
    for path in paths:
        level: Node = schema
        for depth, step in enumerate(path[:-1], start=1):
            if step.startswith("f:") and step[2:] in level.properties:
                found.add(path[:depth])
            level = (level.child(step[2:]) if step.startswith("f:") else level.items) or ANYTHING
    return frozenset(found)


def _branches(value: Any, schema: Node) -> _Branches | None:
    """The separately owned parts of a value with their schemas, None where it is owned as one."""
    if isinstance(value, Absent):
        return {}
    if isinstance(value, dict) and not schema.atomic_map:
        return {f"f:{name}": (item, schema.child(name) or ANYTHING) for name, item in value.items()}
    if isinstance(value, list) and schema.list_type != "atomic":
        return {item_step(item, schema): (item, schema.items or ANYTHING) for item in value}
    return None


def item_step(item: Any, schema: Node) -> str:
    """How an item of a set or keyed list is named; keys that are missing count as their default."""
    if schema.list_type == "set" or not isinstance(item, dict):
        return f"v:{compact(item)}"
    known = schema.items or ANYTHING
    keys = {}
    for name in schema.list_keys:
        default = known.properties[name].default if name in known.properties else None
        if item.get(name, default) is not None:
            keys[name] = item.get(name, default)
    return f"k:{compact(keys)}"


def undeclared(value: Any, schema: Node, path: str = "") -> Iterator[str]:
    """What in an applied configuration the schema has no place for, each as a sentence."""
    why = mistyped(value, schema)
    if why:
        yield f"{path}: {why}"
    elif isinstance(value, dict):
        for name in sorted(value):
            known = schema.child(name)
            if known is not None:
                yield from undeclared(value[name], known, f"{path}.{name}")
            elif not schema.preserve_unknown and (schema.properties or schema.type == "object"):
                yield f"{path}.{name}: field not declared in schema"
    elif isinstance(value, list) and schema.items is not None:
        yield from _undeclared_items(value, schema, schema.items, path)


def _undeclared_items(items: list[Any], schema: Node, known: Node, path: str) -> Iterator[str]:
    seen: set[str] = set()
    for position, item in enumerate(items):
        if schema.list_type == "map" and not isinstance(item, dict):
            what = "a null element" if item is None else "non-map elements"
            yield f"{path}: element {position}: associative list with keys may not have {what}"
            continue
        step = str(position) if schema.list_type == "atomic" else item_step(item, schema)
        if step == "k:{}":
            keys = compact(list(schema.list_keys)).replace(",", " ")
            yield (
                f"{path}: element {position}: associative list with keys has an element that omits all key fields "
                f"{keys} (and doesn't have default values for any key fields)"
            )
        elif step in seen:
            yield f"{path}: duplicate entries for key {displayed((step,))}"
        seen.add(step)
        here = f"{path}[{position}]" if schema.list_type == "atomic" else f"{path}{displayed((step,))}"
        yield from undeclared(item, known, here)


def displayed(path: Path) -> str:
    """A path for people: .spec.monitorConfig.customHeaders[name="a"].value."""
    return "".join(map(_displayed, path))


def _displayed(step: str) -> str:
    kind, text = step[:1], step[2:]
    if kind == "f":
        return f".{text}"
    if kind == "k":
        return "[" + ",".join(f"{name}={shown(value)}" for name, value in sorted(json.loads(text).items())) + "]"
    return f"[={shown(json.loads(text))}]" if kind == "v" else f"[{text}]"


def encoded(paths: FieldSet) -> dict[str, Any]:
    """The set in the nested form of fieldsV1, in which "." says that a level itself is in the set."""
    root: dict[str, Any] = {}
    for path in sorted(paths):
        level = root
        for depth, step in enumerate(path):
            if not level and path[:depth] in paths:
                level["."] = {}
            level = level.setdefault(step, {})
    return root


def decoded(fields: Any) -> FieldSet:
    """The set that a fieldsV1 value stands for. Raises FieldsInvalid, or another ValueError, for one that is none."""
    return frozenset(_members(fields, ()))


def _members(fields: Any, path: Path) -> Iterator[Path]:
    if not isinstance(fields, dict):
        raise FieldsInvalid(f"no fields: {fields!r}")
    if path and (not fields or "." in fields):
        yield path
    for step, below in fields.items():
        if step != ".":
            yield from _members(below, (*path, _checked(step)))


def _checked(step: str) -> str:
    """The step, if it can be displayed again."""
    kind, _, text = step.partition(":")
    if kind not in ("f", "k", "v", "i") or (kind in ("k", "v") and isinstance(json.loads(text), dict) != (kind == "k")):
        raise FieldsInvalid(f"no field: {step!r}")
    return step

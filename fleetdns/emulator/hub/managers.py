"""The managers of an object's fields, as its managedFields name them."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fleetdns.emulator.hub.fieldsets import FieldSet, decoded, encoded
from fleetdns.emulator.hub.jsonvalue import quoted


@dataclass(frozen=True, slots=True)
class Manager:
    """Who wrote: the same name is another manager for another operation, subresource or, in updates, version."""

    name: str
    operation: str
    subresource: str = ""
    api_version: str = ""

    def __str__(self) -> str:
        text = quoted(self.name)
        if self.subresource:
            text += f" with subresource {quoted(self.subresource)}"
        return f"{text} using {self.api_version}" if self.operation == "Update" else text


@dataclass(frozen=True, slots=True)
class Owned:
    """What a manager manages, since its last write at `time`."""

    fields: FieldSet
    api_version: str
    time: str | None


Managed = dict[Manager, Owned]


def managers_of(obj: Mapping[str, Any] | None) -> Managed:
    """The object's managers; none where it has no managedFields that can be understood."""
    entries = obj.get("metadata", {}).get("managedFields") if obj else None
    return decoded_managers(entries) or {}


def decoded_managers(entries: Any) -> Managed | None:
    """The managers that managedFields name, None where it cannot be understood."""
    if not entries or not isinstance(entries, list) or not all(map(_is_entry, entries)):
        return None
    with contextlib.suppress(ValueError):
        return _decoded(entries)
    return None


def _decoded(entries: list[dict[str, Any]]) -> Managed:
    return {
        Manager(
            entry["manager"],
            entry["operation"],
            entry.get("subresource", ""),
            entry["apiVersion"] if entry["operation"] == "Update" else "",
        ): Owned(decoded(entry.get("fieldsV1", {})), entry["apiVersion"], entry.get("time"))
        for entry in entries
    }


def _is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and entry.get("operation") in ("Apply", "Update")
        and isinstance(entry.get("manager"), str)
        and isinstance(entry.get("apiVersion"), str)
        and entry["apiVersion"] != ""
        and entry.get("fieldsType") == "FieldsV1"
        and isinstance(entry.get("time"), str | None)
        and isinstance(entry.get("subresource", ""), str)
    )


def recorded(obj: dict[str, Any], managed: Managed) -> dict[str, Any]:
    """The object with its managers written down; those that manage nothing are left out."""
    entries = [_entry(one, owned) for one, owned in managed.items() if owned.fields]
    if not entries:
        return obj
    entries.sort(key=lambda entry: tuple(entry.get(name) or "" for name in _ENTRY_ORDER))
    return {**obj, "metadata": {**obj.get("metadata", {}), "managedFields": entries}}


_ENTRY_ORDER = ("operation", "time", "manager", "apiVersion", "subresource")


def _entry(one: Manager, owned: Owned) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "manager": one.name,
        "operation": one.operation,
        "apiVersion": owned.api_version,
        "time": owned.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": encoded(owned.fields),
        "subresource": one.subresource,
    }
    return {name: value for name, value in entry.items() if value not in (None, "")}


def same_owners(left: Managed, right: Managed) -> bool:
    """Whether the same managers manage the same fields, whenever they wrote them."""

    def fields(managed: Managed) -> dict[Manager, tuple[FieldSet, str]]:
        return {one: (owned.fields, owned.api_version) for one, owned in managed.items() if owned.fields}

    return fields(left) == fields(right)

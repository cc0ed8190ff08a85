"""What `kubectl get` prints: a Table of columns and cells for a list, an object or a watch event."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

from fleetdns.emulator.hub.jsonpath import first_at
from fleetdns.emulator.hub.printers import PRINTERS
from fleetdns.emulator.hub.resources import Column, Served
from fleetdns.emulator.hub.status import Object, bad_request
from fleetdns.emulator.hub.store import encode

_META = {"apiVersion": "meta.k8s.io/v1"}


def table(
    served: Served,
    objects: Iterable[Object],
    metadata: Object,
    *,
    now: float,
    include: str = "Metadata",
    head: bool = True,
) -> Object:
    """A Table object. include is None, Metadata or Object; head False leaves the columns out, as later events do.

    Raises StatusError 400 for another word.
    """
    check_include(include)
    rows = [_row(served, obj, now, include) for obj in objects]
    definitions = [_definition(column) for column in columns_of(served)] if head else None
    shown = _without_empty(metadata)
    return {"kind": "Table", **_META, "metadata": shown, "columnDefinitions": definitions, "rows": rows}


def check_include(include: str) -> None:
    """Raises StatusError 400 for a word that says nothing."""
    if include not in ("", "None", "Metadata", "Object"):
        why = f"includeObject: Invalid value: \"{include}\": must be 'Metadata', 'Object', 'None', or empty"
        raise bad_request(f"Unable to convert to Table as requested: {why}")


def bookmark_table(served: Served, obj: Object, *, head: bool) -> Object:
    """A bookmark as a Table: one row that says nothing but the version, which stands in its object."""
    columns = columns_of(served)
    cells = ["" if column.name == "Name" else None for column in columns]
    row = {"cells": cells, "object": partial(obj)}
    definitions = [_definition(column) for column in columns] if head else None
    metadata = {"resourceVersion": obj["metadata"]["resourceVersion"]}
    return {"kind": "Table", **_META, "metadata": metadata, "columnDefinitions": definitions, "rows": [row]}


def partial(obj: Object) -> Object:
    """The object's metadata and nothing else."""
    return {"kind": "PartialObjectMetadata", **_META, "metadata": obj["metadata"]}


def partial_list(listed: Object) -> Object:
    items = [partial(item) for item in listed["items"]]
    metadata = _without_empty(listed["metadata"])
    return {"kind": "PartialObjectMetadataList", **_META, "metadata": metadata, "items": items}


def _without_empty(metadata: Object) -> Object:
    """Custom lists say that they are complete, tables and lists of metadata do not."""
    return {name: value for name, value in metadata.items() if value != ""}


def columns_of(served: Served) -> tuple[Column, ...]:
    printer = PRINTERS.get((served.group, served.plural))
    if printer is not None:
        return printer.columns
    return (Column("Name", "string", "", "The object's name, unique in its namespace.", format="name"), *served.columns)


def _definition(column: Column) -> Object:
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": column.description or f"Custom resource definition column (in JSONPath format): {column.path}",
        "priority": column.priority,
    }


def _row(served: Served, obj: Object, now: float, include: str) -> Object:
    row: Object = {"cells": _cells(served, obj, now), "object": None}
    if include == "Object":
        row["object"] = {"apiVersion": served.api_version, "kind": served.kind} | obj
    elif include != "None":
        row["object"] = partial(obj)
    return row


def _cells(served: Served, obj: Object, now: float) -> list[Any]:
    printer = PRINTERS.get((served.group, served.plural))
    if printer is not None:
        return printer.cells(obj, lambda text: age(text, now))
    named = [obj["metadata"]["name"]]
    return named + [_cell(column, first_at(obj, column.path), lambda text: age(text, now)) for column in served.columns]


def _cell(column: Column, value: Any, aged: Callable[[Any], str]) -> Any:
    if value is None:
        return None
    match column.type:
        case "string":
            return _text(value)
        case "date":
            return aged(value)
        case "integer" | "number" if isinstance(value, int | float) and not isinstance(value, bool):
            return int(value) if column.type == "integer" else value
        case "boolean" if isinstance(value, bool):
            return value
    return None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return encode(value).decode()


def age(timestamp: Any, now: float) -> str:
    """How long ago, in kubectl's words; `<unknown>` without a time, `<invalid>` for what is none."""
    if not timestamp:
        return "<unknown>"
    try:
        moment = dt.datetime.fromisoformat(str(timestamp)).timestamp()
    except ValueError:
        return "<invalid>"
    return human_duration(now - moment)


def human_duration(seconds: float) -> str:
    """Two units at most, the smaller one only while it matters: 90s, 5m30s, 50m, 7h5m, 40h, 3d4h, 40d, 2y30d, 9y."""
    if seconds < -1:
        return "<invalid>"
    whole = max(int(seconds), 0)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    years = days // 365
    steps = (
        (whole < 120, f"{whole}s"),
        (minutes < 10, _two(minutes, "m", whole % 60, "s")),
        (hours < 3, f"{minutes}m"),
        (hours < 8, _two(hours, "h", minutes % 60, "m")),
        (hours < 48, f"{hours}h"),
        (days < 8, _two(days, "d", hours % 24, "h")),
        (years < 2, f"{days}d"),
        (years < 8, _two(years, "y", days % 365, "d")),
    )
    return next((text for holds, text in steps if holds), f"{years}y")


def _two(large: int, unit: str, small: int, part: str) -> str:
    return f"{large}{unit}{small}{part}" if small else f"{large}{unit}"

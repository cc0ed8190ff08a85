"""An object, a list or a watch event in the shape that the client asked for: itself, a Table, or metadata only."""

from __future__ import annotations

from collections.abc import Callable

from fleetdns.emulator.hub import status, tables
from fleetdns.emulator.hub.negotiation import Form
from fleetdns.emulator.hub.resources import Served
from fleetdns.emulator.hub.status import Object
from fleetdns.emulator.hub.store import decode, encode

Line = Callable[[str, bytes], bytes]


def shaped(served: Served, obj: Object, form: Form, *, now: float, include: str) -> Object:
    """One object; a Status stays what it is. Raises StatusError: 400, 406, 500."""
    if obj.get("kind") == "Status":
        return obj
    match form.shape:
        case "table":
            metadata = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
            return tables.table(served, (obj,), metadata, now=now, include=include)
        case "partial":
            return tables.partial(obj)
        case "partial list" if served.custom:
            raise status.internal("content is not a list")
        case "partial list":
            what = (
                f"PartialObjectMetadataList, but the requested object is not a list ({_go_type(served, served.kind)})"
            )
            raise status.unfit(f"you requested {what}")
        case _:
            return obj


def shaped_list(served: Served, listed: Object, form: Form, *, now: float, include: str) -> Object:
    """A list. Raises StatusError: 400, 406."""
    match form.shape:
        case "table":
            return tables.table(served, listed["items"], listed["metadata"], now=now, include=include)
        case "partial list":
            return tables.partial_list(listed)
        case "partial":
            list_type = "*unstructured.UnstructuredList" if served.custom else _go_type(served, served.list_kind)
            raise status.unfit(f"you requested PartialObjectMetadata, but the requested object is a list ({list_type})")
        case _:
            return listed


def event_line(served: Served, form: Form, *, clock: Callable[[], float], include: str) -> Line:
    """How the events of one watch are written, a line each. Raises StatusError 400."""
    match form.shape:
        case "table":
            tables.check_include(include)
            return _table_line(served, clock, include)
        case "partial":
            return _partial_line
        case _:
            return _line


def _table_line(served: Served, clock: Callable[[], float], include: str) -> Line:
    """Only the first event of a stream says what the columns are."""
    heads = iter((True,))

    def line(kind: str, raw: bytes) -> bytes:
        if kind == "ERROR":
            return _line(kind, raw)
        obj, head = decode(raw), next(heads, False)
        if kind == "BOOKMARK":
            return _line(kind, encode(tables.bookmark_table(served, obj, head=head)))
        metadata = {"resourceVersion": obj["metadata"]["resourceVersion"]}
        return _line(kind, encode(tables.table(served, (obj,), metadata, now=clock(), include=include, head=head)))

    return line


def _partial_line(kind: str, raw: bytes) -> bytes:
    return _line(kind, raw if kind == "ERROR" else encode(tables.partial(decode(raw))))


def _line(kind: str, raw: bytes) -> bytes:
    return b'{"type":"' + kind.encode() + b'","object":' + raw + b"}\n"


def _go_type(served: Served, kind: str) -> str:
    """What a built-in kind is called where the server is written."""
    return f"*{served.group.partition('.')[0] or 'core'}.{kind}"

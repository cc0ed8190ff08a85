"""Getting and listing: at the newest version or at an older one, whole or in pages that all show one moment."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from fleetdns.emulator.hub import conversion, fields, status
from fleetdns.emulator.hub.incoming import queried_version
from fleetdns.emulator.hub.resources import Served, name_of
from fleetdns.emulator.hub.selectors import EVERYTHING, Selection
from fleetdns.emulator.hub.status import Object
from fleetdns.emulator.hub.store import Key, Store, Version

_TOO_OLD_LIST = "The resourceVersion for the provided list is too old."
_TOO_OLD_PAGE = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)
# A continue token that goes on with what there is now.
_INCONSISTENT = -1


@dataclass(frozen=True, slots=True)
class ListOptions:
    """The query parameters of a list. limit None or below 1 means all; send_initial_events is never allowed here."""

    resource_version: str = ""
    match: str = ""
    limit: int | None = None
    continue_token: str = ""
    send_initial_events: bool | None = None
    selection: Selection = EVERYTHING


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page starts: the revision the whole list shows (None: now), and the key before its first."""

    revision: int | None
    shown: int
    after: Key | None = None


def get_object(store: Store, served: Served, namespace: str | None, name: str, resource_version: str = "") -> Object:
    """Raises StatusError: 404, 500 for a version that is no number, 504 for one that is yet to come."""
    refuse_future(store, queried_version(resource_version) if resource_version else 0)
    obj = conversion.read(store, served, Key(namespace or "", name))
    if obj is None:
        raise served.not_found(name)
    return obj


def list_objects(store: Store, served: Served, namespace: str | None, options: ListOptions) -> Object:
    """A List object of this kind. Raises StatusError: 400, 410 Expired, 422, 504."""
    _refuse_contradictions(options)
    position = _position(store, options)
    limit = options.limit if options.limit and options.limit > 0 else None
    if options.resource_version == "0" and not options.continue_token:
        limit = None
    found = _selected(store, served, namespace, position, options.selection)
    page = list(islice(found, limit))
    metadata: Object = {"resourceVersion": str(position.shown)}
    last = page[-1][0] if page and limit is not None and len(page) == limit else None
    rest = sum(1 for _ in found) if last is not None else 0
    if rest and last is not None:
        metadata["continue"] = _token(position.shown, last)
        if not options.selection:
            metadata["remainingItemCount"] = rest
    elif served.custom:
        metadata["continue"] = ""
    items = [obj for _, obj in page]
    if not served.custom:
        for item in items:
            del item["apiVersion"], item["kind"]
    return {"apiVersion": served.api_version, "kind": served.list_kind, "metadata": metadata, "items": items}


def refuse_future(store: Store, revision: int) -> None:
    if revision > store.revision:
        raise status.too_large_version(revision, store.revision)


def _selected(
    store: Store, served: Served, namespace: str | None, position: Position, selection: Selection
) -> Iterator[tuple[Key, Object]]:
    name = name_of(selection.fields)
    for key, version in _versions(store, served, namespace, position):
        if name is not None and key.name != name:
            continue
        obj = conversion.as_served(served, version.raw or b"{}")
        if selection.takes(obj):
            yield key, obj


def _versions(store: Store, served: Served, namespace: str | None, position: Position) -> Iterator[tuple[Key, Version]]:
    return store.scan(served.resource, namespace, revision=position.revision, after=position.after)


def _refuse_contradictions(options: ListOptions) -> None:
    if options.send_initial_events is not None:
        error = fields.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")
        raise status.invalid_options("ListOptions", error)
    errors = tuple(_match_errors(options)) if options.match else ()
    if errors:
        raise status.invalid_options("ListOptions", *errors)


def _match_errors(options: ListOptions) -> Iterator[fields.FieldError]:
    field, subject = "resourceVersionMatch", "resourceVersionMatch is forbidden"
    if options.continue_token:
        yield fields.forbidden(field, f"{subject} when continue is provided")
    if not options.resource_version:
        yield fields.forbidden(field, f"{subject} unless resourceVersion is provided")
    if options.match not in ("Exact", "NotOlderThan"):
        yield fields.not_supported(field, options.match, ("Exact", "NotOlderThan", ""))
    if options.match == "Exact" and options.resource_version == "0":
        yield fields.forbidden(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')


def _position(store: Store, options: ListOptions) -> Position:
    if options.continue_token:
        return _continued(store, options)
    now = Position(None, store.revision)
    if options.resource_version in ("", "0"):
        return now
    revision = _list_version(options.resource_version)
    refuse_future(store, revision)
    if options.match == "Exact" or (options.limit and options.limit > 0 and not options.match):
        if revision < store.compacted:
            raise status.expired(_TOO_OLD_LIST)
        return Position(revision, revision)
    return now


def _list_version(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        why = f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise status.bad_request(f"invalid resource version: resourceVersion: {why}")
    return int(text)


def _token(revision: int, last: Key) -> str:
    body = {"v": "meta.k8s.io/v1", "rv": revision, "start": f"{last.namespace}/{last.name}\0"}
    return base64.urlsafe_b64encode(json.dumps(body, separators=(",", ":")).encode()).decode().rstrip("=")


def _continued(store: Store, options: ListOptions) -> Position:
    if options.resource_version not in ("", "0"):
        raise status.bad_request("specifying resource version is not allowed when using continue")
    revision, after = _read_token(options.continue_token)
    if revision == _INCONSISTENT:
        return Position(None, store.revision, after)
    refuse_future(store, revision)
    if revision < store.compacted:
        raise status.expired(_TOO_OLD_PAGE, {"continue": _token(_INCONSISTENT, after)})
    return Position(revision, revision, after)


def _read_token(token: str) -> tuple[int, Key]:
    try:
        body = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        revision, start = body["rv"], body["start"]
        namespace, _, name = start.removesuffix("\0").partition("/")
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise status.bad_request(f"invalid continue token: continue key is not valid: {error}") from error
    if body.get("v") != "meta.k8s.io/v1" or not isinstance(revision, int):
        raise status.bad_request(
            "invalid continue token: continue key is not valid: server does not recognize this encoded version"
        )
    return revision, Key(namespace, name)

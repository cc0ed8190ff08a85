"""What a client sent, made into an object of the kind it was sent to; everything unreadable is refused here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fleetdns.emulator.hub import fields, status
from fleetdns.emulator.hub.documents import normalized
from fleetdns.emulator.hub.metadata import shaped_metadata
from fleetdns.emulator.hub.resources import Served
from fleetdns.emulator.hub.status import Object
from fleetdns.emulator.hub.store import encode


@dataclass(frozen=True, slots=True)
class Options:
    """The query parameters of a write. duplicates are paths given twice in the body; warn takes a warning's text."""

    manager: str = ""
    dry_run: bool = False
    field_validation: str = "Warn"
    force: bool = False
    duplicates: tuple[str, ...] = ()
    warn: Callable[[str], None] = lambda _text: None


def typed(served: Served, body: Any) -> Object:
    """A private copy of the body, which must be an object of this kind and version. Raises StatusError."""
    plain = normalized(body)
    if not isinstance(plain, dict):
        raise status.bad_request(f"the object provided is unrecognized (must be of type {served.kind})")
    obj: Object = plain
    kind, api_version = obj.get("kind"), obj.get("apiVersion")
    if not served.custom:
        # The path says it all for kinds that are compiled in.
        obj = {"kind": served.kind, "apiVersion": served.api_version} | obj
        kind, api_version = obj["kind"], obj["apiVersion"]
    if not kind:
        raise status.bad_request("Object 'Kind' is missing in the body of the request")
    if api_version != served.api_version:
        raise status.bad_request(
            f"the API version in the data ({api_version or ''}) does not match the expected API version "
            f"({served.api_version})"
        )
    if kind != served.kind:
        metadata = obj.get("metadata")
        raise _wrong_kind(served, str(kind), str(metadata.get("name", "")) if isinstance(metadata, dict) else "")
    return obj


def _wrong_kind(served: Served, kind: str, name: str) -> status.StatusError:
    if served.custom:
        error = fields.invalid("kind", kind, f"must be {served.kind}")
        return status.invalid(served.group, kind, name, (error,))
    return status.bad_request(
        f'{kind} in version "{served.version}" cannot be handled as a {served.kind}: unknown conversion'
    )


def decoded(served: Served, obj: Object, *, applied: bool = False) -> tuple[Object, list[str]]:
    """The object with known fields only and its schema's defaults, and what was left out, in words.

    A null that the schema does not allow is dropped, but what was applied keeps it and is refused for it later.
    """
    metadata, unknown = shaped_metadata(served, obj)
    if served.schema is not None:
        pruned, others = served.schema.prune({name: value for name, value in obj.items() if name != "metadata"})
        obj = served.schema.default(pruned, keep_nulls=applied)
        unknown += sorted(others)
    return obj | {"metadata": metadata}, [f'unknown field "{path}"' for path in unknown]


def admitted(served: Served, obj: Object, options: Options, *, applied: bool = False) -> Object:
    """`decoded`, with what was left out reported the way the client asked for. Raises StatusError 400."""
    known, unknown = decoded(served, obj, applied=applied)
    complaints = [*(f'duplicate field "{path}"' for path in options.duplicates), *unknown]
    if complaints and options.field_validation == "Strict":
        raise status.bad_request(
            f'{served.kind} in version "{served.version}" cannot be handled as a {served.kind}: '
            f"strict decoding error: {', '.join(complaints)}"
        )
    warn_of(complaints, options)
    return known


def admitted_patch(served: Served, obj: Object, options: Options) -> Object:
    """The same for the result of a patch, which is refused in other words. Raises StatusError 422."""
    known, unknown = decoded(served, obj)
    complaints = [*(f'duplicate field "{path}"' for path in options.duplicates), *unknown]
    if complaints and options.field_validation == "Strict":
        detail = f"strict decoding error: {', '.join(complaints)}"
        raise status.invalid("", "", "", (fields.invalid("patch", encode(obj).decode(), detail),))
    warn_of(complaints, options)
    return known


def warn_of(complaints: list[str], options: Options) -> None:
    if options.field_validation != "Ignore":
        for complaint in complaints:
            options.warn(complaint)


def check_names(served: Served, metadata: Object, namespace: str | None, name: str) -> None:
    """A body sent to an object's own URL must name that object."""
    sent = metadata.get("name", "")
    if not sent:
        raise status.bad_request(
            f"the name of the object ({name} based on URL) was undeterminable: name must be provided"
        )
    if sent != name:
        raise status.bad_request(f"the name of the object ({sent}) does not match the name on the URL ({name})")
    home = metadata.get("namespace")
    if served.namespaced and home and home != namespace:
        raise status.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def settle_namespace(served: Served, metadata: Object, namespace: str | None) -> None:
    """Write the URL's namespace into a new object. Raises StatusError 400 where it names another one."""
    if not served.namespaced:
        metadata.pop("namespace", None)
        return
    if metadata.setdefault("namespace", namespace or "") != (namespace or ""):
        raise status.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def queried_version(text: str) -> int:
    """The resourceVersion of a query as a number. Raises StatusError 500."""
    if not text.isascii() or not text.isdigit():
        why = f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise status.internal(f"resourceVersion: {why}")
    return int(text)


def version_number(text: str) -> int:
    """An object's resourceVersion as a number. Raises StatusError 500 in Go's words, as a real server does."""
    if not text.isascii() or not text.isdigit():
        raise status.internal(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    return int(text)

"""The rules of ObjectMeta: its shape, which names and labels are valid, and what may change after creation."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

from fleetdns.emulator.hub.fields import OMITTED, FieldError, forbidden, invalid, required, too_long
from fleetdns.emulator.hub.labels import (
    HOST_LABEL,
    LABEL,
    NOT_A_HOST_LABEL,
    NOT_A_LABEL,
    NOT_A_SUBDOMAIN,
    SUBDOMAIN,
    key_errors,
    value_errors,
)
from fleetdns.emulator.hub.resources import Served
from fleetdns.emulator.hub.status import Object, bad_request

_STRINGS = ("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion")
_TIMES = ("creationTimestamp", "deletionTimestamp")
_INTEGERS = ("generation", "deletionGracePeriodSeconds")
_MAPS = ("labels", "annotations")
_LISTS = ("ownerReferences", "finalizers", "managedFields")
_KNOWN = frozenset((*_STRINGS, *_TIMES, *_INTEGERS, *_MAPS, *_LISTS))
_OWNER_FIELDS = frozenset(("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"))
_ANNOTATION_BYTES = 256 * 1024
_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"

# The finalizers that a DELETE with that propagation adds.
_PROPAGATION = ("orphan", "foregroundDeletion")

# Kinds whose name becomes a DNS label somewhere.
_NAMES = {("", "namespaces"): (63, LABEL, NOT_A_LABEL), ("", "services"): (63, HOST_LABEL, NOT_A_HOST_LABEL)}


def shaped_metadata(served: Served, obj: Object) -> tuple[Object, list[str]]:
    """The object's metadata with known fields only, and the paths of the others.

    Raises StatusError 400 where a field has the wrong type.
    """
    metadata = obj.get("metadata")
    if metadata is None:
        return {}, []
    if not isinstance(metadata, dict):
        raise _mistyped(served, metadata, "metadata", "v1.ObjectMeta")
    unknown = [f"metadata.{name}" for name in metadata if name not in _KNOWN]
    shaped = {name: value for name, value in metadata.items() if name in _KNOWN and value is not None}
    for name, value in shaped.items():
        _check_shape(served, name, value)
    for index, owner in enumerate(shaped.get("ownerReferences", ())):
        unknown += [f"metadata.ownerReferences[{index}].{name}" for name in owner if name not in _OWNER_FIELDS]
        for name in owner.keys() - _OWNER_FIELDS:
            del owner[name]
    # Empty maps and lists are not stored; an empty managedFields is a request to forget and is kept.
    return {
        name: value for name, value in shaped.items() if value not in ("", [], {}) or name == "managedFields"
    }, sorted(unknown)


def _check_shape(served: Served, name: str, value: Any) -> None:
    field = f"ObjectMeta.{name}"
    if name in _STRINGS or name in _TIMES:
        if not isinstance(value, str):
            raise _mistyped(served, value, field, "string" if name in _STRINGS else "v1.Time")
    elif name in _INTEGERS:
        if not isinstance(value, int) or isinstance(value, bool):
            raise _mistyped(served, value, field, "int64")
    elif name in _MAPS:
        if not isinstance(value, dict):
            raise _mistyped(served, value, field, "map[string]string")
        for member in value.values():
            if not isinstance(member, str):
                raise _mistyped(served, member, field, "string")
    else:
        _check_list(served, name, value)


def _check_list(served: Served, name: str, value: Any) -> None:
    field = f"ObjectMeta.{name}"
    item, word = (str, "string") if name == "finalizers" else (dict, f"v1.{name[0].upper()}{name[1:-1]}")
    if not isinstance(value, list):
        raise _mistyped(served, value, field, f"[]{word}")
    for member in value:
        if not isinstance(member, item):
            raise _mistyped(served, member, field, word)


def _mistyped(served: Served, value: Any, field: str, wanted: str) -> Exception:
    return bad_request(
        f'{served.kind} in version "{served.version}" cannot be handled as a {served.kind}: '
        f"json: cannot unmarshal {_json_word(value)} into Go struct field {field} of type {wanted}"
    )


def _json_word(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def generated_name(base: str, chance: random.Random) -> str:
    """A name from generateName: five letters are added, the base is cut so that 63 suffice."""
    return base[:58] + "".join(chance.choice(_SUFFIX_LETTERS) for _ in range(5))


def metadata_errors(served: Served, metadata: Object) -> Iterator[FieldError]:
    """What is wrong with the metadata of a new or changed object."""
    yield from _name_errors(served, metadata.get("name", ""))
    for name in ("labels", "annotations"):
        for key in metadata.get(name, {}):
            yield from key_errors(f"metadata.{name}", key)
    for value in metadata.get("labels", {}).values():
        yield from value_errors("metadata.labels", value)
    annotations = metadata.get("annotations", {})
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > _ANNOTATION_BYTES:
        yield too_long("metadata.annotations", _ANNOTATION_BYTES)
    for index, finalizer in enumerate(metadata.get("finalizers", ())):
        yield from _finalizer_errors(served, index, finalizer)
    yield from _owner_errors(metadata.get("ownerReferences", ()))


def _owner_errors(owners: Sequence[Object]) -> Iterator[FieldError]:
    for owner in owners:
        for name in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(name):
                what = "version must not be empty" if name == "apiVersion" else "must not be empty"
                yield invalid(f"metadata.ownerReferences.{name}", "", what)
    in_charge = [owner for owner in owners if owner.get("controller") is True]
    if len(in_charge) > 1:
        first, second = (f"{owner.get('kind')}/{owner.get('name')}" for owner in in_charge[:2])
        rule = 'Only one reference can have Controller set to true. Found "true" in references for'
        yield invalid("metadata.ownerReferences", OMITTED, f"{rule} {first} and {second}")


def _name_errors(served: Served, name: str) -> Iterator[FieldError]:
    if not name:
        yield required("metadata.name", "name or generateName is required")
        return
    if (served.group, served.plural) == ("", "events"):
        # Their names are made of others' names, and nobody looks at them.
        return
    if served.group == "rbac.authorization.k8s.io":
        yield from (invalid("metadata.name", name, f"may not contain '{sign}'") for sign in "/%" if sign in name)
        return
    limit, pattern, sentence = _NAMES.get((served.group, served.plural), (253, SUBDOMAIN, NOT_A_SUBDOMAIN))
    if len(name) > limit:
        yield invalid("metadata.name", name, f"must be no more than {limit} characters")
    if not re.fullmatch(pattern, name):
        yield invalid("metadata.name", name, sentence)


def _finalizer_errors(served: Served, index: int, finalizer: str) -> Iterator[FieldError]:
    yield from key_errors("metadata.finalizers", finalizer)
    strict = not served.group and served.plural != "events"
    if strict and "/" not in finalizer and finalizer not in (*_PROPAGATION, "kubernetes"):
        why = "name is neither a standard finalizer name nor is it fully qualified"
        yield invalid(f"metadata.finalizers[{index}]", finalizer, why)


def finalizer_warnings(metadata: Object) -> Iterator[str]:
    """Accepted, but somebody else may use the same word."""
    for finalizer in metadata.get("finalizers", ()):
        if "/" not in finalizer and finalizer not in _PROPAGATION:
            yield (
                f'metadata.finalizers: "{finalizer}": prefer a domain-qualified finalizer name to avoid accidental '
                "conflicts with other finalizer writers"
            )


def change_errors(old: Object, new: Object) -> Iterator[FieldError]:
    """What may not change between two states of one object's metadata.

    A real server checks a custom object's metadata twice, and says everything twice.
    """
    if old.get("deletionTimestamp"):
        added = sorted(set(new.get("finalizers", ())) - set(old.get("finalizers", ())))
        if added:
            found = ", ".join(f'"{item}"' for item in added)
            rule = "no new finalizers can be added if the object is being deleted"
            yield from (forbidden("metadata.finalizers", f"{rule}, found new finalizers []string{{{found}}}"),) * 2
    if new.get("uid", old["uid"]) != old["uid"]:
        yield from (invalid("metadata.uid", new["uid"], "field is immutable"),) * 2


def is_same(old: Object, new: Object) -> bool:
    """Nothing has changed between two states. Who manages a field counts; when they last wrote is no change."""
    return _without_times(old) == _without_times(new)


def _without_times(obj: Object) -> Object:
    entries = [
        {name: value for name, value in entry.items() if name != "time"}
        for entry in obj["metadata"].get("managedFields", ())
    ]
    return obj | {"metadata": obj["metadata"] | {"managedFields": entries}}

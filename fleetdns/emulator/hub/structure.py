"""What makes a schema structural, so that a CRD that a real API server would refuse is refused here as well."""

from collections.abc import Iterator, Mapping
from typing import Any

from fleetdns.emulator.hub.cel import CelInvalid
from fleetdns.emulator.hub.fields import FieldError, child, forbidden, index, invalid, key, not_supported, required
from fleetdns.emulator.hub.validation import pattern

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_SCALARS = ("boolean", "integer", "number", "string")
_UNSUPPORTED = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_EMBEDDED = "x-kubernetes-embedded-resource"
_LOGIC = ("allOf", "anyOf", "oneOf")
_REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_ONLY_OUTSIDE_LOGIC = {
    "default": "must be undefined to be structural",
    "title": "must be empty to be structural",
    "description": "must be empty to be structural",
    "nullable": "must be false to be structural",
    "x-kubernetes-preserve-unknown-fields": "must be false to be structural",
    "x-kubernetes-embedded-resource": "must be false to be structural",
    "x-kubernetes-int-or-string": "must be false to be structural",
    "x-kubernetes-list-map-keys": "must be empty to be structural",
    "x-kubernetes-list-type": "must be undefined to be structural",
    "x-kubernetes-map-type": "must be undefined to be structural",
    "x-kubernetes-validations": "must be empty to be structural",
    "additionalProperties": "must be undefined to be structural",
}
_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
_META_FORBIDDEN = "must not specify anything other than name and generateName, but metadata is implicitly specified"

Schema = Mapping[str, Any]


def structure_errors(schema: Schema, path: str) -> Iterator[FieldError]:
    """Why the openAPIV3Schema at `path` is not one that can be served; nothing where it is."""
    if schema.get("type") != "object":
        where = child(path, "type")
        yield (
            invalid(where, schema["type"], "must be object at the root")
            if schema.get("type")
            else (required(where, "must not be empty at the root"))
        )
    if schema.get("nullable"):
        yield forbidden(child(path, "nullable"), "nullable cannot be true at the root")
    if "additionalProperties" in schema:
        yield forbidden(child(path, "additionalProperties"), "must not be used at the root")
    yield from _metadata(schema, path)
    yield from _level(schema, path, "")


def _metadata(schema: Schema, path: str) -> Iterator[FieldError]:
    """The root may restrict an object's name and nothing else of its metadata."""
    properties = schema.get("properties", {})
    for name in ("apiVersion", "kind"):
        if name in properties and properties[name].get("type") != "string":
            where = child(key(child(path, "properties"), name), "type")
            yield invalid(where, properties[name].get("type", ""), "must be string")
    metadata = properties.get("metadata")
    if metadata is None:
        return
    where = key(child(path, "properties"), "metadata")
    if metadata.get("type") != "object":
        yield invalid(child(where, "type"), metadata.get("type", ""), "must be object")
    if set(metadata) - {"type", "properties"} or set(metadata.get("properties", {})) - {"name", "generateName"}:
        yield forbidden(where, _META_FORBIDDEN)


def _level(schema: Schema, path: str, missing: str) -> Iterator[FieldError]:
    """One level and all below; `missing` says what to answer where the type is left out."""
    kind = schema.get("type", "")
    int_or_string = schema.get("x-kubernetes-int-or-string", False)
    if kind and kind not in _TYPES:
        yield not_supported(child(path, "type"), kind, _TYPES)
    if missing and not kind and not int_or_string and not schema.get("x-kubernetes-preserve-unknown-fields"):
        yield required(child(path, "type"), missing)
    if kind == "array" and "items" not in schema:
        yield required(child(path, "items"), "must be specified")
    yield from _extensions(schema, path)
    yield from _list_type(schema, path)
    yield from _values(schema, path)
    for name in _LOGIC:
        for position, part in enumerate(schema.get(name, ())):
            if not (int_or_string and schema[name] == _INT_OR_STRING):
                yield from _inside_logic(part, index(child(path, name), position), allow_type=int_or_string)
    if "not" in schema:
        yield from _inside_logic(schema["not"], child(path, "not"), allow_type=False)
    yield from _below(schema, path)


def _below(schema: Schema, path: str) -> Iterator[FieldError]:
    for name, known in sorted(schema.get("properties", {}).items()):
        yield from _level(known, key(child(path, "properties"), name), "must not be empty for specified object fields")
    additional = schema.get("additionalProperties")
    if additional is not None and schema.get("properties"):
        text = "additionalProperties and properties are mutual exclusive"
        yield forbidden(child(path, "additionalProperties"), text)
    if isinstance(additional, Mapping):
        where = child(path, "additionalProperties")
        yield from _level(additional, where, "must not be empty for specified object fields")
    items = schema.get("items")
    if isinstance(items, Mapping):
        yield from _level(items, child(path, "items"), "must not be empty for specified array items")
    elif items is not None:
        yield forbidden(child(path, "items"), "items must be a schema object and not an array")


def _extensions(schema: Schema, path: str) -> Iterator[FieldError]:
    for name in _UNSUPPORTED:
        if name in schema:
            yield forbidden(child(path, name), f"{name} is not supported")
    if schema.get("uniqueItems"):
        text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield forbidden(child(path, "uniqueItems"), text)
    if schema.get(_PRESERVE) is False:
        yield invalid(child(path, _PRESERVE), False, "must be true or undefined")
    if schema.get("x-kubernetes-int-or-string"):
        for name in (_PRESERVE, _EMBEDDED):
            if schema.get(name):
                yield invalid(child(path, name), True, "must be false if x-kubernetes-int-or-string is true")
    if schema.get(_EMBEDDED):
        yield from _embedded(schema, path)


def _embedded(schema: Schema, path: str) -> Iterator[FieldError]:
    if schema.get("type") != "object":
        yield required(child(path, "type"), f"must be object if {_EMBEDDED} is true")
    if not schema.get(_PRESERVE) and not schema.get("properties"):
        yield required(child(path, "properties"), f"must not be empty if {_EMBEDDED} is true without {_PRESERVE}")


def _list_type(schema: Schema, path: str) -> Iterator[FieldError]:
    kind, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys", [])
    if kind is not None and kind not in ("atomic", "set", "map"):
        yield not_supported(child(path, "x-kubernetes-list-type"), kind, ("atomic", "set", "map"))
    if kind is not None and schema.get("type") != "array":
        text, given = "must be array if x-kubernetes-list-type is specified", schema.get("type")
        yield invalid(child(path, "type"), given, text) if given else required(child(path, "type"), text)
    if keys and kind != "map":
        yield required(child(path, "x-kubernetes-list-type"), "must be map if x-kubernetes-list-map-keys is non-empty")
    if kind == "map":
        yield from _keyed_list(schema, keys, path)
    map_type = schema.get("x-kubernetes-map-type")
    if map_type is not None and map_type not in ("atomic", "granular"):
        yield not_supported(child(path, "x-kubernetes-map-type"), map_type, ("atomic", "granular"))


def _keyed_list(schema: Schema, keys: list[str], path: str) -> Iterator[FieldError]:
    if not keys:
        text = "must not be empty if x-kubernetes-list-type is map"
        yield required(child(path, "x-kubernetes-list-map-keys"), text)
    items = schema.get("items", {})
    where = child(path, "items")
    if items.get("type") != "object":
        text = "must be object if parent array's x-kubernetes-list-type is map"
        yield invalid(child(where, "type"), items.get("type", ""), text)
    for name in keys if items.get("properties") else ():
        known = items["properties"].get(name)
        here = key(child(where, "properties"), name)
        if known is None:
            text = "entries must all be names of item properties"
            yield invalid(child(path, "x-kubernetes-list-map-keys"), keys, text)
        elif known.get("type") not in _SCALARS:
            text = "must be a scalar type if parent array's x-kubernetes-list-type is map"
            yield invalid(child(here, "type"), known.get("type", ""), text)
        elif name not in items.get("required", ()) and known.get("default") is None:
            text = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
            yield required(child(here, "default"), text)


def _values(schema: Schema, path: str) -> Iterator[FieldError]:
    if "pattern" in schema:
        try:
            pattern(schema["pattern"])
        except CelInvalid as error:
            text = f"must be a valid regular expression, but isn't: {error}"
            yield invalid(child(path, "pattern"), schema["pattern"], text)
    for position, rule in enumerate(schema.get("x-kubernetes-validations", ())):
        here = index(child(path, "x-kubernetes-validations"), position)
        if not rule.get("rule", "").strip():
            yield required(child(here, "rule"), "rule is not specified")
        if "\n" in rule.get("rule", "").strip() and not rule.get("message") and not rule.get("messageExpression"):
            yield required(child(here, "message"), "message must be specified if rule contains line breaks")
        if rule.get("reason", _REASONS[0]) not in _REASONS:
            yield not_supported(child(here, "reason"), rule["reason"], _REASONS)
        if rule.get("fieldPath") and not _reaches(schema, rule["fieldPath"]):
            yield invalid(child(here, "fieldPath"), rule["fieldPath"], "must be a valid path")


def _reaches(schema: Schema, field_path: str) -> bool:
    """Whether a rule's fieldPath, a dot before each name, names a field that the schema knows."""
    known: Any = schema
    first, *names = field_path.split(".")
    for name in names:
        known = known.get("properties", {}).get(name) or known.get("additionalProperties")
        if not isinstance(known, Mapping):
            return False
    return not first and bool(names)


def _inside_logic(schema: Schema, path: str, *, allow_type: bool) -> Iterator[FieldError]:
    """Inside anyOf and its kin a schema may only judge values; it may not introduce any."""
    if schema.get("type") and not allow_type:
        yield forbidden(child(path, "type"), "must be empty to be structural")
    for name, text in _ONLY_OUTSIDE_LOGIC.items():
        if schema.get(name):
            yield forbidden(child(path, name), text)
    yield from _values(schema, path)
    for name in _LOGIC:
        for position, part in enumerate(schema.get(name, ())):
            yield from _inside_logic(part, index(child(path, name), position), allow_type=allow_type)
    for name, known in sorted(schema.get("properties", {}).items()):
        yield from _inside_logic(known, key(child(path, "properties"), name), allow_type=False)
    if "metadata" in schema.get("properties", {}):
        yield forbidden(key(child(path, "properties"), "metadata"), "must not be specified in a nested context")

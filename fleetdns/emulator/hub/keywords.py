"""The JSON types of schema keywords: what is written in a schema has to be of them before it can mean anything."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fleetdns.emulator.hub.fields import FieldError, child, index, invalid, key
from fleetdns.emulator.hub.jsonvalue import type_name

_Check = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


_KEYWORDS: Mapping[str, tuple[str, _Check]] = {
    **dict.fromkeys(("type", "format", "pattern", "description", "title"), ("a string", _is_text)),
    **dict.fromkeys(("x-kubernetes-list-type", "x-kubernetes-map-type"), ("a string", _is_text)),
    **dict.fromkeys(("nullable", "uniqueItems", "exclusiveMinimum", "exclusiveMaximum"), ("a boolean", _is_flag)),
    **dict.fromkeys(("x-kubernetes-int-or-string", "x-kubernetes-embedded-resource"), ("a boolean", _is_flag)),
    "x-kubernetes-preserve-unknown-fields": ("a boolean", _is_flag),
    **dict.fromkeys(("minimum", "maximum", "multipleOf"), ("a number", _is_number)),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), ("an integer", _is_count)),
    **dict.fromkeys(("minProperties", "maxProperties"), ("an integer", _is_count)),
    **dict.fromkeys(("required", "x-kubernetes-list-map-keys"), ("a list of strings", _are_texts)),
    **dict.fromkeys(("enum", "allOf", "anyOf", "oneOf", "x-kubernetes-validations"), ("a list", _is_list)),
}
_RULE: Mapping[str, tuple[str, _Check]] = {
    **dict.fromkeys(("rule", "message", "messageExpression", "reason", "fieldPath"), ("a string", _is_text)),
    "optionalOldSelf": ("a boolean", _is_flag),
}


def keyword_errors(schema: Any, path: str) -> Iterator[FieldError]:
    """Every keyword, at any level of the schema, whose value is of the wrong type."""
    if not isinstance(schema, Mapping):
        yield _wrong(path, schema, "a schema")
        return
    yield from _typed(schema, _KEYWORDS, path)
    for where, rule in _items(schema, path, "x-kubernetes-validations"):
        if isinstance(rule, Mapping):
            yield from _typed(rule, _RULE, where)
        else:
            yield _wrong(where, rule, "a rule")
    yield from _below(schema, path)


def _below(schema: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    properties = schema.get("properties", {})
    if isinstance(properties, Mapping):
        for name, known in properties.items():
            yield from keyword_errors(known, key(child(path, "properties"), name))
    else:
        yield _wrong(child(path, "properties"), properties, "an object")
    for name in ("allOf", "anyOf", "oneOf"):
        for where, part in _items(schema, path, name):
            yield from keyword_errors(part, where)
    if "not" in schema:
        yield from keyword_errors(schema["not"], child(path, "not"))
    # A list of schemas is refused later, with a sentence of its own.
    if "items" in schema and not isinstance(schema["items"], list):
        yield from keyword_errors(schema["items"], child(path, "items"))
    if not isinstance(schema.get("additionalProperties", True), bool):
        yield from keyword_errors(schema["additionalProperties"], child(path, "additionalProperties"))


def _items(schema: Mapping[str, Any], path: str, name: str) -> Iterator[tuple[str, Any]]:
    items = schema.get(name)
    for position, item in enumerate(items if isinstance(items, list) else ()):
        yield index(child(path, name), position), item


def _typed(entry: Mapping[str, Any], keywords: Mapping[str, tuple[str, _Check]], path: str) -> Iterator[FieldError]:
    for name, (wanted, fits) in keywords.items():
        if name in entry and not fits(entry[name]):
            yield _wrong(child(path, name), entry[name], wanted)


def _wrong(where: str, value: Any, wanted: str) -> FieldError:
    return invalid(where, type_name(value), f"must be {wanted}")

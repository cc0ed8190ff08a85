"""Checking a value against its schema, without CEL: types, enums, limits, patterns, formats, required fields.

With an earlier value, what has not changed is tolerated as it is, so that a stricter schema locks no object up.
"""

import functools
import math
from collections.abc import Iterator
from typing import Any

from fleetdns.emulator.hub.cel import Pattern
from fleetdns.emulator.hub.correlation import Correlated
from fleetdns.emulator.hub.fields import FieldError, invalid, not_supported, required, too_long, too_many, type_invalid
from fleetdns.emulator.hub.formats import has_format
from fleetdns.emulator.hub.jsonvalue import quoted, same, shown, type_name
from fleetdns.emulator.hub.structural import Node

_NUMBER_FORMATS = {"integer": "int64", "number": "float64"}


class SchemaCheck:
    """One pass over one object. `prefix` is what the checked part is called in the whole object: "" or "status"."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix

    def errors(self, value: Any, schema: Node, correlated: Correlated | None) -> tuple[FieldError, ...]:
        """Everything that is wrong with the value, in a stable order."""
        return tuple(self._value(value, schema, "", correlated))

    def _value(self, value: Any, schema: Node, path: str, correlated: Correlated | None) -> list[FieldError]:
        found = [*self._here(value, schema, path)]
        if isinstance(value, list):
            found += self._items(value, schema, path, correlated)
        if isinstance(value, dict):
            found += self._fields(value, schema, path, correlated)
        return [] if found and correlated is not None and correlated.unchanged else found

    def _here(self, value: Any, schema: Node, path: str) -> Iterator[FieldError]:
        yield from self._type(value, schema, path)
        if value is not None:
            yield from self._alternatives(value, schema, path)
        if isinstance(value, str):
            yield from self._text(value, schema, path)
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield from self._number(value, schema, path)
        if isinstance(value, list):
            yield from self._length(value, schema, path)
        enum = schema.bounds.enum
        if enum is not None and not (value is None and schema.nullable) and not any(same(value, one) for one in enum):
            yield not_supported(self._field(path), value, enum)
        if isinstance(value, dict):
            yield from self._size(value, schema, path)

    def _type(self, value: Any, schema: Node, path: str) -> Iterator[FieldError]:
        given = type_name(value)
        if not schema.types or given in schema.types or (value is None and schema.nullable):
            return
        if given == "integer" and "number" in schema.types:
            return
        if isinstance(value, float) and value.is_integer() and "integer" in schema.types:
            return
        wanted = ",".join(schema.types)
        if schema.bounds.format and value is not None and given != "array":
            # A string with a format: the API server then names the formats of both sides instead of their types.
            wanted, given = schema.bounds.format, _NUMBER_FORMATS.get(given, "")
        yield type_invalid(self._field(path), given, f"{path} in body must be of type {wanted}: {quoted(given)}")

    def _text(self, value: str, schema: Node, path: str) -> Iterator[FieldError]:
        bounds, where = schema.bounds, self._field(path)
        # Of length and pattern, the first that is broken is told.
        if bounds.max_length is not None and len(value) > bounds.max_length:
            yield too_long(where, bounds.max_length)
        elif bounds.min_length is not None and len(value) < bounds.min_length:
            yield invalid(where, value, f"{path} in body should be at least {bounds.min_length} chars long")
        elif bounds.pattern is not None and not pattern(bounds.pattern).matches(value):
            yield invalid(where, value, f"{path} in body should match '{bounds.pattern}'")
        if bounds.format and not has_format(value, bounds.format):
            yield type_invalid(where, value, f"{path} in body must be of type {bounds.format}: {quoted(value)}")

    def _number(self, value: float, schema: Node, path: str) -> Iterator[FieldError]:
        bounds, where = schema.bounds, self._field(path)
        if bounds.multiple_of and not math.isclose(value / bounds.multiple_of % 1, 0, abs_tol=1e-9):
            yield invalid(where, value, f"{path} in body should be a multiple of {shown(bounds.multiple_of)}")
        if bounds.maximum is not None and _beyond(value - bounds.maximum, exclusive=bounds.exclusive_maximum):
            words = "less than" if bounds.exclusive_maximum else "less than or equal to"
            yield invalid(where, value, f"{path} in body should be {words} {shown(bounds.maximum)}")
        if bounds.minimum is not None and _beyond(bounds.minimum - value, exclusive=bounds.exclusive_minimum):
            words = "greater than" if bounds.exclusive_minimum else "greater than or equal to"
            yield invalid(where, value, f"{path} in body should be {words} {shown(bounds.minimum)}")

    def _length(self, value: list[Any], schema: Node, path: str) -> Iterator[FieldError]:
        bounds, where = schema.bounds, self._field(path)
        if bounds.min_items is not None and len(value) < bounds.min_items:
            yield invalid(where, len(value), f"{path} in body should have at least {bounds.min_items} items")
        if bounds.max_items is not None and len(value) > bounds.max_items:
            yield too_many(where, len(value), bounds.max_items)

    def _size(self, value: dict[str, Any], schema: Node, path: str) -> Iterator[FieldError]:
        bounds, where = schema.bounds, self._field(path)
        if bounds.min_properties is not None and len(value) < bounds.min_properties:
            yield invalid(where, len(value), f"{path} in body should have at least {bounds.min_properties} properties")
        if bounds.max_properties is not None and len(value) > bounds.max_properties:
            yield too_many(where, len(value), bounds.max_properties)
        for name in bounds.required:
            if name not in value:
                yield required(self._field(_under(path, name)))

    def _items(self, value: list[Any], schema: Node, path: str, correlated: Correlated | None) -> list[FieldError]:
        if schema.items is None:
            return []
        found = []
        for position, item in enumerate(value):
            earlier = correlated.item(position) if correlated else None
            found += self._value(item, schema.items, f"{path}[{position}]", earlier)
        return found

    def _fields(
        self, value: dict[str, Any], schema: Node, path: str, correlated: Correlated | None
    ) -> list[FieldError]:
        found = []
        for name in sorted(value):
            known = schema.child(name)
            if known is None:
                continue
            earlier = correlated.field(name) if correlated else None
            found += self._value(value[name], known, _under(path, name), earlier)
        return found

    def _alternatives(self, value: Any, schema: Node, path: str) -> Iterator[FieldError]:
        found = [self._value(value, one, path, None) for one in schema.all_of]
        yield from (error for errors in found for error in errors)
        if any(found):
            none = ". None validated" if all(found) else ""
            yield self._whole(f"{quoted(path)} must validate all the schemas (allOf){none}")
        found = [self._value(value, one, path, None) for one in schema.any_of]
        if found and all(found):
            yield self._whole(f"{quoted(path)} must validate at least one schema (anyOf)")
            yield from min(found, key=len)
        found = [self._value(value, one, path, None) for one in schema.one_of]
        valid = sum(not errors for errors in found)
        if found and valid != 1:
            count = f"Found {valid} valid alternatives" if valid else "Found none valid"
            yield self._whole(f"{quoted(path)} must validate one and only one schema (oneOf). {count}")
            yield from min(found, key=len)
        if schema.negated is not None and not self._value(value, schema.negated, path, None):
            yield self._whole(f"{quoted(path)} must not validate the schema (not)")

    def _whole(self, text: str) -> FieldError:
        return invalid(self._prefix or "<nil>", "", text)

    def _field(self, path: str) -> str:
        if not self._prefix:
            return path or "<nil>"
        return f"{self._prefix}.{path.removeprefix('.')}" if path else self._prefix


@functools.lru_cache(maxsize=1024)
def pattern(text: str) -> Pattern:
    """The compiled pattern; CelInvalid where it is none. Kept, because conditions have the same ones everywhere."""
    return Pattern(text)


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _beyond(excess: float, *, exclusive: bool) -> bool:
    return excess >= 0 if exclusive else excess > 0

"""JSON as Kubernetes prints and compares it: whole floats are integers, true is not 1, keys are sorted."""

import json
from typing import Any

type_names = {bool: "boolean", str: "string", int: "integer", float: "number", list: "array", dict: "object"}


def type_name(value: Any) -> str:
    """The JSON schema name of a value's type, "null" for None."""
    return type_names.get(type(value), "null")


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal; unlike ==, true and 1 differ."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def compact(value: Any) -> str:
    """The value as one line of JSON with sorted keys and the characters < > & escaped, as the API server prints it."""
    text = json.dumps(whole(value), separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def whole(value: Any) -> Any:
    """A copy in which every float without a fraction is an integer: 80.0 is stored, and answered, as 80."""
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    return value


_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
_ESCAPES |= {"\\": "\\\\", '"': '\\"'}


def quoted(text: str) -> str:
    """The text in double quotes, with escapes for whatever is not printable."""
    return '"' + "".join(_ESCAPES.get(char) or _printable(char) for char in text) + '"'


def _printable(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def shown(value: Any) -> str:
    """A value as error messages print it: text quoted, numbers and booleans bare, the rest as JSON."""
    return quoted(value) if isinstance(value, str) else compact(value)

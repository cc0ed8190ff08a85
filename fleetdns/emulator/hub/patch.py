"""JSON merge patch (RFC 7386) and JSON patch (RFC 6902); both leave their input alone and give a new value."""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fleetdns.emulator.hub.jsonvalue import same


class PatchFailed(Exception):
    """A JSON patch that cannot be carried out: a failed test, a missing place, an operation that is none."""


def merge_patch(target: Any, patch: Any) -> Any:
    """The target with the patch merged in: objects merge, null deletes, everything else replaces."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def json_patch(target: Any, ops: Sequence[Any]) -> Any:
    """The target after all operations, in order. Raises PatchFailed, and then nothing has happened.

    As on the API server, `replace` of a key that is missing sets it.
    """
    document = copy.deepcopy(target)
    for op in ops:
        apply_op = _OPERATIONS.get(op.get("op", "")) if isinstance(op, Mapping) else None
        if apply_op is None:
            raise PatchFailed(f"unexpected operation: {op!r}")
        document = apply_op(document, op)
    return document


def _add(document: Any, op: Mapping[str, Any]) -> Any:
    return _inserted(document, _pointer(op, "path"), _value(op))


def _remove(document: Any, op: Mapping[str, Any]) -> Any:
    path = _pointer(op, "path")
    if not path:
        raise PatchFailed("cannot remove the whole document")
    parent = _found(document, path[:-1])
    if isinstance(parent, dict) and path[-1] in parent:
        del parent[path[-1]]
    elif isinstance(parent, list):
        del parent[_position(path[-1], len(parent) - 1)]
    else:
        raise PatchFailed(f"nothing to remove at {op['path']}")
    return document


def _replace(document: Any, op: Mapping[str, Any]) -> Any:
    path = _pointer(op, "path")
    if not path:
        return _value(op)
    parent = _found(document, path[:-1])
    if isinstance(parent, list):
        parent[_position(path[-1], len(parent) - 1)] = _value(op)
        return document
    return _inserted(document, path, _value(op))


def _move(document: Any, op: Mapping[str, Any]) -> Any:
    source, path = _pointer(op, "from"), _pointer(op, "path")
    if path[: len(source)] == source and path != source:
        raise PatchFailed("a value cannot be moved into itself")
    value = _found(document, source)
    return _inserted(_remove(document, {"path": op["from"]}), path, value) if source else document


def _copy(document: Any, op: Mapping[str, Any]) -> Any:
    return _inserted(document, _pointer(op, "path"), copy.deepcopy(_found(document, _pointer(op, "from"))))


def _test(document: Any, op: Mapping[str, Any]) -> Any:
    path = _pointer(op, "path")
    if not same(_found(document, path), _value(op)):
        raise PatchFailed(f"testing value {op['path']} failed")
    return document


_OPERATIONS: Mapping[str, Callable[[Any, Mapping[str, Any]], Any]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}


def _value(op: Mapping[str, Any]) -> Any:
    if "value" not in op:
        raise PatchFailed("the operation has no value")
    return copy.deepcopy(op["value"])


def _pointer(op: Mapping[str, Any], name: str) -> tuple[str, ...]:
    text = op.get(name)
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise PatchFailed(f"{name} is no JSON pointer: {text!r}")
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:])


def _found(document: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if isinstance(document, dict) and step in document:
            document = document[step]
        elif isinstance(document, list):
            document = document[_position(step, len(document) - 1)]
        else:
            raise PatchFailed(f"nothing at /{'/'.join(path)}")
    return document


def _inserted(document: Any, path: tuple[str, ...], value: Any) -> Any:
    if not path:
        return value
    parent = _found(document, path[:-1])
    if isinstance(parent, dict):
        parent[path[-1]] = value
    elif isinstance(parent, list):
        parent.insert(len(parent) if path[-1] == "-" else _position(path[-1], len(parent)), value)
    else:
        raise PatchFailed(f"nothing can be put at /{'/'.join(path)}")
    return document


def _position(step: str, last: int) -> int:
    if not (step.isascii() and step.isdigit()) or (step != "0" and step.startswith("0")) or int(step) > last:
        raise PatchFailed(f"no such item: {step}")
    return int(step)

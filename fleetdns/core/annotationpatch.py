"""What one operation of a JSON patch (RFC 6902) does to the annotations of an object that fleetdns reads.

path                      op               effect
the annotation            add, replace     its value
                          remove           none any more
/metadata/annotations     add, replace     the value it has in the map; not in it: as it was
                          remove           none any more
/metadata, the object     add, replace     the value it has in there; not in it: as it was
anything else             any              somebody else's business

A real patch of a whole map takes every other annotation away. Here it is read for ours only, and takes nothing away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fleetdns.api.overrides import JSONPatchOverride
from fleetdns.core.wording import printable

_WRITES = ("add", "replace")
_REMOVE = "remove"
_ANNOTATIONS = ("metadata", "annotations")
_BAD_ESCAPE = re.compile(r"~(?![01])")
_SHOWN = 160  # characters of what somebody wrote


@dataclass(frozen=True, slots=True)
class Put:
    """The annotation gets this value, which may be anything that JSON can say."""

    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class Removed:
    """The annotation goes."""

    key: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """The operation, or what else is in it, is not for us, as a sentence."""

    because: str


Effect = Put | Removed | Ignored


def effects(patch: JSONPatchOverride, keys: Iterable[str]) -> tuple[Effect, ...]:
    """What the operation does to these annotations, in the order of their names."""
    keys = sorted(keys)
    path, at = printable(patch.path, longest=_SHOWN), _tokens(patch.path)
    if at is None:
        return (Ignored(f"the path {path!r} is no JSON pointer"),)
    if patch.op not in (*_WRITES, _REMOVE):
        return (Ignored(f"the op {printable(patch.op, longest=_SHOWN)!r} is none of add, remove and replace"),)
    if len(at) == 3 and at[:2] == _ANNOTATIONS and at[2] in keys:
        return (Removed(at[2]) if patch.op == _REMOVE else Put(at[2], patch.value),)
    if patch.op == _REMOVE and at == _ANNOTATIONS:
        return tuple(Removed(key) for key in keys)
    if patch.op != _REMOVE and at == _ANNOTATIONS[: len(at)]:
        return _from_above(patch.value, at, path=path, keys=keys)
    return (Ignored(f"the path {path!r} is not read: {_readable(keys)}"),)


def _from_above(value: Any, at: tuple[str, ...], *, path: str, keys: list[str]) -> tuple[Effect, ...]:
    """What a value for the map of annotations, or for something around it, says of each key."""
    is_whole = at == _ANNOTATIONS
    for name in _ANNOTATIONS[len(at) :]:
        value = value.get(name, {}) if isinstance(value, dict) else None
    if not isinstance(value, dict):
        return (Ignored(f"the value at the path {path!r} holds no map of annotations"),)
    found = tuple(Put(key, value[key]) for key in keys if key in value)
    if is_whole and len(found) == len(value):
        return found
    return (*found, Ignored(f"of the value at the path {path!r} nothing else is read: {_readable(keys)}"))


def _tokens(path: str) -> tuple[str, ...] | None:
    """The parts of a JSON pointer (RFC 6901); None where it is none."""
    if path == "":
        return ()
    if not path.startswith("/") or _BAD_ESCAPE.search(path):
        return None
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/"))


def _readable(keys: list[str]) -> str:
    return f"fleetdns reads the annotation {' and '.join(keys)} there"

"""One line of a watch stream, decoded: what it says of an object, a bookmark, or the error it stands for."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from .events import Applied, Deleted, Unknown
from .listwatch import (
    Codec,
    Denied,
    Entry,
    Expired,
    ListWatchError,
    NotServed,
    Rejected,
    Throttled,
    Unauthenticated,
    Unavailable,
    Undecodable,
)

K = TypeVar("K")
T = TypeVar("T")

_INITIAL_EVENTS_END = "k8s.io/initial-events-end"
_VERSION_TOO_LARGE = "ResourceVersionTooLarge"


@dataclass(frozen=True, slots=True)
class WatchLine(Generic[K, T]):
    """kind: ADDED, MODIFIED, DELETED or BOOKMARK. event: None for a bookmark. version: "" where it was unreadable.

    ends_initial_events: a bookmark marked so. A watch without a version may bring one that nobody asked for.
    """

    kind: str
    version: str
    event: Applied[K, T] | Deleted[K, T] | Unknown[K] | None
    ends_initial_events: bool = False


class _Line(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Meta(msgspec.Struct, rename="camel"):
    resource_version: str
    annotations: dict[str, Any] | None = None


class _Bookmark(msgspec.Struct):
    metadata: _Meta


class _Cause(msgspec.Struct):
    reason: str = ""


class _Details(msgspec.Struct, rename="camel"):
    retry_after_seconds: float | None = None
    causes: list[_Cause] | None = None


class _Status(msgspec.Struct):
    code: int = 0
    reason: str = ""
    details: _Details | None = None


_LINE = msgspec.json.Decoder(_Line)
_BOOKMARK = msgspec.json.Decoder(_Bookmark)
_STATUS = msgspec.json.Decoder(_Status)


def read_line(line: bytes, codec: Codec[K, T]) -> WatchLine[K, T]:
    """What the line says. An ERROR event rises as the ListWatchError it stands for, anything that is no event as
    Unavailable: a proxy's page must never be taken for objects.
    """
    try:
        decoded = _LINE.decode(line)
        if decoded.type == "BOOKMARK":
            return _bookmark(_BOOKMARK.decode(decoded.object).metadata)
        if decoded.type == "ERROR":
            raise _error(_STATUS.decode(decoded.object))
    except ValueError as error:  # msgspec's errors, and UnicodeDecodeError
        raise Unavailable("the watch stream holds a line that is no watch event") from error
    match decoded.type:
        case "ADDED" | "MODIFIED":
            return _applied(decoded, codec)
        case "DELETED":
            return _deleted(decoded, codec)
        case kind:
            raise ListWatchError(f"watch event of an unheard-of type {kind!r}")


def unknown(problem: Undecodable) -> Unknown[K]:
    """The object that could not be decoded, as something that exists."""
    return Unknown(problem.key, problem.uid, problem.version, problem.because)


def _bookmark(metadata: _Meta) -> WatchLine[K, T]:
    is_end = (metadata.annotations or {}).get(_INITIAL_EVENTS_END) == "true"
    return WatchLine("BOOKMARK", metadata.resource_version, None, ends_initial_events=is_end)


def _applied(line: _Line, codec: Codec[K, T]) -> WatchLine[K, T]:
    try:
        entry = codec.decode(memoryview(line.object))
    except Undecodable as problem:
        return WatchLine(line.type, problem.version or "", unknown(problem))
    return WatchLine(line.type, entry.version, Applied(entry))


def _deleted(line: _Line, codec: Codec[K, T]) -> WatchLine[K, T]:
    try:
        entry: Entry[K, T | None] = codec.decode(memoryview(line.object))
    except Undecodable as problem:
        if problem.key is None:
            return WatchLine(line.type, problem.version or "", unknown(problem))
        # What it held does not matter any more: its name is enough to know that it is gone.
        entry = Entry(problem.key, problem.uid or "", problem.version or "", None)
    return WatchLine(line.type, entry.version, Deleted(entry))


def _error(status: _Status) -> ListWatchError:
    details = status.details or _Details()
    match status.code:
        case 410:
            return Expired(status.reason)
        case 504 if any(cause.reason == _VERSION_TOO_LARGE for cause in details.causes or ()):
            return Expired(_VERSION_TOO_LARGE)
        case 429:
            return Throttled(details.retry_after_seconds)
        case 401:
            return Unauthenticated(status.reason)
        case 403:
            return Denied(status.reason)
        case 404:
            return NotServed(status.reason)
        case code:
            return Rejected(code, f"the watch ended with {code} {status.reason}")

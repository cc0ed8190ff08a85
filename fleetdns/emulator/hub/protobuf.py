"""Reads the few Kubernetes messages that kubectl sends as protobuf: what `kubectl create` makes and `auth can-i` asks.

A message is described by a table of field numbers; unknown fields are skipped, as protobuf wants it.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MAGIC = b"k8s\x00"
MEDIA_TYPE = "application/vnd.kubernetes.protobuf"


class ProtobufInvalid(ValueError):
    """The bytes are no message of a kind that is understood here."""


@dataclass(frozen=True, slots=True)
class Text:
    """A string field."""


@dataclass(frozen=True, slots=True)
class Bytes:
    """A bytes field: base64 in JSON."""


@dataclass(frozen=True, slots=True)
class Integer:
    """A varint."""


@dataclass(frozen=True, slots=True)
class Bool:
    """A varint that is true or false."""


@dataclass(frozen=True, slots=True)
class Time:
    """metav1.Time: seconds since 1970 in field 1."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """map<string, value>: entries with key 1 and value 2."""

    value: Text | Bytes


@dataclass(frozen=True, slots=True)
class Many:
    """A repeated field."""

    item: Text | Message


@dataclass(frozen=True, slots=True)
class Message:
    fields: Mapping[int, tuple[str, Field]] = field(default_factory=dict)


Field = Text | Bytes | Integer | Bool | Time | Mapped | Many | Message

_OWNER = Message(
    {
        1: ("kind", Text()),
        3: ("name", Text()),
        4: ("uid", Text()),
        5: ("apiVersion", Text()),
        6: ("controller", Bool()),
        7: ("blockOwnerDeletion", Bool()),
    }
)
_METADATA = Message(
    {
        1: ("name", Text()),
        2: ("generateName", Text()),
        3: ("namespace", Text()),
        5: ("uid", Text()),
        6: ("resourceVersion", Text()),
        7: ("generation", Integer()),
        8: ("creationTimestamp", Time()),
        11: ("labels", Mapped(Text())),
        12: ("annotations", Mapped(Text())),
        13: ("ownerReferences", Many(_OWNER)),
        14: ("finalizers", Many(Text())),
    }
)
_RESOURCE_ATTRIBUTES = Message(
    {
        1: ("namespace", Text()),
        2: ("verb", Text()),
        3: ("group", Text()),
        4: ("version", Text()),
        5: ("resource", Text()),
        6: ("subresource", Text()),
        7: ("name", Text()),
    }
)
_REVIEW_SPEC = Message(
    {
        1: ("resourceAttributes", _RESOURCE_ATTRIBUTES),
        2: ("nonResourceAttributes", Message({1: ("path", Text()), 2: ("verb", Text())})),
    }
)
_BOUND = Message({1: ("kind", Text()), 2: ("apiVersion", Text()), 3: ("name", Text()), 4: ("uid", Text())})
_TOKEN_SPEC = Message(
    {1: ("audiences", Many(Text())), 3: ("boundObjectRef", _BOUND), 4: ("expirationSeconds", Integer())}
)
_PRECONDITIONS = Message({1: ("uid", Text()), 2: ("resourceVersion", Text())})
_NAMED = Message({1: ("name", Text())})
_RULE_PARTS = ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs")
_RULE = Message({number: (name, Many(Text())) for number, name in enumerate(_RULE_PARTS, 1)})
_SUBJECT = Message({1: ("kind", Text()), 2: ("apiGroup", Text()), 3: ("name", Text()), 4: ("namespace", Text())})
_ROLE_REFERENCE = Message({1: ("apiGroup", Text()), 2: ("kind", Text()), 3: ("name", Text())})
_ROLE = Message({1: ("metadata", _METADATA), 2: ("rules", Many(_RULE))})
_BINDING = Message({1: ("metadata", _METADATA), 2: ("subjects", Many(_SUBJECT)), 3: ("roleRef", _ROLE_REFERENCE)})

MESSAGES: Mapping[tuple[str, str], Message] = {
    ("v1", "Namespace"): Message(
        {1: ("metadata", _METADATA), 2: ("spec", Message({1: ("finalizers", Many(Text()))}))},
    ),
    ("v1", "ConfigMap"): Message(
        {
            1: ("metadata", _METADATA),
            2: ("data", Mapped(Text())),
            3: ("binaryData", Mapped(Bytes())),
            4: ("immutable", Bool()),
        }
    ),
    ("v1", "Secret"): Message(
        {
            1: ("metadata", _METADATA),
            2: ("data", Mapped(Bytes())),
            3: ("type", Text()),
            4: ("stringData", Mapped(Text())),
            5: ("immutable", Bool()),
        }
    ),
    ("v1", "ServiceAccount"): Message(
        {
            1: ("metadata", _METADATA),
            2: ("secrets", Many(Message({3: ("name", Text())}))),
            3: ("imagePullSecrets", Many(_NAMED)),
            4: ("automountServiceAccountToken", Bool()),
        }
    ),
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview"): Message(
        {1: ("metadata", _METADATA), 2: ("spec", _REVIEW_SPEC)}
    ),
    ("authorization.k8s.io/v1", "SelfSubjectRulesReview"): Message(
        {1: ("metadata", _METADATA), 2: ("spec", Message({1: ("namespace", Text())}))}
    ),
    ("authentication.k8s.io/v1", "SelfSubjectReview"): Message({1: ("metadata", _METADATA)}),
    ("authentication.k8s.io/v1", "TokenRequest"): Message({1: ("metadata", _METADATA), 2: ("spec", _TOKEN_SPEC)}),
    ("authentication.k8s.io/v1", "TokenReview"): Message(
        {1: ("metadata", _METADATA), 2: ("spec", Message({1: ("token", Text()), 2: ("audiences", Many(Text()))}))}
    ),
    ("rbac.authorization.k8s.io/v1", "Role"): _ROLE,
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): _ROLE,
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): _BINDING,
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): _BINDING,
    ("v1", "DeleteOptions"): Message(
        {
            1: ("gracePeriodSeconds", Integer()),
            2: ("preconditions", _PRECONDITIONS),
            4: ("propagationPolicy", Text()),
            5: ("dryRun", Many(Text())),
        }
    ),
}


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON form of a runtime.Unknown envelope. Raises ProtobufInvalid."""
    if not body.startswith(MAGIC):
        raise ProtobufInvalid("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    kind = api_version = ""
    raw = b""
    for number, value in _fields(body[len(MAGIC) :]):
        if number == 1 and isinstance(value, bytes):
            named = dict(_fields(value))
            api_version, kind = _text(named.get(1, b"")), _text(named.get(2, b""))
        elif number == 2 and isinstance(value, bytes):
            raw = value
    message = MESSAGES.get((api_version, kind))
    if message is None:
        raise ProtobufInvalid(f"no protobuf reader for {api_version}, Kind={kind}")
    return {"kind": kind, "apiVersion": api_version} | _read(message, raw)


def _read(message: Message, body: bytes) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for number, value in _fields(body):
        if number not in message.fields:
            continue
        name, described = message.fields[number]
        match described:
            case Mapped():
                entry = dict(_fields(_bytes(value)))
                result.setdefault(name, {})[_text(entry.get(1, b""))] = _scalar(described.value, entry.get(2, b""))
            case Many():
                result.setdefault(name, []).append(_scalar(described.item, value))
            case _:
                result[name] = _scalar(described, value)
    # Go writes every string, set or not; an empty one is an absent one.
    return {name: value for name, value in result.items() if value not in ("", None)}


def _scalar(described: Field, value: int | bytes) -> Any:
    match described:
        case Message():
            return _read(described, _bytes(value))
        case Text():
            return _text(value)
        case Bytes():
            return base64.b64encode(_bytes(value)).decode()
        case Bool():
            return bool(value)
        case Time():
            seconds = dict(_fields(_bytes(value))).get(1)
            if not isinstance(seconds, int):
                return None
            return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        case _:
            return value


def _fields(body: bytes) -> Iterator[tuple[int, int | bytes]]:
    position = 0
    while position < len(body):
        tag, position = _varint(body, position)
        match tag & 7:
            case 0:
                number, position = _varint(body, position)
                yield tag >> 3, number
            case 2:
                length, position = _varint(body, position)
                if position + length > len(body):
                    raise ProtobufInvalid("unexpected EOF")
                yield tag >> 3, body[position : position + length]
                position += length
            case 1 | 5 as wire:
                position += 8 if wire == 1 else 4
            case wire:
                raise ProtobufInvalid(f"illegal wireType {wire}")


def _varint(body: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(body) and shift < 64:
        byte = body[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise ProtobufInvalid("unexpected EOF")


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    raise ProtobufInvalid("wrong wireType for a message")


def _text(value: int | bytes) -> str:
    try:
        return _bytes(value).decode()
    except UnicodeDecodeError:
        raise ProtobufInvalid("string field contains invalid UTF-8") from None

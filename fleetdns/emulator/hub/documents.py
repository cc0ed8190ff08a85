"""Bodies as they come over the wire: JSON, YAML or protobuf into plain values, hostile ones refused.

`normalized` gives the copy the hub works on: only what JSON and Go's integers can carry.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from fleetdns.emulator.hub import protobuf, status
from fleetdns.emulator.hub.status import StatusError, bad_request

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = protobuf.MEDIA_TYPE
_MAX_DEPTH = 200
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True)
class Document:
    """A decoded body; duplicates are the paths of keys that were given twice (the last one counts)."""

    value: Any
    duplicates: tuple[str, ...] = ()


class _Doubled(dict[str, Any]):
    """A JSON object in which some keys came twice."""

    keys_twice: tuple[str, ...] = ()


def read_document(body: bytes, media_type: str) -> Document:
    """Decode a body. Raises StatusError: 400 for what cannot be read, 415 for an unknown media type."""
    match media_type:
        case "" | "application/json" | "application/merge-patch+json" | "application/json-patch+json":
            return _read_json(body)
        case "application/strategic-merge-patch+json":
            return _read_json(body)
        case "application/yaml" | "application/apply-patch+yaml":
            return Document(_read_yaml(body))
        case protobuf.MEDIA_TYPE:
            try:
                return Document(protobuf.read_object(body))
            except protobuf.ProtobufInvalid as error:
                raise bad_request(str(error)) from error
        case _:
            raise status.unsupported_media_type((JSON, YAML, PROTOBUF))


def normalized(value: Any, depth: int = 0) -> Any:
    """A deep copy with Go's view of numbers (80.0 is 80) and text without half surrogates.

    Raises StatusError 400 for what is no JSON or nested too deeply.
    """
    if depth > _MAX_DEPTH:
        raise bad_request("exceeded max depth")
    match value:
        case None | bool():
            return value
        case str():
            return value if value.isascii() else _whole(value)
        case int():
            return value if value in _INT64 else _as_float(value)
        case float():
            return int(value) if value.is_integer() and int(value) in _INT64 else value
        case dict():
            return {_whole(str(key)): normalized(member, depth + 1) for key, member in value.items()}
        case list() | tuple():
            return [normalized(member, depth + 1) for member in value]
        case _:
            raise bad_request(f"json: unsupported type: {type(value).__name__}")


def _read_json(body: bytes) -> Document:
    try:
        value = json.loads(
            body, object_pairs_hook=_json_object, parse_constant=_refuse_constant, parse_float=_finite_float
        )
    except (ValueError, RecursionError) as error:
        raise bad_request(f"couldn't get version/kind; json parse error: {error}") from error
    return Document(value, tuple(_duplicates(value, "")))


def _json_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    obj = dict(pairs)
    if len(obj) == len(pairs):
        return obj
    doubled = _Doubled(obj)
    doubled.keys_twice = tuple(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
    return doubled


def _duplicates(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        prefix = f"{path}." if path else ""
        if isinstance(value, _Doubled):
            yield from (prefix + key for key in value.keys_twice)
        for key, member in value.items():
            yield from _duplicates(member, prefix + key)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _duplicates(member, f"{path}[{index}]")


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"invalid character '{word[0]}' looking for beginning of value")


def _finite_float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"cannot unmarshal number {text[:32]} into Go value of type float64")
    return number


class _PlainLoader(yaml.SafeLoader):
    """YAML as Go's converter reads it: no timestamps; and no aliases, which can grow without bound."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not accepted")
        return super().compose_node(parent, index)


_PlainLoader.yaml_implicit_resolvers = {
    first: [entry for entry in resolvers if entry[0] != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _read_yaml(body: bytes) -> Any:
    # JSON is the YAML that clients send most, and reads many times faster.
    with contextlib.suppress(StatusError):
        return _read_json(body).value
    try:
        return _PlainLoader(body).get_single_data()
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise bad_request(f"error converting YAML to JSON: {error}") from error


def _whole(text: str) -> str:
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _as_float(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        raise bad_request("json: cannot unmarshal number into Go value of type float64") from None

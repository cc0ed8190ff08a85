"""Which form of an answer a client accepts: JSON or YAML, the object itself, a Table, or metadata only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from fleetdns.emulator.hub import status

JSON = "application/json"
YAML = "application/yaml"

Shape = Literal["object", "table", "partial", "partial list"]


@dataclass(frozen=True, slots=True)
class Form:
    """A media type and the shape of what is in it."""

    media_type: str = JSON
    shape: Shape = "object"


@dataclass(frozen=True, slots=True)
class Range:
    """One entry of an Accept header."""

    media_type: str
    parameters: frozenset[tuple[str, str]]

    def parameter(self, name: str) -> str:
        return dict(self.parameters).get(name, "")


def negotiated(accept: str, *, watching: bool = False) -> Form:
    """The first form of the Accept header that can be given. Raises StatusError 406."""
    offered = (JSON,) if watching else (JSON, YAML)
    ranges = list(accept_ranges(accept))
    for entry in ranges:
        media_type = JSON if entry.media_type in ("*/*", "application/*") else entry.media_type
        shape = _shape(entry)
        if media_type in offered and shape is not None:
            return Form(media_type, shape)
    if not ranges:
        return Form()
    raise status.not_acceptable(offered)


def accept_ranges(accept: str) -> Iterator[Range]:
    for part in accept.split(","):
        media_type, *parameters = (word.strip() for word in part.split(";"))
        if media_type:
            pairs = (parameter.partition("=") for parameter in parameters)
            yield Range(media_type.lower(), frozenset((key.strip(), value.strip()) for key, _, value in pairs))


def _shape(entry: Range) -> Shape | None:
    match entry.parameter("as"):
        case "":
            return "object"
        case "Table" if _is_meta(entry):
            return "table"
        case "PartialObjectMetadata" if _is_meta(entry):
            return "partial"
        case "PartialObjectMetadataList" if _is_meta(entry):
            return "partial list"
        case _:
            return None


def _is_meta(entry: Range) -> bool:
    return entry.parameter("g") == "meta.k8s.io" and entry.parameter("v") == "v1"

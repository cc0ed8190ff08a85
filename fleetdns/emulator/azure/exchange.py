"""One HTTP request and its answer as plain values, without any HTTP library.

Answers are JSON written the way the service writes it: compact, every slash escaped.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


def _folded(values: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in values.items() if key.casefold() == name.casefold()), None)


@dataclass(frozen=True, slots=True)
class Request:
    """`path` is still percent-encoded; `query` is decoded. Names of headers and parameters compare without case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        return _folded(self.headers, name)

    def parameter(self, name: str) -> str | None:
        return _folded(self.query, name)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer and how to deliver it: `delay` seconds late, or not at all.

    `drop`: the connection is closed instead; `hang`: it stays open, and nothing comes.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0
    drop: bool = False
    hang: bool = False

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """What an operation answers before it is put into an HTTP response. `body` None is no body at all."""

    status: int
    body: object = None
    delay: float = 0.0


def json_bytes(value: object) -> bytes:
    # A slash can only stand inside a string in JSON, so replacing all of them keeps the meaning. Half a surrogate pair,
    # which JSON can carry and UTF-8 cannot, becomes a question mark.
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).replace("/", "\\/").encode(errors="replace")

"""HTTP answers: encoded, compressed where it pays, with the headers a Kubernetes API server sends."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from typing import Any

import yaml
from aiohttp import web

from fleetdns.emulator.hub.negotiation import JSON, YAML
from fleetdns.emulator.hub.status import PageNotFound, StatusError
from fleetdns.emulator.hub.store import decode, encode

# Smaller bodies are sent as they are, whatever the client accepts.
_WORTH_COMPRESSING = 128 * 1024
_CACHE = {"Cache-Control": "no-cache, private"}


def answer(
    request: web.BaseRequest,
    value: Any,
    *,
    code: int = 200,
    media_type: str = JSON,
    warnings: Iterable[str] = (),
    headers: dict[str, str] | None = None,
) -> web.Response:
    """The value as JSON or YAML."""
    body = encode(value)
    if media_type == YAML:
        body = yaml.safe_dump(decode(body), sort_keys=True, allow_unicode=True).encode()
    else:
        body += b"\n"
    response = web.Response(body=body, status=code, headers=_CACHE | (headers or {}))
    response.headers["Content-Type"] = media_type
    for text in dict.fromkeys(warnings):
        response.headers.add("Warning", f"299 - {_quoted(text)}")
    _compress(request, response, body)
    return response


def refusal(request: web.BaseRequest, error: StatusError) -> web.Response:
    if isinstance(error, PageNotFound):
        return text_page("404 page not found\n", code=404)
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else {}
    return answer(request, error.status(), code=error.code, headers=headers, warnings=error.warnings)


def text_page(text: str, *, code: int = 200) -> web.Response:
    response = web.Response(text=text, status=code, headers=_CACHE)
    response.headers["Content-Type"] = "text/plain; charset=utf-8"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _compress(request: web.BaseRequest, response: web.Response, body: bytes) -> None:
    if len(body) <= _WORTH_COMPRESSING:
        return
    response.headers["Vary"] = "Accept-Encoding"
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        # Level 1, as the real server: the point is the wire, not the last per cent.
        response.body = gzip.compress(body, compresslevel=1, mtime=0)
        response.headers["Content-Encoding"] = "gzip"


def _quoted(text: str) -> str:
    """A quoted-string of RFC 7234, printable ASCII or not on one line."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else " " for char in escaped) + '"'

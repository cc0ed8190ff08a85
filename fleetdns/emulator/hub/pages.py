"""The server's own pages: health, version, discovery and OpenAPI."""

from __future__ import annotations

import hashlib

from aiohttp import web

from fleetdns.emulator.hub import discovery, status
from fleetdns.emulator.hub.answers import answer, text_page
from fleetdns.emulator.hub.kinds import described
from fleetdns.emulator.hub.negotiation import accept_ranges
from fleetdns.emulator.hub.openapi import openapi_v3
from fleetdns.emulator.hub.rest import Hub
from fleetdns.emulator.hub.status import Object
from fleetdns.emulator.hub.store import encode

_IMMUTABLE = {"Cache-Control": "public, immutable"}


class Pages:
    """The documents are made anew when the set of kinds has changed."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._generation = -1
        self._documents: dict[str, bytes] = {}

    def serve(self, request: web.BaseRequest, parts: tuple[str, ...]) -> web.StreamResponse:
        """Raises StatusError 404 and 406."""
        match parts:
            case ("healthz" | "livez" | "readyz", *_):
                return text_page("ok")
            case ("version",):
                return answer(request, _version(self._hub.version))
            case ("openapi", "v3"):
                return self._openapi_index()
            case ("openapi", "v3", *rest):
                return self._openapi_document(request, "/".join(rest))
            case ("",):
                return answer(request, {"paths": ["/api", "/api/v1", "/apis", "/healthz", "/openapi/v3", "/version"]})
            case _:
                return self._discovery(request, parts)

    def _discovery(self, request: web.BaseRequest, parts: tuple[str, ...]) -> web.StreamResponse:
        kinds = discovery.with_reviews(self._hub.registry.kinds())
        if parts in (("api",), ("apis",)) and _wants_aggregated(request):
            document = discovery.aggregated(kinds, core=parts == ("api",))
            return answer(request, document, media_type=discovery.AGGREGATED, headers={"Vary": "Accept"})
        found: Object | None = None
        match parts:
            case ("api",):
                found = discovery.core_versions()
            case ("apis",):
                found = discovery.group_list(kinds)
            case ("apis", group):
                found = discovery.group_document(kinds, group)
            case ("api", version):
                found = discovery.resource_list(kinds, "", version)
            case ("apis", group, version):
                found = discovery.resource_list(kinds, group, version)
        if found is None:
            raise status.PageNotFound
        return answer(request, found)

    def _openapi_index(self) -> web.Response:
        paths = {
            path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={_hash(document)}"}
            for path, document in sorted(self._openapi().items())
        }
        return text_page(encode({"paths": paths}).decode())

    def _openapi_document(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        document = self._openapi().get(path)
        if document is None:
            raise status.PageNotFound
        right, asked = _hash(document), request.query.get("hash")
        if asked is not None and asked != right:
            return web.Response(status=301, headers={"Location": f"/openapi/v3/{path}?hash={right}"})
        headers = _IMMUTABLE | {"ETag": f'"{right}"'} if asked else {"ETag": f'"{right}"'}
        return web.Response(body=document, content_type="application/json", headers=headers)

    def _openapi(self) -> dict[str, bytes]:
        registry = self._hub.registry
        if self._generation != registry.generation:
            documents = openapi_v3([described(served) for served in registry.kinds()])
            self._documents = {path: encode(document) for path, document in documents.items()}
            self._generation = registry.generation
        return self._documents


def _wants_aggregated(request: web.BaseRequest) -> bool:
    """The first form of the Accept header that can be given decides. Raises StatusError 406 if there is none."""
    ranges = list(accept_ranges(request.headers.get("Accept", "")))
    for entry in ranges:
        wanted = (entry.parameter("g"), entry.parameter("v"), entry.parameter("as"))
        if wanted == ("apidiscovery.k8s.io", "v2", "APIGroupDiscoveryList"):
            return True
        if wanted == ("", "", "") and entry.media_type in ("application/json", "*/*", "application/*"):
            return False
    if ranges:
        raise status.not_acceptable(("application/json", "application/yaml", "application/vnd.kubernetes.protobuf"))
    return False


def _version(version: str) -> Object:
    major, minor, _ = version.removeprefix("v").split(".")
    return {
        "major": major,
        "minor": minor,
        "gitVersion": version,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "linux/amd64",
    }


def _hash(document: bytes) -> str:
    return hashlib.sha256(document).hexdigest().upper()

"""What `kubectl` does in the story, over the same https and token: apply, patch, get, list, watch, delete, events."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp
import yaml

GROUP = "networking.fleet.azure.com"
PROFILES = "trafficmanagerprofiles"
BACKENDS = "trafficmanagerbackends"
EXPORTS = "internalserviceexports"
IMPORTS = "serviceimports"
SERVICE_EXPORTS = "serviceexports"
SERVICES = "services"

# Those that are named by their plural and are not of the core group.
_API_VERSIONS = {
    PROFILES: f"{GROUP}/v1beta1",
    BACKENDS: f"{GROUP}/v1beta1",
    EXPORTS: f"{GROUP}/v1alpha1",
    IMPORTS: f"{GROUP}/v1alpha1",
    SERVICE_EXPORTS: f"{GROUP}/v1beta1",
    "memberclusters": "cluster.kubernetes-fleet.io/v1",
    "resourceoverrides": "placement.kubernetes-fleet.io/v1",
}

Manifest = dict[str, Any]
T = TypeVar("T")
_PATIENCE = aiohttp.ClientTimeout(total=20)


class Refused(Exception):
    """The API server said no."""


class Cluster:
    """A client of one API server. Use as `async with`."""

    def __init__(self, url: str, *, ca_pem: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._tls = ssl.create_default_context(cadata=ca_pem)
        self._headers = {"Authorization": f"Bearer {token}"}
        self._session: aiohttp.ClientSession | None = None
        self._going: set[asyncio.Future[Any]] = set()

    async def __aenter__(self) -> Cluster:
        connector = aiohttp.TCPConnector(ssl=self._tls)
        self._session = aiohttp.ClientSession(connector=connector, headers=self._headers, timeout=_PATIENCE)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._going:
            await asyncio.wait(self._going)
        if self._session is not None:
            await self._session.close()

    async def apply(self, manifest: Manifest, *, manager: str = "kubectl") -> Manifest:
        """Server-side apply of one object, whatever its kind."""
        plural, namespace = _plural(manifest["kind"]), manifest["metadata"].get("namespace")
        path = _path(manifest["apiVersion"], plural, namespace, manifest["metadata"]["name"])
        query = f"?fieldManager={manager}&force=true"
        return await self._send("PATCH", path + query, manifest, "application/apply-patch+yaml")

    async def apply_text(self, text: str) -> list[Manifest]:
        """Apply every document of a YAML text, in order."""
        return [await self.apply(document) for document in yaml.safe_load_all(text) if document]

    async def create(self, plural: str, namespace: str | None, manifest: Manifest) -> Manifest:
        return await self._send("POST", _own(plural, namespace), manifest)

    async def patch(
        self, plural: str, namespace: str | None, name: str, patch: Manifest, *, part: str = ""
    ) -> Manifest:
        """Merge-patch one object, or with `part` one subresource of it."""
        path = _own(plural, namespace, name) + (f"/{part}" if part else "")
        return await self._send("PATCH", path, patch, "application/merge-patch+json")

    async def get(self, plural: str, namespace: str | None, name: str) -> Manifest | None:
        """One object, or None."""
        return await self._send("GET", _own(plural, namespace, name), missing_ok=True) or None

    async def delete(self, plural: str, namespace: str | None, name: str) -> None:
        await self._send("DELETE", _own(plural, namespace, name), missing_ok=True)

    async def listed(self, plural: str, namespace: str | None = None) -> Manifest:
        """The list of a namespace, or of all of them, with the version to watch it from."""
        return await self._send("GET", _own(plural, namespace))

    async def watch(self, plural: str, *, since: str) -> AsyncIterator[tuple[str, Manifest]]:
        """Type and object of every change in any namespace; ends when the server ends it. Raises Refused."""
        path = f"{_own(plural)}?watch=1&allowWatchBookmarks=true&resourceVersion={since}"
        # It has no end of its own, and an object may be a long line.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        begun = self._open().get(self._url + path, timeout=timeout, read_bufsize=2**22)
        async with await self._uncut(begun) as answer:
            if answer.status >= 400:
                raise Refused(f"GET {path}: {answer.status} {(await answer.text())[:400]}")
            connection = answer.connection
            try:
                async for line in answer.content:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise Refused(f"GET {path}: {event['object'].get('message', '')}")
                    yield event["type"], event["object"]
            finally:
                if connection is not None and connection.transport is not None:
                    # The stream has no end of its own that could be waited for.
                    connection.transport.abort()

    async def events(self, namespace: str) -> list[Manifest]:
        """Every Event of a namespace."""
        found = await self._send("GET", f"/api/v1/namespaces/{namespace}/events")
        return list(found["items"])

    async def _send(
        self,
        method: str,
        path: str,
        body: Manifest | None = None,
        content_type: str = "application/json",
        *,
        missing_ok: bool = False,
    ) -> Manifest:
        data = None if body is None else json.dumps(body)
        status, text = await self._uncut(self._exchange(method, path, data, content_type))
        if status == 404 and missing_ok:
            return {}
        if status >= 400:
            raise Refused(f"{method} {path}: {status} {text[:400]}")
        return dict(json.loads(text))

    async def _exchange(self, method: str, path: str, data: str | None, content_type: str) -> tuple[int, str]:
        headers = {"Content-Type": content_type}
        async with self._open().request(method, self._url + path, data=data, headers=headers) as answer:
            return answer.status, await answer.text()

    async def _uncut(self, exchange: Awaitable[T]) -> T:
        """Wait for an exchange, which goes on if the wait is cancelled: cut off, its connection would outlive us."""
        going = asyncio.ensure_future(exchange)
        self._going.add(going)
        going.add_done_callback(self._going.discard)
        return await asyncio.shield(going)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("a Cluster is used inside `async with`")
        return self._session


def _plural(kind: str) -> str:
    """What a kind is called in a path, as kubectl guesses it where nobody says."""
    word = kind.lower()
    if word.endswith("y"):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith("s") else f"{word}s"


def _own(plural: str, namespace: str | None = None, name: str = "") -> str:
    return _path(_API_VERSIONS.get(plural, "v1"), plural, namespace, name)


def _path(api_version: str, plural: str, namespace: str | None, name: str = "") -> str:
    root = "/apis/" if "/" in api_version else "/api/"
    middle = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{api_version}{middle}/{plural}" + (f"/{quote(name)}" if name else "")

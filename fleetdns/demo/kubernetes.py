"""What `kubectl` does in the story, over the same https and token: apply, patch, get, delete, events."""

from __future__ import annotations

import json
import ssl
from typing import Any
from urllib.parse import quote

import aiohttp
import yaml

GROUP = "networking.fleet.azure.com"
PROFILES = "trafficmanagerprofiles"
BACKENDS = "trafficmanagerbackends"
EXPORTS = "internalserviceexports"

_PLURALS = {
    "Namespace": "namespaces",
    "CustomResourceDefinition": "customresourcedefinitions",
    "TrafficManagerProfile": PROFILES,
    "TrafficManagerBackend": BACKENDS,
    "InternalServiceExport": EXPORTS,
}
_VERSIONS = {PROFILES: "v1beta1", BACKENDS: "v1beta1", EXPORTS: "v1alpha1"}

Manifest = dict[str, Any]


class Refused(Exception):
    """The API server said no."""


class Cluster:
    """A client of one API server. Use as `async with`."""

    def __init__(self, url: str, *, ca_pem: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._tls = ssl.create_default_context(cadata=ca_pem)
        self._headers = {"Authorization": f"Bearer {token}"}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Cluster:
        connector = aiohttp.TCPConnector(ssl=self._tls)
        self._session = aiohttp.ClientSession(connector=connector, headers=self._headers)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def apply(self, manifest: Manifest) -> Manifest:
        """Server-side apply of one object."""
        plural, namespace = _PLURALS[manifest["kind"]], manifest["metadata"].get("namespace")
        path = _path(manifest["apiVersion"], plural, namespace, manifest["metadata"]["name"])
        query = "?fieldManager=kubectl&force=true"
        return await self._send("PATCH", path + query, manifest, "application/apply-patch+yaml")

    async def apply_text(self, text: str) -> list[Manifest]:
        """Apply every document of a YAML text, in order."""
        return [await self.apply(document) for document in yaml.safe_load_all(text) if document]

    async def patch(self, plural: str, namespace: str, name: str, patch: Manifest) -> Manifest:
        """Merge-patch one object."""
        return await self._send("PATCH", _own(plural, namespace, name), patch, "application/merge-patch+json")

    async def get(self, plural: str, namespace: str, name: str) -> Manifest | None:
        """One object, or None."""
        return await self._send("GET", _own(plural, namespace, name), missing_ok=True) or None

    async def delete(self, plural: str, namespace: str, name: str) -> None:
        await self._send("DELETE", _own(plural, namespace, name), missing_ok=True)

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
        if self._session is None:
            raise RuntimeError("a Cluster is used inside `async with`")
        data = None if body is None else json.dumps(body)
        async with self._session.request(
            method, self._url + path, data=data, headers={"Content-Type": content_type}
        ) as answer:
            text = await answer.text()
            if answer.status == 404 and missing_ok:
                return {}
            if answer.status >= 400:
                raise Refused(f"{method} {path}: {answer.status} {text[:400]}")
            return dict(json.loads(text))


def _own(plural: str, namespace: str, name: str) -> str:
    return _path(f"{GROUP}/{_VERSIONS[plural]}", plural, namespace, name)


def _path(api_version: str, plural: str, namespace: str | None, name: str) -> str:
    root = "/apis/" if "/" in api_version else "/api/"
    middle = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{api_version}{middle}/{plural}/{quote(name)}"

"""A raw HTTP client for one API server and one namespace in it, and short ways to name what is there."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
from multidict import CIMultiDictProxy

Object = dict[str, Any]

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
_PATIENCE = 20.0  # seconds


class Endpoint(Protocol):
    """What a client must know of a server."""

    @property
    def url(self) -> str: ...
    @property
    def ca_pem(self) -> bytes: ...
    @property
    def token(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    code: int
    headers: CIMultiDictProxy[str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)

    @property
    def version(self) -> str:
        """The resourceVersion of the object or list."""
        return str(self.body["metadata"]["resourceVersion"])

    @property
    def names(self) -> list[str]:
        """The names of a list's items, in their order."""
        return [item["metadata"]["name"] for item in self.body["items"]]

    @property
    def causes(self) -> list[tuple[str, str]]:
        """Field and message of every cause of a refusal."""
        return [(cause["field"], cause["message"]) for cause in self.body["details"]["causes"]]


class Events:
    """The events of an open watch, one at a time."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer

    async def next(self) -> Any:
        """The next event; None at the end of the stream. Raises TimeoutError."""
        async with asyncio.timeout(_PATIENCE):
            line = await self.answer.content.readline()
        return json.loads(line) if line else None

    async def take(self, count: int) -> list[tuple[str, str]]:
        """Type and name of the next events."""
        events = [await self.next() for _ in range(count)]
        return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]


class API:
    """Paths may hold {ns}, which is the test's own namespace."""

    def __init__(self, server: Endpoint, session: aiohttp.ClientSession, namespace: str) -> None:
        self.server = server
        self.namespace = namespace
        self._session = session

    async def call(
        self, method: str, path: str, body: Any = None, *, content_type: str = "application/json", **headers: str
    ) -> Reply:
        """Header names with underscores; a body that is no text is sent as JSON."""
        data = body if isinstance(body, str | None) else json.dumps(body)
        sent = self._headers(headers) | ({"Content-Type": content_type} if data is not None else {})
        async with self._session.request(method, self._url(path), data=data, headers=sent) as answer:
            return Reply(answer.status, answer.headers, await answer.text())

    async def get(self, path: str, **headers: str) -> Reply:
        return await self.call("GET", path, **headers)

    async def create(self, path: str, body: Any) -> Reply:
        return await self.call("POST", path, body)

    async def update(self, path: str, body: Any) -> Reply:
        return await self.call("PUT", path, body)

    async def merge(self, path: str, body: Any) -> Reply:
        return await self.call("PATCH", path, body, content_type=MERGE)

    async def apply(self, path: str, body: Any, *, manager: str, force: bool = False) -> Reply:
        query = f"?fieldManager={manager}" + ("&force=true" if force else "")
        return await self.call("PATCH", path + query, body, content_type=APPLY)

    async def delete(self, path: str, body: Any = None) -> Reply:
        return await self.call("DELETE", path, body)

    @asynccontextmanager
    async def watch(self, path: str, **headers: str) -> AsyncIterator[Events]:
        async with self._session.get(self._url(path), headers=self._headers(headers)) as answer:
            connection = answer.connection
            yield Events(answer)
            if connection is not None and connection.transport is not None:
                # The stream has no end of its own, and a polite one would outlast the test.
                connection.transport.abort()

    def _url(self, path: str) -> str:
        return self.server.url + path.replace("{ns}", self.namespace)

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Authorization": f"Bearer {self.server.token}"} | given
        return {name: value for name, value in sent.items() if value}


@asynccontextmanager
async def connected(server: Endpoint, namespace: str) -> AsyncIterator[API]:
    """A client that trusts the server's own authority; the namespace is made if it is missing."""
    trusted = ssl.create_default_context(cadata=server.ca_pem.decode())
    connector = aiohttp.TCPConnector(ssl=trusted)
    skipped = {"Content-Type", "User-Agent"}
    async with aiohttp.ClientSession(connector=connector, skip_auto_headers=skipped) as session:
        api = API(server, session, namespace)
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        made = await api.create("/api/v1/namespaces", body)
        assert made.code in (201, 409), made.text
        yield api


async def until_served(api: API, path: str) -> set[int]:
    """Wait until a kind can be listed; the codes that were answered before.

    A new kind is 404 at first and 429 while its storage is made; anything else is an error of the test.
    """
    before: set[int] = set()
    async with asyncio.timeout(_PATIENCE):
        while (reply := await api.get(path)).code != 200:
            assert reply.code in (404, 429), reply.text
            before.add(reply.code)
            await asyncio.sleep(0.02)
    return before

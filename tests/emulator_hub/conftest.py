"""Hubs and servers for the tests of the embedded API server."""

from __future__ import annotations

import io
import json
import logging
import random
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from fleetdns.emulator.hub.rest import Hub
from fleetdns.emulator.hub.server import HubServer
from tests.emulator_hub.shops import Clock, definition, make_hub


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hub(clock: Clock) -> Hub:
    return make_hub(clock)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: JSON decoded where it is JSON."""

    code: int
    headers: Any
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


class Client:
    """A raw HTTP client with the server's CA and token."""

    def __init__(self, server: HubServer, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Header names with underscores; a body that is no text or bytes is sent as JSON."""
        data = (
            io.BytesIO(body) if isinstance(body, bytes) else body if isinstance(body, str | None) else json.dumps(body)
        )
        async with self.session.request(
            method, self.server.url + path, data=data, headers=self._headers(headers)
        ) as answer:
            return Reply(answer.status, answer.headers, await answer.text())

    @asynccontextmanager
    async def watch(self, path: str, **headers: str) -> AsyncIterator[Events]:
        async with self.session.get(self.server.url + path, headers=self._headers(headers)) as answer:
            yield Events(answer)

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Authorization": f"Bearer {self.server.token}"} | given
        return {name: value for name, value in sent.items() if value}


class Events:
    """The events of an open watch, one at a time."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer

    async def next(self) -> Any:
        """The next event, None at the end of the stream."""
        line = await self.answer.content.readline()
        return json.loads(line) if line else None

    async def rest(self) -> list[Any]:
        events = []
        while (event := await self.next()) is not None:
            events.append(event)
        return events


@pytest.fixture
async def server(caplog: pytest.LogCaptureFixture) -> AsyncIterator[HubServer]:
    """A running server that knows shops. Whatever a client does to it, it may log no error."""
    running = HubServer(Hub(clock=time.time, random=random.Random(7)))
    running.hub.install(definition())
    await running.start()
    yield running
    await running.stop()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.fixture
async def client(server: HubServer) -> AsyncIterator[Client]:
    trusted = ssl.create_default_context(cadata=server.ca_pem.decode())
    connector = aiohttp.TCPConnector(ssl=trusted)
    async with aiohttp.ClientSession(connector=connector, skip_auto_headers={"Content-Type"}) as session:
        yield Client(server, session)

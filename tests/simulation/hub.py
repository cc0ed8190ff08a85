"""The embedded hub's store as the transport's six verbs, without sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, NamedTuple

from fleetdns.emulator.hub.rest import Hub
from fleetdns.emulator.hub.status import StatusError
from fleetdns.emulator.hub.watches import Watch
from fleetdns.kube.errors import Refused, Unreachable
from tests.simulation.network import Network

_SLOWEST = 0.02  # seconds one way
_NO_QUERY: Mapping[str, str] = MappingProxyType({})


class Address(NamedTuple):
    """The parts of an API path."""

    group: str
    version: str
    namespace: str | None
    plural: str
    name: str
    subresource: str


def address_of(path: str) -> Address:
    """The parts of `/api/v1/...` and `/apis/GROUP/VERSION/...`."""
    parts = path.strip("/").split("/")
    group, version, rest = ("", parts[1], parts[2:]) if parts[0] == "api" else (parts[1], parts[2], parts[3:])
    namespace = None
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = (*rest, "", "")[:3]
    return Address(group, version, namespace, plural, name, subresource)


class SimulatedTransport:
    """Fulfils what kube's adapters ask of a Transport. Streams can be cut, and the server can go away."""

    def __init__(self, hub: Hub, network: Network) -> None:
        self._hub = hub
        self._network = network
        self._streams: list[asyncio.Event] = []  # in order: a set of objects has another one each time
        self.is_down = False

    def cut_streams(self) -> None:
        """Break every watch that is open."""
        for broken in self._streams:
            broken.set()

    async def get(self, path: str, query: Mapping[str, str] = _NO_QUERY) -> bytes:
        at = address_of(path)
        if at.name:
            return await self._exchange(lambda: self._hub.get(*_kind(at), at.name))
        return await self._exchange(
            lambda: self._hub.list(
                *_kind(at),
                resource_version=query.get("resourceVersion", ""),
                match=query.get("resourceVersionMatch", ""),
                limit=int(query["limit"]) if "limit" in query else None,
                continue_token=query.get("continue", ""),
            )
        )

    async def create(self, path: str, body: bytes) -> bytes:
        at = address_of(path)
        return await self._written("CREATE", at, lambda: self._hub.create(*_kind(at), json.loads(body)))

    async def patch(self, path: str, body: bytes) -> bytes:
        at = address_of(path)
        return await self._written(
            "PATCH",
            at,
            lambda: self._hub.patch(*_kind(at), at.name, json.loads(body), subresource=at.subresource),
        )

    async def delete(self, path: str, body: bytes) -> bytes:
        at = address_of(path)
        preconditions = json.loads(body).get("preconditions") if body else None
        return await self._written(
            "DELETE", at, lambda: self._hub.delete(*_kind(at), at.name, preconditions=preconditions)
        )

    @asynccontextmanager
    async def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[AsyncIterator[bytes]]:
        at = address_of(path)
        await self._network.pass_through(slowest=_SLOWEST)
        self._refuse_if_down()
        try:
            watch = self._hub.watch(
                *_kind(at),
                resource_version=query.get("resourceVersion", ""),
                timeout=float(query["timeoutSeconds"]),
            )
        except StatusError as error:
            raise _refused(error) from error
        broken = asyncio.Event()
        self._streams.append(broken)
        try:
            yield self._lines(watch, broken)
        finally:
            self._streams.remove(broken)
            watch.close()

    async def _lines(self, watch: Watch, broken: asyncio.Event) -> AsyncIterator[bytes]:
        woken = asyncio.Event()
        watch.on_event = woken.set
        while not broken.is_set():
            woken.clear()
            events = watch.pending()
            if events:
                await self._network.pass_through(slowest=_SLOWEST)
            for event in events:
                yield json.dumps(event).encode() + b"\n"
            if watch.closed:
                return
            await _first_of(woken, broken, until=self._until(watch))
        raise Unreachable("the connection was reset")

    def _until(self, watch: Watch) -> float:
        wake_at = watch.wake_at
        return 3600.0 if wake_at is None else max(0.001, wake_at - self._hub.clock())

    async def _written(self, verb: str, at: Address, write: Callable[[], Any]) -> bytes:
        answer = await self._exchange(write)
        if at.plural != "events":
            subject = "/".join(part for part in (at.plural, at.namespace, at.name, at.subresource) if part)
            self._network.note(f"hub {verb} {subject}")
        return answer

    async def _exchange(self, work: Callable[[], Any]) -> bytes:
        await self._network.pass_through(slowest=_SLOWEST)
        self._refuse_if_down()
        try:
            answer = work()
        except StatusError as error:
            raise _refused(error) from error
        await self._network.pass_through(slowest=_SLOWEST)
        return json.dumps(answer).encode()

    def _refuse_if_down(self) -> None:
        if self.is_down:
            raise Unreachable("connection refused")


def _kind(at: Address) -> tuple[str, str, str, str | None]:
    return at.group, at.version, at.plural, at.namespace


def _refused(error: StatusError) -> Refused:
    return Refused(error.code, reason=error.reason, message=error.message, retry_after=error.retry_after)


async def _first_of(*events: asyncio.Event, until: float) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=until, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()

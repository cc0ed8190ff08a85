"""The embedded hub's store as the transport's six verbs, without sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from fleetdns.emulator.hub.rest import Hub
from fleetdns.emulator.hub.status import StatusError
from fleetdns.emulator.hub.watches import Watch
from fleetdns.kube.errors import Refused, Unreachable
from tests.simulation.network import Network

_SLOWEST = 0.02  # seconds one way
_TIMEOUT = 10.0  # seconds; the transport's own for writes
_STALL = 75.0  # seconds; how long the transport takes a silent watch for a living one
_CHUNK = 1000  # bytes of a list's answer that arrive at once
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


@dataclass(frozen=True, slots=True)
class HubFault:
    """What goes wrong with some requests until a moment of the loop's clock.

    `status` 0: the connection breaks; `after_commit`: the work is done all the same; `delay` in seconds.
    """

    until: float
    share: float = 1.0
    status: int = 0
    retry_after: float | None = None
    after_commit: bool = False
    delay: float = 0.0
    writes_only: bool = True


class Witness(Protocol):
    """Looks on as the controller writes."""

    def before_write(self, at: Address) -> None: ...

    def after_write(self, at: Address) -> None: ...


class SimulatedTransport:
    """Fulfils what kube's adapters ask of a Transport.

    Streams can be cut or fall silent, the server can go away, and requests can fail.
    """

    def __init__(self, hub: Hub, network: Network, *, random: Random) -> None:
        self._hub = hub
        self._network = network
        self._random = random
        self._streams: list[asyncio.Event] = []  # in order: a set of objects has another one each time
        self._silent: list[asyncio.Event] = []  # streams that say nothing any more
        self.is_down = False
        self.faults: list[HubFault] = []
        self.witness: Witness | None = None

    def cut_streams(self) -> None:
        """Break every watch that is open."""
        for broken in self._streams:
            broken.set()

    def silence_streams(self) -> None:
        """Every watch that is open looks alive and brings nothing any more, as half-open connections do."""
        self._silent = list(self._streams)

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
    async def read(self, path: str, query: Mapping[str, str]) -> AsyncIterator[AsyncIterator[bytes]]:
        yield _chunks(await self.get(path, query))

    @asynccontextmanager
    async def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[AsyncIterator[bytes]]:
        at = address_of(path)
        await self._network.pass_through(slowest=_SLOWEST)
        self._refuse_if_down()
        try:
            watch = self._hub.watch(
                *_kind(at),
                resource_version=query.get("resourceVersion", ""),
                bookmarks=query.get("allowWatchBookmarks") == "true",
                send_initial_events=query.get("sendInitialEvents") == "true",
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
            self._silent = [stream for stream in self._silent if stream is not broken]
            watch.close()

    async def _lines(self, watch: Watch, broken: asyncio.Event) -> AsyncIterator[bytes]:
        woken = asyncio.Event()
        watch.on_event = woken.set
        while not broken.is_set():
            if broken in self._silent:
                await _first_of(broken, until=_STALL)
                break
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
        def witnessed() -> Any:
            if self.witness is not None:
                self.witness.before_write(at)
            try:
                return write()
            finally:
                if self.witness is not None:
                    self.witness.after_write(at)

        answer = await self._exchange(witnessed, is_write=True)
        if at.plural != "events":
            subject = "/".join(part for part in (at.plural, at.namespace, at.name, at.subresource) if part)
            self._network.note(f"hub {verb} {subject}")
        return answer

    async def _exchange(self, work: Callable[[], Any], *, is_write: bool = False) -> bytes:
        fault = self._fault(is_write=is_write)
        try:
            async with asyncio.timeout(_TIMEOUT):
                answer = await self._network.sent(lambda: self._arrived(work, fault), slowest=_SLOWEST)
                await asyncio.sleep(fault.delay if fault else 0.0)
                await self._network.pass_through(slowest=_SLOWEST)
        except TimeoutError:
            raise Unreachable("the API server did not answer in time") from None
        except StatusError as error:
            raise _refused(error) from error
        if fault is not None and fault.after_commit:
            raise Unreachable("the connection was reset")
        return json.dumps(answer).encode()

    def _arrived(self, work: Callable[[], Any], fault: HubFault | None) -> Any:
        self._refuse_if_down()
        if fault is not None and not fault.after_commit and not fault.delay:
            self._network.note(f"hub answers {fault.status or 'nothing'}")
            if fault.status:
                raise Refused(fault.status, message="injected", retry_after=fault.retry_after)
            raise Unreachable("the connection was reset")
        return work()

    def _fault(self, *, is_write: bool) -> HubFault | None:
        now = asyncio.get_running_loop().time()
        self.faults = [fault for fault in self.faults if now < fault.until]
        hits = (f for f in self.faults if (is_write or not f.writes_only) and self._random.random() < f.share)
        return next(hits, None)

    def _refuse_if_down(self) -> None:
        if self.is_down:
            raise Unreachable("connection refused")


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    """A body in pieces that end anywhere."""
    for start in range(0, len(body), _CHUNK):
        yield body[start : start + _CHUNK]


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

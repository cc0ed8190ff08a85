"""An informer that starts and relists on real streams, and on servers that refuse to begin a watch with the state."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal, Protocol

import msgspec
import pytest

from fleetdns.api.meta import ObjectKey, ObjectMeta, Resource
from fleetdns.emulator.hub.rest import Hub
from fleetdns.emulator.hub.server import HubServer
from fleetdns.kube.codec import StructCodec
from fleetdns.kube.listwatch import HubListWatch
from fleetdns.kube.paths import collection, item
from fleetdns.kube.transport import Transport
from fleetdns.runtime.informer import Informer
from fleetdns.runtime.listwatch import Expired, ListPage, ListWatch, Take
from fleetdns.runtime.observer import InformerObserver
from fleetdns.runtime.watchline import WatchLine, read_line
from fleetdns.runtime.watchlist import WatchListSupport
from tests.apiserver.build import Binaries
from tests.apiserver.server import RealAPIServer
from tests.azure.scripted import Answer, ScriptedServer
from tests.kube.conftest import NAMESPACES, Open

PATIENCE = 20.0  # seconds
GATE_OFF = "--feature-gates=WatchList=false"
FUTURE = "99999999999"

_NAMESPACES = (f"watchlist-{number}" for number in itertools.count(1))


class Note(msgspec.Struct, frozen=True, rename="camel"):
    """A ConfigMap that says how big it is. Other words are beyond us."""

    resource: ClassVar[Resource] = Resource("", "v1", "configmaps", "ConfigMap")

    metadata: ObjectMeta
    data: dict[str, Literal["small", "large"]] = {}


class Endpoint(Protocol):
    def kubeconfig(self) -> str: ...


@pytest.fixture(scope="module")
def real(real_server: RealAPIServer) -> RealAPIServer:
    """A real server as it comes: it streams the state."""
    return real_server


@pytest.fixture(scope="module")
def real_without(binaries: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealAPIServer]:
    """A real server that refuses to."""
    server = RealAPIServer(binaries, tmp_path_factory.mktemp("without"), arguments=[GATE_OFF])
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def embedded() -> AsyncIterator[HubServer]:
    server = HubServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def embedded_without() -> AsyncIterator[HubServer]:
    server = HubServer(Hub(clock=time.time, random=random.Random(1), watch_list=False))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(
    params=[
        "embedded",
        "embedded_without",
        pytest.param("real", marks=pytest.mark.realapi),
        pytest.param("real_without", marks=pytest.mark.realapi),
    ]
)
def server(request: pytest.FixtureRequest) -> Endpoint:
    """Each in turn."""
    found: Endpoint = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def by(server: Endpoint, request: pytest.FixtureRequest) -> str:
    """How the state comes from this server."""
    return "list" if "without" in request.node.callspec.params["server"] else "stream"


@dataclass
class Expiry:
    """The version of a watch is to expire when `due`; it has when `met`."""

    due: asyncio.Event = field(default_factory=asyncio.Event)
    met: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Bench(InformerObserver):
    """A namespace of notes, and an informer of them that can be told that its version has expired."""

    transport: Transport
    namespace: str
    states: list[tuple[str, str]] = field(default_factory=list)  # why a state was needed, how it came
    kinds: list[str] = field(default_factory=list)
    expiry: Expiry = field(default_factory=Expiry)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.listwatch: ListWatch = HubListWatch(self.transport, Note.resource, self.namespace)
        self.support = WatchListSupport()
        self.informer = self.another()
        self.informer.on_change(lambda _old, _new, _initial: self.news.set())

    def another(self) -> Informer[ObjectKey, Note]:
        """One more informer of the same server."""
        return Informer(
            "notes",
            _Expiring(self.listwatch, self.expiry),
            StructCodec(Note),
            random=random.Random(1),
            observer=self,
            watch_list=self.support,
        )

    def listed(self, name: str, /, *, reason: str, by: str, objects: int, duration: float) -> None:
        self.states.append((reason, by))

    def heard(self, name: str, kind: str, /) -> None:
        self.kinds.append(kind)

    async def write(self, name: str, size: str) -> str:
        """A new note; its version."""
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"size": size}}
        answer = await self.transport.create(collection(Note.resource, self.namespace), json.dumps(body).encode())
        return str(json.loads(answer)["metadata"]["resourceVersion"])

    async def delete(self, name: str) -> None:
        await self.transport.delete(item(Note.resource, ObjectKey(self.namespace, name)), b"{}")

    @property
    def seen(self) -> dict[str, str]:
        return {key.name: note.data["size"] for key, note in self.informer.store.items()}


class _Expiring:
    """A list-watch whose watch, while nothing comes on it, ends with 410 when that is due."""

    def __init__(self, inner: ListWatch, expiry: Expiry) -> None:
        self._inner = inner
        self._expiry = expiry

    async def list(self, *, resource_version: str, limit: int | None, continue_token: str, take: Take) -> ListPage:
        return await self._inner.list(
            resource_version=resource_version, limit=limit, continue_token=continue_token, take=take
        )

    def watch(
        self, *, resource_version: str, timeout_seconds: int, initial_events: bool
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._watch(resource_version, timeout_seconds, initial_events)

    @asynccontextmanager
    async def _watch(self, version: str, seconds: int, initial_events: bool) -> AsyncIterator[AsyncIterator[bytes]]:
        opening = self._inner.watch(resource_version=version, timeout_seconds=seconds, initial_events=initial_events)
        async with opening as lines:
            yield self._until_expired(lines)

    async def _until_expired(self, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        expired = asyncio.ensure_future(self._expiry.due.wait())
        try:
            while True:
                line = asyncio.ensure_future(anext(lines))
                await asyncio.wait({line, expired}, return_when=asyncio.FIRST_COMPLETED)
                if not line.done():
                    line.cancel()
                    with suppress(asyncio.CancelledError):
                        await line
                    self._expiry.due.clear()
                    self._expiry.met.set()
                    raise Expired("so says the test")
                yield line.result()
        finally:
            expired.cancel()


@pytest.fixture
async def bench(server: Endpoint, opened: Open, tmp_path: Path) -> Bench:
    file = tmp_path / "config"
    file.write_text(server.kubeconfig())
    transport = await opened(str(file))
    namespace = next(_NAMESPACES)
    await transport.create(collection(NAMESPACES, None), json.dumps({"metadata": {"name": namespace}}).encode())
    return Bench(transport, namespace)


@asynccontextmanager
async def running(informer: Informer[ObjectKey, Note]) -> AsyncIterator[None]:
    run = asyncio.create_task(informer.run())
    async with asyncio.timeout(PATIENCE):
        await informer.wait_synced()
    yield
    run.cancel()
    with suppress(asyncio.CancelledError):
        await run


async def until_seen(bench: Bench, expected: dict[str, str]) -> None:
    async with asyncio.timeout(PATIENCE):
        while bench.seen != expected:
            bench.news.clear()
            await bench.news.wait()


@pytest.mark.parametrize("version", [pytest.param("", id="the newest"), pytest.param("7", id="not older than ours")])
async def test_a_watch_that_begins_with_the_state_asks_as_client_go_does(
    scripted: ScriptedServer, wire: Transport, version: str
) -> None:
    scripted.answers = [Answer(chunks=[b"{}\n"])]
    opening = HubListWatch(wire, Note.resource, "work").watch(
        resource_version=version, timeout_seconds=300, initial_events=True
    )
    async with opening as lines:
        assert [line async for line in lines] == [b"{}\n"]
    path, _, query = scripted.requests[0].path.partition("?")
    assert path == "/api/v1/namespaces/work/configmaps"
    assert sorted(query.split("&")) == [
        "allowWatchBookmarks=true",
        f"resourceVersion={version}",
        "resourceVersionMatch=NotOlderThan",
        "sendInitialEvents=true",
        "timeoutSeconds=300",
        "watch=1",
    ]


async def test_a_cache_is_whole_when_it_has_synced_and_is_kept_true(bench: Bench, by: str) -> None:
    await bench.write("a", "small")
    await bench.write("b", "large")
    async with running(bench.informer):
        assert bench.seen == {"a": "small", "b": "large"}
        assert bench.states == [("start", by)]
        await bench.write("c", "small")
        await bench.delete("a")
        await until_seen(bench, {"b": "large", "c": "small"})
    assert [kind for kind in bench.kinds if kind != "BOOKMARK"] == ["ADDED", "DELETED"]


async def test_an_empty_kind_syncs(bench: Bench, by: str) -> None:
    async with running(bench.informer):
        assert bench.seen == {}
        assert bench.states == [("start", by)]
        await bench.write("a", "small")
        await until_seen(bench, {"a": "small"})


async def test_what_cannot_be_decoded_is_present_and_unknown(bench: Bench) -> None:
    await bench.write("a", "small")
    await bench.write("b", "enormous")
    async with running(bench.informer):
        assert bench.seen == {"a": "small"}
        assert [key.name for key in bench.informer.store.unknown] == ["b"]


async def test_a_relist_sees_what_happened_and_comes_as_the_start_did(bench: Bench, by: str) -> None:
    await bench.write("a", "small")
    async with running(bench.informer):
        bench.expiry.due.set()
        async with asyncio.timeout(PATIENCE):
            await bench.expiry.met.wait()
        await bench.delete("a")
        await bench.write("b", "large")
        await until_seen(bench, {"b": "large"})
        assert bench.states == [("start", by), ("Expired", by)]
        await bench.write("c", "small")
        await until_seen(bench, {"b": "large", "c": "small"})


async def test_a_server_that_refused_is_not_asked_again_by_the_next_informer(bench: Bench, by: str) -> None:
    async with running(bench.informer):
        assert bench.support.is_expected(asyncio.get_running_loop().time()) == (by == "stream")
        async with running(bench.another()):
            assert bench.states == [("start", by)] * 2


async def test_a_version_that_the_server_has_not_reached_is_expired_for_a_stream_too(bench: Bench, by: str) -> None:
    with pytest.raises(Expired):
        await (streamed(bench, FUTURE) if by == "stream" else listed(bench, FUTURE))


async def streamed(bench: Bench, version: str) -> list[WatchLine[ObjectKey, Note]]:
    stream = bench.listwatch.watch(resource_version=version, timeout_seconds=1, initial_events=True)
    async with asyncio.timeout(PATIENCE), stream as lines:
        return [read_line(line, StructCodec(Note)) async for line in lines]


async def listed(bench: Bench, version: str) -> ListPage:
    return await bench.listwatch.list(resource_version=version, limit=None, continue_token="", take=lambda _: None)

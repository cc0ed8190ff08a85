"""One API, two servers: every test that asks for `api` runs against the embedded hub and a real kube-apiserver."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator

import aiohttp
import pytest

from fleetdns.emulator.hub.rest import Hub
from fleetdns.emulator.hub.server import HubServer
from tests.apiserver.fixtures import binaries, pytest_collection_finish, real_server
from tests.apiserver.server import RealAPIServer
from tests.contract.client import API, Endpoint, connected, until_served
from tests.contract.samples import BETA, DEFINITIONS, GROUP, definitions
from tests.contract.seconds import SettableClock

__all__ = ["binaries", "pytest_collection_finish", "real_server"]

_NAMES = (f"contract-{number}" for number in itertools.count(1))


@pytest.fixture(scope="session")
def real_with_crds(real_server: RealAPIServer) -> RealAPIServer:
    """The real server, once our five kinds are served."""
    asyncio.run(_install(real_server))
    # asyncio.run leaves no loop behind, and nobody is to make one by asking for it.
    asyncio.set_event_loop(None)
    return real_server


@pytest.fixture
def hub_clock() -> SettableClock:
    """What the embedded hub takes for the time."""
    return SettableClock()


@pytest.fixture
async def embedded_with_crds(hub_clock: SettableClock) -> AsyncIterator[HubServer]:
    """A new embedded hub that serves our five kinds."""
    server = HubServer(Hub(clock=hub_clock, random=random.SystemRandom()))
    await server.start()
    for definition in definitions():
        server.hub.install(definition)
    yield server
    await server.stop()


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.realapi)])
def server(request: pytest.FixtureRequest) -> Endpoint:
    """Each in turn."""
    found: Endpoint = request.getfixturevalue(f"{request.param}_with_crds")
    return found


@pytest.fixture
async def api(server: Endpoint) -> AsyncIterator[API]:
    """A client with a namespace of the test's own."""
    async with connected(server, next(_NAMES)) as client:
        yield client


@pytest.fixture
async def compacted(server: Endpoint, api: API) -> str:
    """A version whose history the server has forgotten, as etcd does when it is told to."""
    later = await api.create("/api/v1/namespaces", {"metadata": {"name": f"{api.namespace}-later"}})
    if isinstance(server, RealAPIServer):
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{server.etcd_url}/v3/kv/compaction", json={"revision": later.version}) as answer,
        ):
            assert answer.status == 200, await answer.text()
    if isinstance(server, HubServer):
        server.hub.compact()
    return "1"


@pytest.fixture
async def both(embedded_with_crds: HubServer, real_with_crds: RealAPIServer) -> AsyncIterator[tuple[API, API]]:
    """Clients of the embedded hub and of the real server, in namespaces of the same name."""
    namespace = next(_NAMES)
    async with connected(embedded_with_crds, namespace) as hub, connected(real_with_crds, namespace) as real:
        yield hub, real


async def _install(server: RealAPIServer) -> None:
    async with connected(server, "default") as api:
        for definition in definitions():
            made = await api.create(DEFINITIONS, definition)
            assert made.code == 201, made.text
        for plural in (definition["spec"]["names"]["plural"] for definition in definitions()):
            await until_served(api, f"/apis/{GROUP}/v1alpha1/{plural}")
        for plural in ("trafficmanagerprofiles", "trafficmanagerbackends", "serviceexports"):
            await until_served(api, f"{BETA}/{plural}")
        await _until_published(api)


async def _until_published(api: API) -> None:
    """Wait for the OpenAPI documents of our kinds, which a real server writes last."""
    async with asyncio.timeout(20):
        while True:
            paths = (await api.get("/openapi/v3")).body["paths"]
            if {f"apis/{GROUP}/v1alpha1", f"apis/{GROUP}/v1beta1"} <= paths.keys():
                return
            await asyncio.sleep(0.02)

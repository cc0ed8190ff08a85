"""A hub with Fleet's definitions in it: the embedded one, and a real API server of these tests' own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from fleetdns.demo.world import World, around
from fleetdns.emulator.hub.server import HubServer
from tests.apiserver.build import Binaries
from tests.apiserver.fixtures import binaries, pytest_collection_finish
from tests.apiserver.server import RealAPIServer
from tests.contract.client import connected
from tests.e2e.conftest import KUBECTL, Kubectl
from tests.upgrade.fleet import Azure, FleetController
from tests.upgrade.hub import Hub
from tests.upgrade.objects import CLUSTERS, SERVICES, public_ip, target

__all__ = ["binaries", "pytest_collection_finish"]

Server = HubServer | RealAPIServer


@pytest.fixture(scope="package")
def real_hub_server(binaries: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealAPIServer]:
    """A server whose definitions no other test counts on."""
    server = RealAPIServer(binaries, tmp_path_factory.mktemp("upgrade"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def embedded_hub_server() -> AsyncIterator[HubServer]:
    server = HubServer()
    await server.start()
    yield server
    await server.stop()


_REAL = pytest.param("real", marks=pytest.mark.realapi)
# For a test that means one server only, and says why.
on_real = pytest.mark.parametrize("hub_server", [_REAL], indirect=True)
on_embedded = pytest.mark.parametrize("hub_server", ["embedded"], indirect=True)


@pytest.fixture(params=["embedded", _REAL])
def hub_server(request: pytest.FixtureRequest) -> Server:
    """Each in turn."""
    found: Server = request.getfixturevalue(f"{request.param}_hub_server")
    return found


@pytest.fixture
async def hub(hub_server: Server, tmp_path: Path) -> AsyncIterator[Hub]:
    """A hub as Fleet set it up, without objects."""
    kubeconfig = tmp_path / "kubeconfig"
    hub_server.write_kubeconfig(kubeconfig)
    async with connected(hub_server, "work") as api:
        hub = Hub(api, Kubectl(KUBECTL, kubeconfig, tmp_path))
        await hub.clear()
        await hub.install()
        yield hub
        await hub.clear()


@pytest.fixture
async def world(hub: Hub, hub_server: Server) -> AsyncIterator[World]:
    """The same hub with an Azure subscription beside it; the public IPs of its clusters are there."""
    async with around(hub_server) as found:
        for cluster in CLUSTERS:
            for service in SERVICES:
                found.azure.set_public_ip(public_ip(cluster, service), target(cluster, service))
        yield found


@pytest.fixture
async def fleet(hub: Hub, world: World) -> AsyncIterator[FleetController]:
    """Fleet's controller, which does what it is called for."""
    async with aiohttp.ClientSession() as session:
        yield FleetController(hub.api, Azure(world.azure_url, session))

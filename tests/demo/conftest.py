"""A member cluster of the demo: an API server, embedded and real, and the cloud behind its Services."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest

from fleetdns.demo.kubernetes import Cluster
from fleetdns.demo.members import namespace
from fleetdns.emulator.azure.server import steady_clock
from fleetdns.emulator.azure.service import TrafficManagerService
from fleetdns.emulator.hub.server import HubServer
from tests.apiserver.fixtures import binaries, pytest_collection_finish, real_server
from tests.apiserver.server import RealAPIServer
from tests.demo.member import Member

__all__ = ["binaries", "pytest_collection_finish", "real_server"]

_NAMES = (f"demo-{number}" for number in itertools.count(1))


@pytest.fixture
async def embedded_server() -> AsyncIterator[HubServer]:
    server = HubServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.realapi)])
def server(request: pytest.FixtureRequest) -> HubServer | RealAPIServer:
    """Each in turn."""
    found: HubServer | RealAPIServer = request.getfixturevalue(f"{request.param}_server")
    return found


@pytest.fixture
async def member(server: HubServer | RealAPIServer) -> AsyncIterator[Member]:
    """A cluster with a namespace of the test's own, and nobody who looks after its Services yet."""
    azure = TrafficManagerService(clock=steady_clock(), strict_public_ips=True)
    async with Cluster(server.url, ca_pem=server.ca_pem.decode(), token=server.token) as cluster:
        name = next(_NAMES)
        await cluster.apply(namespace(name))
        async with asyncio.TaskGroup() as tasks:
            found = Member(cluster, azure, tasks, name)
            yield found
            await found.emptied()
            await found.stopped()

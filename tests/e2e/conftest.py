"""A world for each test, on the embedded hub and on a real kube-apiserver, and the real controller where asked for.

On the real server the controller has the manifests' own rights and nothing more; people are administrators there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fleetdns.demo.world import World, controller, install
from fleetdns.emulator.hub.server import HubServer
from tests.apiserver.deployed import deployed
from tests.apiserver.fixtures import binaries, pytest_collection_finish, real_server
from tests.apiserver.server import RealAPIServer
from tests.e2e.kubectl import KUBECTL, Kubectl
from tests.e2e.lease import lease_namespace
from tests.e2e.site import Site, at_work, built_on, emptied, stripped

__all__ = ["KUBECTL", "Kubectl", "binaries", "pytest_collection_finish", "real_server"]

_REAL = pytest.param("real", marks=pytest.mark.realapi)
# For a test that means one server only, and says why.
on_real = pytest.mark.parametrize("site", [_REAL], indirect=True)
on_embedded = pytest.mark.parametrize("site", ["embedded"], indirect=True)
# For one that takes its time: while somebody waits for the tests, one server is enough.
on_real_later = pytest.mark.parametrize(
    "site", ["embedded", pytest.param("real", marks=(pytest.mark.realapi, pytest.mark.long))], indirect=True
)


@pytest.fixture(scope="session")
def real_site(real_server: RealAPIServer, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """One server for the whole run, with the manifests' CRDs and rights."""
    return Site(real_server, deployed(real_server, tmp_path_factory.mktemp("deployed")))


@pytest.fixture
async def embedded_site() -> AsyncIterator[Site]:
    """A new embedded hub."""
    server = HubServer()
    await server.start()
    yield Site(server, account=None)
    await server.stop()


@pytest.fixture(params=["embedded", _REAL])
def site(request: pytest.FixtureRequest) -> Site:
    """Each in turn."""
    found: Site = request.getfixturevalue(f"{request.param}_site")
    return found


@pytest.fixture
async def bare(site: Site) -> AsyncIterator[World]:
    """Servers; the hub knows none of our kinds yet."""
    await stripped(site.server)
    async with built_on(site) as found:
        yield found


@pytest.fixture
async def world(site: Site) -> AsyncIterator[World]:
    """Servers, CRDs and the sample's namespace; no controller."""
    await emptied(site.server)
    async with built_on(site) as found:
        await install(found)
        await at_work(site.server)
        yield found


@pytest.fixture
async def running(world: World) -> AsyncIterator[World]:
    """The same with the controller."""
    async with controller(world, f"--leader-election-namespace={lease_namespace(world)}"):
        yield world


@pytest.fixture
def kubectl(site: Site, tmp_path: Path) -> Kubectl:
    """The pinned one."""
    return Kubectl(KUBECTL, site.administrator(tmp_path / "administrator"), tmp_path)

"""One real API server, and on it a world for each test, empty again at its end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fleetdns.demo.kubernetes import GROUP, Cluster
from fleetdns.demo.members import NAMESPACE, namespace
from fleetdns.demo.world import World, around, manifests
from tests.apiserver.build import Binaries
from tests.apiserver.deployed import deployed, kubectl
from tests.apiserver.fixtures import binaries, pytest_collection_finish, real_server
from tests.apiserver.server import RealAPIServer
from tests.manifests.rendered import text
from tests.rights.grants import Right, give, granted
from tests.rights.story import LEASE

__all__ = ["binaries", "pytest_collection_finish", "real_server"]

_KINDS = ("trafficmanagerbackends", "trafficmanagerprofiles", "serviceimports", "internalserviceexports")


@dataclass(frozen=True, slots=True)
class Hub:
    """A server with our kinds and rights on it. `kubeconfig`: that of the ServiceAccount."""

    server: RealAPIServer
    kubeconfig: Path


@dataclass(frozen=True, slots=True)
class Deployment:
    """A world whose kubeconfig is the ServiceAccount's; `account` asks the server in its name."""

    world: World
    account: Cluster
    granted: tuple[Right, ...]


@pytest.fixture(scope="session")
def hub(binaries: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """Without WatchList, as Kubernetes 1.30, which fleetdns supports, has none: there `list` is needed too.

    With KubeFleet's kinds: a server that has not got one says so before anybody misses the right to list it.
    """
    server = RealAPIServer(
        binaries, tmp_path_factory.mktemp("apiserver"), arguments=["--feature-gates=WatchList=false"]
    )
    server.start()
    folder = tmp_path_factory.mktemp("deployed")
    account = deployed(server, folder)
    administrator = folder / "administrator.kubeconfig"
    kubectl(administrator, "apply", "-k", str(manifests() / "overrides"))
    kubectl(administrator, "apply", "-f", str(Path(__file__).with_name("memberclusters.yaml")))
    kubectl(administrator, "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
    yield Hub(server, account)
    server.stop()


@pytest.fixture(scope="session")
def rights() -> tuple[Right, ...]:
    """What the manifests grant."""
    return granted(text("base/rights"))


@pytest.fixture
async def deployment(hub: Hub, rights: tuple[Right, ...]) -> AsyncIterator[Deployment]:
    async with deployed_on(hub, rights) as found:
        yield found


@asynccontextmanager
async def deployed_on(hub: Hub, rights: tuple[Right, ...]) -> AsyncIterator[Deployment]:
    """Servers, kinds and a namespace, with all rights given; no controller. At the end nothing of it is left."""
    token = json.loads(hub.kubeconfig.read_text())["users"][0]["user"]["token"]
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(around(hub.server))
        account = await stack.enter_async_context(
            Cluster(hub.server.url, ca_pem=hub.server.ca_pem.decode(), token=token)
        )
        await world.cluster.apply(namespace(NAMESPACE))
        await give(world.cluster, account, rights)
        yield Deployment(replace(world, kubeconfig=hub.kubeconfig), account, rights)
        await _emptied(world.cluster)


async def _emptied(cluster: Cluster) -> None:
    """No object of ours, no Lease and no event is left: whoever comes next must not find work of this test's."""
    for plural in _KINDS:
        for found in (await cluster._send("GET", f"/apis/{GROUP}/v1alpha1/{plural}"))["items"]:
            metadata = found["metadata"]
            path = f"/apis/{GROUP}/v1alpha1/namespaces/{metadata['namespace']}/{plural}/{metadata['name']}"
            if metadata.get("finalizers"):
                await cluster._send("PATCH", path, {"metadata": {"finalizers": None}}, "application/merge-patch+json")
            await cluster._send("DELETE", path, missing_ok=True)
    await cluster._send("DELETE", LEASE, missing_ok=True)
    await cluster._send("DELETE", f"/api/v1/namespaces/{NAMESPACE}/events")

"""The agent on one real API server, which is its own cluster and the hub at once; an account, and rights, for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fleetdns.demo.fleet import MemberCluster, member_cluster
from fleetdns.demo.kubernetes import Cluster
from fleetdns.demo.world import World, around
from fleetdns.emulator.hub.kubeconfig import kubeconfig, write_kubeconfig
from tests.apiserver.deployed import kubectl
from tests.manifests.definitions import MANIFESTS
from tests.manifests.rendered import text
from tests.rights.conftest import Hub
from tests.rights.grants import Owner, Right, give, granted
from tests.rights.member.places import ACCOUNT, HUB_NAMESPACE, MEMBER, OWN_NAMESPACE, SECRET, emptied

ON_HUB = Owner(ACCOUNT, HUB_NAMESPACE, is_clusterwide=False)
IN_CLUSTER = Owner(ACCOUNT, OWN_NAMESPACE)
SHORTEST = 600  # seconds; no real server gives a shorter token


@dataclass(frozen=True, slots=True)
class Site:
    """A member cluster whose kubeconfigs are the two accounts'; `on_hub`, `in_cluster` ask in their names."""

    world: World
    member: MemberCluster
    on_hub: Cluster
    in_cluster: Cluster
    hub_rights: tuple[Right, ...]
    cluster_rights: tuple[Right, ...]

    async def give(self, is_left_out: Callable[[Right], bool] = lambda right: False) -> None:
        """Every right of the manifests but those."""
        for owner, account, rights in (
            (ON_HUB, self.on_hub, self.hub_rights),
            (IN_CLUSTER, self.in_cluster, self.cluster_rights),
        ):
            left = [right for right in rights if not is_left_out(right)]
            await give(self.world.cluster, account, left, owner=owner)


@pytest.fixture(scope="session")
def hub_rights() -> tuple[Right, ...]:
    """What the manifests give a member on the hub."""
    made = text("base/member").replace("fleet-member-cluster", HUB_NAMESPACE)
    return granted(made)


@pytest.fixture(scope="session")
def cluster_rights() -> tuple[Right, ...]:
    """What they give the agent in its own cluster."""
    return granted(text("member/agent/rights"))


@pytest.fixture(scope="session")
def deployed_member(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """The manifests of the member applied, on both sides."""
    administrator = tmp_path_factory.mktemp("member") / "administrator"
    hub.server.write_kubeconfig(administrator)
    kubectl(administrator, "apply", "-f", str(MANIFESTS / f"samples/members/{MEMBER}.yaml"))
    kubectl(administrator, "apply", "-k", str(MANIFESTS / "member/agent/rights"))
    return hub


@pytest.fixture
async def site(
    deployed_member: Hub, hub_rights: tuple[Right, ...], cluster_rights: tuple[Right, ...], tmp_path: Path
) -> AsyncIterator[Site]:
    """With a Secret that holds the hub kubeconfig, and all rights given; no agent."""
    server = deployed_member.server
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(around(server))
        stack.push_async_callback(emptied, world.cluster)
        found = await stack.enter_async_context(member_cluster(world, MEMBER, tmp_path, server=server))
        accounts = []
        files = (tmp_path / "hub" / "kubeconfig", tmp_path / "own")
        for namespace, file in zip((HUB_NAMESPACE, OWN_NAMESPACE), files, strict=True):
            token = await _token(world.cluster, namespace)
            write_kubeconfig(file, kubeconfig(url=server.url, ca=server.ca_pem, token=token, namespace=namespace))
            accounts.append(
                await stack.enter_async_context(Cluster(server.url, ca_pem=server.ca_pem.decode(), token=token))
            )
        await _put(world.cluster, files[0].read_text())
        member = replace(found, hub_kubeconfig=files[0], kubeconfig=files[1])
        site = Site(world, member, accounts[0], accounts[1], hub_rights, cluster_rights)
        await site.give()
        yield site


async def _token(administrator: Cluster, namespace: str) -> str:
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{ACCOUNT}/token"
    request = await administrator._send("POST", path, {"spec": {"expirationSeconds": SHORTEST}})
    return str(request["status"]["token"])


async def _put(administrator: Cluster, text: str) -> None:
    """The Secret, as `kubectl create secret` makes it."""
    collection, _, name = SECRET.rpartition("/")
    await administrator._send("POST", collection, {"metadata": {"name": name}, "stringData": {"kubeconfig": text}})

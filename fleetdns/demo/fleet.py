"""Member clusters for the demo and the tests: each an API server with a cloud provider, and the real agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fleetdns.app.member import run as run_member
from fleetdns.demo.cloudprovider import CloudProvider, Delays
from fleetdns.demo.kubernetes import SERVICE_EXPORTS, SERVICES, Cluster
from fleetdns.demo.members import NAMESPACE, SERVICE, SUBSCRIPTION, namespace
from fleetdns.demo.world import APIServer, World, manifests
from fleetdns.emulator.azure.service import TrafficManagerService
from fleetdns.emulator.hub.server import HubServer
from fleetdns.settings.member import parse_member

_WEIGHT = "networking.fleet.azure.com/weight"
_LABEL = "service.beta.kubernetes.io/azure-dns-label-name"


@dataclass(frozen=True, slots=True)
class MemberCluster:
    """One member cluster. `kubeconfig` and `hub_kubeconfig`: what its agent comes with."""

    name: str
    cluster: Cluster
    kubeconfig: Path
    hub_kubeconfig: Path

    @property
    def resource_group(self) -> str:
        """Where its cloud provider puts public IPs."""
        return resource_group(self.name)

    async def export(self, *, weight: int | None = None, label: str | None = None) -> None:
        """What a user applies: the sample's Service and ServiceExport, with a weight and a DNS label where given."""
        for file in ("namespace.yaml", "service.yaml"):
            await self.cluster.apply_text((manifests() / "samples/service" / file).read_text())
        if label is not None:
            await self.label(label)
        await self.cluster.apply_text((manifests() / "samples/service/serviceexport.yaml").read_text())
        if weight is not None:
            await self.weigh(weight)

    async def label(self, label: str) -> None:
        """The Service asks for a DNS label."""
        await self.cluster.patch(SERVICES, NAMESPACE, SERVICE, {"metadata": {"annotations": {_LABEL: label}}})

    async def weigh(self, weight: int | str) -> None:
        """The ServiceExport asks for another share."""
        patch = {"metadata": {"annotations": {_WEIGHT: str(weight)}}}
        await self.cluster.patch(SERVICE_EXPORTS, NAMESPACE, SERVICE, patch)

    async def leave(self) -> None:
        """The Service is exported no more."""
        await self.cluster.delete(SERVICE_EXPORTS, NAMESPACE, SERVICE)


@asynccontextmanager
async def member_cluster(
    world: World,
    name: str,
    folder: Path,
    *,
    server: APIServer | None = None,
    hub_kubeconfig: Path | None = None,
    region: str = "westeurope",
    delays: Delays | None = None,
) -> AsyncIterator[MemberCluster]:
    """A member cluster that the hub of `world` knows, without an agent, until the end of the block.

    `server`: an API server that runs already; None: an embedded one. `hub_kubeconfig` None: the controller's own.
    """
    async with AsyncExitStack() as stack:
        found = server if server is not None else await stack.enter_async_context(_embedded())
        kubeconfig = folder / f"{name}.kubeconfig"
        found.write_kubeconfig(kubeconfig)
        cluster = await stack.enter_async_context(Cluster(found.url, ca_pem=found.ca_pem.decode(), token=found.token))
        await cluster.apply_text((manifests() / "crds/networking.fleet.azure.com_serviceexports.yaml").read_text())
        await world.cluster.apply(namespace(f"fleet-member-{name}"))
        member = MemberCluster(name, cluster, kubeconfig, hub_kubeconfig or world.kubeconfig)
        await stack.enter_async_context(provided(cluster, name, world.azure, region=region, delays=delays))
        yield member


@asynccontextmanager
async def provided(
    cluster: Cluster,
    name: str,
    azure: TrafficManagerService,
    *,
    region: str = "westeurope",
    delays: Delays | None = None,
) -> AsyncIterator[None]:
    """The cloud provider of a member cluster, until the end of the block."""
    provider = CloudProvider(
        cluster,
        azure,
        name=name,
        region=region,
        resource_group=resource_group(name),
        subscription=SUBSCRIPTION,
        delays=delays,
    )
    providing = asyncio.create_task(provider.run(), name=f"cloud-provider-{name}")
    try:
        yield
    finally:
        providing.cancel()
        await asyncio.wait((providing,))


def resource_group(cluster: str) -> str:
    """Where a cluster's cloud provider puts public IPs."""
    return f"mc-{cluster}"


@asynccontextmanager
async def agent(world: World, member: MemberCluster, *more: str) -> AsyncIterator[None]:
    """The real agent of a member cluster, running until the end of the block, then drained. more: further flags."""
    flags = [
        f"--hub-kubeconfig={member.hub_kubeconfig}",
        f"--kubeconfig={member.kubeconfig}",
        f"--cluster-name={member.name}",
        f"--subscription-id={SUBSCRIPTION}",
        f"--public-ip-resource-group={member.resource_group}",
        f"--arm-endpoint={world.azure_url}",
        "--sweep-interval=5",
        "--metrics-bind-address=0",
        "--health-probe-bind-address=0",
        *more,
    ]
    stop = asyncio.Event()
    running = asyncio.create_task(run_member(parse_member(flags, {}), stop=stop), name=f"agent-{member.name}")
    try:
        yield
    finally:
        stop.set()
        await running


@asynccontextmanager
async def _embedded() -> AsyncIterator[HubServer]:
    server = HubServer()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()

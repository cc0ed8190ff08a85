"""The embedded world of the story: API server, Traffic Manager and name server on loopback, and the real controller.

The controller runs its own composition over https with a token from a kubeconfig, as in production; only the addresses
are loopback's.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Protocol

import fleetdns
from fleetdns import log, settings
from fleetdns.app.hub import run as run_hub
from fleetdns.demo.kubernetes import Cluster
from fleetdns.demo.members import SUBSCRIPTION, Members, namespace
from fleetdns.emulator.azure.server import AzureServer, steady_clock
from fleetdns.emulator.azure.service import TrafficManagerService
from fleetdns.emulator.dns.server import DNSServer
from fleetdns.emulator.hub.server import HubServer

RESOURCE_GROUP = "fleet-dns"
_SEED = 20


class APIServer(Protocol):
    """What the world must know of the API server that it is built around."""

    @property
    def url(self) -> str: ...
    @property
    def ca_pem(self) -> bytes: ...
    @property
    def token(self) -> str: ...
    def write_kubeconfig(self, path: Path, /) -> None: ...


@dataclass(frozen=True, slots=True)
class World:
    """Everything that runs. `log_file`: where the controller's log goes, so that it does not run through the story."""

    cluster: Cluster
    azure: TrafficManagerService
    members: Members
    dns_port: int
    kubeconfig: Path
    log_file: Path
    azure_url: str


def manifests() -> Path:
    """The manifests of this version: inside an installed package, or beside it in a checkout."""
    package = Path(fleetdns.__file__).parent
    installed = package / "manifests"
    return installed if installed.is_dir() else package.parent / "manifests"


@asynccontextmanager
async def embedded() -> AsyncIterator[World]:
    """Start everything but the controller; all of it stops at the end."""
    hub = HubServer()
    await hub.start()
    try:
        async with around(hub) as world:
            yield world
    finally:
        await hub.stop()


@asynccontextmanager
async def around(hub: APIServer) -> AsyncIterator[World]:
    """The same around an API server that runs already, the embedded one or a real one, and goes on running."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fleetdns-demo-")))
        service = TrafficManagerService(clock=steady_clock(), strict_public_ips=True, random=Random(_SEED))
        azure = await stack.enter_async_context(AzureServer(service))
        dns = await stack.enter_async_context(DNSServer(service.profiles, Random(_SEED)))
        kubeconfig = folder / "kubeconfig"
        hub.write_kubeconfig(kubeconfig)
        cluster = await stack.enter_async_context(Cluster(hub.url, ca_pem=hub.ca_pem.decode(), token=hub.token))
        yield World(
            cluster=cluster,
            azure=service,
            members=Members(cluster, service),
            dns_port=dns.port,
            kubeconfig=kubeconfig,
            log_file=folder / "fleetdns.log",
            azure_url=azure.url,
        )


async def install(world: World) -> None:
    """What an administrator applies once: the CRDs and the namespace of the sample."""
    for file in sorted((manifests() / "crds").glob("networking.*.yaml")):
        await world.cluster.apply_text(file.read_text())
    await world.cluster.apply(namespace("work"))


@asynccontextmanager
async def controller(world: World, *more: str) -> AsyncIterator[None]:
    """The real controller, running until the end of the block, then drained. more: further flags."""
    flags = [
        f"--kubeconfig={world.kubeconfig}",
        f"--subscription-id={SUBSCRIPTION}",
        f"--resource-group={RESOURCE_GROUP}",
        f"--arm-endpoint={world.azure_url}",
        "--sweep-interval=5",
        "--metrics-bind-address=0",
        "--health-probe-bind-address=0",
        "--log-format=json",
        *more,
    ]
    stop = asyncio.Event()
    with world.log_file.open("w") as stream:
        log.configure("info", "json", stream=stream)
        running = asyncio.create_task(run_hub(settings.parse(flags, {}), stop=stop))
        try:
            yield
        finally:
            stop.set()
            await running

"""The cloud provider of a member cluster that runs already."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fleetdns.demo.cloudprovider import CloudProvider
from fleetdns.demo.kubernetes import Cluster
from fleetdns.demo.members import SUBSCRIPTION
from fleetdns.demo.world import APIServer
from fleetdns.emulator.azure.service import TrafficManagerService


@asynccontextmanager
async def provided(server: APIServer, name: str, azure: TrafficManagerService) -> AsyncIterator[None]:
    """Until the end of the block."""
    async with Cluster(server.url, ca_pem=server.ca_pem.decode(), token=server.token) as cluster:
        provider = CloudProvider(
            cluster,
            azure,
            name=name,
            region="westeurope",
            resource_group=f"mc-{name}",
            subscription=SUBSCRIPTION,
        )
        running = asyncio.create_task(provider.run(), name=f"cloud-provider-{name}")
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait((running,))

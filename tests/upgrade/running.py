"""The real controller on a hub that Fleet's controller has left, with the flags that docs/migration.md gives it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fleetdns import app, log, settings
from fleetdns.demo.world import World
from tests.upgrade.objects import SUBSCRIPTION

MOVING = ("--dns-name-template={namespace}-{name}", "--weight-rounding=ceiling", "--resolve-exports=false")


@asynccontextmanager
async def fleetdns(world: World, *flags: str, moving: tuple[str, ...] = MOVING) -> AsyncIterator[None]:
    """Running until the end of the block, then drained."""
    given = [
        f"--kubeconfig={world.kubeconfig}",
        f"--subscription-id={SUBSCRIPTION}",
        f"--arm-endpoint={world.azure_url}",
        "--resource-group=fleet-dns",
        "--sweep-interval=5",
        "--metrics-bind-address=0",
        "--health-probe-bind-address=0",
        "--log-format=json",
        *moving,
        *flags,
    ]
    stop = asyncio.Event()
    with world.log_file.open("a") as stream:
        log.configure("info", "json", stream=stream)
        running = asyncio.create_task(app.run(settings.parse(given, {}), stop=stop))
        try:
            yield
        finally:
            stop.set()
            await running

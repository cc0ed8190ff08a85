"""The real controller on a hub that Fleet's controller has left, with the flags that docs/migration.md gives it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from fleetdns import log, settings
from fleetdns.app.hub import run as run_hub
from fleetdns.demo.world import World
from tests.upgrade.objects import SUBSCRIPTION

MOVING = ("--dns-name-template={namespace}-{name}", "--weight-rounding=ceiling", "--resolve-exports=false")


@asynccontextmanager
async def fleetdns(
    world: World, *flags: str, moving: tuple[str, ...] = MOVING, sweep: float = 5.0
) -> AsyncIterator[None]:
    """Running until the end of the block, then drained. `sweep`: seconds; less than five is for tests only."""
    given = [
        f"--kubeconfig={world.kubeconfig}",
        f"--subscription-id={SUBSCRIPTION}",
        f"--arm-endpoint={world.azure_url}",
        "--resource-group=fleet-dns",
        "--metrics-bind-address=0",
        "--health-probe-bind-address=0",
        "--log-format=json",
        *moving,
        *flags,
    ]
    stop = asyncio.Event()
    with world.log_file.open("a") as stream:
        log.configure("info", "json", stream=stream)
        chosen = replace(settings.parse(given, {}), sweep_interval=sweep)
        running = asyncio.create_task(run_hub(chosen, stop=stop))
        try:
            yield
        finally:
            stop.set()
            await running

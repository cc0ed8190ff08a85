"""The real controller inside the test, under the ServiceAccount's token, and the places where it says what is wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fleetdns import log, settings
from fleetdns.app.hub import run as run_hub
from fleetdns.demo.members import SUBSCRIPTION
from fleetdns.demo.world import RESOURCE_GROUP, World
from tests.apiserver.deployed import FLAGS
from tests.e2e.process import fetched, free_ports


class Controller:
    """One that runs."""

    def __init__(self, log_file: Path, *, metrics: int, probes: int) -> None:
        self._log = log_file
        self._metrics = metrics
        self._probes = probes

    async def probe(self) -> tuple[int, str]:
        """Status and text of readiness; 0 while nobody listens."""
        return await fetched(f"http://127.0.0.1:{self._probes}/readyz")

    async def readyz(self) -> str:
        return (await self.probe())[1]

    async def metrics(self) -> str:
        return (await fetched(f"http://127.0.0.1:{self._metrics}/metrics"))[1]

    async def log(self) -> str:
        """Every line as an administrator reads it: level, event, then what else there is."""
        entries = [json.loads(line) for line in self._log.read_text().splitlines() if line.endswith("}")]
        return "\n".join(_line(entry) for entry in entries)


@asynccontextmanager
async def controller(world: World, folder: Path, *flags: str) -> AsyncIterator[Controller]:
    """Running until the end of the block; one that has lost its leadership by then has ended."""
    metrics, probes = free_ports(2)
    log_file = folder / "fleetdns.log"
    stop = asyncio.Event()
    given = [
        f"--kubeconfig={world.kubeconfig}",
        f"--subscription-id={SUBSCRIPTION}",
        f"--resource-group={RESOURCE_GROUP}",
        f"--arm-endpoint={world.azure_url}",
        "--sweep-interval=5",
        "--lease-renew-interval=1",
        f"--metrics-bind-address=127.0.0.1:{metrics}",
        f"--health-probe-bind-address=127.0.0.1:{probes}",
        *FLAGS,
        *flags,
    ]
    with log_file.open("w") as stream:
        log.configure("info", "json", stream=stream)
        running = asyncio.create_task(run_hub(settings.parse(given, {}), stop=stop))
        try:
            yield Controller(log_file, metrics=metrics, probes=probes)
        finally:
            stop.set()
            await running


def _line(entry: dict[str, object]) -> str:
    facts = " ".join(str(value) for key, value in entry.items() if key not in ("timestamp", "level", "event"))
    return f"{entry['level']} {entry['event']}: {facts}"

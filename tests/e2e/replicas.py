"""Two replicas as processes, one that leads and one that waits, and what can be seen of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from fleetdns.demo.world import World, manifests
from tests.e2e.process import Process, process

LEASE, INTERVAL = 6.0, 1.0  # seconds; the shortest that fleetdns takes
LONGEST_RETRY = INTERVAL / 5 * 2.2
EARLIER, LATER = 1.5, 3.0  # seconds that a busy machine may shift what was measured
FLAGS = (f"--lease-duration={LEASE:g}", f"--lease-renew-interval={INTERVAL:g}")
_SAMPLES = ("profile.yaml", "backend.yaml")


@asynccontextmanager
async def pair(
    world: World, folder: Path, *, leader_s: World | None = None, clock_errors: tuple[float, float] = (0.0, 0.0)
) -> AsyncIterator[tuple[Process, Process]]:
    """A leader that works, and one who waits and is ready.

    leader_s: the world as the leader sees it. clock_errors: hours that the clocks of both are wrong by.
    """
    async with AsyncExitStack() as stack:
        leader = await stack.enter_async_context(
            process(leader_s or world, folder / "leader", *FLAGS, clock_error=clock_errors[0])
        )
        await leader.says('"leading"')
        await leader.becomes_ready()
        # A zone far from UTC: what it writes into the Lease must not depend on it.
        waiting = await stack.enter_async_context(
            process(world, folder / "waiting", *FLAGS, clock_error=clock_errors[1], TZ="America/New_York")
        )
        await waiting.says("another replica leads")
        await waiting.becomes_ready()
        yield leader, waiting


async def apply_sample(world: World) -> None:
    """A profile and a backend, and one cluster that exports the Service: work for whoever leads."""
    await world.members.join("aks-1", weight=1)
    for file in _SAMPLES:
        await world.cluster.apply_text((manifests() / "samples" / file).read_text())


async def writes(replica: Process) -> list[str]:
    """What a replica wrote to Azure."""
    return [entry["operation"] for entry in await _entries(replica) if entry["event"] == "azure write"]


async def election_metric(replica: Process) -> str:
    """The line of leader_election_master_status; "" while it is not there."""
    lines = (await replica.metrics()).splitlines()
    return next((line for line in lines if line.startswith("leader_election_master_status{")), "")


async def said_at(replica: Process, event: str) -> datetime:
    """When a replica logged that first, by its own clock."""
    return next(
        datetime.fromisoformat(entry["timestamp"]) for entry in await _entries(replica) if entry["event"] == event
    )


async def _entries(replica: Process) -> list[dict[str, Any]]:
    return [json.loads(line) for line in await replica.lines() if line.startswith("{")]


def now() -> float:
    """The monotonic clock that durations are measured by."""
    return asyncio.get_running_loop().time()

"""Two replicas as processes: whatever becomes of the leader, the other takes over, and never do both write."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fleetdns.demo.world import World, manifests
from tests.e2e.cable import Cable
from tests.e2e.eventually import eventually
from tests.e2e.process import Process, process

pytestmark = pytest.mark.e2e

LEASE, INTERVAL = 6.0, 1.0
LONGEST_RETRY = INTERVAL / 5 * 2.2
SLACK = 1.5  # seconds; machines are busy
FLAGS = (f"--lease-duration={LEASE:g}", f"--lease-renew-interval={INTERVAL:g}")
SAMPLES = ("profile.yaml", "backend.yaml")


@asynccontextmanager
async def pair(world: World, folder: Path, *, leader_s: World | None = None) -> AsyncIterator[tuple[Process, Process]]:
    """A leader that works, and one who waits and is ready. `leader_s`: the world as the leader sees it."""
    async with AsyncExitStack() as stack:
        leader = await stack.enter_async_context(process(leader_s or world, folder / "leader", *FLAGS))
        await leader.says('"leading"')
        await leader.becomes_ready()
        # A zone far from UTC: what it writes into the Lease must not depend on it.
        waiting = await stack.enter_async_context(process(world, folder / "waiting", *FLAGS, TZ="America/New_York"))
        await waiting.says("another replica leads")
        await waiting.becomes_ready()
        yield leader, waiting


async def lease(world: World) -> dict[str, Any]:
    """The Lease's spec; empty when there is none."""
    path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/fleetdns"
    found = await world.cluster._send("GET", path, missing_ok=True)
    return dict(found.get("spec", {}))


async def apply_sample(world: World) -> None:
    await world.members.join("aks-1", weight=1)
    for file in SAMPLES:
        await world.cluster.apply_text((manifests() / "samples" / file).read_text())


async def writes(replica: Process) -> list[str]:
    """What a replica wrote to Azure."""
    entries = (json.loads(line) for line in await replica.lines() if line.startswith("{"))
    return [entry["operation"] for entry in entries if entry["event"] == "azure write"]


async def status(replica: Process) -> str:
    """The metric; "" while it is not there."""
    lines = (await replica.metrics()).splitlines()
    return next((line for line in lines if line.startswith("leader_election_master_status{")), "")


async def said_at(replica: Process, event: str) -> datetime:
    """When a replica logged that first."""
    entries = [json.loads(line) for line in await replica.lines() if line.startswith("{")]
    return next(datetime.fromisoformat(entry["timestamp"]) for entry in entries if entry["event"] == event)


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_the_one_who_waits_is_ready_and_writes_nothing(world: World, tmp_path: Path) -> None:
    async with pair(world, tmp_path) as (leader, waiting):
        await apply_sample(world)
        await leader.says('"put_profile"')
        assert await status(leader) == 'leader_election_master_status{name="fleetdns"} 1.0'
        assert await status(waiting) == 'leader_election_master_status{name="fleetdns"} 0.0'
        assert "[+]leader-election ok" in (await waiting.probe("/readyz"))[1]
        assert "fleetdns_azure_requests_total{" not in await waiting.metrics()
        assert await waiting.stop() == 0
        assert (await lease(world))["holderIdentity"] != ""


async def test_a_leader_that_is_told_to_stop_hands_over_at_once(world: World, tmp_path: Path) -> None:
    async with pair(world, tmp_path) as (leader, waiting):
        began = datetime.fromisoformat((await lease(world))["acquireTime"])
        assert await leader.stop() == 0
        ended = now()
        await waiting.says('"leading"')
        assert now() - ended <= LONGEST_RETRY + SLACK
        held = await lease(world)
        assert held["leaseTransitions"] == 1
        taken = datetime.fromisoformat(held["acquireTime"])
        assert began < taken <= datetime.now(UTC)
        await apply_sample(world)
        await waiting.says('"put_profile"')
        assert await waiting.stop() == 0
        assert (await lease(world))["holderIdentity"] == ""


async def test_a_killed_leader_is_followed_within_the_lease_and_one_retry(world: World, tmp_path: Path) -> None:
    async with pair(world, tmp_path) as (leader, waiting):
        await apply_sample(world)
        await leader.says('"put_profile"')
        await leader.stop(signal.SIGKILL)
        killed = now()
        await waiting.says('"leading"')
        assert LEASE - INTERVAL - SLACK <= now() - killed <= LEASE + LONGEST_RETRY + SLACK
        await world.members.join("aks-2", weight=1)
        await waiting.says('"azure write"')
        assert await waiting.stop() == 0


async def test_a_leader_that_slept_writes_nothing_when_it_wakes_and_ends_with_1(world: World, tmp_path: Path) -> None:
    async with pair(world, tmp_path) as (leader, waiting):
        await apply_sample(world)
        await leader.says('"put_profile"')
        before = await writes(leader)
        leader.send(signal.SIGSTOP)
        await waiting.says('"leading"')
        await world.members.join("aks-2", weight=1)  # work for whoever leads: the sleeper hears of it when it wakes
        await waiting.says('"azure write"')
        holder = (await lease(world))["holderIdentity"]
        await world.members.join("aks-3", weight=1)
        leader.send(signal.SIGCONT)
        assert await leader.ended() == 1
        assert await writes(leader) == before
        last = (await leader.lines())[-1]
        assert last.startswith("fleetdns: LeadershipLost: ")
        assert not any("Traceback" in line for line in await leader.lines())
        assert (await lease(world))["holderIdentity"] == holder
        assert await waiting.stop() == 0


async def test_a_leader_cut_off_from_the_hub_ends_before_the_other_begins(world: World, tmp_path: Path) -> None:
    async with Cable(world.kubeconfig) as cable:
        own = replace(world, kubeconfig=cable.kubeconfig(tmp_path / "own"))
        async with pair(world, tmp_path, leader_s=own) as (leader, waiting):
            cable.cut()
            assert await leader.ended() == 1
            await waiting.says('"leading"')
            assert await said_at(leader, "no longer leading") < await said_at(waiting, "leading")
            assert await waiting.stop() == 0


async def test_a_namespace_that_is_missing_is_one_sentence_not_ready_and_waited_for(
    world: World, tmp_path: Path
) -> None:
    async with process(world, tmp_path / "log", *FLAGS, "--leader-election-namespace=fleetdns-system") as running:
        await running.says("the namespace does not exist")
        code, body = await running.probe("/readyz")
        assert code == 503
        assert "leader-election failed: Lease fleetdns-system/fleetdns" in body
        await asyncio.sleep(1)
        assert sum("cannot be had" in line for line in await running.lines()) == 1
        await world.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fleetdns-system"}})
        await running.becomes_ready()
        assert await running.stop() == 0


async def test_a_controller_alone_starts_without_waiting_for_anybody(world: World, tmp_path: Path) -> None:
    async with process(world, tmp_path / "first") as first:  # with the usual times
        await first.becomes_ready()
        assert await first.stop() == 0
    async with process(world, tmp_path / "second") as second:
        await second.becomes_ready()
        waited = await said_at(second, "leading") - await said_at(second, "cache synced")
        assert waited.total_seconds() < 0.3
        assert await second.stop() == 0


async def test_without_election_no_lease_is_made(world: World, tmp_path: Path) -> None:
    async with process(world, tmp_path / "log", "--no-leader-elect") as running:
        await running.becomes_ready()
        await eventually(lambda: running.probe("/readyz"), lambda seen: "[+]workers ok" in seen[1])
        assert await lease(world) == {}
        assert await running.stop() == 0

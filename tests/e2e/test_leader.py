"""Who leads, who waits, and how the one hands over to the other when everything is in order."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fleetdns.demo.world import World
from tests.e2e.eventually import eventually
from tests.e2e.lease import lease
from tests.e2e.process import process
from tests.e2e.replicas import FLAGS, LATER, LONGEST_RETRY, apply_sample, election_metric, now, pair, said_at
from tests.e2e.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.long]


async def test_the_one_who_waits_is_ready_and_writes_nothing(world: World, tmp_path: Path) -> None:
    async with pair(world, tmp_path) as (leader, waiting):
        await apply_sample(world)
        await leader.says('"put_profile"')
        assert await election_metric(leader) == 'leader_election_master_status{name="fleetdns"} 1.0'
        assert await election_metric(waiting) == 'leader_election_master_status{name="fleetdns"} 0.0'
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
        assert now() - ended <= LONGEST_RETRY + LATER
        held = await lease(world)
        assert held["leaseTransitions"] == 1
        taken = datetime.fromisoformat(held["acquireTime"])
        assert began < taken <= datetime.now(UTC)
        await apply_sample(world)
        await waiting.says('"put_profile"')
        assert await waiting.stop() == 0
        assert (await lease(world))["holderIdentity"] == ""


async def test_a_namespace_that_is_missing_is_one_sentence_not_ready_and_waited_for(
    site: Site, world: World, tmp_path: Path
) -> None:
    # As administrator: the manifests' account may not look into other namespaces, and would hear of that instead.
    administered = replace(world, kubeconfig=site.administrator(tmp_path / "administrator"))
    missing = f"missing-{secrets.token_hex(4)}"
    flag = f"--leader-election-namespace={missing}"
    async with process(administered, tmp_path / "log", *FLAGS, flag) as running:
        await running.says("the namespace does not exist")
        code, body = await running.probe("/readyz")
        assert code == 503
        assert f"leader-election failed: Lease {missing}/fleetdns" in body
        await asyncio.sleep(1)
        assert sum("cannot be had" in line for line in await running.lines()) == 1
        await world.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": missing}})
        await running.becomes_ready()
        assert await running.stop() == 0


async def test_a_controller_alone_starts_without_waiting_for_anybody(world: World, tmp_path: Path) -> None:
    async with process(world, tmp_path / "first") as first:  # with the usual times
        await first.becomes_ready()
        assert await first.stop() == 0
    async with process(world, tmp_path / "second") as second:
        await second.becomes_ready()
        waited = await said_at(second, "leading") - await said_at(second, "cache synced")
        assert waited.total_seconds() < 0.9  # the shortest retry is a second
        assert await second.stop() == 0


async def test_without_election_no_lease_is_made(world: World, tmp_path: Path) -> None:
    async with process(world, tmp_path / "log", "--no-leader-elect") as running:
        await running.becomes_ready()
        await eventually(lambda: running.probe("/readyz"), lambda seen: "[+]workers ok" in seen[1])
        assert await lease(world) == {}
        assert await running.stop() == 0

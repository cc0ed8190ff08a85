"""`fleetdns member` as a process: probed, scraped, one of two replicas, killed, told to stop."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from fleetdns.demo.fleet import MemberCluster
from fleetdns.emulator.hub.kubeconfig import kubeconfig
from tests.e2e.cable import Cable
from tests.e2e.eventually import eventually
from tests.e2e.process import Process, free_ports
from tests.fleet.fleet import Fleet
from tests.fleet.process import member_process

pytestmark = pytest.mark.e2e

_QUICK = ("--lease-duration=6", "--lease-renew-interval=1")


@pytest.fixture
async def member(fleet: Fleet) -> MemberCluster:
    return await fleet.cluster("aks-1")


async def test_an_agent_is_ready_shows_what_it_does_and_ends_with_0(
    fleet: Fleet, member: MemberCluster, tmp_path: Path
) -> None:
    async with member_process(fleet.world, member, tmp_path / "log") as running:
        await running.becomes_ready()
        await member.export(label="app-aks-1")
        await fleet.serves("aks-1")
        metrics = await running.metrics()
        for shown in (
            r'fleetdns_reconcile_total\{controller="serviceexport",result="success"\} [1-9]',
            r'workqueue_adds_total\{name="serviceexport"\} [1-9]',
            r'fleetdns_informer_objects\{informer="services"\} [1-9]',
            r'fleetdns_azure_requests_total\{code="200",operation="list_public_ips"\} 1\.0',
            r'fleetdns_service_exports\{condition="Valid",reason="ServiceIsValid",status="True"\} 1\.0',
            r'leader_election_master_status\{name="fleetdns-member"\} 1\.0',
        ):
            assert re.search(shown, metrics), shown
        hosts = set(re.findall(r'rest_client_requests_total\{[^}]*host="([^"]+)"', metrics))
        assert len(hosts) == 2  # the hub and the member cluster
        assert await running.stop() == 0
        assert await running.says("lease given back")


async def test_a_hub_that_goes_away_shows_in_the_readiness_and_nowhere_else(
    fleet: Fleet, member: MemberCluster, tmp_path: Path
) -> None:
    async with Cable(fleet.world.kubeconfig) as cable:
        far = replace(member, hub_kubeconfig=cable.kubeconfig(tmp_path / "far"))
        async with member_process(fleet.world, far, tmp_path / "log") as running:
            await running.becomes_ready()
            cable.sever()
            _, body = await eventually(lambda: running.probe("/readyz"), lambda seen: seen[0] == 503)
            assert "internalserviceexports" in body
            assert "serviceexports," not in body
            assert (await running.probe("/healthz"))[0] == 200
            cable.mend()
            await running.becomes_ready()
            assert await running.stop() == 0


async def test_the_second_replica_waits_and_goes_on_when_the_first_is_killed(
    fleet: Fleet, member: MemberCluster, tmp_path: Path
) -> None:
    async with member_process(fleet.world, member, tmp_path / "second", *_QUICK) as second:
        async with member_process(fleet.world, member, tmp_path / "first", *_QUICK) as first:
            await eventually(lambda: _leads(first, second), lambda seen: seen == 1)
            await first.becomes_ready()
            await second.becomes_ready()
            await member.export(label="app-aks-1", weight=10)
            await fleet.serves("aks-1")
        await member.weigh(20)
        await eventually(lambda: fleet.export_of(member), lambda seen: seen["spec"]["weight"] == 20)
        assert await _leads(second) == 1


async def test_a_hub_that_does_not_answer_is_no_reason_to_end(
    member: MemberCluster, fleet: Fleet, tmp_path: Path
) -> None:
    nowhere = tmp_path / "nowhere"
    nowhere.write_text(kubeconfig(url=f"https://127.0.0.1:{free_ports(1)[0]}", ca=b"", token="none"))
    async with member_process(fleet.world, replace(member, hub_kubeconfig=nowhere), tmp_path / "log") as running:
        status, _ = await eventually(lambda: running.probe("/readyz"), lambda seen: "internalserviceexports" in seen[1])
        assert status == 503
        assert (await running.probe("/healthz"))[0] == 200
        assert not any("Traceback" in line for line in await running.lines())
        assert await running.stop() == 0


async def _leads(*processes: Process) -> int:
    """How many of them lead."""
    lines = [line for process in processes for line in await process.lines()]
    return sum('"event": "leading"' in line for line in lines)

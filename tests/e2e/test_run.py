"""`fleetdns run` as a process of its own: started before its CRDs, probed, scraped, told to stop."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from fleetdns.demo.world import World, install, manifests
from fleetdns.emulator.azure.service import Fault
from tests.e2e.conftest import on_embedded
from tests.e2e.eventually import eventually
from tests.e2e.process import free_ports, process

pytestmark = pytest.mark.e2e


async def test_missing_crds_are_one_sentence_each_not_ready_and_looked_for_until_they_come(
    bare: World, tmp_path: Path
) -> None:
    async with process(bare, tmp_path / "log") as running:
        lines = await running.says("trafficmanagerprofiles")
        assert (await running.probe("/healthz"))[0] == 200
        status, body = await running.probe("/readyz")
        assert status != 200
        assert "caches" in body
        await install(bare)
        await running.becomes_ready()
        lines = await running.lines()
        missing = [line for line in lines if "the hub does not serve trafficmanagerprofiles" in line]
        assert len(missing) == 1
        assert not any("Traceback" in line for line in lines)
        assert await running.stop() == 0


# Nobody answers: whose kubeconfig it was makes no difference.
@on_embedded
async def test_a_hub_that_does_not_answer_is_asked_again_and_said_so(world: World, tmp_path: Path) -> None:
    named = json.loads(world.kubeconfig.read_text())
    named["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free_ports(1)[0]}"
    elsewhere = tmp_path / "kubeconfig"
    elsewhere.write_text(json.dumps(named))
    async with process(replace(world, kubeconfig=elsewhere), tmp_path / "log") as running:
        lines = await running.says("the hub has not answered yet")
        assert not any("kube-system" in line for line in lines)
        status, body = await running.probe("/readyz")
        assert status == 503
        assert "[-]hub failed" in body
        assert await running.stop() == 0


async def test_a_rollout_shows_in_the_metrics_and_a_deleted_object_leaves_them(world: World, tmp_path: Path) -> None:
    async with process(world, tmp_path / "log") as running:
        await running.becomes_ready()
        await world.members.join("aks-1", weight=1)
        for file in ("profile.yaml", "backend.yaml"):
            await world.cluster.apply_text((manifests() / "samples" / file).read_text())
        await running.says('"put_profile"')
        shown = re.compile(r'fleetdns_endpoints\{.*profile="myatm".*\} 1\.0')
        # The status is written, and seen by the cache, after Azure's answer was counted.
        told = re.compile(r'fleet_networking_traffic_manager_profile_status_last_timestamp_seconds\{[^}]*"myatm"')
        text = await eventually(running.metrics, lambda seen: bool(shown.search(seen) and told.search(seen)))
        assert 'fleetdns_azure_requests_total{code="201",operation="put_profile"} 1.0' in text
        assert "workqueue_depth{" in text
        assert re.search(r'rest_client_requests_total\{code="20[01]",host="127\.0\.0\.1:\d+",method="GET"\}', text)
        await world.cluster.delete("trafficmanagerprofiles", "work", "myatm")
        await eventually(running.metrics, lambda seen: 'profile="myatm"' not in seen)
        assert await running.stop(signal.SIGINT) == 0


async def test_sigterm_finishes_the_call_in_hand(world: World, tmp_path: Path) -> None:
    async with process(world, tmp_path / "log") as running:
        await running.becomes_ready()
        world.azure.add_fault(Fault(kind="slow", delay=1.5, operation="profiles.put"))
        for file in ("profile.yaml", "backend.yaml"):
            await world.cluster.apply_text((manifests() / "samples" / file).read_text())

        async def calls() -> Mapping[str, int]:
            return world.azure.calls.counts

        await eventually(calls, lambda seen: "profiles.put" in seen)
        assert await running.stop() == 0
        written = [json.loads(line) for line in await running.lines() if '"azure write"' in line]
        assert [entry["code"] for entry in written] == ["201"]
        profile = await world.cluster.get("trafficmanagerprofiles", "work", "myatm")
        assert profile is not None
        assert profile["status"]["dnsName"] == "myatm.trafficmanager.net"

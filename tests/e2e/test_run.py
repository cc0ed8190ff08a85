"""`fleetdns run` as a process of its own: started before its CRDs, probed, scraped, told to stop."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from fleetdns.demo.members import SUBSCRIPTION
from fleetdns.demo.world import World, embedded, install, manifests
from fleetdns.emulator.azure.service import Fault
from tests.e2e.eventually import eventually

pytestmark = pytest.mark.e2e


class Process:
    """A running controller and what it says."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path, *, metrics: int, probes: int) -> None:
        self._process = process
        self._log = log
        self._metrics = metrics
        self._probes = probes

    async def probe(self, path: str) -> tuple[int, str]:
        """Status and body of a probe; 0 while nobody listens."""
        return await _get(f"http://127.0.0.1:{self._probes}{path}")

    async def metrics(self) -> str:
        return (await _get(f"http://127.0.0.1:{self._metrics}/metrics"))[1]

    async def becomes_ready(self) -> None:
        await eventually(lambda: self.probe("/readyz"), lambda seen: seen[0] == 200)

    async def says(self, text: str) -> list[str]:
        """The log's messages, once one of them has `text`."""
        return await eventually(self.lines, lambda seen: any(text in line for line in seen))

    async def lines(self) -> list[str]:
        return self._log.read_text().splitlines()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """The exit code after one signal."""
        if self._process.returncode is None:
            self._process.send_signal(number)
        async with asyncio.timeout(30):
            return await self._process.wait()


async def _get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session:
        try:
            async with session.get(url) as answer:
                return answer.status, await answer.text()
        except aiohttp.ClientConnectionError:
            return 0, ""


def _free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [found.getsockname()[1] for found in sockets]
    for found in sockets:
        found.close()
    return ports


@asynccontextmanager
async def process(world: World, folder: Path) -> AsyncIterator[Process]:
    """`fleetdns run` on a world, with flags from both sides: the command line and the environment."""
    metrics, probes = _free_ports(2)
    log = folder / "log"
    with log.open("w") as stream:
        started = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "fleetdns", "run", f"--kubeconfig={world.kubeconfig}", "--resource-group=fleet-dns"),
            *(f"--metrics-bind-address=127.0.0.1:{metrics}", f"--health-probe-bind-address=127.0.0.1:{probes}"),
            env={
                "PATH": os.environ["PATH"],
                "FLEETDNS_SUBSCRIPTION_ID": SUBSCRIPTION,
                "FLEETDNS_ARM_ENDPOINT": world.azure_url,
                "FLEETDNS_LOG_FORMAT": "json",
            },
            stderr=stream,
            stdout=stream,
        )
        running = Process(started, log, metrics=metrics, probes=probes)
        try:
            yield running
        finally:
            if started.returncode is None:
                started.kill()
                await started.wait()


async def test_missing_crds_are_one_sentence_each_not_ready_and_looked_for_until_they_come(tmp_path: Path) -> None:
    async with embedded() as world, process(world, tmp_path) as running:
        lines = await running.says("trafficmanagerprofiles")
        assert (await running.probe("/healthz"))[0] == 200
        status, body = await running.probe("/readyz")
        assert status != 200
        assert "caches" in body
        await install(world)
        await running.becomes_ready()
        lines = await running.lines()
        missing = [line for line in lines if "the hub does not serve trafficmanagerprofiles" in line]
        assert len(missing) == 1
        assert not any("Traceback" in line for line in lines)
        assert await running.stop() == 0


async def test_a_hub_that_does_not_answer_is_asked_again_and_said_so(world: World, tmp_path: Path) -> None:
    named = json.loads(world.kubeconfig.read_text())
    named["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{_free_ports(1)[0]}"
    elsewhere = tmp_path / "kubeconfig"
    elsewhere.write_text(json.dumps(named))
    async with process(replace(world, kubeconfig=elsewhere), tmp_path) as running:
        lines = await running.says("the hub has not answered yet")
        assert not any("kube-system" in line for line in lines)
        status, body = await running.probe("/readyz")
        assert status == 503
        assert "[-]hub failed" in body
        assert await running.stop() == 0


async def test_a_rollout_shows_in_the_metrics_and_a_deleted_object_leaves_them(world: World, tmp_path: Path) -> None:
    async with process(world, tmp_path) as running:
        await running.becomes_ready()
        await world.members.join("aks-1", weight=1)
        for file in ("profile.yaml", "backend.yaml"):
            await world.cluster.apply_text((manifests() / "samples" / file).read_text())
        await running.says('"put_profile"')
        shown = re.compile(r'fleetdns_endpoints\{.*profile="myatm".*\} 1\.0')
        text = await eventually(running.metrics, lambda seen: shown.search(seen) is not None)
        assert 'fleetdns_azure_requests_total{code="201",operation="put_profile"} 1.0' in text
        assert "workqueue_depth{" in text
        assert re.search(r'rest_client_requests_total\{code="20[01]",host="127\.0\.0\.1:\d+",method="GET"\}', text)
        assert re.search(r'fleet_networking_traffic_manager_profile_status_last_timestamp_seconds\{[^}]*"myatm"', text)
        await world.cluster.delete("trafficmanagerprofiles", "work", "myatm")
        await eventually(running.metrics, lambda seen: 'profile="myatm"' not in seen)
        assert await running.stop(signal.SIGINT) == 0


async def test_sigterm_finishes_the_call_in_hand(world: World, tmp_path: Path) -> None:
    async with process(world, tmp_path) as running:
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

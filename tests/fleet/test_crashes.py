"""A real API server of a member cluster is restarted, and an agent is killed again and again while it exports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fleetdns.demo.fleet import MemberCluster, agent, member_cluster
from fleetdns.demo.kubernetes import EXPORTS, SERVICE_EXPORTS, Manifest
from fleetdns.demo.world import World
from tests.apiserver.build import Binaries
from tests.apiserver.server import RealAPIServer
from tests.contract.client import connected, until_served
from tests.contract.samples import BETA
from tests.e2e.eventually import eventually
from tests.fleet.fleet import Fleet
from tests.fleet.process import member_process

pytestmark = [pytest.mark.realapi, pytest.mark.faults, pytest.mark.timeout(300)]

_SERVICES = 30
_KILLS = 8
_PATIENCE = 60.0  # seconds; a busy machine takes its time


@pytest.fixture
def server(binaries: Binaries, tmp_path: Path) -> Iterator[RealAPIServer]:
    """A member cluster's, which the test may break."""
    found = RealAPIServer(binaries, tmp_path / "server")
    found.start()
    yield found
    found.stop()


@pytest.fixture
async def member(server: RealAPIServer, world: World, tmp_path: Path) -> AsyncIterator[MemberCluster]:
    async with member_cluster(world, "aks-1", tmp_path, server=server) as found:
        async with connected(server, "work") as api:
            await until_served(api, f"{BETA}/serviceexports")
        yield found


async def test_a_member_api_server_that_is_restarted_takes_no_export_away(
    server: RealAPIServer, member: MemberCluster, fleet: Fleet
) -> None:
    async with agent(fleet.world, member):
        await member.export(weight=10, label="app-aks-1")
        await fleet.serves("aks-1")
        before = await fleet.export_of(member)

        await asyncio.to_thread(server.kill)
        await asyncio.sleep(5)
        assert (await fleet.export_of(member))["metadata"] == before["metadata"]
        await asyncio.to_thread(server.restart)

        await eventually(lambda: _weighed(member, 20), bool, within=_PATIENCE)
        await eventually(lambda: fleet.export_of(member), lambda seen: seen["spec"]["weight"] == 20, within=_PATIENCE)
        assert (await fleet.export_of(member))["metadata"]["uid"] == before["metadata"]["uid"]
        await fleet.serves("aks-1")


async def test_an_agent_that_is_killed_again_and_again_exports_everything_once(
    member: MemberCluster, world: World, tmp_path: Path
) -> None:
    for number in range(_SERVICES):
        await member.cluster.apply(_service(number))
        await member.cluster.apply(_service_export(number))
    chance = Random(5)
    for _ in range(_KILLS):
        async with member_process(world, member, tmp_path / "log", "--no-leader-elect"):
            await asyncio.sleep(chance.uniform(1.0, 2.0))
    async with member_process(world, member, tmp_path / "log", "--no-leader-elect"):
        await eventually(lambda: _offers(world), lambda seen: len(seen) == _SERVICES, within=_PATIENCE)
        offers = {offer["metadata"]["name"]: offer["metadata"]["uid"] for offer in await _offers(world)}
        exports = await eventually(
            lambda: member.cluster.listed(SERVICE_EXPORTS), lambda seen: all(map(_is_told, seen["items"]))
        )
        assert all(len(export["metadata"]["finalizers"]) == 1 for export in exports["items"])
        for number in range(_SERVICES):
            await member.cluster.delete(SERVICE_EXPORTS, "work", f"app-{number}")
        await eventually(lambda: _offers(world), lambda seen: not seen, within=_PATIENCE)
    assert len(offers) == _SERVICES


async def _weighed(member: MemberCluster, weight: int) -> bool:
    """Whether the API server takes it; it may not have come up whole."""
    try:
        await member.weigh(weight)
    except Exception:
        return False
    return True


async def _offers(world: World) -> list[Manifest]:
    found: list[Manifest] = (await world.cluster.listed(EXPORTS, "fleet-member-aks-1"))["items"]
    return found


def _is_told(export: dict[str, Any]) -> bool:
    return any(c["type"] == "Valid" and c["status"] == "True" for c in export.get("status", {}).get("conditions", ()))


def _service(number: int) -> Manifest:
    spec = {"type": "ClusterIP", "ports": [{"port": 80}]}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"app-{number}", "namespace": "work"},
        "spec": spec,
    }


def _service_export(number: int) -> Manifest:
    return {
        "apiVersion": "networking.fleet.azure.com/v1beta1",
        "kind": "ServiceExport",
        "metadata": {"name": f"app-{number}", "namespace": "work"},
    }

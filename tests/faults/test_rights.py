"""Rights are taken away and given back: what is missing is named, and nothing has to be restarted."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fleetdns.demo.kubernetes import BACKENDS
from fleetdns.demo.sight import weights_in
from tests.e2e.eventually import eventually
from tests.e2e.process import Process
from tests.faults.conftest import Measured
from tests.faults.fleet import FOUR, THREE, RealFleet, now, serving
from tests.faults.front import Front
from tests.faults.rights import LEASE_ROLE, ROLE, unbound, without

pytestmark = [pytest.mark.faults, pytest.mark.realapi, pytest.mark.e2e, pytest.mark.timeout(180)]


def is_refused_after_the_write(log: list[str]) -> bool:
    """The latest thing that was written to Azure could not be told in a status."""
    events = [line for line in log if '"azure write"' in line or '"forbidden"' in line]
    return '"because": "4 endpoints"' in " ".join(events) and '"forbidden"' in events[-1]


async def quiet(process: Process) -> None:
    """Everything that one change leads to has happened: nothing more is logged for a second."""
    known, since = await process.lines(), now()
    async with asyncio.timeout(30):
        while now() - since < 1.0:
            await asyncio.sleep(0.05)
            if (seen := await process.lines()) != known:
                known, since = seen, now()


async def test_a_missing_cluster_role_binding_is_said_and_its_return_noticed(
    fleet: RealFleet, tmp_path: Path, measured: Measured
) -> None:
    async with Front(fleet.server) as front:
        front.behind(fleet.kubeconfig)
        async with serving(fleet, tmp_path) as served:
            async with unbound(fleet.api):
                front.drop()  # a watch that is open outlives the right to it
                measured("not ready", await served.probes.turn_red("cannot watch", since=now(), within=15))
                red = now()
                await asyncio.sleep(10)
                served.probes.always_red(since=red)
            measured("caught up", await served.catches_up(since=now()))


async def test_a_kind_that_may_be_listed_and_not_watched_is_not_ready(
    fleet: RealFleet, tmp_path: Path, measured: Measured
) -> None:
    async with Front(fleet.server) as front:
        front.behind(fleet.kubeconfig)
        async with serving(fleet, tmp_path) as served:
            async with without(fleet.api, ROLE, "internalserviceexports", "watch"):
                front.drop()
                red = await served.probes.turn_red(
                    'cannot watch resource "internalserviceexports"', since=now(), within=15
                )
                measured("not ready", red)
            measured("caught up", await served.catches_up(since=now()))


async def test_a_status_that_may_not_be_written_holds_nothing_back_in_azure_and_is_written_later(
    fleet: RealFleet, tmp_path: Path, measured: Measured
) -> None:
    async with serving(fleet, tmp_path) as served:
        async with without(fleet.api, ROLE, f"{BACKENDS}/status", "patch"):
            await fleet.world.members.join("aks-4", weight=1)
            await eventually(served.process.lines, is_refused_after_the_write, within=30)
            await quiet(served.process)
            assert served.ledger.weights == FOUR
            backend = await fleet.world.cluster.get(BACKENDS, "work", "app")
            assert weights_in(backend or {}) == THREE
        returned = now()
        await fleet.serves(FOUR)
        measured("status written", now() - returned)
        served.ledger.tells_only(FOUR)
        served.probes.always_ready()


async def test_a_lease_that_may_not_be_renewed_is_said_while_it_lasts(
    fleet: RealFleet, tmp_path: Path, measured: Measured
) -> None:
    async with serving(fleet, tmp_path) as served:
        async with without(fleet.api, LEASE_ROLE, "leases", "update"):
            taken = now()
            measured("not ready", await served.probes.turn_red("cannot update", since=taken, within=20))
        returned = now()
        measured("ready again", await served.probes.turn_green(since=returned, within=20))
        await served.catches_up(since=returned)

"""Our CRDs are deleted and made again: their objects go by the API server's hand, and Azure is left alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from fleetdns.demo.kubernetes import BACKENDS, EXPORTS, GROUP, PROFILES
from tests.apiserver.deployed import deployed
from tests.contract.samples import DEFINITIONS
from tests.e2e.eventually import eventually
from tests.e2e.site import at_work
from tests.faults.conftest import Measured
from tests.faults.fleet import CLUSTERS, FOUR, THREE, RealFleet, Served, now, serving
from tests.faults.ledger import Weights

pytestmark = [pytest.mark.faults, pytest.mark.realapi, pytest.mark.e2e, pytest.mark.timeout(240)]

IMPORTS = "serviceimports"


async def delete_definitions(fleet: RealFleet, plurals: Sequence[str]) -> None:
    """Returns when they are gone, and with them every object."""
    paths = [f"{DEFINITIONS}/{plural}.{GROUP}" for plural in plurals]
    for path in paths:
        assert (await fleet.api.delete(path)).code == 200
    for path in paths:
        await eventually(partial(fleet.api.get, path), lambda reply: reply.code == 404, within=60)


async def make_definitions(fleet: RealFleet, folder: Path) -> None:
    await asyncio.to_thread(deployed, fleet.server, folder)
    await at_work(fleet.server)


async def come_again(served: Served, folder: Path, plurals: Sequence[str], measured: Measured) -> None:
    """The definitions go and come back, and people apply the objects once more, with new uids."""
    fleet = served.fleet
    assert isinstance(fleet, RealFleet)
    deleted = now()
    await delete_definitions(fleet, plurals)
    measured("gone", now() - deleted)
    for plural in plurals:
        measured(f"not ready ({plural})", await served.probes.turn_red(plural, since=deleted, within=30))
    served.ledger.is_silent()
    await make_definitions(fleet, folder)
    made = now()
    if EXPORTS in plurals:
        for cluster in CLUSTERS:
            await fleet.world.members.join(cluster, weight=1)
    if PROFILES in plurals or BACKENDS in plurals:
        await fleet.apply_samples()
    await fleet.serves(THREE)
    measured("caught up", now() - made)
    await served.probes.turn_green(since=now(), within=60)


@pytest.mark.parametrize(
    ("plural", "written"),
    [
        pytest.param(PROFILES, (), id="the profiles: the new one takes over what the old one had"),
        pytest.param(BACKENDS, (THREE,), id="the backends: the endpoints are renamed in one write"),
        pytest.param(EXPORTS, (), id="the exports: nothing is known of the clusters, so nothing is done"),
        pytest.param(IMPORTS, (), id="the imports: made again from the exports"),
    ],
)
async def test_endpoints_outlive_a_definition(
    fleet: RealFleet, tmp_path: Path, measured: Measured, plural: str, written: Sequence[Weights]
) -> None:
    async with serving(fleet, tmp_path) as served:
        await come_again(served, tmp_path, (plural,), measured)
        served.ledger.tells_only(*written)
        await fleet.world.members.join("aks-4", weight=1)
        await fleet.serves(FOUR)
        served.ledger.tells_only(*written, FOUR)


async def test_endpoints_outlive_all_definitions_at_once(fleet: RealFleet, tmp_path: Path, measured: Measured) -> None:
    async with serving(fleet, tmp_path) as served:
        await come_again(served, tmp_path, (PROFILES, BACKENDS, IMPORTS, EXPORTS), measured)
        # The endpoints are renamed for the new backend, in as many writes as their exports came in.
        served.ledger.tells_nothing_but(THREE)
        await fleet.world.members.join("aks-4", weight=1)
        await fleet.serves(FOUR)

"""An hour of virtual time: a rollout, a weight change, an outage of Azure, and whatever the seed makes of it."""

from __future__ import annotations

import asyncio

import pytest

from fleetdns.emulator.azure.service import Fault
from tests.simulation.clock import run
from tests.simulation.fleet import Fleet

PROFILES = "trafficmanagerprofiles"
BACKENDS = "trafficmanagerbackends"


async def an_hour(seed: int) -> list[str]:
    """The hour, with what must be true at each stop of it; gives the trace."""
    fleet = Fleet(seed)
    async with fleet.running():
        for cluster in ("a", "b", "c"):
            fleet.export("app", cluster)
        fleet.profile("myatm")
        fleet.backend("app", profile="myatm", weight=100)
        await asyncio.sleep(60)
        assert fleet.weights("myatm") == {"a": 33, "b": 33, "c": 33}
        assert fleet.condition(PROFILES, "myatm", "Programmed")["status"] == "True"

        fleet.export("app", "c", weight=4)
        await asyncio.sleep(540)
        assert fleet.weights("myatm") == {"a": 17, "b": 17, "c": 68}

        now = asyncio.get_running_loop().time()
        fleet.azure.add_fault(Fault(status=503, code="ServiceUnavailable", until=now + 1200))
        fleet.transport.cut_streams()
        fleet.export("app", "d", weight=4)
        before = fleet.status(BACKENDS, "app")["endpoints"]
        await asyncio.sleep(600)
        assert fleet.status(BACKENDS, "app")["endpoints"] == before
        assert fleet.status(PROFILES, "myatm")["dnsName"] == "myatm.trafficmanager.net"
        assert fleet.condition(BACKENDS, "app", "Accepted")["reason"] == "Pending"

        await asyncio.sleep(700)
        assert fleet.weights("myatm") == {"a": 10, "b": 10, "c": 40, "d": 40}
        assert fleet.condition(BACKENDS, "app", "Accepted")["status"] == "True"

        fleet.withdraw("app", "a")
        await asyncio.sleep(1700)
        assert fleet.weights("myatm") == {"b": 11, "c": 44, "d": 44}
    assert asyncio.get_running_loop().time() >= 3600
    return fleet.network.trace


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_same_seed_gives_the_same_hour(seed: int) -> None:
    assert run(an_hour(seed)) == run(an_hour(seed))


def test_another_seed_gives_another_hour() -> None:
    assert run(an_hour(1)) != run(an_hour(2))

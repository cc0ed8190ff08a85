"""`fleetdns run --dry-run` beside Fleet's running controller: it says what the move would write, and writes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fleetdns.demo.world import World
from tests.contract.samples import ALPHA, BETA
from tests.upgrade.conftest import on_embedded
from tests.upgrade.estate import settle
from tests.upgrade.fleet import FleetController
from tests.upgrade.history import History
from tests.upgrade.hub import Hub, eventually
from tests.upgrade.objects import PROFILE_TAG
from tests.upgrade.running import MOVING, fleetdns

# It reads lists and writes nothing: no server can make a difference that test_guide.py would not see on the real one.
pytestmark = [pytest.mark.e2e, on_embedded]

EXACT = tuple(flag for flag in MOVING if not flag.startswith("--weight-rounding"))
KINDS = (
    f"{BETA}/trafficmanagerprofiles",
    f"{BETA}/trafficmanagerbackends",
    f"{ALPHA}/internalserviceexports",
    f"{ALPHA}/serviceimports",
    "/apis/coordination.k8s.io/v1/namespaces/default/leases",
)


async def test_a_rehearsal_names_one_tag_for_each_profile_and_writes_nothing(
    hub: Hub, world: World, fleet: FleetController, monkeypatch: pytest.MonkeyPatch
) -> None:
    await settle(hub, world, fleet)
    history = History(world.azure, monkeypatch)
    before = [(await hub.api.get(path)).body["items"] for path in KINDS]
    async with fleetdns(world, "--dry-run"):
        held = await _held(world, "work/blog", "work/shop", "work/taken")
    assert history.writes == ()
    assert [(await hub.api.get(path)).body["items"] for path in KINDS] == before
    tag = {line["because"].partition(" -> ")[0] for line in held if line["change"] == "patch"}
    assert tag == {"tags.fleetdns.hub nothing"}
    assert [(line["profile"], line["because"]) for line in held if line["change"] == "create"] == [
        ("work/taken", "not in Azure")
    ]


async def test_a_rehearsal_tells_each_weight_that_another_rounding_would_change(
    hub: Hub, world: World, fleet: FleetController
) -> None:
    await settle(hub, world, fleet)
    async with fleetdns(world, "--dry-run", moving=EXACT):
        held = await _held(world, "work/shop")
    told = {line["endpoint"].split("#", 1)[1]: line["because"] for line in held if "endpoint" in line}
    assert told["api#aks-1"] == "weight 34 -> 33"
    assert {name for name in told if name.startswith("api")} == {"api#aks-1", "api#aks-2", "api#aks-3"}


async def test_a_rehearsal_tells_which_profile_it_would_not_take_and_why(
    hub: Hub, world: World, fleet: FleetController
) -> None:
    await settle(hub, world, fleet)
    blog = next(one for one in world.azure.profiles() if "work/blog" in one["tags"].values())
    world.azure.tamper("PATCH", blog["id"], {"tags": {PROFILE_TAG: "work/blog", "fleetdns.hub": "another hub"}})
    async with fleetdns(world, "--dry-run", "--allowed-resource-groups=team-b"):
        lines = await eventually(lambda: _lines(world), lambda lines: _looked(lines) == 3)
    assert any("work/shop" in line and "fleet-dns" in line and "not allowed" in line for line in lines)
    assert any("work/blog" in line and "another hub" in line for line in lines)


async def _held(world: World, *profiles: str) -> list[dict[str, Any]]:
    """What the log says is held back, once every profile was looked at."""
    await eventually(lambda: _lines(world), lambda lines: _looked(lines) == 3)
    held = [json.loads(line) for line in await _lines(world) if '"change held back"' in line]
    return [line for line in held if line["profile"] in profiles]


async def _lines(world: World) -> list[str]:
    return world.log_file.read_text().splitlines()


def _looked(lines: list[str]) -> int:
    return sum('"reconciled"' in line and '"trafficmanagerprofile"' in line for line in lines)

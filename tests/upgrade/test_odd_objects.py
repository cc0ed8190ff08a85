"""What is not as usual on a hub of Fleet's when fleetdns takes over."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from fleetdns.demo.world import World
from tests.contract.samples import DEFINITIONS
from tests.upgrade.conftest import on_embedded
from tests.upgrade.definitions import GROUP, first_definitions
from tests.upgrade.estate import (
    APP,
    BLOG,
    BLOG_APP,
    EXPORTS,
    IDLE,
    IMPORTS,
    SERVING,
    SHOP,
    TAKEN,
    TARGETS,
    become,
    conditions,
    settle,
)
from tests.upgrade.fleet import FleetController
from tests.upgrade.history import History, State, state
from tests.upgrade.hub import Hub, eventually
from tests.upgrade.objects import METRICS_FINALIZER, profile
from tests.upgrade.running import fleetdns

# What is odd here is in objects and in Azure, and fleetdns's answer to it. That both servers replace definitions, keep
# what these no longer take and wait for finalizers is held by test_definitions.py and the contract suite.
pytestmark = [pytest.mark.e2e, on_embedded]

Object = dict[str, Any]

BLOG_NAME = "work-blog.trafficmanager.net"


async def test_profiles_older_than_the_resource_group_are_found_in_the_groups_of_the_flag(
    hub: Hub, world: World, fleet: FleetController, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = profile("shop", group=None, version="v1alpha1", port=8080)
    await hub.reinstall(first_definitions())
    for obj in (*EXPORTS, *IMPORTS, old):
        await hub.create(obj)
    await hub.install()
    await hub.create(APP)
    await fleet.settle()
    await hub.upgrade()
    history = History(world.azure, monkeypatch)
    async with fleetdns(world):
        await become(hub, "True", old, APP)
    assert {call.method for call in history.writes} == {"PATCH"}
    assert all(seen == history.states[0] for seen in history.states)
    assert len(history.states[0].profiles["work-shop.trafficmanager.net"]) == 2


async def test_a_group_that_was_not_allowed_keeps_its_endpoints_until_it_is(
    hub: Hub, world: World, fleet: FleetController, monkeypatch: pytest.MonkeyPatch
) -> None:
    await settle(hub, world, fleet)
    await hub.upgrade()
    history = History(world.azure, monkeypatch)
    async with fleetdns(world, "--allowed-resource-groups=fleet-dns"):
        await become(hub, "True", SHOP, APP)
        await become(hub, "False", BLOG, kind="Programmed")
    blog = await hub.read(BLOG)
    assert blog["status"]["dnsName"] == BLOG_NAME
    assert "--allowed-resource-groups" in next(
        one["message"] for one in blog["status"]["conditions"] if one["type"] == "Programmed"
    )
    async with fleetdns(world, "--allowed-resource-groups=fleet-dns,work:team-b"):
        await become(hub, "True", *SERVING)
    assert all(seen.profiles == TARGETS for seen in history.states)


async def test_an_object_made_anew_gets_the_profile_of_its_former_self_by_annotation(
    hub: Hub, world: World, fleet: FleetController, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restored backup gives objects new uids, and Azure's profile is named after the old one."""
    await settle(hub, world, fleet)
    before = await hub.read(BLOG)
    for obj in (BLOG, BLOG_APP):
        await hub.patch(obj, {"metadata": {"finalizers": None}})
        await hub.api.delete(hub.path(obj))
        await hub.create(obj)
    await fleet.settle()
    assert conditions(await hub.read(BLOG)) == {"Programmed": "DNSNameNotAvailable"}
    await hub.upgrade()
    history = History(world.azure, monkeypatch)
    async with fleetdns(world):
        await become(hub, "False", BLOG)
        adopted = {"fleetdns.io/adopt": before["status"]["resourceID"]}
        await hub.patch(BLOG, {"metadata": {"annotations": adopted}})
        await become(hub, "True", BLOG, BLOG_APP)
        now = await hub.read(BLOG)
    assert (now["status"]["resourceID"], now["status"]["dnsName"]) == (before["status"]["resourceID"], BLOG_NAME)
    assert now["metadata"]["uid"] not in now["status"]["resourceID"]
    for seen in history.states:
        shares = {target: weight for target, (weight, _, _) in seen.profiles[BLOG_NAME].items()}
        assert shares == {target: weight for target, (weight, _, _) in TARGETS[BLOG_NAME].items()}


async def test_definitions_deleted_before_fleetdns_starts_cost_no_endpoint_and_their_objects_can_be_made_again(
    hub: Hub, world: World, fleet: FleetController, monkeypatch: pytest.MonkeyPatch
) -> None:
    await settle(hub, world, fleet)
    before = {obj["metadata"]["name"]: await hub.read(obj) for obj in (SHOP, BLOG)}
    await hub.upgrade()
    history = History(world.azure, monkeypatch)
    plurals = ("trafficmanagerprofiles", "trafficmanagerbackends")
    for plural in plurals:
        await hub.api.delete(f"{DEFINITIONS}/{plural}.{GROUP}")
        # Fleet's finalizers hold its objects, and nobody is there to take them off.
        assert (await hub.api.get(f"{DEFINITIONS}/{plural}.{GROUP}")).code == 200
    async with fleetdns(world):
        for plural in plurals:
            await eventually(
                functools.partial(hub.api.get, f"{DEFINITIONS}/{plural}.{GROUP}"), lambda reply: reply.code == 404
            )
    await hub.upgrade()
    for obj in SERVING:
        adopted = before.get(obj["metadata"]["name"], {}).get("status", {}).get("resourceID")
        annotations = {"fleetdns.io/adopt": adopted} if adopted and obj["kind"] == "TrafficManagerProfile" else {}
        await hub.create(obj | {"metadata": obj["metadata"] | {"annotations": annotations}})
    async with fleetdns(world):
        await become(hub, "True", *SERVING)
    for seen in history.states:
        assert {name: _weights(seen, name) for name in TARGETS} == {
            name: {target: weight for target, (weight, _, _) in targets.items()} for name, targets in TARGETS.items()
        }


def _weights(seen: State, name: str) -> dict[str, int]:
    return {target: weight for target, (weight, _, _) in seen.profiles[name].items()}


async def test_an_object_of_fleets_can_be_deleted_afterwards(hub: Hub, world: World, fleet: FleetController) -> None:
    """With the finalizer that Fleet's controllers put on for their metrics, on what was never in Azure too."""
    leaving = (BLOG, BLOG_APP, IDLE, TAKEN)
    await settle(hub, world, fleet)
    await hub.upgrade()
    async with fleetdns(world):
        await become(hub, "True", *SERVING)
        for obj in leaving:
            assert METRICS_FINALIZER in (await hub.read(obj))["metadata"]["finalizers"]
            await hub.api.delete(hub.path(obj))
        await eventually(lambda: _profiles(world), lambda names: names == ["work-shop.trafficmanager.net"])
        await become(hub, "True", SHOP)
        await eventually(lambda: _codes(hub, *leaving), lambda codes: codes == {404})


async def _codes(hub: Hub, *objects: Object) -> set[int]:
    """What a GET of each is answered."""
    return {(await hub.api.get(hub.path(obj))).code for obj in objects}


async def _profiles(world: World) -> list[str]:
    return list(state(world.azure).profiles)


async def test_a_value_that_azure_never_took_is_told_again_and_mended_as_any_other(
    hub: Hub, world: World, fleet: FleetController
) -> None:
    odd = profile("odd", version="v1alpha1", intervalInSeconds=10, timeoutInSeconds=10)
    await hub.create(odd)
    await fleet.settle()
    assert conditions(await hub.read(odd)) == {"Programmed": "Invalid"}
    await hub.upgrade()
    async with fleetdns(world):
        await become(hub, "False", odd)
        assert conditions(await hub.read(odd))["Programmed"] == "Invalid"
        await hub.patch(odd, {"spec": {"monitorConfig": {"timeoutInSeconds": 9}}})
        await become(hub, "True", odd)
    assert (await hub.read(odd))["status"]["dnsName"] == "work-odd.trafficmanager.net"


async def test_a_name_too_long_for_dns_says_so_and_takes_another(
    hub: Hub, world: World, fleet: FleetController
) -> None:
    long = profile("a" * 60)
    await hub.create(long)
    await fleet.settle()
    assert conditions(await hub.read(long)) == {"Programmed": "Invalid"}
    await hub.upgrade()
    async with fleetdns(world):
        await become(hub, "False", long)
        told = next(one for one in (await hub.read(long))["status"]["conditions"] if one["type"] == "Programmed")
        assert "65 characters and DNS allows 63" in told["message"]
        await hub.patch(long, {"spec": {"dnsConfig": {"relativeName": "work-short"}}})
        await become(hub, "True", long)
    assert (await hub.read(long))["status"]["dnsName"] == "work-short.trafficmanager.net"


async def test_an_endpoint_disabled_by_hand_stays_so(
    hub: Hub, world: World, fleet: FleetController, monkeypatch: pytest.MonkeyPatch
) -> None:
    await settle(hub, world, fleet)
    await hub.upgrade()
    blog = next(stored for stored in world.azure.profiles() if "team-b" in stored["id"])
    disabled = blog["properties"]["endpoints"][0]
    world.azure.tamper("PATCH", disabled["id"].replace("#", "%23"), {"properties": {"endpointStatus": "Disabled"}})
    history = History(world.azure, monkeypatch)
    async with fleetdns(world):
        await become(hub, "True", SHOP, BLOG, APP)
        await become(hub, "False", BLOG_APP, kind="Accepted")
    assert all(seen == history.states[0] for seen in history.states)
    assert history.states[0].profiles[BLOG_NAME][disabled["properties"]["target"]][2] == "Disabled"
    rejected = (await hub.read(BLOG_APP))["status"]["rejected"]
    assert [one["reason"] for one in rejected] == ["DisabledInAzure"]

"""From Fleet's controller to fleetdns and back, and again: no resolver sees a difference at any moment.

The way there and the way back are walked on both servers. What may happen on it is between Azure and fleetdns, and seen
on the embedded hub.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from fleetdns.demo.world import World
from fleetdns.emulator.azure.service import Call
from tests.contract.client import Events
from tests.upgrade.conftest import on_embedded
from tests.upgrade.estate import API as API_BACKEND
from tests.upgrade.estate import (
    APP,
    BLOG,
    BLOG_APP,
    EXPORTS,
    IDLE,
    SERVING,
    SHOP,
    TAKEN,
    TARGETS,
    become,
    conditions,
    settle,
)
from tests.upgrade.fleet import FleetController
from tests.upgrade.fleet_exports import FleetResolver
from tests.upgrade.history import History
from tests.upgrade.hub import Hub, eventually, without_defaults
from tests.upgrade.objects import (
    BACKEND_FINALIZER,
    METRICS_FINALIZER,
    PROFILE_FINALIZER,
    PROFILE_TAG,
    export,
)
from tests.upgrade.running import fleetdns

pytestmark = [pytest.mark.e2e, pytest.mark.long]

Object = dict[str, Any]

SHOP_NAME = "work-shop.trafficmanager.net"
BLOG_NAME = "work-blog.trafficmanager.net"


@pytest.fixture
async def history(hub: Hub, world: World, fleet: FleetController, monkeypatch: pytest.MonkeyPatch) -> History:
    """Fleet's controller has made everything and was stopped; our definitions are in place."""
    await settle(hub, world, fleet)
    await hub.upgrade()
    return History(world.azure, monkeypatch)


def writes(history: History) -> list[Call]:
    """But for the profile whose name is taken: each controller goes on trying that."""
    return [call for call in history.writes if "work-taken" not in str(call.body)]


def is_untouched(history: History) -> bool:
    """In no state since the beginning did a name, a target, a weight, a priority or a status differ."""
    return all(seen.profiles == TARGETS for seen in history.states)


@on_embedded
async def test_fleets_own_state_is_what_these_tests_take_it_for(
    hub: Hub, world: World, fleet: FleetController, history: History
) -> None:
    assert history.states[0].profiles == TARGETS
    for stored in world.azure.profiles():
        assert stored["tags"] == {PROFILE_TAG: f"work/{_object_of(stored)}"}
    assert conditions(await hub.read(TAKEN)) == {"Programmed": "DNSNameNotAvailable"}
    assert (await hub.read(IDLE))["metadata"]["finalizers"] == [METRICS_FINALIZER]
    await fleet.settle()
    assert writes(history) == []


def _object_of(stored: Object) -> str:
    return str(stored["properties"]["dnsConfig"]["relativeName"]).removeprefix("work-")


async def test_the_move_writes_one_tag_in_each_profile_and_neither_dns_nor_status_has_a_gap(
    hub: Hub, world: World, history: History
) -> None:
    before = {name: await hub.read(obj) for name, obj in (("shop", SHOP), ("app", APP))}
    async with await _watch(hub, SHOP) as profiles, await _watch(hub, APP) as backends:
        async with fleetdns(world):
            await become(hub, "True", *SERVING)
        await hub.patch(SHOP, {"metadata": {"labels": {"end": "here"}}})
        await hub.patch(APP, {"metadata": {"labels": {"end": "here"}}})
        shops, apps = await _until_labelled(profiles, "shop"), await _until_labelled(backends, "app")
    _wrote_tags_alone(world, history)
    was = before["shop"]["status"]
    for shop in shops:
        assert (shop["status"]["dnsName"], shop["status"]["resourceID"]) == (was["dnsName"], was["resourceID"])
        assert conditions(shop)["Programmed"] == "Programmed"
        assert shop["metadata"]["finalizers"] == [METRICS_FINALIZER, PROFILE_FINALIZER]
    for app in apps:
        assert [_fleets(one) for one in app["status"]["endpoints"]] == before["app"]["status"]["endpoints"]
        assert conditions(app)["Accepted"] == "Accepted"
        assert app["metadata"]["finalizers"] == [METRICS_FINALIZER, BACKEND_FINALIZER]
    assert "DriftRepaired" not in {event["reason"] for event in await world.cluster.events("work")}


def _wrote_tags_alone(world: World, history: History) -> None:
    assert is_untouched(history)
    written = {call.path.split("/")[-1]: (call.method, call.body) for call in writes(history)}
    for stored in world.azure.profiles():
        assert written[stored["name"]] == ("PATCH", {"tags": stored["tags"]})
        assert set(stored["tags"]) == {PROFILE_TAG, "fleetdns.hub"}
    assert len(writes(history)) == len(TARGETS)


async def _watch(hub: Hub, obj: Object) -> AbstractAsyncContextManager[Events]:
    """Whatever happens to objects of this kind from now on."""
    collection = hub.path(obj, named=False)
    return hub.api.watch(f"{collection}?watch=1&resourceVersion={(await hub.api.get(collection)).version}")


async def _until_labelled(events: Events, name: str) -> list[Object]:
    """Every version of one object up to the one with the label."""
    seen: list[Object] = []
    while not seen or "labels" not in seen[-1]["metadata"]:
        obj = (await events.next())["object"]
        seen += [obj] if obj["metadata"]["name"] == name else []
    return seen


def _fleets(endpoint: Object) -> Object:
    """An endpoint of status without what fleetdns adds."""
    return {name: value for name, value in endpoint.items() if name != "monitorStatus"}


@on_embedded
async def test_afterwards_weights_change_and_clusters_join_and_leave(hub: Hub, world: World, history: History) -> None:
    """Fleet's agents do not say that a removal is meant: the blog would lose two of three, and keeps them."""
    late = export("aks-3", "app", weight=100)
    resolver = FleetResolver(hub.api)
    async with fleetdns(world):
        await become(hub, "True", *SERVING)
        await hub.patch(APP, {"spec": {"weight": 300}})
        await _shares(world, "app", {"aks-1": 100, "aks-2": 200})
        await hub.create(late)
        await resolver.look()
        await _shares(world, "app", {"aks-1": 75, "aks-2": 150, "aks-3": 75})
        await hub.patch(IDLE, {"spec": {"weight": 7}})
        await _shares(world, "batch", {"aks-1": 7})
        for leaving in (late, EXPORTS[1]):
            await hub.api.delete(hub.path(leaving))
        await resolver.look()
        await _shares(world, "app", {"aks-1": 300})
        await become(hub, "True", BLOG_APP, kind="Guarded")
        assert all(seen.profiles[BLOG_NAME].keys() >= TARGETS[BLOG_NAME].keys() for seen in history.states)
        await hub.patch(BLOG_APP, {"metadata": {"annotations": {"fleetdns.io/allow-empty": "true"}}})
        await _shares(world, "app", {"aks-1": 1}, profile="blog")
    for seen in history.states:
        for target in ("api-aks-1.westeurope.cloudapp.azure.com", "app-aks-1.westeurope.cloudapp.azure.com"):
            assert seen.profiles[SHOP_NAME][target][1:] == TARGETS[SHOP_NAME][target][1:]


async def _shares(world: World, service: str, wanted: dict[str, int], *, profile: str = "shop") -> None:
    """Wait until a profile's endpoints of one service have these weights."""

    async def shares() -> dict[str, int]:
        found = next(stored for stored in world.azure.profiles() if _object_of(stored) == profile)
        parts = ((one["name"].split("#"), one["properties"]["weight"]) for one in found["properties"]["endpoints"])
        return {name[2]: weight for name, weight in parts if name[1] == service}

    await eventually(shares, lambda found: found == wanted)


async def test_fleet_finds_everything_as_it_left_it_and_goes_on_and_fleetdns_comes_back_without_a_call(
    hub: Hub, world: World, fleet: FleetController, history: History
) -> None:
    before = [await hub.read(obj) for obj in SERVING]
    async with fleetdns(world):
        await become(hub, "True", *SERVING)
    history.forget()
    tags = [stored["tags"] for stored in world.azure.profiles()]
    await hub.install()
    await fleet.settle()
    assert writes(history) == []
    for was in before:
        _is_as_fleet_left_it(was, await hub.read(was))
    await hub.patch(SHOP, {"spec": {"monitorConfig": {"path": "/ready"}}})
    await hub.patch(APP, {"spec": {"weight": 30}})
    await fleet.settle()
    await _shares(world, "app", {"aks-1": 10, "aks-2": 20})
    assert [stored["tags"] for stored in world.azure.profiles()] == tags
    await hub.upgrade()
    history.forget()
    async with fleetdns(world):
        await eventually(lambda: _untold(hub), lambda names: names == [])
        await become(hub, "True", *SERVING)
    assert writes(history) == []
    assert set(history.states[-1].profiles) == set(TARGETS)


def _is_as_fleet_left_it(was: Object, now: Object) -> None:
    assert without_defaults(now)["spec"] == without_defaults(was)["spec"]
    assert now["metadata"]["finalizers"] == was["metadata"]["finalizers"]
    for name in was["status"].keys() - {"conditions"}:
        assert now["status"][name] == was["status"][name]


async def _untold(hub: Hub) -> list[str]:
    """The objects in whose status fleetdns has not written since Fleet did."""
    found = [await hub.read(obj) for obj in SERVING]
    return [
        obj["metadata"]["name"] for obj in found if not {"observedGeneration", "endpointCount"} & obj["status"].keys()
    ]


@on_embedded
async def test_a_profile_that_fleet_could_not_make_gets_fleets_name_as_soon_as_it_is_free(
    hub: Hub, world: World, history: History
) -> None:
    async with fleetdns(world):
        await become(hub, "True", *SERVING)
        await become(hub, "False", TAKEN)
        assert conditions(await hub.read(TAKEN))["Programmed"] == "DNSNameNotAvailable"
        world.azure.release_name("work-taken")
        await hub.patch(TAKEN, {"spec": {"monitorConfig": {"port": 8080}}})
        await become(hub, "True", TAKEN)
    assert (await hub.read(TAKEN))["status"]["dnsName"] == "work-taken.trafficmanager.net"


@on_embedded
async def test_objects_deleted_between_the_controllers_take_their_own_along_and_nothing_else(
    hub: Hub, world: World, history: History
) -> None:
    for obj in (BLOG, BLOG_APP, API_BACKEND):
        await hub.api.delete(hub.path(obj))
    async with fleetdns(world):
        await become(hub, "True", SHOP, APP, IDLE)
        await _shares(world, "api", {})
        await eventually(lambda: _names(world), lambda names: names == ["work-shop"])
    app = [target for target in TARGETS[SHOP_NAME] if target.startswith("app")]
    for seen in history.states:
        assert all(seen.profiles[SHOP_NAME][target][0] in (167, 334) for target in app)


async def _names(world: World) -> list[str]:
    return [str(stored["properties"]["dnsConfig"]["relativeName"]) for stored in world.azure.profiles()]

"""Endpoints that get other names, as after a restore: one serves under the old name until the new one is taken."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

import pytest

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.profile import ALLOW_EMPTY, TrafficManagerProfile
from fleetdns.core.trafficmanager import Profile
from fleetdns.errors import Rejected
from tests.controllers.emulated import EmulatedWorld
from tests.controllers.throttling import until
from tests.controllers.world import PROFILE_KEY, World
from tests.core.builders import NAMESPACE, PROFILE, make_backend, make_export, make_profile, public_ip, uid_of

pytestmark = pytest.mark.looptime

REFUSED = Rejected("BadRequest", "That is not valid.")
OLD, NEW = make_backend().metadata.uid, uid_of("restored")
HEALED = 150.0  # seconds after which all that Azure takes again is true


def target(cluster: str) -> str:
    return public_ip(f"{cluster}-app").lower()


def served(world: World) -> dict[str, str]:
    """What Azure answers with: the clusters by their public IPs, and whose the endpoint is."""
    names = {OLD: "old", NEW: "new"}
    owners = {e.owner.cluster: names[e.owner.uid] for e in world.azure.only.endpoints if e.owner}
    targets = {e.folded_target for e in world.azure.only.endpoints}
    return {cluster: whose for cluster, whose in sorted(owners.items()) if target(cluster) in targets}


def restore_backend(world: World) -> None:
    """The backend comes back from a backup: another uid, so that its endpoints get other names."""
    world.hub.remove(TrafficManagerBackend, world.backend().metadata.key)
    world.hub.apply(make_backend(uid=NEW))


async def rolled_out(world: World, *clusters: str) -> int:
    """How many calls there were."""
    world.hub.apply(make_profile(), make_backend(), *(make_export(cluster) for cluster in clusters))
    await asyncio.sleep(5)
    assert served(world) == dict.fromkeys(clusters, "old")
    return len(world.azure.calls)


class Watched(dict[str, Profile]):
    """What Azure holds, and the clusters that it did not answer with at any moment."""

    def __init__(self, profiles: Mapping[str, Profile], clusters: Iterable[str]) -> None:
        super().__init__(profiles)
        self._targets = {target(cluster): cluster for cluster in clusters}
        self.missed: set[str] = set()

    def __setitem__(self, ref: str, profile: Profile) -> None:
        super().__setitem__(ref, profile)
        there = {endpoint.folded_target for endpoint in profile.endpoints}
        self.missed |= {cluster for key, cluster in self._targets.items() if key not in there}


def watch(world: World, *clusters: str) -> set[str]:
    """The clusters that Azure did not answer with at any moment from now on."""
    watched = Watched(world.azure.profiles, clusters)
    world.azure.profiles = watched
    return watched.missed


async def test_a_bad_endpoint_that_joins_while_others_are_renamed_costs_no_endpoint_for_a_moment() -> None:
    world = World()
    world.azure.bad_targets.add(target("c"))
    async with world.running():
        await rolled_out(world, "a", "b")
        missed = watch(world, "a", "b")
        restore_backend(world)
        world.hub.apply(make_export("c"))
        await asyncio.sleep(30)

        assert missed == set()
        assert world.weights() == {"a": 33, "b": 33}
        assert served(world) == {"a": "new", "b": "new"}
        assert world.rejected() == {"c": "AzureRefused"}


async def test_a_refusal_that_is_about_no_target_costs_no_renamed_endpoint_for_a_moment() -> None:
    world = World()
    async with world.running():
        since = await rolled_out(world, "a", "b", "c")
        world.azure.fail({"put_profile"}, REFUSED, times=1)
        missed = watch(world, "a", "b", "c")
        restore_backend(world)
        await asyncio.sleep(30)

        assert missed == set()
        assert world.azure.writes(since=since) == ["put_profile", *["put_endpoint"] * 3, "put_profile"]
        assert world.weights() == {"a": 33, "b": 33, "c": 33}
        assert served(world) == dict.fromkeys("abc", "new")
        assert sorted(e.priority or 0 for e in world.azure.only.endpoints) == [1, 2, 3]
        assert world.accepted() == ("True", "Accepted")


@pytest.mark.parametrize("is_terse", [False, True], ids=["named", "unnamed"])
@pytest.mark.parametrize("trusts", [False, True], ids=["azure looks at all", "azure looks at what is new"])
async def test_an_endpoint_whose_target_azure_refuses_by_now_serves_under_its_old_name_until_that_is_taken(
    trusts: bool, is_terse: bool
) -> None:
    world = World()
    world.azure.trusts_what_it_has, world.azure.is_terse = trusts, is_terse
    async with world.running():
        since = await rolled_out(world, "a", "b", "c")
        world.azure.bad_targets.add(target("b"))
        missed = watch(world, "b")
        restore_backend(world)
        await asyncio.sleep(10)
        assert served(world) == {"a": "new", "b": "old", "c": "new"}
        assert world.weights() == {"a": 33, "b": 33, "c": 33}
        assert len(world.azure.writes(since=since)) <= 10
        assert world.rejected() == {"b": "AzureRefused"}
        assert world.programmed() == ("True", "Programmed")
        await asyncio.sleep(600)
        assert served(world) == {"a": "new", "b": "old", "c": "new"}
        world.azure.bad_targets.clear()
        await until(lambda: served(world)["b"] == "new", within=HEALED)
        await asyncio.sleep(5)

        assert missed == set()
        assert world.rejected() == {}
        assert world.accepted() == ("True", "Accepted")
        assert len(world.azure.only.endpoints) == 3


@pytest.mark.parametrize("trusts", [False, True], ids=["azure looks at all", "azure looks at what is new"])
async def test_the_only_endpoint_serves_under_its_old_name_over_a_restart_and_is_tried_slowly(trusts: bool) -> None:
    world = World()
    world.azure.trusts_what_it_has = trusts
    async with world.running():
        await rolled_out(world, "a")
        world.azure.bad_targets.add(target("a"))
        missed = watch(world, "a")
        restore_backend(world)
        await asyncio.sleep(300)
    assert missed == set()
    since = len(world.azure.calls)
    missed = watch(world, "a")
    async with world.running():
        await asyncio.sleep(600)
        assert served(world) == {"a": "old"}
        assert len(world.azure.writes(since=since)) <= 9 * (3 if trusts else 1)
        assert world.rejected() == {"a": "AzureRefused"}
        world.azure.bad_targets.clear()
        await until(lambda: served(world) == {"a": "new"}, within=HEALED)
        await asyncio.sleep(5)
        assert world.accepted() == ("True", "Accepted")
    assert missed == set()


async def test_somebody_who_means_it_lets_the_old_endpoint_of_a_refused_one_go() -> None:
    world = World()
    async with world.running():
        await rolled_out(world, "a", "b")
        world.azure.bad_targets.add(target("b"))
        restore_backend(world)
        await asyncio.sleep(5)
        assert served(world) == {"a": "new", "b": "old"}
        world.hub.apply(make_profile(annotations={ALLOW_EMPTY: "true"}))
        await asyncio.sleep(5)

        assert served(world) == {"a": "new"}


async def test_a_member_that_withdraws_its_export_takes_the_old_endpoint_of_a_refused_one_out() -> None:
    world = World()
    async with world.running():
        await rolled_out(world, "a", "b")
        world.azure.bad_targets.add(target("b"))
        restore_backend(world)
        await asyncio.sleep(5)
        world.withdraw("b")
        await asyncio.sleep(5)

        assert served(world) == {"a": "new"}
        assert world.rejected() == {}


async def test_a_public_ip_that_passes_to_a_cluster_for_which_azure_refuses_it_is_not_lost_unannounced() -> None:
    world = World()
    async with world.running():
        await rolled_out(world, "a", "b")
        world.azure.bad_targets.add(target("b"))
        missed = watch(world, "b")
        world.lose("b")
        world.hub.apply(make_export("c", target=public_ip("b-app")))
        await asyncio.sleep(60)
        assert missed == set()
        assert world.rejected() == {"c": "AzureRefused"}
        world.withdraw("c")
        await asyncio.sleep(60)

        assert served(world).keys() == {"a"}


async def test_the_old_endpoints_of_a_profile_that_is_deleted_go_with_it() -> None:
    world = World()
    async with world.running():
        await rolled_out(world, "a")
        world.azure.bad_targets.add(target("a"))
        restore_backend(world)
        await asyncio.sleep(5)
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(5)

    assert world.azure.profiles == {}


@pytest.mark.thorough
async def test_a_public_ip_that_has_lost_its_dns_label_serves_under_the_old_name_until_it_has_one_again() -> None:
    world = EmulatedWorld()
    clusters, key = ("a", "b", "c"), f"{NAMESPACE}/{PROFILE}"

    def owners() -> dict[str, str]:
        endpoints = world.azure_profile(key)["properties"]["endpoints"]
        return {e["name"].rsplit("#", 1)[1]: {OLD: "old", NEW: "new"}[e["name"][6:42]] for e in endpoints}

    async with world.running():
        world.hub.apply(make_profile(), make_backend(), *(make_export(cluster) for cluster in clusters))
        await asyncio.sleep(5)
        world.service.set_public_ip(public_ip("b-app"), None)
        began = asyncio.get_running_loop().time()
        restore_backend(world)
        await asyncio.sleep(30)
        assert owners() == {"a": "new", "b": "old", "c": "new"}
        assert world.rejected() == {"b": "AzureRefused"}
        assert world.most_calls_a_minute(began, began + 30) <= 3 * len(clusters) + 4
        world.service.set_public_ip(public_ip("b-app"), "b-again.westeurope.cloudapp.azure.com")
        await until(lambda: owners() == dict.fromkeys(clusters, "new"), within=HEALED)
        await asyncio.sleep(5)
        assert world.accepted() == ("True", "Accepted")

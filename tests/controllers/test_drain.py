"""A cluster is taken out of every profile by an annotation, and put back: from the event to Azure and status."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from msgspec import structs

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.clusters import MemberCluster, Namespace
from fleetdns.api.exports import AZURE_MESSAGE, EXCLUDED, OVERRIDE_WEIGHT
from fleetdns.api.meta import DRAIN
from fleetdns.api.profile import ALLOW_EMPTY, PAUSED
from fleetdns.core.overrides import OFF
from fleetdns.core.trafficmanager import DEGRADED, ONLINE, Endpoint, Profile
from fleetdns.errors import Throttled, Transient
from tests.controllers.world import World, condition
from tests.core.builders import make_backend, make_export, make_meta, make_profile, public_ip

pytestmark = pytest.mark.looptime

ON = {DRAIN: "true"}


Marked = Callable[..., Namespace | MemberCluster]


def namespace(cluster: str, annotations: dict[str, str] | None = None) -> Namespace:
    return Namespace(make_meta(f"fleet-member-{cluster}", namespace="", kind="namespace", annotations=annotations))


def member(cluster: str, annotations: dict[str, str] | None = None) -> MemberCluster:
    return MemberCluster(make_meta(cluster, namespace="", kind="member", annotations=annotations))


def roll_out(world: World, clusters: str = "abc") -> None:
    world.hub.apply(*(namespace(cluster) for cluster in clusters), *(member(cluster) for cluster in clusters))
    world.hub.apply(make_profile(), make_backend(), *(make_export(cluster) for cluster in clusters))


def message(world: World, name: str = "app") -> str:
    return condition(world.backend_status(name).conditions, "Accepted").message


def probe(world: World, state: str, *clusters: str) -> None:
    """What Traffic Manager's probes find from now on."""

    def probed(endpoint: Endpoint) -> Endpoint:
        is_meant = endpoint.owner is not None and endpoint.owner.cluster in clusters
        return structs.replace(endpoint, monitor_status=state) if is_meant else endpoint

    def all_probed(profile: Profile) -> Profile:
        return replace(profile, endpoints=tuple(map(probed, profile.endpoints)))

    world.azure.tamper(all_probed)


@pytest.mark.parametrize("marked", [namespace, member], ids=["on its namespace", "on its MemberCluster"])
async def test_a_drained_cluster_leaves_in_one_write_and_returns_in_one(
    marked: Marked,
) -> None:
    world = World()
    async with world.running() as process:
        roll_out(world)
        await asyncio.sleep(5)
        first, before = world.weights(), len(world.azure.calls)
        world.hub.apply(marked("b", ON))
        await asyncio.sleep(1)
        assert world.weights() == {"a": 50, "c": 50}
        assert world.azure.writes(since=before) == ["put_profile"]
        assert world.accepted() == ("True", "Accepted")
        assert message(world) == "every exported Service is an endpoint; left out: b (drained)"
        assert world.rejected() == {}
        before = len(world.azure.calls)
        world.hub.apply(marked("b"))
        await asyncio.sleep(1)

        assert world.weights() == first
        assert world.azure.writes(since=before) == ["put_profile"]
        assert message(world) == "every exported Service is an endpoint"
        assert process.errors() == []


async def test_it_leaves_every_profile_and_touches_no_other() -> None:
    world = World()
    async with world.running():
        roll_out(world, "ab")
        for name, clusters in (("web", "abc"), ("api", "ac")):
            backend = make_backend(name, profile=name)
            world.hub.apply(make_profile(name), backend, *(make_export(c, service=name) for c in clusters))
        await asyncio.sleep(5)
        before = len(world.azure.calls)
        world.hub.apply(namespace("b", ON))
        await asyncio.sleep(1)

        serving = {
            profile.relative_name: "".join(sorted(e.owner.cluster for e in profile.endpoints if e.owner))
            for profile in world.azure.profiles.values()
        }
        assert serving == {"myatm": "a", "web": "ac", "api": "ac"}
        assert world.azure.writes(since=before) == ["put_profile", "put_profile"]


@pytest.mark.parametrize("value", ["True", "yes", "1", "", "false"])
async def test_nothing_but_true_drains(value: str) -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        before = len(world.azure.calls)
        world.hub.apply(namespace("b", {DRAIN: value}), member("c", {DRAIN: value}))
        await asyncio.sleep(5)

        assert len(world.weights()) == 3
        assert world.azure.writes(since=before) == []


async def test_either_object_drains_and_both_have_to_let_go() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        world.hub.apply(namespace("b", ON), member("b", ON))
        await asyncio.sleep(5)
        assert set(world.weights()) == {"a", "c"}
        world.hub.apply(namespace("b"))
        await asyncio.sleep(2)
        assert set(world.weights()) == {"a", "c"}
        world.hub.apply(member("b"))
        await asyncio.sleep(2)
        assert set(world.weights()) == {"a", "b", "c"}


async def test_the_last_that_serves_stays_says_so_and_goes_when_another_one_serves() -> None:
    world = World()
    async with world.running():
        roll_out(world, "ab")
        await asyncio.sleep(5)
        world.hub.apply(namespace("a", ON), namespace("b", ON))
        await asyncio.sleep(5)
        assert world.weights() == {"b": 100}
        assert world.accepted() == ("True", "Accepted")
        assert message(world) == (
            "every exported Service is an endpoint; left out: a (drained); b is drained, but stays until something "
            "else serves, or fleetdns.io/allow-empty lets it go"
        )
        writes = len(world.azure.calls)
        await asyncio.sleep(300)
        assert world.azure.writes(since=writes) == []
        world.hub.apply(make_export("c"))
        await asyncio.sleep(5)

        assert world.weights() == {"c": 100}
        assert message(world) == "every exported Service is an endpoint; left out: a (drained), b (drained)"


async def test_the_last_that_serves_stays_when_azure_refuses_what_would_take_its_place() -> None:
    world = World()
    async with world.running():
        roll_out(world, "a")
        await asyncio.sleep(5)
        world.hub.apply(namespace("a", ON))
        world.azure.bad_targets.add(public_ip("c-app").lower())
        world.hub.apply(make_export("c"))
        await asyncio.sleep(100)
        assert set(world.weights()) == {"a"}
        world.azure.bad_targets.clear()
        await asyncio.sleep(300)

        assert world.weights() == {"c": 100}


async def test_allow_empty_lets_the_last_one_go() -> None:
    world = World()
    async with world.running():
        roll_out(world, "a")
        world.hub.apply(namespace("a", ON))
        await asyncio.sleep(5)
        world.hub.apply(make_profile(annotations={ALLOW_EMPTY: "true"}))
        await asyncio.sleep(5)

        assert world.weights() == {}


async def test_one_that_is_out_is_not_put_back_when_the_others_fail() -> None:
    world = World()
    async with world.running():
        roll_out(world, "ab")
        await asyncio.sleep(5)
        world.hub.apply(namespace("a", ON))
        await asyncio.sleep(5)
        probe(world, DEGRADED, "b")
        before = len(world.azure.calls)
        await asyncio.sleep(300)

        assert world.weights() == {"b": 100}
        assert world.azure.writes(since=before) == []


async def test_one_that_fails_nothing_keeps_and_the_last_that_serves_goes_once_a_sweep_finds_another() -> None:
    world = World()
    async with world.running():
        roll_out(world, "abc")
        await asyncio.sleep(5)
        probe(world, DEGRADED, "a", "b")
        await asyncio.sleep(70)
        world.hub.apply(namespace("a", ON), namespace("c", ON))
        await asyncio.sleep(5)
        assert set(world.weights()) == {"b", "c"}
        probe(world, ONLINE, "b")
        await asyncio.sleep(70)

        assert world.weights() == {"b": 100}


async def test_a_drained_cluster_is_no_vanished_one() -> None:
    world = World()
    async with world.running():
        roll_out(world, "abcd")
        await asyncio.sleep(5)
        world.hub.apply(*(namespace(cluster, ON) for cluster in "abc"))
        world.lose("a", "b")
        await asyncio.sleep(1)

        assert world.weights() == {"d": 100}
        assert {c.type for c in world.backend_status().conditions} == {"Accepted", "Ready"}
        assert world.rejected() == {}


async def test_a_drain_lets_go_what_the_guard_held_and_the_guard_keeps_the_rest() -> None:
    world = World()
    async with world.running():
        roll_out(world, "abc")
        await asyncio.sleep(5)
        world.lose("b", "c")
        await asyncio.sleep(20)
        assert condition(world.backend_status().conditions, "Guarded").status == "True"
        world.hub.apply(namespace("b", ON))
        await asyncio.sleep(5)

        assert set(world.weights()) == {"a", "c"}
        assert "by c are gone" in condition(world.backend_status().conditions, "Guarded").message


async def test_an_endpoint_whose_backend_is_gone_leaves_with_its_cluster() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.hub.remove(TrafficManagerBackend, make_backend().metadata.key)
        await asyncio.sleep(5)
        assert set(world.weights()) == {"a", "b", "c"}
        world.hub.apply(namespace("b", ON))
        await asyncio.sleep(5)

        assert set(world.weights()) == {"a", "c"}


@pytest.mark.parametrize("is_dry_run", [True, False], ids=["dry run", "paused"])
async def test_paused_and_dry_run_take_nothing_out(is_dry_run: bool) -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
    world.settings = replace(world.settings, is_dry_run=is_dry_run)
    before = len(world.azure.calls)
    async with world.running():
        if not is_dry_run:
            world.hub.apply(make_profile(annotations={PAUSED: "true"}))
        world.hub.apply(namespace("b", ON))
        await asyncio.sleep(100)
        assert set(world.weights()) == {"a", "b", "c"}
        assert world.azure.writes(since=before) == []
    world.settings = replace(world.settings, is_dry_run=False)
    async with world.running():
        world.hub.apply(make_profile())
        await asyncio.sleep(5)

        assert set(world.weights()) == {"a", "c"}


async def test_a_namespace_that_is_deleted_is_not_drained_any_more() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        world.hub.apply(namespace("b", ON))
        await asyncio.sleep(5)
        assert set(world.weights()) == {"a", "c"}
        world.hub.remove(Namespace, namespace("b").metadata.key)
        await asyncio.sleep(2)

        assert set(world.weights()) == {"a", "b", "c"}


@pytest.mark.parametrize("marked", [namespace, member], ids=["the namespace", "the MemberCluster"])
async def test_what_cannot_be_read_neither_drains_nor_puts_back_not_even_over_a_restart(
    marked: Marked,
) -> None:
    world = World()
    async with world.running():
        roll_out(world)
        world.hub.apply(marked("b", ON))
        await asyncio.sleep(5)
        for cluster in "bc":
            world.hub.garble(marked(cluster))
        await asyncio.sleep(100)
        assert set(world.weights()) == {"a", "c"}
    async with world.running():
        await asyncio.sleep(100)
        assert set(world.weights()) == {"a", "c"}
        assert message(world) == (
            "every exported Service is an endpoint; left out: b (its namespace or MemberCluster cannot be read)"
        )
        world.hub.apply(marked("b"))
        world.hub.mend(marked("b"))
        await asyncio.sleep(15)

        assert set(world.weights()) == {"a", "b", "c"}


async def test_while_azure_is_away_a_backend_goes_on_saying_what_is_spared_and_what_is_out() -> None:
    world = World()
    async with world.running():
        roll_out(world, "ab")
        await asyncio.sleep(5)
        world.hub.apply(namespace("a", ON), namespace("b", ON))
        await asyncio.sleep(5)
        said, endpoints = message(world), world.backend_status().endpoints
        assert "b is drained, but stays" in said
        world.azure.down = Transient("ServiceUnavailable", "try again")
        world.hub.apply(make_profile(ttl=5))
        await asyncio.sleep(100)
        assert world.programmed() == ("Unknown", "Pending")
        assert (world.accepted(), message(world)) == (("True", "Accepted"), said)
        assert world.backend_status().endpoints == endpoints
        world.hub.apply(namespace("a"))
        await asyncio.sleep(30)
        assert world.accepted() == ("Unknown", "Pending")
        world.azure.heal()
        await asyncio.sleep(200)

        assert world.weights() == {"a": 100}


async def test_while_azure_is_away_what_cannot_be_read_changes_no_backend() -> None:
    world = World()
    async with world.running():
        roll_out(world, "ab")
        await asyncio.sleep(5)
        said = message(world)
        world.hub.garble(namespace("b"))
        world.azure.down = Transient("ServiceUnavailable", "try again")
        world.hub.apply(make_profile(ttl=5))
        await asyncio.sleep(100)

        assert (world.accepted(), message(world)) == (("True", "Accepted"), said)


async def test_an_export_that_comes_while_its_cluster_is_drained_waits_for_the_end_of_it() -> None:
    world = World()
    async with world.running():
        roll_out(world, "ab")
        world.hub.apply(namespace("c", ON))
        await asyncio.sleep(5)
        before = len(world.azure.calls)
        world.hub.apply(make_export("c"))
        await asyncio.sleep(5)
        assert world.azure.writes(since=before) == []
        world.hub.apply(namespace("c"))
        await asyncio.sleep(2)

        assert set(world.weights()) == {"a", "b", "c"}


async def test_a_restart_while_clusters_are_drained_writes_nothing() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        world.hub.apply(namespace("a", ON), member("b", ON))
        await asyncio.sleep(5)
        assert world.weights() == {"c": 100}
    azure, hub = len(world.azure.calls), len(world.hub.writes)
    async with world.running():
        await asyncio.sleep(200)

        assert world.azure.writes(since=azure) == []
        assert world.hub.writes[hub:] == []


async def test_a_new_profile_never_has_the_clusters_that_are_drained() -> None:
    world = World()
    async with world.running():
        world.hub.apply(namespace("b", ON))
        roll_out_without_namespaces(world)
        await asyncio.sleep(5)

        assert world.azure.writes() == ["put_profile"]
        assert set(world.weights()) == {"a", "c"}


def roll_out_without_namespaces(world: World) -> None:
    world.hub.apply(make_profile(), make_backend(), *(make_export(cluster) for cluster in "abc"))


async def test_a_cluster_s_heartbeats_wake_nobody() -> None:
    world = World()
    async with world.running() as process:
        roll_out(world)
        world.hub.apply(member("b", ON))
        await asyncio.sleep(5)
        looks = process.looks()
        for beat in range(20):
            world.hub.apply(member("a", {"beat": str(beat)}), member("b", {**ON, "beat": str(beat)}))
            await asyncio.sleep(0.1)

        assert process.looks() == looks


async def test_an_excluded_export_and_one_that_an_override_weighs_0_leave_at_once_and_are_told() -> None:
    world = World()
    async with world.running(resource_overrides=OFF):  # somebody else applies them
        roll_out(world, "abcd")
        await asyncio.sleep(5)
        world.hub.apply(make_export("b", annotations={EXCLUDED: "true"}))
        world.hub.apply(make_export("c", annotations={OVERRIDE_WEIGHT: "0"}))
        world.hub.apply(make_export("d", annotations={OVERRIDE_WEIGHT: "3"}))
        await asyncio.sleep(2)

        assert world.weights() == {"a": 25, "d": 75}
        assert message(world) == "every exported Service is an endpoint; left out: b (excluded), c (weight 0)"
        assert {e.from_.cluster: e.from_.weight for e in world.backend_status().endpoints if e.from_} == {
            "a": 1,
            "d": 3,
        }


async def test_the_last_export_that_is_excluded_leaves_without_a_guard() -> None:
    world = World()
    async with world.running(resource_overrides=OFF):  # somebody else applies them
        roll_out(world, "a")
        await asyncio.sleep(5)
        world.hub.apply(make_export("a", annotations={EXCLUDED: "true"}))
        await asyncio.sleep(5)

        assert world.weights() == {}
        assert world.accepted() == ("True", "Accepted")


async def test_why_the_agent_cannot_tell_the_public_ip_reaches_the_backend_whatever_it_wrote() -> None:
    world = World()
    async with world.running():
        roll_out(world, "a")
        world.hub.apply(make_export("b", target=None, annotations={AZURE_MESSAGE: "Forbidden:\n may not list"}))
        world.hub.apply(make_export("c", has_dns_label=False, annotations={AZURE_MESSAGE: "\x1b[31m" + "x" * 9000}))
        world.hub.apply(make_export("d", target=None, annotations={AZURE_MESSAGE: " \n "}))
        await asyncio.sleep(5)

        told = {r.cluster: (r.reason, r.message) for r in world.backend_status().rejected}
        assert told["b"] == ("PublicIPPending", "Forbidden: may not list")
        assert told["c"][0] == "DNSLabelMissing"
        assert len(told["c"][1]) == 512
        assert told["c"][1].isprintable()
        assert told["d"][0] == "PublicIPPending"
        assert told["d"][1].startswith("the Service has no public IP yet")


async def test_a_drain_that_azure_throttles_is_made_good() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(5)
        world.azure.fail("put_profile", Throttled("TooManyRequests", "slow", retry_after=7.0))
        world.hub.apply(namespace("b", ON))
        await asyncio.sleep(3)
        assert set(world.weights()) == {"a", "b", "c"}
        assert world.accepted() == ("Unknown", "Pending")
        await asyncio.sleep(10)

        assert set(world.weights()) == {"a", "c"}
        assert message(world) == "every exported Service is an endpoint; left out: b (drained)"

"""How a controller starts, works under load and a failing hub, and ends."""

from __future__ import annotations

import asyncio

import pytest

from fleetdns.api.conditions import Condition
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.controllers import watches
from fleetdns.errors import Conflict, FleetDNSError, Forbidden, NameTaken, Rejected, Throttled, Transient
from fleetdns.retry import classify
from fleetdns.runtime.events import Applied
from fleetdns.runtime.listwatch import Entry
from tests.controllers.world import PROFILE_KEY, World, empty_caches
from tests.core.builders import make_backend, make_export, make_import, make_profile

pytestmark = pytest.mark.looptime


def roll_out(world: World) -> None:
    world.hub.apply(make_profile(), make_backend(), make_export("a"), make_export("b"))


async def test_no_worker_starts_before_every_cache_is_whole_and_azure_was_listed() -> None:
    world = World(delay=3.0, latency=2.0)
    roll_out(world)
    async with world.running() as process:
        await asyncio.sleep(6.9)
        before = process.controller.is_working, list(world.hub.writes)
        await asyncio.sleep(0.2)
        assert (before, process.controller.is_working) == ((False, []), True)
        assert world.azure.operations()[0] == "list_subscription"


async def test_stop_finishes_the_reconcile_in_hand_and_takes_no_other() -> None:
    world = World(latency=5.0)
    async with world.running(workers=1) as process:
        await asyncio.sleep(11)
        roll_out(world)
        await asyncio.sleep(12)  # the GET is answered, the PUT under way
        assert world.azure.writes() == ["put_profile"]
        world.hub.apply(make_profile("second"))
        await process.controller.stop()

        await asyncio.sleep(0.1)
        assert not process.controller.is_working
        assert world.programmed() == ("True", "Programmed")
        assert world.accepted() == ("True", "Accepted")
        assert len(world.azure.profiles) == 1
        calls = len(world.azure.calls)
        await asyncio.sleep(300)
        assert len(world.azure.calls) == calls


async def test_two_profiles_are_written_at_the_same_time_and_one_never_twice() -> None:
    world = World(latency=1.0)
    async with world.running(workers=4):
        await asyncio.sleep(5)
        before = len(world.azure.calls)
        world.hub.apply(make_profile("one"), make_profile("two"), make_profile("three"))
        for ttl in range(20):
            world.hub.apply(make_profile("one", ttl=ttl))
            await asyncio.sleep(0.37)
        await asyncio.sleep(20)

        first, second, *_ = world.azure.times("put_profile", since=before)
        assert first == second
        assert {p.ttl for p in world.azure.profiles.values()} == {19, 60}


async def test_an_edit_overtakes_the_work_of_a_restart() -> None:
    world = World(latency=0.5)
    world.hub.apply(*(make_profile(f"p{number:02}") for number in range(30)))
    async with world.running(workers=1):
        await asyncio.sleep(5)
        made = len(world.azure.profiles)
        assert made < 20
        world.hub.apply(make_profile("urgent"))
        await asyncio.sleep(6)

        assert "urgent" in {p.relative_name for p in world.azure.profiles.values()}
        assert len(world.azure.profiles) < 30


@pytest.mark.parametrize(
    ("is_initial", "is_deleting", "expected"),
    [
        pytest.param(False, True, watches.DELETION, id="a deletion goes first"),
        pytest.param(True, True, watches.DELETION, id="also one that was there at the start"),
        pytest.param(False, False, watches.USER, id="an edit goes before the rest"),
        pytest.param(True, False, watches.BACKGROUND, id="a restart can wait"),
    ],
)
def test_how_urgent_a_change_is(is_initial: bool, is_deleting: bool, expected: int) -> None:
    assert watches.priority(is_initial=is_initial, is_deleting=is_deleting) == expected
    assert watches.DELETION > watches.USER > watches.BACKGROUND


def test_a_reference_that_moves_wakes_its_former_owner_too() -> None:
    caches = empty_caches()
    for backend in (make_backend(), make_backend("api", profile="other")):
        meta = backend.metadata
        caches.backends.apply(Applied(Entry(meta.key, meta.uid, "1", backend)))
    old, new = make_export("a"), make_export("a", service="api")
    moved = make_backend(profile="other")

    assert {key.name for key in watches.profile_keys_of_backend(make_backend(), moved, caches)} == {"myatm", "other"}
    assert {key.name for key in watches.profile_keys_of_export(old, new, caches)} == {"myatm", "other"}
    assert {key.name for key in watches.service_keys_of_export(old, new, caches)} == {"app", "api"}
    judged = make_export("a", conditions=(Condition("Conflict", "True"),))
    assert watches.service_keys_of_export(old, judged, caches) == frozenset()
    assert {key.name for key in watches.profile_keys_of_export(old, judged, caches)} == {"myatm"}
    assert {key.name for key in watches.profile_keys_of_import(make_import(), None, caches)} == {"myatm"}


def test_a_verdict_on_an_export_wakes_the_profile_only_where_the_export_has_lost() -> None:
    caches = empty_caches()
    backend = make_backend()
    caches.backends.apply(Applied(Entry(backend.metadata.key, backend.metadata.uid, "1", backend)))
    new, agreeing, lost = (
        make_export("a", conditions=conditions)
        for conditions in ((), (Condition("Conflict", "False"),), (Condition("Conflict", "True"),))
    )

    assert watches.profile_keys_of_export(new, agreeing, caches) == frozenset()
    for old, now in ((new, lost), (lost, agreeing), (None, agreeing), (agreeing, None)):
        assert {key.name for key in watches.profile_keys_of_export(old, now, caches)} == {"myatm"}


@pytest.mark.parametrize(
    ("error", "label", "report"),
    [
        (Conflict("c", ""), "conflict", "silent"),
        (Throttled("c", "", retry_after=3.0), "throttled", "warning"),
        (Transient("c", ""), "transient", "warning"),
        (NameTaken("c", ""), "name_taken", "warning"),
        (Rejected("c", ""), "rejected", "warning"),
        (Forbidden("c", ""), "forbidden", "warning"),
        (KeyError("a bug"), "error", "traceback"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_an_error_means_for_its_key(error: Exception, label: str, report: str) -> None:
    verdict = classify(error)
    assert (verdict.label, verdict.report) == (label, report)
    assert (verdict.delay == 3.0) is isinstance(error, Throttled)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(Transient("ServiceUnavailable", "the API server is away"), id="it is away"),
        pytest.param(Forbidden("Forbidden", "may not patch"), id="it forbids"),
    ],
)
@pytest.mark.parametrize("verb", ["patch_status", "set_finalizers"])
async def test_a_hub_that_fails_a_write_gets_it_again_and_azure_is_not_blamed(verb: str, error: FleetDNSError) -> None:
    world = World()
    async with world.running():
        await asyncio.sleep(1)
        world.hub.fail(verb, error, times=2)
        roll_out(world)
        await asyncio.sleep(120)

        assert world.programmed() == ("True", "Programmed")
        assert world.accepted() == ("True", "Accepted")
        assert world.weights() == {"a": 50, "b": 50}
        assert "AzureAPIError" not in world.reasons()


async def test_a_finalizer_that_meets_somebody_elses_edit_is_set_again_in_silence() -> None:
    world = World()
    async with world.running() as process:
        await asyncio.sleep(1)
        world.hub.fail("set_finalizers", Conflict("Conflict", "the object has been modified"), times=2)
        roll_out(world)
        await asyncio.sleep(10)

        assert world.programmed() == ("True", "Programmed")
        assert {run.report for run in process.told.runs if run.error} == {"silent"}
        assert "AzureAPIError" not in world.reasons()


async def test_events_tell_what_happened_once() -> None:
    world = World()
    async with world.running():
        roll_out(world)
        await asyncio.sleep(200)
        world.hub.delete(TrafficManagerProfile, PROFILE_KEY)
        await asyncio.sleep(200)

        assert world.reasons().count("Programmed") == 1
        assert world.reasons().count("Accepted") == 1
        assert world.reasons().count("Deleted") == 1

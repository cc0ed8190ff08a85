"""A reconcile may be cut at any await, and the process with it: whoever runs next makes everything true."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from fleetdns.api.backend import CLEANUP_FINALIZER as BACKEND_FINALIZER
from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.conditions import Condition
from fleetdns.api.exports import CONFLICT, InternalServiceExport
from fleetdns.api.profile import CLEANUP_FINALIZER as PROFILE_FINALIZER
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.errors import Transient
from tests.controllers.alone import Alone
from tests.controllers.cut import Cut, CutAfter
from tests.controllers.world import PROFILE_KEY, SERVICE_KEY, World, condition, export_key, with_finalizer, with_ports
from tests.core.builders import NOW, make_backend, make_export, make_profile, public_ip

pytestmark = pytest.mark.thorough

Story = Callable[[World], None]


def rolled_out(world: World) -> None:
    world.hub.apply(make_profile(), make_backend(), make_export("a"), make_export("b"))


def nothing(world: World) -> None:
    """Where nothing was, nothing is."""


def joins(world: World) -> None:
    world.hub.apply(make_export("c"))


def moves(world: World) -> None:
    world.hub.apply(make_export("a", target=public_ip("moved")))


def changes_everything(world: World) -> None:
    world.hub.apply(make_profile(ttl=5), make_backend(weight=7), make_backend("api"), make_export("a", service="api"))
    world.hub.delete(InternalServiceExport, export_key("b"))


def has_a_bad_endpoint(world: World) -> None:
    world.azure.bad_targets.add(public_ip("c-app").lower())
    world.hub.apply(make_export("c"), make_export("d"))


def loses_its_backend(world: World) -> None:
    world.hub.delete(TrafficManagerBackend, make_backend().metadata.key)


def goes(world: World) -> None:
    world.hub.delete(TrafficManagerProfile, PROFILE_KEY)


STORIES = [
    pytest.param(nothing, rolled_out, id="a first rollout"),
    pytest.param(rolled_out, joins, id="a cluster joins"),
    pytest.param(rolled_out, moves, id="an endpoint moves"),
    pytest.param(rolled_out, changes_everything, id="everything changes"),
    pytest.param(rolled_out, has_a_bad_endpoint, id="one endpoint is refused"),
    pytest.param(rolled_out, loses_its_backend, id="the backend goes"),
    pytest.param(rolled_out, goes, id="the profile goes"),
]


async def settled(alone: Alone) -> None:
    """Reconcile both keys until nothing more is asked for."""
    for _ in range(12):
        for look in (alone.resolution.reconcile(SERVICE_KEY), alone.profiles.reconcile(PROFILE_KEY)):
            try:
                await look
            except Transient:
                continue
        await asyncio.sleep(0.3)


def facts(world: World) -> object:
    """Everything that has to come out the same, however it was reached."""
    profiles = {
        folded: (p.ttl, p.tags, sorted((e.folded, e.folded_target, e.weight) for e in p.endpoints))
        for folded, p in world.azure.profiles.items()
    }
    return profiles, _of_profile(world.hub.get(TrafficManagerProfile, PROFILE_KEY)), _of_backend(world)


def _of_profile(held: TrafficManagerProfile | None) -> object:
    if held is None:
        return None
    status = held.status
    known = (status.dns_name, status.resource_id, status.endpoints, status.observed_generation)
    return held.metadata.finalizers, known, _states(status.conditions)


def _of_backend(world: World) -> object:
    held = world.hub.get(TrafficManagerBackend, make_backend().metadata.key)
    if held is None:
        return None
    rejected = [(r.cluster, r.reason) for r in held.status.rejected]
    return held.metadata.finalizers, held.status.endpoints, rejected, _states(held.status.conditions)


def _states(conditions: tuple[Condition, ...]) -> list[tuple[str, str, str]]:
    return [(found.type, found.status, found.reason) for found in conditions]


async def told(before: Story, story: Story) -> World:
    """The same story without a cut."""
    world = World(latency=0)
    before(world)
    await settled(await Alone.start(world))
    story(world)
    await settled(await Alone.start(world))
    return world


@pytest.mark.looptime
@pytest.mark.parametrize("dies", [False, True], ids=["the same process runs again", "another process takes over"])
@pytest.mark.parametrize(("before", "story"), STORIES)
async def test_cut_at_any_await_and_run_again_it_converges(before: Story, story: Story, dies: bool) -> None:
    expected = facts(await told(before, story))
    cuts = 0
    for waits in range(500):
        world = World(latency=0)
        before(world)
        await settled(await Alone.start(world))
        alone = await Alone.start(world)
        story(world)
        await alone.resolution.reconcile(SERVICE_KEY)
        if not world.azure.profiles:
            await alone.profiles.reconcile(PROFILE_KEY)  # a new profile settles before it is written, an import too
            await asyncio.sleep(0.3)
            await alone.resolution.reconcile(SERVICE_KEY)
        try:
            await CutAfter(alone.profiles.reconcile(PROFILE_KEY), waits)
        except Cut:
            cuts += 1
        else:
            break
        await settled(await Alone.start(world) if dies else alone)
        assert facts(world) == expected, f"after a cut at wait {waits}"
    assert cuts > 0


@pytest.mark.looptime
async def test_a_write_that_was_cut_is_looked_at_before_it_is_repeated() -> None:
    for waits in range(500):
        world = World(latency=0)
        rolled_out(world)
        await settled(await Alone.start(world))
        alone = await Alone.start(world)
        moves(world)
        try:
            await CutAfter(alone.profiles.reconcile(PROFILE_KEY), waits)
        except Cut:
            if world.azure.operations()[-1] != "put_endpoint":
                continue
            before = len(world.azure.calls)
            await settled(alone)
            assert world.azure.operations(since=before)[:1] in ([], ["get"])
            moved = [e.target_resource_id for e in world.azure.only.endpoints]
            assert public_ip("moved") in moved
        else:
            return
    raise AssertionError("it never ends")


@pytest.mark.looptime
async def test_no_cut_leaves_something_in_azure_without_a_finalizer() -> None:
    for waits in range(500):
        world = World(latency=0)
        alone = await Alone.start(world)
        rolled_out(world)
        await alone.resolution.reconcile(SERVICE_KEY)
        await alone.profiles.reconcile(PROFILE_KEY)
        await asyncio.sleep(0.3)
        await alone.resolution.reconcile(SERVICE_KEY)
        try:
            await CutAfter(alone.profiles.reconcile(PROFILE_KEY), waits)
        except Cut:
            if world.azure.profiles:
                assert PROFILE_FINALIZER in world.profile().metadata.finalizers
                assert BACKEND_FINALIZER in world.backend().metadata.finalizers
        else:
            assert world.weights() == {"a": 50, "b": 50}
            return
    raise AssertionError("it never ends")


@pytest.mark.looptime
@pytest.mark.parametrize(("before", "story"), STORIES)
async def test_any_one_call_that_fails_before_or_after_it_took_effect_is_made_good(before: Story, story: Story) -> None:
    expected = facts(await told(before, story))
    operations = ("get", "put_profile", "patch_profile", "put_endpoint", "delete_endpoint", "delete_profile")
    for operation in operations:
        for is_after_commit in (False, True):
            world = World(latency=0)
            before(world)
            await settled(await Alone.start(world))
            alone = await Alone.start(world)
            story(world)
            world.azure.fail(operation, Transient("Timeout", "..."), is_after_commit=is_after_commit)
            await settled(alone)
            assert facts(world) == expected, (operation, is_after_commit)


@pytest.mark.looptime
@pytest.mark.parametrize("dies", [False, True], ids=["the same process runs again", "another process takes over"])
async def test_a_resolution_that_is_cut_anywhere_tells_everybody_once_and_lets_go_who_leaves(dies: bool) -> None:
    cuts = 0
    for waits in range(500):
        world = World()
        world.hub.apply(with_finalizer(make_export("a")), with_finalizer(make_export("b")))
        await settled(await Alone.start(world))
        alone = await Alone.start(world)
        world.hub.delete(InternalServiceExport, export_key("b"))
        world.hub.apply(make_export("c"), with_ports(make_export("d", exported_since=NOW), 8080))
        before = len(world.hub.writes)
        running = asyncio.create_task(alone.resolution.reconcile(SERVICE_KEY))
        for _ in range(waits):
            await asyncio.sleep(0)
        if running.done():
            break
        cuts += 1
        running.cancel()
        await asyncio.wait([running])
        await settled(await Alone.start(world) if dies else alone)

        held = world.service_import()
        assert held is not None
        assert [ref.cluster for ref in held.status.clusters] == ["a", "c"]
        verdicts = {c: condition(world.export(c).status.conditions, CONFLICT).status for c in "acd"}
        assert verdicts == {"a": "False", "c": "False", "d": "True"}
        assert not world.hub.holds(InternalServiceExport, export_key("b"))
        writes = world.hub.writes[before:]
        assert {write: writes.count(write) for write in writes if writes.count(write) > 2} == {}
    assert cuts > 3

"""What a preview says is what a controller that starts then does, to the call; and a preview does nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import combinations

import msgspec
import pytest
from msgspec import structs

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.clusters import Namespace
from fleetdns.api.exports import InternalServiceExport, ServiceImport
from fleetdns.api.meta import DRAIN, ObjectKey
from fleetdns.api.profile import ADOPT, ALLOW_EMPTY, PAUSED, TrafficManagerProfile
from fleetdns.controllers.index import AzureIndex
from fleetdns.controllers.listing import list_azure
from fleetdns.controllers.outcomes import OverrideOutcomes
from fleetdns.controllers.overrideswitch import OverrideSwitch
from fleetdns.controllers.preview import Preview
from fleetdns.controllers.snapshot import snapshot
from fleetdns.core.calls import Call, DeleteEndpoint, DeleteProfile, PatchProfile, PutEndpoint, PutProfile
from fleetdns.core.overrides import AUTO
from fleetdns.core.preview import ProfilePreview
from fleetdns.errors import FleetDNSError, Forbidden, Transient
from tests.controllers.world import PROFILE_KEY, World, with_ports
from tests.core.builders import (
    NAMESPACE,
    SERVICE,
    make_backend,
    make_export,
    make_foreign_endpoint,
    make_meta,
    make_naming,
    make_profile,
    public_ip,
)
from tests.core.override_builders import delete, make_override

pytestmark = pytest.mark.looptime

_OPERATIONS: dict[type, str] = {
    PutProfile: "put_profile",
    PatchProfile: "patch_profile",
    DeleteProfile: "delete_profile",
    PutEndpoint: "put_endpoint",
    DeleteEndpoint: "delete_endpoint",
}


async def previewed(world: World, *, resolves_exports: bool = True) -> tuple[ProfilePreview, ...]:
    """What a freshly started controller would do."""
    caches = await snapshot(world.hub)
    index = AzureIndex(world.azure, clock=asyncio.get_running_loop().time)
    await list_azure(caches, index, world.settings.naming)
    switch = OverrideSwitch(AUTO, world.hub, interval=60.0)
    await switch.look()
    preview = Preview(
        caches,
        index,
        outcomes=OverrideOutcomes(caches, switch),
        definitions=world.hub,
        settings=world.settings,
        resolves_exports=resolves_exports,
    )
    return await preview.every()


async def only(world: World) -> ProfilePreview:
    (found,) = await previewed(world)
    return found


def written(call: Call) -> tuple[str, str]:
    return (
        _OPERATIONS[type(call)],
        call.endpoint.folded if isinstance(call, PutEndpoint | DeleteEndpoint) else call.ref.folded,
    )


def reasons(profile: ProfilePreview) -> set[str]:
    return {kept.reason for kept in profile.kept}


def annotate(world: World, **annotations: str) -> None:
    profile = world.profile()
    metadata = msgspec.structs.replace(profile.metadata, annotations=annotations)
    world.hub.apply(msgspec.structs.replace(profile, metadata=metadata))


def weigh(world: World, cluster: str, weight: int) -> None:
    export = world.export(cluster)
    world.hub.apply(msgspec.structs.replace(export, spec=msgspec.structs.replace(export.spec, weight=weight)))


def edit_ttl(world: World) -> None:
    world.hub.apply(make_profile(ttl=30))


def tamper_twice(world: World) -> None:
    for endpoint in world.azure.only.endpoints[:2]:
        world.azure.tamper_endpoint(endpoint.name, lambda e: structs.replace(e, weight=900))


def drain(world: World, *clusters: str) -> None:
    for cluster in clusters:
        metadata = make_meta(f"fleet-member-{cluster}", namespace="", kind="ns", annotations={DRAIN: "true"})
        world.hub.apply(Namespace(metadata=metadata))


def vanish_and_be_meant(world: World) -> None:
    world.lose("a", "b", "c")
    backend = world.backend()
    metadata = msgspec.structs.replace(backend.metadata, annotations={ALLOW_EMPTY: "true"})
    world.hub.apply(msgspec.structs.replace(backend, metadata=metadata))


def lose_the_object(world: World) -> None:
    """A hub restored from a backup: the same objects with other uids and without status."""
    world.hub.remove(TrafficManagerProfile, PROFILE_KEY)
    world.hub.remove(TrafficManagerBackend, ObjectKey(NAMESPACE, SERVICE))
    world.hub.apply(make_profile(uid="11111111-2222-4333-8444-555555555555"))
    world.hub.apply(make_backend(uid="21111111-2222-4333-8444-555555555555"))


# A profile with the clusters a, b and c that is as it ought to be, and then something happens while nobody runs.
MEANWHILE: dict[str, tuple[Callable[[World], object], ...]] = {
    "nothing": (),
    "a weight is changed": (lambda world: weigh(world, "a", 5),),
    "an export cannot be read any more": (lambda world: world.hub.garble(world.export("a")),),
    "somebody changes two weights in Azure": (tamper_twice,),
    "somebody adds an endpoint in Azure": (
        lambda world: world.azure.tamper(lambda profile: profile.with_endpoint(make_foreign_endpoint(priority=50))),
    ),
    "one cluster joins": (lambda world: world.hub.apply(make_export("d")),),
    "two clusters join": (lambda world: world.hub.apply(make_export("d"), make_export("e")),),
    "a cluster without a public IP joins": (lambda world: world.hub.apply(make_export("d", target=None)),),
    "a cluster with other ports joins": (lambda world: world.hub.apply(with_ports(make_export("d"), 81)),),
    "a cluster withdraws": (lambda world: world.withdraw("a"),),
    "one of three exports vanishes": (lambda world: world.lose("a"),),
    "two of three exports vanish": (lambda world: world.lose("a", "b"),),
    "all vanish, and somebody means it": (vanish_and_be_meant,),
    "the TTL is changed": (edit_ttl,),
    "somebody deletes the profile in Azure": (lambda world: world.azure.profiles.clear(),),
    "the import is lost": (lambda world: world.hub.remove(ServiceImport, ObjectKey(NAMESPACE, SERVICE)),),
    "the profile is paused and a cluster joins": (
        lambda world: annotate(world, **{PAUSED: "true"}),
        lambda world: world.hub.apply(make_export("d")),
    ),
    "a cluster is drained": (lambda world: drain(world, "a"),),
    "the profile is deleted": (lambda world: world.hub.delete(TrafficManagerProfile, PROFILE_KEY),),
    "the profile is deleted while it is paused": (
        lambda world: annotate(world, **{PAUSED: "true"}),
        lambda world: world.hub.delete(TrafficManagerProfile, PROFILE_KEY),
    ),
    "the backend is deleted": (lambda world: world.hub.delete(TrafficManagerBackend, ObjectKey(NAMESPACE, SERVICE)),),
    "the backend is deleted with its definition": (
        lambda world: world.hub.delete(TrafficManagerBackend, ObjectKey(NAMESPACE, SERVICE)),
        lambda world: world.hub.leaving_kinds.add("trafficmanagerbackends"),
    ),
    "the profile is deleted with its definition": (
        lambda world: world.hub.delete(TrafficManagerProfile, PROFILE_KEY),
        lambda world: world.hub.leaving_kinds.add("trafficmanagerprofiles"),
    ),
    "the profile cannot be read any more": (lambda world: world.hub.garble(world.profile()),),
    "the hub is restored from a backup": (lose_the_object,),
    "an override leaves a cluster out": (lambda world: world.hub.apply(make_override("out", delete())),),
    "a second profile is made": (
        lambda world: world.hub.apply(make_profile("other"), make_backend("more", profile="other", service=SERVICE)),
    ),
    "every cluster is drained": (lambda world: drain(world, "a", "b", "c"),),
    "a public IP passes to another cluster": (
        lambda world: world.withdraw("a"),
        lambda world: world.hub.apply(make_export("d", target=public_ip("a-app"))),
    ),
}
# What takes the export of a away does not go together.
TAKEN = frozenset(
    {
        "a cluster withdraws",
        "one of three exports vanishes",
        "two of three exports vanish",
        "all vanish, and somebody means it",
        "a public IP passes to another cluster",
    }
)
PAIRS = [pair for pair in combinations(MEANWHILE, 2) if not TAKEN.issuperset(pair)]


@pytest.mark.parametrize("meanwhile", MEANWHILE.values(), ids=MEANWHILE.keys())
async def test_a_controller_that_starts_makes_the_calls_that_were_told(
    meanwhile: tuple[Callable[[World], object], ...],
) -> None:
    await told_as_made(meanwhile)


@pytest.mark.thorough
@pytest.mark.parametrize("pair", PAIRS, ids=" + ".join)
async def test_whatever_two_things_come_together_the_calls_that_were_told_are_made(pair: tuple[str, str]) -> None:
    await told_as_made([happens for name in pair for happens in MEANWHILE[name]])


async def told_as_made(meanwhile: Iterable[Callable[[World], object]]) -> None:
    """Things happen while nobody runs; then somebody looks, and after that a controller starts."""
    world = World()
    world.hub.apply(make_profile(), make_backend(), *(make_export(cluster) for cluster in "abc"))
    async with world.running():
        await asyncio.sleep(10)
    for happens in meanwhile:
        happens(world)
    hub, azure, called = world.hub.version, dict(world.azure.profiles), len(world.azure.calls)
    told = [step.call for profile in await previewed(world) for step in profile.steps]
    assert world.azure.writes(since=called) == []
    assert (world.hub.version, world.azure.profiles) == (hub, azure)
    called = len(world.azure.calls)
    async with world.running():
        await asyncio.sleep(12)
    made = [(c.operation, c.subject) for c in world.azure.calls[called:] if c.operation in _OPERATIONS.values()]
    assert sorted(made) == sorted(map(written, told))


async def test_what_comes_of_a_call_is_told_with_what_it_waits_for() -> None:
    world = World()
    world.hub.apply(make_profile(), make_backend(), make_export("a"), make_export("b"))
    async with world.running():
        await asyncio.sleep(10)
    edit_ttl(world)
    drain(world, "a", "b")
    world.hub.apply(make_export("c"))
    found = await only(world)
    assert [(type(step.call), step.then) for step in found.steps] == [
        (PutProfile, ""),
        (PutProfile, "once exports are resolved"),
        (PutProfile, "once that is done"),
    ]
    clusters = [call.profile.endpoints for call in (s.call for s in found.steps) if isinstance(call, PutProfile)]
    assert [sorted(e.owner.cluster for e in endpoints if e.owner) for endpoints in clusters] == [
        ["a"],
        ["a", "c"],
        ["c"],
    ]


async def test_what_is_resolved_already_is_not_said_to_be_waited_for() -> None:
    world = World()
    world.hub.apply(make_profile(), make_backend(), make_export("a"), make_export("b", weight=0))
    async with world.running():
        await asyncio.sleep(10)
    weigh(world, "b", 7)
    export = world.export("b")
    metadata = structs.replace(export.metadata, generation=2)
    world.hub.apply(structs.replace(export, metadata=metadata))
    drain(world, "a")
    found = await only(world)
    assert [step.then for step in found.steps] == ["", "once that is done"]


async def test_what_a_vanished_export_leaves_goes_three_seconds_later_than_what_is_changed_at_once() -> None:
    world = World()
    world.hub.apply(make_profile(), make_backend(), *(make_export(cluster) for cluster in "abc"))
    async with world.running():
        await asyncio.sleep(10)
    edit_ttl(world)
    world.lose("a")
    found = await only(world)
    assert [(type(step.call), step.then) for step in found.steps] == [
        (PatchProfile, ""),
        (PutProfile, "3 s later, if what is missed has not come back"),
    ]


async def test_an_endpoint_that_azure_refused_is_held_and_tried_once_more_alone() -> None:
    world = World()
    world.azure.bad_targets.add(public_ip("b-app").lower())
    world.hub.apply(make_profile(), make_backend(), make_export("a"), make_export("b"))
    async with world.running():
        await asyncio.sleep(10)
    found = await only(world)
    assert reasons(found) == {"Refused"}
    called = len(world.azure.calls)
    async with world.running():
        await asyncio.sleep(5)
    made = [(c.operation, c.subject) for c in world.azure.calls[called:] if c.operation in _OPERATIONS.values()]
    assert [name for name, _ in made] == ["put_endpoint"]
    assert made == [written(step.call) for step in found.steps]


async def test_a_first_start_is_one_put_with_the_weights_that_come_of_it() -> None:
    world = World()
    world.hub.apply(make_profile(), make_backend(), make_export("a", weight=1), make_export("b", weight=3))
    found = await only(world)
    (step,) = found.steps
    assert isinstance(step.call, PutProfile)
    assert {e.owner.cluster: e.weight for e in step.call.profile.endpoints if e.owner} == {"a": 25, "b": 75}
    assert len(step.changes) == 3
    assert world.hub.writes == []


async def test_where_others_resolve_exports_their_imports_are_waited_for() -> None:
    world = World()
    world.hub.apply(make_profile(), make_backend(), make_export("a"))
    (found,) = await previewed(world, resolves_exports=False)
    (step,) = found.steps
    assert isinstance(step.call, PutProfile)
    assert step.call.profile.endpoints == ()


async def test_what_is_held_is_no_call_and_says_why() -> None:
    world = World()
    world.hub.apply(make_profile(), make_backend(), *(make_export(cluster) for cluster in "abc"))
    async with world.running():
        await asyncio.sleep(10)
    world.lose("a", "b", "c")
    found = await only(world)
    assert found.steps == ()
    assert reasons(found) == {"RemovalHeld"}
    annotate(world, **{PAUSED: "true"})
    world.hub.apply(make_export("a"), make_export("b"), make_export("c", weight=4))
    found = await only(world)
    assert found.steps == ()
    assert reasons(found) == {"Paused"}
    assert {kept.change.partition(" ")[0] for kept in found.kept} == {"weight"}


async def test_an_export_that_is_no_endpoint_is_told_of_with_its_reason() -> None:
    world = World()
    world.hub.apply(make_profile(), make_backend(), make_export("a"), make_export("b", has_dns_label=False))
    found = await only(world)
    assert [(rejection.cluster, rejection.reason) for rejection in found.rejected] == [("b", "DNSLabelMissing")]


@pytest.mark.parametrize(
    ("annotations", "group", "says"),
    [
        pytest.param({}, None, "no resource group", id="no group"),
        pytest.param({}, "elsewhere", "not allowed", id="a group that is not allowed"),
        pytest.param({ADOPT: "nonsense"}, "fleet-rg", ADOPT, id="an adoption that names nothing"),
    ],
)
async def test_a_profile_that_cannot_be_identified_says_why(
    annotations: dict[str, str], group: str | None, says: str
) -> None:
    world = World(naming=make_naming(resource_group=None, allowed=[("", "fleet-rg")]))
    world.hub.apply(make_profile(annotations=annotations, resource_group=group))
    found = await only(world)
    assert (found.steps, found.ref) == ((), None)
    assert says in (found.problem or "")


async def test_a_profile_of_somebody_else_under_our_name_is_left_alone() -> None:
    world = World()
    world.hub.apply(make_profile(), make_backend(), make_export("a"))
    async with world.running():
        await asyncio.sleep(10)
    world.azure.tamper(lambda profile: replace(profile, tags=(("fleetdns.hub", "another"),)))
    found = await only(world)
    assert found.steps == ()
    assert "belongs to hub 'another'" in (found.problem or "")


async def test_where_only_groups_may_be_read_those_that_are_known_are_listed() -> None:
    world = World(naming=make_naming(allowed=[("", "fleet-rg"), ("", "closed")]))
    world.azure.is_subscription_listable = False
    world.azure.forbidden_groups.add("closed")
    index = AzureIndex(world.azure, clock=asyncio.get_running_loop().time)
    seen = await list_azure(await snapshot(world.hub), index, world.settings.naming)
    ((group, because),) = seen.refused
    assert (seen.is_whole, group, seen.blind) == (False, "closed", None)
    assert because.startswith("AuthorizationFailed: ")


async def test_a_group_that_does_not_answer_is_the_answer_where_only_groups_may_be_read() -> None:
    world = World(naming=make_naming(allowed=[("", "fleet-rg")]))
    world.azure.is_subscription_listable = False
    world.azure.fail("list_group", Transient("ServiceUnavailable", "down"))
    index = AzureIndex(world.azure, clock=asyncio.get_running_loop().time)
    with pytest.raises(Transient):
        await list_azure(await snapshot(world.hub), index, world.settings.naming)


async def test_a_profile_in_a_group_that_may_not_be_read_keeps_no_other_from_its_plan() -> None:
    world = World()
    world.azure.forbidden_groups.add("closed")
    world.hub.apply(make_profile(), make_backend(), make_export("a"), make_profile("other", resource_group="closed"))
    open_one, closed = await previewed(world)
    assert (open_one.key.name, len(open_one.steps)) == ("myatm", 1)
    assert (closed.key.name, closed.steps) == ("other", ())
    assert "resource group closed may not be read: AuthorizationFailed" in (closed.problem or "")


async def test_where_no_group_may_be_read_that_is_told_with_the_reason() -> None:
    world = World(naming=make_naming(resource_group="closed", allowed=[("", "closed")]))
    world.azure.is_subscription_listable = False
    world.azure.forbidden_groups.add("closed")
    index = AzureIndex(world.azure, clock=asyncio.get_running_loop().time)
    seen = await list_azure(await snapshot(world.hub), index, world.settings.naming)
    assert isinstance(seen.blind, Forbidden)


async def test_where_no_group_is_known_and_the_subscription_may_not_be_read_that_is_told() -> None:
    world = World(naming=make_naming(resource_group=None))
    world.azure.is_subscription_listable = False
    index = AzureIndex(world.azure, clock=asyncio.get_running_loop().time)
    seen = await list_azure(await snapshot(world.hub), index, world.settings.naming)
    assert isinstance(seen.blind, Forbidden)
    assert seen.refused == ()


@pytest.mark.parametrize(
    "error",
    [Transient("Timeout", "no answer"), Forbidden("AuthorizationFailed", "no right")],
    ids=["silent", "refused"],
)
async def test_an_azure_that_does_not_answer_is_the_answer(error: FleetDNSError) -> None:
    world = World()
    world.hub.apply(make_profile(), make_backend(), make_export("a"))
    world.azure.down = error
    with pytest.raises(type(error)):
        await previewed(world)


async def test_a_kind_that_the_hub_does_not_serve_is_the_answer() -> None:
    world = World()
    world.hub.absent.add(InternalServiceExport)
    with pytest.raises(FleetDNSError) as raised:
        await snapshot(world.hub)
    assert "internalserviceexports" in raised.value.sentence

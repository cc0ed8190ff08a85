"""ResourceOverrides reach the exports of a service before its import does, and what people change reaches them too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager

import msgspec
import pytest

from fleetdns.api.clusters import MemberCluster, Namespace
from fleetdns.api.exports import InternalServiceExport
from fleetdns.api.meta import ObjectKey, ObjectMeta
from fleetdns.api.overrides import ResourceOverride
from fleetdns.controllers import watches
from fleetdns.controllers.ports import HubObject
from fleetdns.core.calls import PutEndpoint, PutProfile
from fleetdns.core.events import NORMAL, WARNING
from fleetdns.core.overrides import AUTO, OFF, ON
from fleetdns.core.trafficmanager import Endpoint, Profile
from fleetdns.errors import Forbidden, Transient
from fleetdns.runtime.events import Applied
from fleetdns.runtime.listwatch import Entry
from tests.controllers.alone import Alone
from tests.controllers.fake_azure import FakeTrafficManager
from tests.controllers.fake_hub import FakeHub, Stored
from tests.controllers.world import SERVICE_KEY, SWEEP, World, empty_caches, export_key
from tests.core.builders import NAMESPACE, make_backend, make_export, make_meta, make_profile
from tests.core.override_builders import Rule, delete, label, make_override, patch, rule, weight

pytestmark = pytest.mark.looptime

DNS_LABEL, WEIGHT, EXCLUDED = "fleetdns.io/dns-label", "fleetdns.io/weight", "fleetdns.io/excluded"
APP = label("app-${MEMBER-CLUSTER-NAME}")
TEST = {"env": "test"}


def override(*rules: Rule, name: str = "app", namespace: str = NAMESPACE) -> ResourceOverride:
    return make_override(name, *rules, namespace=namespace)


def member_namespace(cluster: str, **labels: str) -> Namespace:
    return Namespace(ObjectMeta(name=f"fleet-member-{cluster}", uid=f"namespace-{cluster}", labels=labels))


def member_cluster(cluster: str, **labels: str) -> MemberCluster:
    return MemberCluster(ObjectMeta(name=cluster, uid=f"member-{cluster}", labels=labels))


def annotated(world: World, cluster: str = "a") -> Mapping[str, str]:
    return world.export(cluster).metadata.annotations


def written(world: World) -> int:
    """How many times an export was annotated."""
    return sum(write.startswith("set_annotations") for write in world.hub.writes)


def told(world: World) -> list[tuple[str, str, str]]:
    """The events on overrides: which, their types and reasons."""
    reasons = {"OverrideIgnored", "OverrideOverruled", "DNSLabelShared"}
    return [(key.name, event.type, event.reason) for key, event in world.hub.events if event.reason in reasons]


class Remembering(FakeTrafficManager):
    """An Azure that remembers which clusters have ever served."""

    def __init__(self) -> None:
        super().__init__(latency=0.01)
        self.served: set[str] = set()

    async def put_profile(self, call: PutProfile) -> Profile:
        answer = await super().put_profile(call)
        self._look()
        return answer

    async def put_endpoint(self, call: PutEndpoint) -> Endpoint:
        answer = await super().put_endpoint(call)
        self._look()
        return answer

    def _look(self) -> None:
        self.served |= {e.owner.cluster for p in self.profiles.values() for e in p.endpoints if e.owner}


class Refusing(FakeHub):
    """A hub that lets nobody annotate the exports of one namespace."""

    def __init__(self, refuses: str) -> None:
        super().__init__()
        self.refuses = refuses

    async def set_annotations(self, obj: HubObject, annotations: Mapping[str, str | None]) -> None:
        if obj.metadata.namespace == self.refuses:
            raise Forbidden("Forbidden", "no right")
        await super().set_annotations(obj, annotations)


class LateExports(FakeHub):
    """A hub whose watch of exports lags behind that of imports, at least with what is written on them."""

    @asynccontextmanager
    async def follow(self, kind: type, version: int | None, seconds: float) -> AsyncIterator[AsyncIterator[bytes]]:
        async with super().follow(kind, version, seconds) as lines:
            yield _late(lines) if kind is InternalServiceExport else lines


async def _late(lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for line in lines:
        await asyncio.sleep(0.5 if b"MODIFIED" in line else 0)
        yield line


# A label, from its first day to its last


async def test_a_label_comes_changes_and_goes_with_the_override_that_gives_it() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_export("a", annotations={"somebody": "else's"}), make_export("b"))
        await asyncio.sleep(1)
        world.hub.apply(override(APP))
        await asyncio.sleep(1)
        assert annotated(world, "a") == {"somebody": "else's", DNS_LABEL: "app-a"}
        assert annotated(world, "b") == {DNS_LABEL: "app-b"}
        world.hub.apply(override(label("web-${MEMBER-CLUSTER-NAME}")))
        await asyncio.sleep(1)
        assert annotated(world, "a") == {"somebody": "else's", DNS_LABEL: "web-a"}
        world.hub.delete(ResourceOverride, ObjectKey(NAMESPACE, "app"))
        await asyncio.sleep(1)
        assert annotated(world, "a") == {"somebody": "else's"}
        assert annotated(world, "b") == {}
        assert written(world) == 6, "one patch for each change of each export"


async def test_a_new_cluster_and_one_that_lost_its_annotations_get_what_the_others_have() -> None:
    world = World()
    async with world.running():
        world.hub.apply(override(APP, weight(5)), make_export("a"))
        await asyncio.sleep(1)
        world.hub.apply(make_export("b"))
        await asyncio.sleep(1)
        assert annotated(world, "b") == {DNS_LABEL: "app-b", WEIGHT: "5"}
        world.hub.apply(make_export("a"))  # somebody writes it anew without them
        await asyncio.sleep(1)
        assert annotated(world, "a") == {DNS_LABEL: "app-a", WEIGHT: "5"}


async def test_a_restart_in_between_changes_nothing_and_misses_nothing() -> None:
    world = World()
    async with world.running():
        world.hub.apply(override(APP), make_export("a"), make_export("b"))
        await asyncio.sleep(1)
    before = written(world)
    async with world.running():
        await asyncio.sleep(1)
        assert written(world) == before
    world.hub.apply(override(label("web-${MEMBER-CLUSTER-NAME}")))
    world.hub.apply(make_export("c"))
    async with world.running():
        await asyncio.sleep(1)
        assert [annotated(world, c)[DNS_LABEL] for c in "abc"] == ["web-a", "web-b", "web-c"]


async def test_an_override_of_another_service_or_namespace_touches_nothing() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_export("a"), make_override("x", APP, service="other"), override(APP, namespace="play"))
        await asyncio.sleep(1)
        assert written(world) == 0


async def test_an_override_that_turns_to_another_service_lets_the_former_one_go() -> None:
    world = World()
    async with world.running():
        world.hub.apply(override(APP), make_export("a"), make_export("a", service="api"))
        await asyncio.sleep(1)
        world.hub.apply(make_override("app", APP, service="api"))
        await asyncio.sleep(1)
        assert annotated(world) == {}
        assert world.export("a", "api").metadata.annotations == {DNS_LABEL: "app-a"}


async def test_exports_that_leave_or_that_another_cluster_forged_are_not_written() -> None:
    world = World()
    forged = make_export("a", member_namespace="fleet-member-thief")
    leaving = msgspec.structs.replace(make_export("b"), metadata=_held_back(make_export("b").metadata))
    async with world.running():
        world.hub.apply(forged, leaving)
        world.hub.delete(InternalServiceExport, export_key("b"))
        world.hub.apply(override(APP))
        await asyncio.sleep(1)
        assert written(world) == 0


def _held_back(metadata: ObjectMeta) -> ObjectMeta:
    """A finalizer of somebody else's keeps it when it is deleted."""
    return msgspec.structs.replace(metadata, finalizers=("somebody.else/holds",))


# Who serves, and how much


async def test_a_cluster_that_is_excluded_leaves_dns_and_comes_back_and_its_export_stays() -> None:
    world = World()
    async with world.running():
        world.hub.apply(
            make_profile(), make_backend(), make_export("a"), make_export("b"), member_namespace("b", **TEST)
        )
        await asyncio.sleep(10)
        assert world.weights() == {"a": 50, "b": 50}
        world.hub.apply(override(delete(where=TEST)))
        await asyncio.sleep(10)
        assert world.weights() == {"a": 100}
        assert annotated(world, "b") == {EXCLUDED: "true"}
        assert annotated(world, "a") == {}
        world.hub.apply(override(APP))
        await asyncio.sleep(10)
        assert world.weights() == {"a": 50, "b": 50}


@pytest.mark.parametrize("left_out", [delete(where=TEST), weight(0, where=TEST)], ids=["excluded", "no weight"])
@pytest.mark.parametrize("comes", ["with the others", "later", "after a restart"])
async def test_a_cluster_that_is_left_out_never_serves_for_a_moment(left_out: Rule, comes: str) -> None:
    world = World()
    world.hub, world.azure = LateExports(), (azure := Remembering())
    world.hub.apply(make_profile(), make_backend(), override(left_out), member_namespace("b", **TEST), make_export("a"))
    async with world.running():
        if comes != "with the others":
            await asyncio.sleep(10)
        if comes != "after a restart":
            world.hub.apply(make_export("b"))
        await asyncio.sleep(10)
    if comes == "after a restart":
        world.hub.apply(make_export("b"))
    async with world.running():
        await asyncio.sleep(20)
        assert world.weights() == {"a": 100}
        assert azure.served == {"a"}


@pytest.mark.parametrize("left_out", [delete(where=TEST), weight(0, where=TEST)], ids=["excluded", "no weight"])
async def test_a_left_out_service_that_is_made_again_does_not_serve_until_its_new_export_is_annotated(
    left_out: Rule,
) -> None:
    """Its import still names the cluster then, and the new export says nothing yet."""
    world = World()
    world.hub, world.azure = LateExports(), (azure := Remembering())
    world.hub.apply(make_profile(), make_backend(), override(left_out), member_namespace("b", **TEST))
    async with world.running():
        world.hub.apply(make_export("a"), make_export("b"))
        await asyncio.sleep(20)
        for _ in range(3):
            world.hub.remove(InternalServiceExport, export_key("b"))
            world.hub.apply(make_export("b"))
            await asyncio.sleep(10)
        assert annotated(world, "b") != {}
        assert azure.served == {"a"}


async def test_an_overrides_weight_counts_before_the_members_own() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_profile(), make_backend(), make_export("a", weight=1), make_export("b", weight=9))
        world.hub.apply(override(weight("3", where=TEST)), member_namespace("a", **TEST))
        await asyncio.sleep(10)
        assert world.weights() == {"a": 25, "b": 75}
        world.hub.delete(ResourceOverride, ObjectKey(NAMESPACE, "app"))
        await asyncio.sleep(10)
        assert world.weights() == {"a": 10, "b": 90}


async def test_a_weight_that_is_none_cuts_nothing_and_says_so() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_profile(), make_backend(), make_export("a", weight=1), make_export("b", weight=3))
        world.hub.apply(override(weight("lots")))
        await asyncio.sleep(10)
        assert world.weights() == {"a": 25, "b": 75}
        assert told(world) == [("app", WARNING, "OverrideIgnored")]


# Several overrides, and what is said


async def test_two_overrides_apply_in_name_order_and_the_one_overruled_is_told_once() -> None:
    world = World()
    async with world.running():
        world.hub.apply(override(label("web-${MEMBER-CLUSTER-NAME}"), weight(5), name="first"))
        world.hub.apply(override(APP, name="second"), make_export("a"), make_export("b"))
        await asyncio.sleep(1)
        assert annotated(world) == {DNS_LABEL: "app-a", WEIGHT: "5"}
        for cluster in ("c", "d"):
            world.hub.apply(make_export(cluster))
            await asyncio.sleep(1)
        assert told(world) == [("first", NORMAL, "OverrideOverruled")]
        world.hub.delete(ResourceOverride, ObjectKey(NAMESPACE, "second"))
        await asyncio.sleep(1)
        assert annotated(world) == {DNS_LABEL: "web-a", WEIGHT: "5"}


async def test_what_is_ignored_is_told_once_for_all_services_and_again_by_another_process() -> None:
    world = World()
    both = make_override("app", rule(patch("/spec/type", "ClusterIP")))
    selectors = (*both.spec.resource_selectors, *make_override("x", service="api").spec.resource_selectors)
    both = msgspec.structs.replace(both, spec=msgspec.structs.replace(both.spec, resource_selectors=selectors))
    for life in (1, 2):
        async with world.running():
            world.hub.apply(both, make_export("a"), make_export("a", service="api"))
            await asyncio.sleep(1)
            world.hub.apply(make_export(f"b-{life}"))
            await asyncio.sleep(1)
            assert told(world) == [("app", WARNING, "OverrideIgnored")] * life


async def test_one_label_for_two_clusters_goes_to_both_and_names_them() -> None:
    world = World()
    async with world.running():
        world.hub.apply(override(label("web")), make_export("a"), make_export("b"))
        await asyncio.sleep(1)
        assert (annotated(world, "a"), annotated(world, "b")) == ({DNS_LABEL: "web"}, {DNS_LABEL: "web"})
        ((_, event),) = [(key, event) for key, event in world.hub.events if event.reason == "DNSLabelShared"]
        assert "clusters a and b" in event.message


# The clusters' labels


async def test_labels_of_a_member_namespace_choose_the_rules_and_a_change_of_them_chooses_anew() -> None:
    world = World()
    async with world.running():
        world.hub.apply(override(label("test", where=TEST)), make_export("a"), member_namespace("a"))
        await asyncio.sleep(1)
        assert annotated(world) == {}
        world.hub.apply(member_namespace("a", **TEST))
        await asyncio.sleep(1)
        assert annotated(world) == {DNS_LABEL: "test"}
        world.hub.apply(member_namespace("a", env="prod"))
        await asyncio.sleep(1)
        assert annotated(world) == {}


async def test_a_member_cluster_counts_before_the_namespace_from_the_day_its_kind_is_there() -> None:
    world = World()
    world.hub.absent.add(MemberCluster)
    async with world.running():
        world.hub.apply(override(label("test", where=TEST)), make_export("a"), member_namespace("a", **TEST))
        await asyncio.sleep(1)
        assert annotated(world) == {DNS_LABEL: "test"}
        world.hub.serve(MemberCluster)
        world.hub.apply(member_cluster("a", env="prod"))
        await asyncio.sleep(30)
        assert annotated(world) == {}
        world.hub.apply(member_cluster("a", **TEST))
        await asyncio.sleep(1)
        assert annotated(world) == {DNS_LABEL: "test"}
        world.hub.apply(member_cluster("a"))
        await asyncio.sleep(1)
        assert annotated(world) == {}
        world.hub.take_away(MemberCluster)
        await asyncio.sleep(60)
        assert annotated(world) == {DNS_LABEL: "test"}


async def test_a_hub_without_the_kind_works_and_finds_it_when_it_comes() -> None:
    world = World()
    world.hub.absent |= {MemberCluster, ResourceOverride}
    async with world.running() as process:
        world.hub.apply(make_profile(), make_backend(), make_export("a"))
        await asyncio.sleep(10)
        assert world.weights() == {"a": 100}
        assert all(informer.is_fresh(asyncio.get_running_loop().time()) for informer in process.controller.caches)
        world.hub.serve(ResourceOverride)
        world.hub.apply(override(APP))
        await asyncio.sleep(30)
        assert annotated(world) == {DNS_LABEL: "app-a"}


# What cannot be read


@pytest.mark.parametrize("hidden", ["override", "namespace", "member cluster"])
async def test_what_is_there_and_cannot_be_read_changes_nothing_until_it_can(hidden: str) -> None:
    """An unreadable namespace or override is no proof that a cluster is not left out."""
    world = World()
    objects: dict[str, Stored] = {
        "override": override(delete(where=TEST)),
        "namespace": member_namespace("a", **TEST),
        "member cluster": member_cluster("a", **TEST),
    }
    async with world.running():
        world.hub.apply(*objects.values(), make_export("a"), make_export("b"))
        await asyncio.sleep(1)
        assert annotated(world) == {EXCLUDED: "true"}
        world.hub.garble(objects[hidden])
        await asyncio.sleep(5)
        assert annotated(world) == {EXCLUDED: "true"}
        world.hub.mend(objects[hidden])
        world.hub.apply(override(label("free")))
        await asyncio.sleep(5)
        assert annotated(world) == {DNS_LABEL: "free"}


@pytest.mark.parametrize("hidden", ["namespace", "export"])
async def test_what_overrides_became_while_something_could_not_be_read_is_written_once_it_can(hidden: str) -> None:
    """The event that it can be read again is the only one that there will be: it differs in nothing."""
    world = World()
    async with world.running():
        world.hub.apply(override(APP), member_namespace("a"), make_export("a"))
        await asyncio.sleep(1)
        objects: dict[str, Stored] = {"namespace": member_namespace("a"), "export": world.export("a")}
        world.hub.garble(objects[hidden])
        await asyncio.sleep(1)
        world.hub.apply(override(label("web-${MEMBER-CLUSTER-NAME}")))
        await asyncio.sleep(1)
        world.hub.mend(objects[hidden])
        await asyncio.sleep(5)
        assert annotated(world) == {DNS_LABEL: "web-a"}
        world.hub.garble(objects[hidden])
        await asyncio.sleep(1)
        world.hub.delete(ResourceOverride, ObjectKey(NAMESPACE, "app"))
        await asyncio.sleep(1)
        world.hub.mend(objects[hidden])
        await asyncio.sleep(5)
        assert annotated(world) == {}


async def test_an_override_that_cannot_be_read_holds_up_the_others_of_its_namespace_for_no_longer() -> None:
    """No event tells of those others when it can be read again, or goes, which would show what they are to be."""
    world = World()
    garbled = make_override("garbled", APP, service="api")
    async with world.running() as process:
        world.hub.apply(garbled, make_export("a"), make_export("a", service="api"))
        await asyncio.sleep(1)
        world.hub.garble(garbled)
        await asyncio.sleep(1)
        world.hub.apply(override(APP))
        before = process.looks(controller="serviceexport")
        await asyncio.sleep(3600)
        assert annotated(world) == {}
        assert process.looks(controller="serviceexport") - before <= 250, "a look in half a minute for each service"
        world.hub.mend(garbled)
        await asyncio.sleep(60)
        assert annotated(world) == {DNS_LABEL: "app-a"}
        before = process.looks(controller="serviceexport")
        await asyncio.sleep(3600)
        assert process.looks(controller="serviceexport") == before


# Who applies them


async def test_where_kubefleet_places_workloads_it_applies_them() -> None:
    world = World()
    world.hub.has_placement = True
    async with world.running():
        world.hub.apply(override(APP), make_export("a"))
        await asyncio.sleep(3 * SWEEP)
        assert written(world) == 0
        assert world.service_import() is not None


async def test_kubefleet_that_comes_later_takes_over_and_nothing_moves_until_it_acts() -> None:
    world = World()
    async with world.running():
        world.hub.apply(
            make_profile(), make_backend(), make_export("a"), make_export("b"), member_namespace("b", **TEST)
        )
        world.hub.apply(override(delete(where=TEST), APP))
        await asyncio.sleep(10)
        world.hub.has_placement = True
        await asyncio.sleep(2 * SWEEP)
        before = written(world)
        world.hub.apply(override(label("other")))
        await asyncio.sleep(2 * SWEEP)
        assert written(world) == before
        assert world.weights() == {"a": 100}
        assert annotated(world) == {DNS_LABEL: "app-a"}
        world.hub.has_placement = False
        await asyncio.sleep(2 * SWEEP)
        assert world.weights() == {"a": 50, "b": 50}
        assert annotated(world) == {DNS_LABEL: "other"}


@pytest.mark.parametrize(
    ("mode", "has_placement", "applies"),
    [
        (AUTO, False, True),
        (AUTO, True, False),
        (ON, False, True),
        (ON, True, True),
        (OFF, False, False),
        (OFF, True, False),
    ],
)
async def test_the_flag_decides_before_what_is_found(mode: str, has_placement: bool, applies: bool) -> None:
    world = World()
    world.hub.has_placement = has_placement
    async with world.running(resource_overrides=mode):
        world.hub.apply(override(APP), make_export("a"))
        await asyncio.sleep(1)
        assert annotated(world) == ({DNS_LABEL: "app-a"} if applies else {})


async def test_while_nobody_knows_who_applies_them_nothing_is_written_and_imports_are_made_all_the_same() -> None:
    world = World()
    world.hub.fail("places_workloads", Transient("Timeout", "..."), times=4)
    async with world.running():
        world.hub.apply(override(APP), make_export("a"))
        await asyncio.sleep(14)
        assert annotated(world) == {}
        assert world.service_import() is not None
        await asyncio.sleep(10)
        assert annotated(world) == {DNS_LABEL: "app-a"}


async def test_one_look_that_fails_forgets_nothing() -> None:
    world = World()
    async with world.running():
        world.hub.apply(override(APP), make_export("a"))
        await asyncio.sleep(1)
        world.hub.fail("places_workloads", Transient("Timeout", "..."))
        await asyncio.sleep(SWEEP)
        world.hub.apply(make_export("b"))
        await asyncio.sleep(1)
        assert annotated(world, "b") == {DNS_LABEL: "app-b"}


async def test_who_leaves_the_imports_to_others_still_applies_overrides() -> None:
    world = World()
    async with world.running(resolves_exports=False):
        world.hub.apply(override(APP), make_export("a"))
        await asyncio.sleep(1)
        assert annotated(world) == {DNS_LABEL: "app-a"}
        assert world.service_import() is None


async def test_a_controller_of_one_namespace_leaves_the_services_of_others_alone() -> None:
    world = World()
    async with world.running(namespace="play"):
        world.hub.apply(override(APP), make_export("a"))
        world.hub.apply(override(APP, namespace="play"), make_export("a", namespace="play"))
        await asyncio.sleep(1)
        assert annotated(world) == {}
        theirs = world.hub.get(InternalServiceExport, ObjectKey("fleet-member-a", "play-app"))
        assert theirs is not None
        assert theirs.metadata.annotations == {DNS_LABEL: "app-a"}


async def test_a_dry_run_writes_nothing_and_tells_nobody() -> None:
    world = World(is_dry_run=True)
    async with world.running():
        world.hub.apply(override(APP, rule(patch("/spec", 1))), make_export("a"))
        await asyncio.sleep(1)
        assert (world.hub.writes, told(world)) == ([], [])


# Trouble


async def test_a_write_that_is_refused_holds_back_no_other_cluster_and_is_tried_again() -> None:
    """A member can have it refused: with an export that is as large as the hub takes."""
    world = World()
    world.hub, world.azure = (hub := Refusing("fleet-member-a")), (azure := Remembering())
    async with world.running() as process:
        world.hub.apply(make_profile(), make_backend())
        world.hub.apply(override(delete(where=TEST), APP), member_namespace("a", **TEST))
        world.hub.apply(make_export("a"), make_export("b"))
        await asyncio.sleep(30)
        assert annotated(world, "a") == {}
        assert annotated(world, "b") == {DNS_LABEL: "app-b"}
        assert world.weights() == {"b": 100}
        world.hub.apply(make_export("c"))
        await asyncio.sleep(5)
        assert world.weights() == {"b": 50, "c": 50}
        before = process.looks(controller="serviceexport")
        await asyncio.sleep(3600)
        assert process.looks(controller="serviceexport") - before < 60
        hub.refuses = ""
        await asyncio.sleep(200)
        assert annotated(world, "a") == {DNS_LABEL: "app-a", EXCLUDED: "true"}
        assert annotated(world, "b") == {DNS_LABEL: "app-b"}
        assert azure.served == {"b", "c"}


async def test_200_clusters_that_join_at_once_cost_one_patch_each() -> None:
    world = World(delay=0.05)
    world.hub.apply(override(APP))
    async with world.running():
        world.hub.apply(*(make_export(f"c-{number}") for number in range(200)))
        await asyncio.sleep(20)
        assert {annotated(world, f"c-{number}")[DNS_LABEL] for number in range(200)} == {
            f"app-c-{number}" for number in range(200)
        }
        assert written(world) == 200


async def is_cut(reconcile: Awaitable[object], *, steps: int) -> bool:
    """Let it run for so many turns of the loop, and cancel it, with all that it has begun, unless it has ended."""
    running = asyncio.ensure_future(reconcile)
    for _ in range(steps):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait((running,))
    if not running.cancelled():
        running.result()
    return running.cancelled()


@pytest.mark.parametrize("dies", [False, True], ids=["the same process runs again", "another process takes over"])
async def test_cut_at_any_moment_and_run_again_it_converges(dies: bool) -> None:
    written_before_the_cut = set[int]()
    for steps in range(200):
        world = World(latency=0)
        world.hub.apply(make_export("a"), make_export("b"), member_namespace("b", **TEST))
        world.hub.apply(override(delete(where=TEST), APP, rule(patch("/spec", 1))))
        alone = await Alone.start(world)
        if not await is_cut(alone.services.reconcile(SERVICE_KEY), steps=steps):
            break
        written_before_the_cut.add(written(world))
        alone = await Alone.start(world) if dies else alone
        for _ in range(3):
            await alone.services.reconcile(SERVICE_KEY)
            await asyncio.sleep(5)
        assert annotated(world, "a") == {DNS_LABEL: "app-a"}, f"after a cut at step {steps}"
        assert annotated(world, "b") == {DNS_LABEL: "app-b", EXCLUDED: "true"}, f"after a cut at step {steps}"
        assert world.service_import() is not None
    assert written_before_the_cut >= {0, 2}


def test_what_a_change_of_a_cluster_concerns() -> None:
    """A label that changes on a hub of 200 clusters must not wake every service of each."""
    caches = empty_caches()
    exports = (make_export("a"), make_export("a", namespace="play"), make_export("a", service="api"), make_export("b"))
    for export in exports:
        meta = export.metadata
        caches.exports.apply(Applied(Entry(meta.key, meta.uid, "1", export)))
    written_here = override(APP)
    meta = written_here.metadata
    caches.overrides.apply(Applied(Entry(meta.key, meta.uid, "1", written_here)))
    plain, tested = member_namespace("a"), member_namespace("a", **TEST)

    assert watches.service_keys_of_cluster(plain, tested, caches) == {SERVICE_KEY}
    assert watches.service_keys_of_cluster(None, member_cluster("a"), caches) == {SERVICE_KEY}
    assert watches.service_keys_of_cluster(plain, plain, caches) == frozenset()
    elsewhere = Namespace(make_meta("work", namespace=""))
    assert watches.service_keys_of_cluster(None, elsewhere, caches) == frozenset()


def test_an_override_is_found_for_each_service_that_it_selects_and_for_no_other() -> None:
    """Whoever looks at one service of a namespace must not read the overrides of a thousand others."""
    caches = empty_caches()
    both = make_override("both", APP)
    selectors = (*both.spec.resource_selectors, *make_override("x", service="api").spec.resource_selectors)
    both = msgspec.structs.replace(both, spec=msgspec.structs.replace(both.spec, resource_selectors=selectors))
    for written in (both, override(APP), make_override("api", APP, service="api"), override(APP, namespace="play")):
        meta = written.metadata
        caches.overrides.apply(Applied(Entry(meta.key, meta.uid, "1", written)))

    assert [found.metadata.name for found in caches.overrides_of(SERVICE_KEY)] == ["app", "both"]
    assert [found.metadata.name for found in caches.overrides_of(ObjectKey(NAMESPACE, "api"))] == ["api", "both"]
    assert caches.overrides_of(ObjectKey(NAMESPACE, "web")) == ()

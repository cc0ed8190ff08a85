"""Whatever people, members and the hub did, it comes to rest, and neither a restart nor a touch moves it again.

A state that waits for an event that never comes is found by the restart: a new process looks at everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from random import Random

import msgspec
import pytest

from fleetdns.api.clusters import MemberCluster, Namespace
from fleetdns.api.exports import InternalServiceExport
from fleetdns.api.meta import DRAIN, ObjectKey, ObjectMeta
from fleetdns.api.overrides import ResourceOverride
from fleetdns.api.profile import ALLOW_EMPTY, PAUSED
from fleetdns.core.trafficmanager import DEGRADED, ONLINE
from fleetdns.errors import Transient
from tests.controllers.fake_hub import Stored
from tests.controllers.test_drain import probe
from tests.controllers.world import World, export_key, with_ports
from tests.core.builders import NAMESPACE, make_backend, make_export, make_meta, make_profile, public_ip
from tests.core.override_builders import delete, label, make_override, weight

pytestmark = [pytest.mark.looptime, pytest.mark.long]

CLUSTERS, SERVICES, OVERRIDES = "abcde", ("app", "web"), ("first", "second")
WRITES = ("patch_status", "set_annotations", "create_import", "delete_import", "set_finalizers")


class People:
    """Everybody who does something, at random."""

    def __init__(self, world: World, random: Random) -> None:
        self._world = world
        self._hub = world.hub
        self._random = random
        self._hidden: dict[tuple[type, ObjectKey], Stored] = {}
        self._deeds: tuple[Callable[[], object], ...] = (
            self._export,
            self._export,
            self._lose_or_withdraw,
            self._mark_namespace,
            self._mark_member,
            self._override,
            self._remove_override,
            self._hide_or_show,
            self._hide_or_show,
            self._configure,
            self._probe,
            self._install_or_remove_kubefleet,
            self._fail,
        )

    async def act(self, times: int) -> None:
        for _ in range(times):
            self._random.choice(self._deeds)()
            await asyncio.sleep(self._random.choice((0, 0, 0.3, 5, 70)))

    def calm_down(self) -> None:
        """All can be read, and fleetdns may do what it wants."""
        for obj in list(self._hidden.values()):
            self._show(obj)
        self._hub.has_placement = False
        self._hub.apply(make_profile())

    def touch(self) -> None:
        """Namespaces are written anew with something in them that is nobody's business."""
        for cluster in CLUSTERS:
            held = self._hub.get(Namespace, ObjectKey("", f"fleet-member-{cluster}"))
            assert held is not None
            annotations = {**held.metadata.annotations, "touched": "true"}
            self._hub.apply(Namespace(msgspec.structs.replace(held.metadata, annotations=annotations)))

    def objects(self) -> list[Stored]:
        """All that may become unreadable."""
        exports = [export_key(cluster, service) for cluster in CLUSTERS for service in SERVICES]
        found: list[Stored | None] = [self._hub.get(InternalServiceExport, key) for key in exports]
        found += [self._hub.get(Namespace, ObjectKey("", f"fleet-member-{cluster}")) for cluster in CLUSTERS]
        found += [self._hub.get(MemberCluster, ObjectKey("", cluster)) for cluster in CLUSTERS]
        found += [self._hub.get(ResourceOverride, ObjectKey(NAMESPACE, name)) for name in OVERRIDES]
        return [obj for obj in found if obj is not None]

    # Deeds

    def _export(self) -> None:
        draw = self._random.choice
        target = draw(("", public_ip("a-app"), None))
        export = make_export(draw(CLUSTERS), service=draw(SERVICES), weight=draw((None, 0, 1, 3)), target=target)
        self._hub.apply(with_ports(export, draw((80, 80, 81))))

    def _lose_or_withdraw(self) -> None:
        cluster, service = self._random.choice(CLUSTERS), self._random.choice(SERVICES)
        if self._hub.holds(InternalServiceExport, export_key(cluster, service)):
            self._random.choice((self._world.lose, self._world.withdraw))(cluster, service=service)

    def _mark_namespace(self) -> None:
        self._hub.apply(namespace(self._random.choice(CLUSTERS), self._random))

    def _mark_member(self) -> None:
        cluster = self._random.choice(CLUSTERS)
        key = ObjectKey("", cluster)
        if self._hub.holds(MemberCluster, key) and self._random.random() < 0.3:
            self._hub.remove(MemberCluster, key)
            return
        self._hub.apply(MemberCluster(marked(cluster, "member", self._random)))

    def _override(self) -> None:
        draw = self._random.choice
        where = {"env": draw("xy")}
        rules = (delete(where=where), weight(draw((0, 5)), where=where), label("l-${MEMBER-CLUSTER-NAME}"))
        self._hub.apply(make_override(draw(OVERRIDES), draw(rules), service=draw(SERVICES)))

    def _remove_override(self) -> None:
        key = ObjectKey(NAMESPACE, self._random.choice(OVERRIDES))
        if self._hub.holds(ResourceOverride, key):
            self._hub.remove(ResourceOverride, key)

    def _hide_or_show(self) -> None:
        if self._hidden and self._random.random() < 0.5:
            self._show(self._random.choice(list(self._hidden.values())))
            return
        obj = self._random.choice(self.objects())
        self._hidden[type(obj), obj.metadata.key] = obj
        self._hub.garble(obj)

    def _show(self, obj: Stored) -> None:
        kind, key = type(obj), obj.metadata.key
        del self._hidden[kind, key]
        if self._hub.holds(kind, key):
            self._hub.mend(obj)

    def _configure(self) -> None:
        draw = self._random.choice
        annotations: Mapping[str, str] = draw(({PAUSED: "true"}, {ALLOW_EMPTY: "true"}, {}))
        self._hub.apply(make_profile(annotations=annotations), make_backend(draw(SERVICES), weight=draw((0, 100))))

    def _probe(self) -> None:
        if self._world.azure.profiles:
            probe(self._world, self._random.choice((ONLINE, DEGRADED)), self._random.choice(CLUSTERS))

    def _install_or_remove_kubefleet(self) -> None:
        self._hub.has_placement = not self._hub.has_placement

    def _fail(self) -> None:
        self._hub.fail(self._random.choice(WRITES), Transient("ServiceUnavailable", "..."), times=2)


def namespace(cluster: str, random: Random) -> Namespace:
    return Namespace(marked(f"fleet-member-{cluster}", "namespace", random))


def marked(name: str, kind: str, random: Random) -> ObjectMeta:
    annotations: Mapping[str, str] = random.choice(({DRAIN: "true"}, {}))
    metadata = make_meta(name, namespace="", kind=kind, annotations=annotations)
    return msgspec.structs.replace(metadata, labels={"env": random.choice("xy")})


def state(world: World, people: People) -> tuple[object, ...]:
    """What people see, on the hub and in Azure."""
    statuses = [world.backend_status(service) for service in SERVICES]
    exports = [obj for obj in people.objects() if isinstance(obj, InternalServiceExport)]
    return (world.weights(), *statuses, world.profile_status(), exports)


@pytest.mark.parametrize("seed", range(60))
async def test_it_comes_to_rest_and_a_new_process_finds_nothing_left_to_do(seed: int) -> None:
    random = Random(seed)
    world = World(delay=random.choice((0, 0.05, 0.4)))
    people = People(world, random)
    world.hub.apply(make_profile(), *(make_backend(service) for service in SERVICES))
    world.hub.apply(*(namespace(cluster, random) for cluster in CLUSTERS))
    async with world.running():
        await people.act(25)
    async with world.running() as process:
        await people.act(25)
        people.calm_down()
        await asyncio.sleep(500)
        calls, writes, runs = len(world.azure.calls), len(world.hub.writes), len(process.told.runs)
        await asyncio.sleep(1800)
        assert world.azure.writes(since=calls) == []
        assert world.hub.writes[writes:] == []
        assert process.told.runs[runs:] == []
        before = state(world, people)
    async with world.running():
        await asyncio.sleep(120)
        people.touch()
        await asyncio.sleep(300)
        assert state(world, people) == before

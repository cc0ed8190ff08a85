"""Exports become one import: who is in, who lost, who is told what, and what goes when they go."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from fleetdns.api.clusters import Namespace
from fleetdns.api.exports import CONFLICT, InternalServiceExport
from fleetdns.api.meta import ObjectKey, ObjectMeta
from fleetdns.errors import Conflict, Rejected, Transient
from tests.controllers.fake_hub import FakeHub, Written
from tests.controllers.world import World, condition, export_key, with_finalizer, with_ports
from tests.core.builders import make_backend, make_export, make_import, make_profile

pytestmark = pytest.mark.looptime

OLDER, YOUNGER = "2026-01-01T00:00:00Z", "2026-01-01T05:00:00Z"


class Mute(FakeHub):
    """A hub that takes no verdict on the exports of one namespace."""

    def __init__(self, about: str) -> None:
        super().__init__()
        self.about = about

    async def patch_status(self, obj: Written, patch: Mapping[str, Any]) -> None:
        if obj.metadata.namespace == self.about:
            raise Rejected("Invalid", "the object is too large")
        await super().patch_status(obj, patch)


def verdict(world: World, cluster: str) -> tuple[str, str]:
    found = condition(world.export(cluster).status.conditions, CONFLICT)
    return found.status, found.reason


def clusters(world: World) -> list[str] | None:
    held = world.service_import()
    return None if held is None else [ref.cluster for ref in held.status.clusters]


async def test_exports_that_agree_make_one_import_whatever_the_order_of_their_ports() -> None:
    world = World()
    async with world.running():
        world.hub.apply(with_ports(make_export("a"), 80, 443), with_ports(make_export("b"), 443, 80))
        await asyncio.sleep(2)

        held = world.service_import()
        assert held is not None
        assert [port.port for port in held.status.ports] == [80, 443]
        assert clusters(world) == ["a", "b"]
        assert held.status.type == "ClusterSetIP"
        assert verdict(world, "a") == verdict(world, "b") == ("False", "NoConflictFound")


async def test_the_oldest_export_wins_a_conflict_although_it_comes_last_and_keeps_winning_after_a_restart() -> None:
    world = World()
    async with world.running():
        world.hub.apply(with_ports(make_export("a", exported_since=YOUNGER), 8080))
        await asyncio.sleep(2)
        world.hub.apply(make_export("z", exported_since=OLDER))
        await asyncio.sleep(2)
        assert clusters(world) == ["z"]
        assert verdict(world, "a") == ("True", "ConflictFound")
        assert verdict(world, "z") == ("False", "NoConflictFound")
    writes = len(world.hub.writes)
    async with world.running():
        await asyncio.sleep(5)
        assert clusters(world) == ["z"]
        assert world.hub.writes[writes:] == []


async def test_a_loser_serves_nothing_is_told_by_its_backend_and_comes_in_when_the_winner_goes() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_profile(), make_backend())
        world.hub.apply(with_ports(make_export("a", exported_since=YOUNGER), 8080), make_export("z"))
        await asyncio.sleep(5)
        assert world.weights() == {"z": 100}
        assert world.rejected() == {"a": "ConflictLost"}
        world.hub.delete(InternalServiceExport, export_key("z"))
        await asyncio.sleep(5)

        assert world.weights() == {"a": 100}
        assert world.rejected() == {}
        assert verdict(world, "a") == ("False", "NoConflictFound")


async def test_a_winner_that_comes_back_with_its_age_wins_again_in_one_step() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_profile(), make_backend())
        winner = make_export("z", exported_since=OLDER)
        world.hub.apply(winner, *(with_ports(make_export(c, exported_since=YOUNGER), 8080) for c in "ab"))
        await asyncio.sleep(5)
        world.hub.delete(InternalServiceExport, export_key("z"))
        await asyncio.sleep(5)
        assert (clusters(world), world.weights()) == (["a", "b"], {"a": 50, "b": 50})
        before, imports = len(world.azure.calls), len(world.hub.writes)
        world.hub.apply(winner)
        await asyncio.sleep(100)

        assert (clusters(world), world.weights()) == (["z"], {"z": 100})
        assert world.rejected() == {"a": "ConflictLost", "b": "ConflictLost"}
        assert len(world.azure.writes(since=before)) <= 2
        assert world.hub.writes[imports:].count("patch_status serviceimports work/app") == 1


async def test_when_the_winner_goes_the_oldest_of_the_others_says_what_the_ports_are() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_export("z", exported_since=OLDER))
        world.hub.apply(with_ports(make_export("a", exported_since="2026-01-01T09:00:00Z"), 8080))
        world.hub.apply(with_ports(make_export("b", exported_since=YOUNGER), 9090))
        await asyncio.sleep(5)
        assert clusters(world) == ["z"]
        world.hub.delete(InternalServiceExport, export_key("z"))
        await asyncio.sleep(5)

        assert clusters(world) == ["b"]
        assert verdict(world, "a") == ("True", "ConflictFound")
        assert verdict(world, "b") == ("False", "NoConflictFound")


async def test_the_last_export_gone_removes_the_import() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_export("a"), make_export("b"))
        await asyncio.sleep(2)
        world.hub.delete(InternalServiceExport, export_key("a"))
        await asyncio.sleep(2)
        assert clusters(world) == ["b"]
        world.hub.delete(InternalServiceExport, export_key("b"))
        await asyncio.sleep(2)

        assert world.service_import() is None


async def test_an_import_left_over_from_exports_that_went_while_nobody_ran_is_removed_at_the_start() -> None:
    world = World()
    world.hub.apply(make_import(clusters=("gone",)))
    async with world.running():
        await asyncio.sleep(2)
        assert world.service_import() is None


async def test_a_namespace_that_is_missing_is_told_to_the_exporters_and_used_when_it_is_there() -> None:
    world = World()
    world.hub.namespaces = {"fleet-member-a"}
    async with world.running() as process:
        world.hub.apply(make_export("a"))
        await asyncio.sleep(5)
        found = condition(world.export("a").status.conditions, CONFLICT)
        assert (found.status, found.reason) == ("Unknown", "ServicePendingConflictResolution")
        assert "namespace work is there on the hub" in found.message
        assert process.looks(controller="serviceexport") < 5
        world.hub.namespaces.add("work")
        await asyncio.sleep(150)

        assert clusters(world) == ["a"]
        assert verdict(world, "a") == ("False", "NoConflictFound")


async def test_a_namespace_that_appears_wakes_what_is_exported_into_it() -> None:
    world = World()
    world.hub.namespaces = {"fleet-member-a"}
    async with world.running():
        world.hub.apply(make_export("a"))
        await asyncio.sleep(60)
        assert verdict(world, "a") == ("Unknown", "ServicePendingConflictResolution")
        world.hub.namespaces.add("work")
        world.hub.apply(Namespace(ObjectMeta(name="work")))
        await asyncio.sleep(1)

        assert clusters(world) == ["a"]


async def test_a_namespace_that_is_going_is_told_to_the_exporters() -> None:
    world = World()
    async with world.running():
        await asyncio.sleep(1)
        world.hub.fail("create_import", Rejected("NamespaceTerminating", "namespace work is being terminated"))
        world.hub.apply(make_export("a"))
        await asyncio.sleep(5)
        assert verdict(world, "a") == ("Unknown", "ServicePendingConflictResolution")
        await asyncio.sleep(30)

        assert clusters(world) == ["a"]


async def test_an_export_can_leave_while_the_namespace_of_its_service_is_missing() -> None:
    world = World()
    world.hub.namespaces = set()
    async with world.running():
        world.hub.apply(with_finalizer(make_export("a")), make_export("b"))
        await asyncio.sleep(2)
        world.hub.delete(InternalServiceExport, export_key("a"))
        await asyncio.sleep(150)

        assert not world.hub.holds(InternalServiceExport, export_key("a"))


async def test_an_export_that_leaves_is_released_after_the_import_has_let_it_go() -> None:
    world = World()
    async with world.running():
        world.hub.apply(with_finalizer(make_export("a")), make_export("b"))
        await asyncio.sleep(2)
        world.hub.fail("patch_status", Transient("ServiceUnavailable", "..."), times=1)
        world.hub.delete(InternalServiceExport, export_key("a"))
        await asyncio.sleep(0.5)
        assert world.hub.holds(InternalServiceExport, export_key("a"))
        assert clusters(world) == ["a", "b"]
        await asyncio.sleep(10)

        assert clusters(world) == ["b"]
        assert not world.hub.holds(InternalServiceExport, export_key("a"))


async def test_an_export_in_another_clusters_namespace_is_not_counted_and_told_to_the_backend() -> None:
    world = World()
    stranger = make_export("b", member_namespace="fleet-member-c")
    async with world.running():
        world.hub.apply(make_profile(), make_backend(), make_export("a"), stranger)
        await asyncio.sleep(5)

        assert clusters(world) == ["a"]
        assert world.weights() == {"a": 100}
        assert world.rejected() == {"b": "ClusterMismatch"}
        told = world.hub.get(InternalServiceExport, stranger.metadata.key)
        assert told is not None
        assert condition(told.status.conditions, CONFLICT).status == "Unknown"


async def test_an_older_export_in_another_clusters_namespace_neither_wins_nor_takes_traffic_away() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_profile(), make_backend(), make_export("a"), make_export("b"))
        await asyncio.sleep(5)
        azure, hub = len(world.azure.calls), world.weights()
        stolen = make_export("b", member_namespace="fleet-member-evil", exported_since="2000-01-01T00:00:00Z")
        world.hub.apply(with_ports(stolen, 8080))
        await asyncio.sleep(30)
        world.hub.delete(InternalServiceExport, stolen.metadata.key)
        await asyncio.sleep(20)

        assert (clusters(world), world.weights()) == (["a", "b"], hub)
        assert world.azure.writes(since=azure) == []


async def test_exports_of_any_number_and_length_from_a_strange_namespace_do_not_swell_a_backends_status() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_profile(), make_backend(), make_export("a"))
        for number in range(300):
            stranger = make_export("x" * 10_000 + str(number), member_namespace="fleet-member-evil")
            metadata = msgspec.structs.replace(stranger.metadata, name=f"work-app-{number}")
            world.hub.apply(msgspec.structs.replace(stranger, metadata=metadata))
        await asyncio.sleep(10)

        assert world.weights() == {"a": 100}
        assert set(world.rejected().values()) == {"ClusterMismatch"}
        assert len(msgspec.json.encode(world.backend_status())) < 20_000


async def test_a_member_namespace_that_is_deleted_as_a_whole_leaves_nothing_but_what_the_guard_holds() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_profile(), make_backend(), make_backend("web"))
        leaving = [with_finalizer(make_export("a", service=service)) for service in ("app", "web", "unused")]
        world.hub.apply(*leaving, make_export("b"), make_export("c"))
        await asyncio.sleep(5)
        assert world.endpoints() == {("app", "a"), ("app", "b"), ("app", "c"), ("web", "a")}
        for export in leaving:
            world.hub.delete(InternalServiceExport, export.metadata.key)
        await asyncio.sleep(1)

        assert [export for export in leaving if world.hub.holds(InternalServiceExport, export.metadata.key)] == []
        assert clusters(world) == ["b", "c"]
        assert [world.service_import(ObjectKey("work", name)) for name in ("web", "unused")] == [None, None]
        await asyncio.sleep(100)

        # Two of four vanished, which is no more than half: they go, although one was the last of its service.
        assert world.endpoints() == {("app", "b"), ("app", "c")}
        assert world.accepted("web") == ("False", "Invalid")


async def test_a_member_namespace_with_the_only_exports_is_deleted_and_its_endpoints_stay_until_somebody_decides() -> (
    None
):
    world = World()
    async with world.running():
        world.hub.apply(make_profile(), make_backend(), with_finalizer(make_export("a")))
        await asyncio.sleep(5)
        world.hub.delete(InternalServiceExport, export_key("a"))
        await asyncio.sleep(100)

        assert not world.hub.holds(InternalServiceExport, export_key("a"))
        assert world.service_import() is None
        assert world.endpoints() == {("app", "a")}
        assert condition(world.backend_status().conditions, "Guarded").status == "True"


async def test_an_export_that_was_never_counted_can_leave_too() -> None:
    world = World()
    stranger = with_finalizer(make_export("b", member_namespace="fleet-member-c"))
    async with world.running():
        world.hub.apply(make_export("a"), stranger)
        await asyncio.sleep(2)
        world.hub.delete(InternalServiceExport, stranger.metadata.key)
        await asyncio.sleep(2)

        assert not world.hub.holds(InternalServiceExport, stranger.metadata.key)


async def test_an_export_that_turns_to_another_service_leaves_the_former_one() -> None:
    world = World()
    async with world.running():
        moving = make_export("a")
        world.hub.apply(moving)
        await asyncio.sleep(2)
        reference = msgspec.structs.replace(moving.spec.service_reference, name="api")
        world.hub.apply(
            msgspec.structs.replace(moving, spec=msgspec.structs.replace(moving.spec, service_reference=reference))
        )
        await asyncio.sleep(2)

        assert world.service_import() is None
        assert world.service_import(ObjectKey("work", "api")) is not None


async def test_an_import_somebody_edits_is_put_right() -> None:
    world = World()
    async with world.running():
        world.hub.apply(make_export("a"))
        await asyncio.sleep(2)
        held = world.service_import()
        assert held is not None
        world.hub.set_status(held, msgspec.structs.replace(held.status, clusters=()))
        await asyncio.sleep(2)

        assert clusters(world) == ["a"]


async def test_an_import_that_exists_already_is_read_again_in_silence() -> None:
    world = World(delay=0.3)
    async with world.running() as process:
        await asyncio.sleep(1)
        world.hub.fail("create_import", Conflict("AlreadyExists", "it exists"))
        world.hub.apply(make_export("a"))
        await asyncio.sleep(5)

        assert clusters(world) == ["a"]
        assert {run.report for run in process.told.runs if run.error} == {"silent"}


async def test_without_resolution_exports_and_imports_are_left_to_another_controller() -> None:
    world = World()
    async with world.running(resolves_exports=False):
        world.hub.apply(make_profile(), make_backend(), make_export("a"), make_export("b"))
        await asyncio.sleep(5)
        assert world.service_import() is None
        assert world.accepted() == ("Unknown", "Pending")
        world.hub.apply(make_import())
        held = world.service_import()
        assert held is not None
        world.hub.set_status(held, make_import(clusters=("a",)).status)
        await asyncio.sleep(5)

        assert world.weights() == {"a": 100}


async def test_a_service_is_looked_at_a_handful_of_times_for_one_change() -> None:
    world = World(delay=0.02)
    async with world.running() as process:
        await asyncio.sleep(2)
        world.hub.apply(make_export("a"))
        await asyncio.sleep(20)

        assert process.looks(controller="serviceexport") <= 4


async def test_an_export_that_cannot_be_told_keeps_no_other_from_leaving() -> None:
    world = World()
    world.hub = Mute("fleet-member-a")
    async with world.running():
        world.hub.apply(make_export("a"), with_finalizer(make_export("b")), make_export("c"))
        await asyncio.sleep(5)
        world.hub.delete(InternalServiceExport, export_key("b"))
        await asyncio.sleep(5)
        assert clusters(world) == ["a", "c"]
        assert not world.hub.holds(InternalServiceExport, export_key("b"))

"""Which changes wait, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from msgspec import structs

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.conditions import Condition
from fleetdns.api.meta import ObjectKey
from fleetdns.core.aggregate import Aggregate, Unreadable
from fleetdns.core.changes import Create, Delete, Patch, diff
from fleetdns.core.circumstances import circumstances
from fleetdns.core.drain import drain
from fleetdns.core.policy import Verdict, judge
from fleetdns.core.trafficmanager import Endpoint, Profile
from tests.core.builders import (
    endpoint_name,
    make_aggregate,
    make_backend,
    make_desired,
    make_export,
    make_foreign_endpoint,
    make_import,
    make_profile,
    public_ip,
    uid_of,
)

A, B = make_export("a"), make_export("b")
GONE = uid_of("gone")


def azure(*endpoints: Endpoint) -> Profile:
    desired = make_desired(make_aggregate(exports=[])).profile
    return replace(desired, endpoints=tuple(structs.replace(e, priority=n) for n, e in enumerate(endpoints, 1)))


def ours(cluster: str, *, uid: str | None = None, service: str = "app", target: str | None = None) -> Endpoint:
    uid = make_backend().metadata.uid if uid is None else uid
    return Endpoint(
        f"fleet-{uid}#{service}#{cluster}", target_resource_id=target or public_ip(f"{cluster}-{service}"), weight=100
    )


def verdict(
    aggregate: Aggregate,
    observed: Profile | None,
    *,
    is_paused: bool = False,
    is_dry_run: bool = False,
    allow_empty: bool = False,
    refused: Mapping[str, str] | None = None,
) -> Verdict:
    given = circumstances(
        aggregate,
        observed,
        is_paused=is_paused,
        is_dry_run=is_dry_run,
        allow_empty=allow_empty,
        refused=refused or {},
        drain=drain(aggregate, observed),
    )
    return judge(diff(make_desired(aggregate).profile, observed), given)


def reasons(found: Verdict) -> list[str]:
    return [held.reason for held in found.held]


def test_nothing_objects_to_an_ordinary_change() -> None:
    found = verdict(make_aggregate(exports=[A]), None)
    assert [type(change) for change in found.allowed] == [Create, Create]
    assert found.held == ()


@pytest.mark.parametrize(
    ("is_paused", "is_dry_run", "reason"),
    [
        pytest.param(True, False, "Paused", id="paused"),
        pytest.param(False, True, "DryRun", id="dry run"),
        pytest.param(True, True, "Paused", id="paused goes before dry run, so that status counts what waits"),
    ],
)
def test_everything_waits_while_somebody_said_so(is_paused: bool, is_dry_run: bool, reason: str) -> None:
    found = verdict(make_aggregate(exports=[A]), None, is_paused=is_paused, is_dry_run=is_dry_run)
    assert found.allowed == ()
    assert reasons(found) == [reason, reason]
    assert len(found.held_for(reason)) == 2


LEAVING = make_backend("gone", service="app", uid=GONE, is_deleting=True)


@pytest.mark.parametrize(
    ("aggregate", "allow_empty", "reason"),
    [
        pytest.param(make_aggregate(backends=[], exports=[A]), False, "BackendGone", id="no backend of the service"),
        pytest.param(make_aggregate(backends=[], exports=[A]), True, None, id="no backend, and empty is allowed"),
        pytest.param(
            make_aggregate(backends=[make_backend("web")], exports=[A]),
            False,
            "BackendGone",
            id="a backend of another one",
        ),
        pytest.param(make_aggregate(exports=[A]), False, None, id="another backend of the service took over"),
        pytest.param(make_aggregate(backends=[LEAVING], exports=[A]), False, None, id="the backend is being deleted"),
        pytest.param(
            make_aggregate(backends=[make_backend(weight=0)], exports=[A]),
            False,
            None,
            id="another backend of weight 0",
        ),
    ],
)
def test_endpoints_of_a_backend_that_is_gone_are_held_until_one_for_the_service_is_back(
    aggregate: Aggregate, allow_empty: bool, reason: str | None
) -> None:
    found = verdict(aggregate, azure(ours("a", uid=GONE)), allow_empty=allow_empty)
    assert reasons(found) == ([reason] if reason else [])


EXPORT_A = ObjectKey("fleet-member-a", "work-app")


@pytest.mark.parametrize(
    ("unreadable", "is_held"),
    [
        pytest.param(Unreadable(exports=frozenset([EXPORT_A])), True, id="the export of this endpoint"),
        pytest.param(Unreadable(exports=frozenset([ObjectKey("fleet-member-b", "work-app")])), False, id="another one"),
        pytest.param(Unreadable(imports=frozenset([ObjectKey("work", "app")])), True, id="the import of its service"),
        pytest.param(Unreadable(imports=frozenset([ObjectKey("work", "web")])), False, id="another import"),
        pytest.param(
            Unreadable(backends=frozenset([ObjectKey("work", "x")])), False, id="a backend, and its own is there"
        ),
        pytest.param(Unreadable(is_unnamed=True), True, id="an object without even a name"),
    ],
)
def test_what_cannot_be_read_is_no_proof_of_absence(unreadable: Unreadable, is_held: bool) -> None:
    aggregate = make_aggregate(exports=[], unreadable=unreadable)
    found = verdict(aggregate, azure(ours("a")), allow_empty=True)
    assert reasons(found) == (["Unreadable"] if is_held else [])


@pytest.mark.parametrize(
    ("backend", "is_held"),
    [
        pytest.param(ObjectKey("work", "x"), True, id="a backend of this namespace"),
        pytest.param(ObjectKey("play", "x"), False, id="a backend of another namespace"),
    ],
)
def test_a_backend_that_cannot_be_read_keeps_the_endpoints_of_unknown_backends(
    backend: ObjectKey, is_held: bool
) -> None:
    aggregate = make_aggregate(exports=[A], unreadable=Unreadable(backends=frozenset([backend])))
    found = verdict(aggregate, azure(ours("a", uid=GONE)))
    assert sorted(reasons(found)) == (["TargetTaken", "Unreadable"] if is_held else [])


@pytest.mark.parametrize(
    "backend",
    [
        pytest.param(make_backend(is_deleting=True), id="the backend is being deleted"),
        pytest.param(make_backend(weight=0), id="the backend weighs 0"),
    ],
)
def test_what_cannot_be_read_does_not_hold_what_a_person_asked_for(backend: TrafficManagerBackend) -> None:
    unreadable = Unreadable(exports=frozenset([EXPORT_A]), is_unnamed=True)
    found = verdict(make_aggregate(backends=[backend], exports=[], unreadable=unreadable), azure(ours("a")))
    assert [type(change) for change in found.allowed] == [Delete]


LOST = Condition("Conflict", "True", "ConflictFound", "ports")


@pytest.mark.parametrize(
    ("aggregate", "held"),
    [
        pytest.param(make_aggregate(exports=[A, B], imports=[]), ["Unresolved"] * 2, id="the import is missing"),
        pytest.param(
            make_aggregate(exports=[A, B], imports=[make_import(clusters=[])]),
            ["Unresolved"] * 2,
            id="the import is empty",
        ),
        pytest.param(
            make_aggregate(exports=[A, B], imports=[make_import(clusters=["a"])]),
            ["Unresolved"],
            id="it misses one cluster",
        ),
        pytest.param(
            make_aggregate(exports=[A, make_export("b", conditions=(LOST,))], imports=[make_import(clusters=["a"])]),
            [],
            id="the cluster lost a conflict",
        ),
        pytest.param(
            make_aggregate(exports=[A, make_export("b", weight=0)], imports=[make_import(clusters=["a"])]),
            [],
            id="the export takes no traffic",
        ),
        pytest.param(
            make_aggregate(
                exports=[A, make_export("b", annotations={"fleetdns.io/excluded": "true"})],
                imports=[make_import(clusters=["a"])],
            ),
            [],
            id="the export is excluded",
        ),
        pytest.param(
            make_aggregate(exports=[A, B], imports=[make_import(clusters=["a"])], drained="b"),
            [],
            id="the cluster is drained",
        ),
        pytest.param(make_aggregate(exports=[A], imports=[make_import(clusters=["a"])]), [], id="the export is gone"),
        pytest.param(
            make_aggregate(exports=[A, make_export("b", is_deleting=True)], imports=[make_import(clusters=["a"])]),
            [],
            id="the export is being deleted",
        ),
        pytest.param(
            make_aggregate(backends=[make_backend(weight=0)], exports=[A, B], imports=[]), [], id="the backend weighs 0"
        ),
        pytest.param(
            make_aggregate(backends=[make_backend(is_deleting=True)], exports=[A, B], imports=[]),
            [],
            id="the backend is being deleted",
        ),
        pytest.param(
            make_aggregate(
                backends=[make_backend(weight=0), make_backend("heir", service="app")], exports=[A, B], imports=[]
            ),
            ["Unresolved"] * 2,
            id="the backend weighs 0 and another one will take its targets over",
        ),
        pytest.param(
            make_aggregate(
                backends=[make_backend(is_deleting=True), make_backend("heir", service="app", weight=0)],
                exports=[A, B],
                imports=[],
            ),
            [],
            id="the backend is being deleted and the other one takes no traffic",
        ),
    ],
)
def test_an_import_that_says_nothing_yet_deletes_nothing(aggregate: Aggregate, held: list[str]) -> None:
    found = verdict(aggregate, azure(ours("a"), ours("b")))
    assert reasons(found) == held
    deleted = [change for change in found.allowed if isinstance(change, Delete)]
    assert len(deleted) + len(held) in (1, 2)


def test_a_target_that_a_foreign_endpoint_has_is_not_asked_for() -> None:
    foreign = structs.replace(
        make_foreign_endpoint(), kind="azureEndpoints", target_resource_id=public_ip("a-app").upper()
    )
    found = verdict(make_aggregate(exports=[A, B]), azure(foreign))
    assert [
        (held.reason, held.change.subject.name) for held in found.held if isinstance(held.change.subject, Endpoint)
    ] == [("TargetTaken", endpoint_name("a"))]
    assert "by-hand" in found.held[0].message
    assert [type(change) for change in found.allowed] == [Create]


def test_a_target_that_a_foreign_endpoint_has_is_not_moved_to() -> None:
    foreign = structs.replace(make_foreign_endpoint(), kind="azureEndpoints", target_resource_id=public_ip("a-app"))
    found = verdict(make_aggregate(exports=[A]), azure(foreign, ours("a", target=public_ip("before"))))
    assert reasons(found) == ["TargetTaken"]


def test_a_weight_of_an_endpoint_is_changed_beside_a_foreign_one() -> None:
    foreign = make_foreign_endpoint()
    found = verdict(make_aggregate(exports=[A, B]), azure(foreign, ours("a"), ours("b")))
    assert [type(change) for change in found.allowed] == [Patch, Patch]


def test_what_azure_refused_is_not_asked_for_again_but_may_leave() -> None:
    refused = {endpoint_name("a"): "BadRequest: no", endpoint_name("b"): "BadRequest: no"}
    found = verdict(make_aggregate(exports=[A]), azure(ours("b")), refused=refused)
    assert [(held.reason, held.message) for held in found.held] == [("Refused", "BadRequest: no")]
    assert [type(change) for change in found.allowed] == [Delete]


def test_a_refused_endpoint_does_not_hold_the_settings() -> None:
    aggregate = make_aggregate(make_profile(ttl=5), exports=[A])
    found = verdict(aggregate, azure(), refused={endpoint_name("a"): "BadRequest: no"})
    assert [type(change.subject) for change in found.allowed] == [Profile]


@pytest.mark.parametrize(
    ("is_paused", "reason"),
    [
        pytest.param(False, "Contested", id="for the other writer"),
        pytest.param(True, "Paused", id="for the pause, while there is one, so that status counts it"),
    ],
)
def test_a_repair_that_is_to_come_later_waits_and_no_other_change_with_it(is_paused: bool, reason: str) -> None:
    aggregate = make_aggregate(exports=[A, B])
    desired = make_desired(aggregate).profile
    observed = replace(desired, endpoints=tuple(structs.replace(e, weight=7) for e in desired.endpoints))
    given = circumstances(
        aggregate,
        observed,
        is_paused=is_paused,
        is_dry_run=False,
        allow_empty=False,
        refused={},
        drain=drain(aggregate, observed),
    )
    found = judge(diff(desired, observed), replace(given, slowed={endpoint_name("a"): "changed again and again"}))
    assert set(reasons(found)) == {reason}
    assert [change.subject for change in found.allowed] == ([] if is_paused else list(desired.endpoints[1:]))

"""From exports to an import: the oldest says what the ports are, and absence must be proven."""

from __future__ import annotations

from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetdns.api.conditions import Condition, find
from fleetdns.api.exports import EXPORT_FINALIZER, InternalServiceExport, ServicePort
from fleetdns.api.meta import ObjectKey
from fleetdns.core.aggregate import Unreadable
from fleetdns.core.resolution import Resolution, export_status, new_import, resolve, unresolved
from tests.core.builders import CREATED, LATER, NOW, make_export, make_import

APP = ObjectKey("work", "app")
OLDEST, OLD, YOUNG = "2025-01-01T00:00:00Z", "2025-01-02T00:00:00Z", "2025-01-03T00:00:00Z"
READABLE = Unreadable()


def export(cluster: str, since: str = OLD, ports: tuple[int, ...] = (80,)) -> InternalServiceExport:
    made = make_export(cluster, exported_since=since)
    return msgspec.structs.replace(
        made, spec=msgspec.structs.replace(made.spec, ports=tuple(ServicePort(p) for p in ports))
    )


def offering(cluster: str, *ports: ServicePort) -> InternalServiceExport:
    made = make_export(cluster, exported_since=OLD)
    return msgspec.structs.replace(made, spec=msgspec.structs.replace(made.spec, ports=ports))


def clusters(resolution: Resolution) -> list[str] | None:
    return None if resolution.status is None else [ref.cluster for ref in resolution.status.clusters]


def losers(resolution: Resolution) -> list[str]:
    return [e.cluster for e, condition in resolution.conflicts if condition.status == "True"]


@pytest.mark.parametrize(
    ("exports", "inside", "outside"),
    [
        pytest.param([], None, [], id="no export, no import"),
        pytest.param([export("a")], ["a"], [], id="one export"),
        pytest.param([export("b"), export("a")], ["a", "b"], [], id="two that agree, sorted"),
        pytest.param([export("a", YOUNG, (81,)), export("b", OLDEST)], ["b"], ["a"], id="the oldest wins"),
        pytest.param([export("b", OLD, (81,)), export("a", OLD)], ["a"], ["b"], id="of the same age the first by name"),
        pytest.param(
            [export("a", "2026-01-01T00:00:00Z", (81,)), export("b", "2026-01-01T01:59:59+02:00")],
            ["b"],
            ["a"],
            id="the oldest by the clock, not by the digits of another zone",
        ),
        pytest.param(
            [export("b", "2026-01-01T00:00:00Z", (81,)), export("a", "2026-01-01T00:00:00.5Z")],
            ["b"],
            ["a"],
            id="the oldest by fractions of a second",
        ),
        pytest.param(
            [export("b", "2026-01-01T00:00:00", (81,)), export("a", "yesterday")],
            ["b"],
            ["a"],
            id="a time that is none is the youngest",
        ),
        pytest.param(
            [export("a", OLD, (80, 81)), export("b", YOUNG, (81, 80))], ["a", "b"], [], id="ports compare as a set"
        ),
        pytest.param(
            [export("a", OLD, (80, 81)), export("b", YOUNG, (80,))], ["a"], ["b"], id="a port less is a conflict"
        ),
        pytest.param(
            [export("a"), make_export("b", member_namespace="fleet-member-evil", exported_since=OLDEST)],
            ["a"],
            [],
            id="a stolen cluster id counts for nothing",
        ),
        pytest.param(
            [export("a"), make_export("b", exported_since=OLDEST, is_deleting=True)], ["a"], [], id="one being deleted"
        ),
        pytest.param([make_export("a", is_deleting=True)], None, [], id="only one being deleted"),
        pytest.param(
            [export("a", YOUNG), export("b", OLD), export("z", OLDEST, (81,))], ["z"], ["b", "a"], id="one against all"
        ),
        pytest.param(
            [export("a", "", (81,)), export("b", "2025-12-31T23:59:59Z")],
            ["b"],
            ["a"],
            id="without a time the object's own age counts",
        ),
        pytest.param(
            [export("b", "", (81,)), export("a", CREATED)], ["a"], ["b"], id="and a tie is one: the first by name"
        ),
        pytest.param(
            [export("b", "yesterday", (81,)), export("a", "tomorrow")],
            ["a"],
            ["b"],
            id="two times that are none: the first by name",
        ),
        pytest.param(
            [export("a", "9999-12-31T23:59:59-23:59", (81,)), export("b", "0001-01-01T00:00:00+23:59")],
            ["b"],
            ["a"],
            id="times at the ends of the calendar",
        ),
        pytest.param([export("a", OLD, (80, 80)), export("b", YOUNG, (80,))], ["a", "b"], [], id="a port said twice"),
        pytest.param([export("a", OLD, ()), export("b", YOUNG, ())], ["a", "b"], [], id="no ports at all agree"),
        pytest.param(
            [offering("a", ServicePort(80, name="")), offering("b", ServicePort(80))],
            ["a", "b"],
            [],
            id="an empty name is none",
        ),
    ],
)
def test_resolution(exports: list[InternalServiceExport], inside: list[str] | None, outside: list[str]) -> None:
    resolution = resolve(APP, exports, current=None, unreadable=READABLE)
    assert clusters(resolution) == inside
    assert losers(resolution) == outside


@pytest.mark.parametrize(
    ("mine", "differs"),
    [
        pytest.param(
            [ServicePort(80, target_port=8081)], "80/TCP has targetPort 8081 instead of 8080", id="targetPort"
        ),
        pytest.param(
            [ServicePort(80, target_port="8080")], '80/TCP has targetPort "8080" instead of 8080', id="a name of digits"
        ),
        pytest.param([ServicePort(80)], "80/TCP has targetPort (none) instead of 8080", id="no targetPort"),
        pytest.param(
            [ServicePort(80, target_port=8080, app_protocol="h2c", name="web")],
            '80/TCP has name "web" instead of (none) and appProtocol "h2c" instead of (none)',
            id="two fields",
        ),
        pytest.param(
            [ServicePort(80, "UDP", target_port=8080)],
            "80/TCP is missing, 80/UDP is not in that one",
            id="another protocol is another port",
        ),
        pytest.param([], "80/TCP is missing", id="nothing"),
        pytest.param(
            [ServicePort(443), ServicePort(80, target_port=8080), ServicePort(53, "UDP"), ServicePort(443)],
            "53/UDP is not in that one, 443/TCP is not in that one",
            id="more ports, sorted, and not the one that agrees",
        ),
    ],
)
def test_a_loser_is_told_who_won_and_what_differs(mine: list[ServicePort], differs: str) -> None:
    exports = [offering("a", ServicePort(80, target_port=8080)), offering("b", *mine)]
    (_, loser) = resolve(APP, exports, current=None, unreadable=READABLE).conflicts
    assert loser[0].cluster == "b"
    assert loser[1].message == (
        f"the oldest export wins, fleet-member-a/work-app of cluster a, and this one differs from it: {differs}"
    )


def test_what_a_loser_is_told_is_short_whatever_the_ports_are_called() -> None:
    many = [ServicePort(number, name="x" * 5000) for number in range(1, 500)]
    ((_, told),) = resolve(APP, [offering("a"), offering("b", *many)], current=None, unreadable=READABLE).conflicts[1:]
    assert len(told.message) < 1000
    named = [ServicePort(number, name="y" * 5000, target_port="\n" * 5000) for number in range(1, 500)]
    ((_, told),) = resolve(
        APP, [offering("a", *many), offering("b", *named)], current=None, unreadable=READABLE
    ).conflicts[1:]
    assert told.message.isprintable()
    assert len(told.message) < 4000


@pytest.mark.parametrize("others", [[], [export("b"), export("c", OLDEST)]], ids=["alone", "beside honest ones"])
def test_an_export_in_another_clusters_namespace_is_told_where_it_belongs(others: list[InternalServiceExport]) -> None:
    stranger = make_export("b", member_namespace="fleet-member-evil", exported_since="2000-01-01T00:00:00Z")
    resolution = resolve(APP, [*others, stranger], current=None, unreadable=READABLE)
    ((told, condition),) = ((e, c) for e, c in resolution.conflicts if c.status == "Unknown")
    assert told == stranger
    assert condition.reason == "ServicePendingConflictResolution"
    assert condition.message == (
        "the export fleet-member-evil/work-app names cluster b, whose exports belong in namespace fleet-member-b; "
        "it is not counted"
    )
    assert clusters(resolution) == ([e.cluster for e in others] or None)


@given(st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_order_free(random: Random) -> None:
    exports = [export("a", OLD), export("b", OLDEST, (81,)), export("c", YOUNG, (81,)), export("d", OLD)]
    straight = resolve(APP, exports, current=None, unreadable=READABLE)
    assert resolve(APP, random.sample(exports, 4), current=None, unreadable=READABLE) == straight


def test_the_ports_are_the_winner_s_in_its_order() -> None:
    resolution = resolve(
        APP, [export("a", OLD, (443, 80)), export("b", YOUNG, (80, 443))], current=None, unreadable=READABLE
    )
    assert resolution.status is not None
    assert [port.port for port in resolution.status.ports] == [443, 80]


@pytest.mark.parametrize(
    ("unreadable", "inside"),
    [
        pytest.param(
            Unreadable(exports=frozenset([ObjectKey("fleet-member-b", "work-app")])), ["a", "b"], id="its export"
        ),
        pytest.param(
            Unreadable(exports=frozenset([ObjectKey("fleet-member-b", "work-web")])), ["a"], id="another export"
        ),
        pytest.param(Unreadable(is_unnamed=True), ["a", "b"], id="an object without even a name"),
        pytest.param(READABLE, ["a"], id="nothing"),
    ],
)
def test_a_cluster_whose_export_cannot_be_read_stays_in(unreadable: Unreadable, inside: list[str]) -> None:
    current = make_import(clusters=["a", "b"])
    assert clusters(resolve(APP, [export("a")], current=current, unreadable=unreadable)) == inside


def test_the_last_export_that_cannot_be_read_keeps_the_import() -> None:
    current = make_import(clusters=["b"])
    unreadable = Unreadable(exports=frozenset([ObjectKey("fleet-member-b", "work-app")]))
    assert resolve(APP, [], current=current, unreadable=unreadable).status == current.status


def test_an_export_being_deleted_is_released() -> None:
    leaving = make_export("a", is_deleting=True)
    finalized = msgspec.structs.replace(
        leaving, metadata=msgspec.structs.replace(leaving.metadata, finalizers=(EXPORT_FINALIZER,))
    )
    assert resolve(APP, [leaving], current=None, unreadable=READABLE).released == ()
    assert resolve(APP, [finalized], current=None, unreadable=READABLE).released == (finalized,)


def test_exports_are_told_why_their_import_cannot_be_written() -> None:
    ((told, condition),) = unresolved([export("a"), make_export("b", is_deleting=True)], "no such namespace")
    assert told.cluster == "a"
    assert (condition.type, condition.status, condition.message) == ("Conflict", "Unknown", "no such namespace")


def test_an_exports_condition_keeps_its_time_and_leaves_others() -> None:
    audited = Condition("example.com/Audited", "True", "Seen", "", 1, NOW)
    before = msgspec.structs.replace(
        export("a"), status=msgspec.structs.replace(export("a").status, conditions=(audited,))
    )
    ((_, condition),) = resolve(APP, [before], current=None, unreadable=READABLE).conflicts
    first = export_status(before, condition, now=NOW)
    assert audited in first.conditions
    found = find(first.conditions, "Conflict")
    assert found is not None
    assert (found.status, found.last_transition_time, found.observed_generation) == ("False", NOW, 1)
    assert export_status(msgspec.structs.replace(before, status=first), condition, now=LATER) == first


def test_a_new_import_has_the_services_name() -> None:
    assert new_import(APP).metadata.key == APP


def test_an_oldest_export_that_cannot_be_read_hands_its_win_to_nobody() -> None:
    a, b, c = export("a", OLDEST), export("b", OLD, (81,)), export("c", YOUNG)
    before = resolve(APP, [a, b, c], current=None, unreadable=READABLE)
    assert (clusters(before), losers(before)) == (["a", "c"], ["b"])
    current = msgspec.structs.replace(make_import(), status=before.status)
    unreadable = Unreadable(exports=frozenset({a.metadata.key}))
    after = resolve(APP, [b, c], current=current, unreadable=unreadable)
    assert (clusters(after), losers(after), after.status) == (["a", "c"], ["b"], before.status)

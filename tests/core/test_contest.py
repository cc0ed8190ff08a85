"""Which repairs wait because somebody keeps changing the same thing back, and for how long."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from msgspec import structs

from fleetdns.core.changes import diff
from fleetdns.core.contest import Contest, Field, after_calls, looked, next_look, slowed
from fleetdns.core.drift import Drift, drifted
from fleetdns.core.trafficmanager import DISABLED, ENABLED, Endpoint, Profile
from tests.core.builders import endpoint_name, make_aggregate, make_desired, make_export, make_foreign_endpoint

WINDOW = 600.0
A, B = endpoint_name("a"), endpoint_name("b")
DESIRED = make_desired(make_aggregate(exports=[make_export("a"), make_export("b")])).profile
WEIGHT, TTL = Drift(A, ("weight",), ""), Drift("", ("dnsConfig.ttl",), "")


def with_endpoint(
    name: str,
    profile: Profile = DESIRED,
    *,
    weight: int | None = None,
    target_resource_id: str | None = None,
    status: str = ENABLED,
) -> Profile:
    endpoint = profile.endpoint(name)
    assert endpoint is not None
    return profile.with_endpoint(
        structs.replace(
            endpoint,
            weight=weight or endpoint.weight,
            target_resource_id=target_resource_id or endpoint.target_resource_id,
            status=status,
        )
    )


def put_back(*times: float, drifts: Iterable[Drift] = (WEIGHT,), before: Contest | None = None) -> Contest:
    """What is remembered when these were put back at these times."""
    contest = before or Contest()
    for now in times:
        contest = looked(contest, drifts, DESIRED, window=WINDOW, now=now)
        contest = after_calls(contest, drifts, DESIRED, DESIRED, window=WINDOW, now=now)
    return contest


@pytest.mark.parametrize(
    ("times", "is_contested"),
    [
        pytest.param([0], False, id="once"),
        pytest.param([0, 60], False, id="twice"),
        pytest.param([0, 60, 120], True, id="three times in a row"),
        pytest.param([0, 300, 599], True, id="three times, the last one just within ten sweeps"),
        pytest.param([0, 300, 600], False, id="three times, the first one just too long ago"),
        pytest.param([0, 500, 1000, 1500, 2000], False, id="again and again, but rarely"),
        pytest.param([0, 500, 1000, 1050], True, id="rarely, and then often"),
    ],
)
def test_a_field_is_contested_from_the_third_repair_within_ten_sweeps(times: list[float], is_contested: bool) -> None:
    assert put_back(*times).contested == ((Field(A, "weight"),) if is_contested else ())


def test_fields_and_endpoints_are_counted_each_for_itself() -> None:
    others = (Drift(A, ("targetResourceId",), ""), Drift(B, ("weight",), ""))
    contest = put_back(60, drifts=others, before=put_back(0))
    contest = put_back(120, drifts=(TTL,), before=contest)
    assert contest.contested == ()
    assert len(contest.disputes) == 4


def test_what_was_not_put_back_is_not_counted() -> None:
    contest = put_back(0, 60)
    held = with_endpoint(A, weight=7)
    assert after_calls(contest, [WEIGHT], DESIRED, held, window=WINDOW, now=120).contested == ()
    assert after_calls(contest, [WEIGHT], DESIRED, None, window=WINDOW, now=120).contested == ()


def slow(contest: Contest, observed: Profile | None, *, desired: Profile = DESIRED, now: float) -> set[str]:
    changes = diff(desired, observed)
    drifts = drifted(changes, desired=desired, settled=DESIRED)
    return set(slowed(contest, drifts, changes, observed, window=WINDOW, now=now))


def everything(*fields: tuple[str, str], now: float = 0) -> Contest:
    """These are contested, and were put back last at `now`."""
    drifts = [Drift(endpoint, (name,), "") for endpoint, name in fields]
    return put_back(now - 2, now - 1, now, drifts=drifts)


SWITCHED_OFF = replace(DESIRED, status=DISABLED)
FOREIGN = DESIRED.with_endpoint(make_foreign_endpoint(priority=9))
STRAY = DESIRED.with_endpoint(Endpoint(endpoint_name("z"), target_resource_id="/z"))
HEIRLESS = make_desired(make_aggregate(exports=[make_export("a")])).profile


@pytest.mark.parametrize(
    ("fields", "observed", "waits"),
    [
        pytest.param([(A, "weight")], with_endpoint(A, weight=7), {A}, id="a contested weight"),
        pytest.param([(B, "weight")], with_endpoint(A, weight=7), set(), id="a weight, and another one is contested"),
        pytest.param([("", "dnsConfig.ttl")], replace(DESIRED, ttl=1), {""}, id="a contested setting"),
        pytest.param(
            [("", "dnsConfig.ttl")],
            replace(DESIRED, ttl=1, routing_method="Priority"),
            set(),
            id="a contested setting, and another one of the same write",
        ),
        pytest.param(
            [("", "dnsConfig.ttl"), ("", "trafficRoutingMethod")],
            replace(DESIRED, ttl=1, routing_method="Priority"),
            {""},
            id="two contested settings",
        ),
        pytest.param([("", "profileStatus")], SWITCHED_OFF, set(), id="the profile switched off"),
        pytest.param(
            [("", "profileStatus"), ("", "dnsConfig.ttl")],
            replace(SWITCHED_OFF, ttl=1),
            set(),
            id="the profile switched off, with a contested setting",
        ),
        pytest.param([("", "profile"), (A, "endpoint")], None, set(), id="the profile deleted"),
        pytest.param([(A, "endpoint")], DESIRED.without_endpoint(A), {A}, id="an endpoint deleted, another one serves"),
        pytest.param(
            [(A, "endpoint"), (B, "endpoint")], replace(DESIRED, endpoints=()), set(), id="all endpoints deleted"
        ),
        pytest.param(
            [(A, "endpoint")],
            with_endpoint(B, DESIRED.without_endpoint(A), status=DISABLED),
            set(),
            id="an endpoint deleted, and the other one disabled by hand",
        ),
        pytest.param(
            [(A, "endpoint"), (B, "endpoint")],
            replace(FOREIGN, endpoints=FOREIGN.endpoints[-1:]),
            {A, B},
            id="all endpoints deleted, and one of theirs serves",
        ),
        pytest.param([(endpoint_name("z"), "endpoint")], STRAY, set(), id="an endpoint added that nobody asks for"),
    ],
)
def test_what_waits(fields: list[tuple[str, str]], observed: Profile | None, waits: set[str]) -> None:
    contest = everything(*fields)
    assert slow(contest, observed, now=1) == waits
    assert slow(contest, observed, now=WINDOW) == set()


def test_what_a_user_asks_for_never_waits() -> None:
    contest = everything((A, "weight"), ("", "dnsConfig.ttl"))
    asked = with_endpoint(A, replace(DESIRED, ttl=20), weight=9)
    observed = with_endpoint(A, replace(DESIRED, ttl=1), weight=7)
    assert slow(contest, observed, desired=asked, now=1) == set()
    assert slow(contest, observed, now=1) == {"", A}


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(with_endpoint(A, weight=25), id="another weight"),
        pytest.param(with_endpoint(A, target_resource_id="/moved"), id="another target"),
    ],
)
def test_what_a_user_asks_for_never_waits_where_somebody_keeps_deleting_the_endpoint(asked: Profile) -> None:
    observed = DESIRED.without_endpoint(A)
    contest = everything((A, "endpoint"))
    assert slow(contest, observed, now=1) == {A}
    assert slow(contest, observed, desired=asked, now=1) == set()


def test_an_endpoint_does_not_keep_the_target_that_another_one_is_to_have() -> None:
    contest = everything((A, "targetResourceId"))
    other = DESIRED.endpoint(B)
    assert other is not None
    observed = with_endpoint(A, DESIRED.without_endpoint(B), target_resource_id=other.target_resource_id)
    assert slow(contest, observed, now=1) == set()
    assert slow(contest, with_endpoint(A, target_resource_id="/elsewhere"), now=1) == {A}


def test_it_is_put_back_once_in_ten_sweeps_for_as_long_as_it_goes_on() -> None:
    contest, made = Contest(), []
    observed = with_endpoint(A, weight=7)
    for now in range(0, 6000, 60):
        contest = looked(contest, [WEIGHT], DESIRED, window=WINDOW, now=now)
        if not slow(contest, observed, now=now):
            made.append(now)
            contest = after_calls(contest, [WEIGHT], DESIRED, DESIRED, window=WINDOW, now=now)
    assert made == [0, 60, *range(120, 6000, 600)]


def test_it_is_over_when_nobody_changed_the_field_for_ten_sweeps() -> None:
    contest = everything((A, "weight"), now=0)
    contest = looked(contest, [WEIGHT], DESIRED, window=WINDOW, now=300)  # seen to differ, and left so
    assert looked(contest, (), DESIRED, window=WINDOW, now=899).contested == (Field(A, "weight"),)
    assert looked(contest, (), DESIRED, window=WINDOW, now=900) == Contest()


def test_the_next_look_is_when_it_may_be_put_back_and_when_it_may_be_over() -> None:
    contest = everything((A, "weight"), now=0)
    assert next_look(Contest(), window=WINDOW, now=0) is None
    assert next_look(put_back(0), window=WINDOW, now=0) is None
    assert next_look(contest, window=WINDOW, now=1) == 600
    seen = looked(contest, [WEIGHT], DESIRED, window=WINDOW, now=300)
    assert next_look(seen, window=WINDOW, now=300) == 600
    assert next_look(seen, window=WINDOW, now=600) == 900
    assert next_look(seen, window=WINDOW, now=900) is None


def test_nothing_is_said_of_an_endpoint_that_is_not_wanted_any_more() -> None:
    contest = everything((A, "weight"), (B, "weight"), (A, "endpoint"))
    assert looked(contest, (), DESIRED.without_endpoint(A), window=WINDOW, now=1).contested == (
        Field(A, "endpoint"),
        Field(B, "weight"),
    )


def test_what_status_said_before_a_restart_stands_for_ten_sweeps() -> None:
    told = Contest(told_until=WINDOW)
    assert next_look(told, window=WINDOW, now=0) == WINDOW
    assert looked(told, (), DESIRED, window=WINDOW, now=599) == told
    assert looked(told, (), DESIRED, window=WINDOW, now=600) == Contest()

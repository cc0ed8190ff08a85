"""What probes found: of a whole profile, what turned, and when that is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations_with_replacement

import pytest
from msgspec import structs

from fleetdns.api.backend import BackendStatus, EndpointStatus, FromCluster, RejectedExport
from fleetdns.api.conditions import Condition
from fleetdns.api.profile import EndpointCounts, ProfileStatus
from fleetdns.core.health import (
    Status,
    Told,
    Turns,
    changes,
    clusters,
    differs_in_health_alone,
    endpoint_counts,
    health,
    monitor_status,
    telling,
    turns,
)
from fleetdns.core.trafficmanager import DISABLED, STATES, Endpoint, Profile
from fleetdns.emulator.azure.health import combined
from tests.core.builders import endpoint_name, make_aggregate, make_desired, make_export, make_foreign_endpoint

EMPTY = make_desired(make_aggregate(exports=[make_export("a")])).profile
ONLINE, DEGRADED, CHECKING, STOPPED = "Online", "Degraded", "CheckingEndpoint", "Stopped"


def profile(*states: str | None, **others: str | None) -> Profile:
    """Endpoints a, b, c… in these states; `others` by name."""
    named = {**dict(zip("abcdef", states, strict=False)), **others}
    return replace(EMPTY, endpoints=tuple(endpoint(name, state) for name, state in named.items()))


def endpoint(cluster: str, state: str | None) -> Endpoint:
    status = DISABLED if state == DISABLED else "Enabled"
    return Endpoint(endpoint_name(cluster), weight=1, monitor_status=state, status=status)


@pytest.mark.parametrize("states", [s for n in range(4) for s in combinations_with_replacement(sorted(STATES), n)])
def test_the_state_of_a_profile_is_what_traffic_manager_makes_of_the_same_endpoints(states: tuple[str, ...]) -> None:
    assert monitor_status(profile(*states)) == combined(states)


def test_a_profile_that_is_switched_off_is_disabled_whatever_its_endpoints_were() -> None:
    off = replace(profile("Inactive", "Inactive"), status="disabled")
    assert monitor_status(off) == "Disabled"
    condition = health(off)
    assert (condition.status, condition.reason) == ("False", "NoEndpoints")
    assert "switched off" in condition.message


@pytest.mark.parametrize(
    ("states", "message"),
    [
        pytest.param([ONLINE, DEGRADED], "1 of 2 endpoints fail their probes: b", id="one fails"),
        pytest.param([STOPPED, DEGRADED], "2 of 2 endpoints do not serve: a (Stopped), b", id="one is stopped"),
        pytest.param(["Inactive", ONLINE], "1 of 2 endpoints do not serve: a (Inactive)", id="one is not probed"),
    ],
)
def test_a_message_tells_a_failed_probe_from_what_is_not_probed(states: list[str], message: str) -> None:
    assert health(profile(*states)).message == message


def test_counts_are_of_our_endpoints_and_leave_out_what_somebody_disabled() -> None:
    disabled = structs.replace(endpoint("d", ONLINE), status=DISABLED)  # the list is older than the hand
    found = replace(
        profile(ONLINE, DEGRADED, CHECKING), endpoints=(*profile(ONLINE, DEGRADED, CHECKING).endpoints, disabled)
    )
    foreign = found.with_endpoint(structs.replace(make_foreign_endpoint(), monitor_status=ONLINE))
    assert endpoint_counts(foreign) == EndpointCounts(total=4, online=1, degraded=1)


@pytest.mark.parametrize(
    ("failing", "observed", "told"),
    [
        pytest.param("", profile(ONLINE, ONLINE), ("", "", ""), id="all is well"),
        pytest.param("", profile(CHECKING, None), ("", "", ""), id="new endpoints are being checked"),
        pytest.param("", profile(ONLINE, DEGRADED), ("b", "", "b"), id="one begins to fail"),
        pytest.param("b", profile(ONLINE, DEGRADED), ("", "", "b"), id="one still fails"),
        pytest.param("b", profile(DEGRADED, ONLINE), ("a", "b", "a"), id="another one fails instead"),
        pytest.param("b", profile(ONLINE, ONLINE), ("", "b", ""), id="it answers again"),
        pytest.param("b", profile(ONLINE, "Unmonitored"), ("", "b", ""), id="it is in DNS whatever probes say"),
        pytest.param("b", profile(ONLINE, CHECKING), ("", "", "b"), id="a write made Traffic Manager check it anew"),
        pytest.param("b", profile(ONLINE, None), ("", "", "b"), id="an answer without a state"),
        pytest.param("b", profile(ONLINE), ("", "", ""), id="it is gone"),
        pytest.param("b", profile(ONLINE, DISABLED), ("", "", ""), id="somebody disabled it"),
        pytest.param("b", profile(ONLINE, STOPPED), ("", "", ""), id="it is stopped"),
        pytest.param("ab", None, ("", "", ""), id="the profile is gone"),
    ],
)
def test_what_turned(failing: str, observed: Profile | None, told: tuple[str, str, str]) -> None:
    found = turns(frozenset(endpoint_name(name) for name in failing), observed)
    assert (clusters(found.failed), clusters(found.recovered)) == told[:2]
    assert found.failing == {endpoint_name(name) for name in told[2]}


SWEEP = 60.0
FAILS, WELL = profile(ONLINE, DEGRADED), profile(ONLINE, ONLINE)
B = endpoint_name("b")


@pytest.mark.parametrize(
    ("alone_at", "is_alone", "waits"),
    [
        pytest.param(None, True, False, id="nothing was written for health alone yet"),
        pytest.param(0.0, True, True, id="it was, less than a sweep ago"),
        pytest.param(0.0, False, False, id="it was, but something else differs as well"),
        pytest.param(-54.0, True, False, id="it was, in the last sweep, and this one came early"),
    ],
)
def test_health_alone_waits_for_the_next_sweep(alone_at: float | None, is_alone: bool, waits: bool) -> None:
    turned, told = telling(
        Told(frozenset(), alone_at), FAILS, is_observed=True, is_alone=is_alone, sweep=SWEEP, now=0.0
    )
    assert told.waits == waits
    assert bool(turned.failed) != waits
    assert told.failing == (frozenset() if waits else {B})
    assert told.next_look(sweep=SWEEP) == (54.0 if waits else None)


def test_what_waited_is_told_later_with_what_turned_meanwhile() -> None:
    told = Told(frozenset({B}), 0.0)
    _, told = telling(told, WELL, is_observed=True, is_alone=True, sweep=SWEEP, now=10.0)
    turned, told = telling(told, WELL, is_observed=True, is_alone=True, sweep=SWEEP, now=54.0)
    assert clusters(turned.recovered) == "b"
    assert told == Told(frozenset(), 54.0)


def test_nothing_turns_while_azure_is_not_heard() -> None:
    told = Told(frozenset({B}), 0.0)
    found = telling(told, None, is_observed=False, is_alone=False, sweep=SWEEP, now=99.0)
    assert found == (Turns(failing=told.failing), told)


def backend(*states: str | None, weight: int = 1, rejected: tuple[RejectedExport, ...] = ()) -> BackendStatus:
    listed = tuple(
        EndpointStatus(endpoint_name(name), weight=weight, from_=FromCluster(name, 1), monitor_status=state)
        for name, state in zip("abcdef", states, strict=False)
    )
    return BackendStatus(endpoints=listed, endpoint_count=len(listed), rejected=rejected)


def told_of(state: str, *, total: int = 2, online: int = 2, ready: str = "True") -> ProfileStatus:
    conditions = (Condition("Healthy", state, message=f"{online}"), Condition("Ready", ready))
    return ProfileStatus("a.b", endpoints=EndpointCounts(total, online), monitor_status=state, conditions=conditions)


@pytest.mark.parametrize(
    ("old", "new", "is_alone"),
    [
        pytest.param(backend(ONLINE), backend(ONLINE), False, id="a backend as before"),
        pytest.param(backend(ONLINE), backend(DEGRADED), True, id="an endpoint turned"),
        pytest.param(backend(ONLINE), backend(DEGRADED, weight=2), False, id="and its weight is another"),
        pytest.param(backend(ONLINE), backend(ONLINE, CHECKING), False, id="an endpoint came"),
        pytest.param(
            backend(ONLINE),
            backend(DEGRADED, rejected=(RejectedExport("b", "x", "y"),)),
            False,
            id="an export was rejected",
        ),
        pytest.param(told_of("True"), told_of("True"), False, id="a profile as before"),
        pytest.param(told_of("True"), told_of("False", online=1), True, id="Healthy turned"),
        pytest.param(told_of("True"), told_of("False", total=3), False, id="and there is one more endpoint"),
        pytest.param(told_of("True"), told_of("False", ready="False"), False, id="and another condition did"),
    ],
)
def test_what_is_health_alone(old: Status, new: Status, is_alone: bool) -> None:
    assert differs_in_health_alone(old, new) == is_alone


@pytest.mark.parametrize(
    ("old", "new", "counted"),
    [
        pytest.param(backend(ONLINE, ONLINE), backend(DEGRADED, DEGRADED), {DEGRADED: 2}, id="two fail"),
        pytest.param(backend(ONLINE), backend(ONLINE, CHECKING), {}, id="a new one has not changed"),
        pytest.param(backend(CHECKING, ONLINE), backend(ONLINE), {ONLINE: 1}, id="one was checked, one left"),
        pytest.param(backend(ONLINE), backend(None), {}, id="nothing is told of it"),
    ],
)
def test_changes_are_counted_by_what_they_are_to(
    old: BackendStatus, new: BackendStatus, counted: Mapping[str, int]
) -> None:
    assert changes(old, new) == counted

"""Events are told only when something changed."""

from __future__ import annotations

import pytest

from fleetdns.api.conditions import Condition
from fleetdns.core.drift import Drift
from fleetdns.core.events import Event, contested, endpoints_turned, guarded, health_turned, repaired, turned
from fleetdns.core.health import Turns
from fleetdns.core.trafficmanager import Endpoint
from tests.core.builders import endpoint_name, make_backend

TRUE = Condition("Programmed", "True", "Programmed", "Azure holds it")
INVALID = Condition("Programmed", "False", "Invalid", "Azure refused: X: y")
TAKEN = Condition("Programmed", "False", "DNSNameNotAvailable", "taken")
PENDING = Condition("Programmed", "Unknown", "Pending", "waits")


@pytest.mark.parametrize(
    ("old", "new", "is_azure_error", "event"),
    [
        pytest.param(None, TRUE, False, Event("Normal", "Programmed", "Azure holds it"), id="it became true"),
        pytest.param(PENDING, TRUE, False, Event("Normal", "Programmed", "Azure holds it"), id="true after waiting"),
        pytest.param(TRUE, TRUE, False, None, id="true as before"),
        pytest.param(
            TRUE,
            Condition("Programmed", "True", "Programmed", "Azure holds it", 7, "2026-01-01T00:00:00Z"),
            False,
            None,
            id="true as before, of a newer generation",
        ),
        pytest.param(TRUE, PENDING, False, None, id="waiting is worth no event"),
        pytest.param(TRUE, PENDING, True, None, id="waiting after an error neither"),
        pytest.param(TRUE, INVALID, True, Event("Warning", "AzureAPIError", INVALID.message), id="Azure refused"),
        pytest.param(INVALID, TAKEN, True, Event("Warning", "AzureAPIError", "taken"), id="refused for another reason"),
        pytest.param(TRUE, INVALID, False, None, id="false for a reason on the hub: status says it"),
        pytest.param(INVALID, INVALID, True, None, id="refused as before"),
        pytest.param(TRUE, None, False, None, id="no condition any more"),
    ],
)
def test_a_condition_that_turned(
    old: Condition | None, new: Condition | None, is_azure_error: bool, event: Event | None
) -> None:
    other = Condition("Ready", "False", "Other", "not asked about")
    found = turned("Programmed", [other, *([old] if old else [])], [new] if new else [], is_azure_error=is_azure_error)
    assert found == ((event,) if event else ())


@pytest.mark.parametrize(
    ("drifts", "message"),
    [
        pytest.param(
            [Drift("", ("dnsConfig.ttl", "profileStatus"), "x -> y")],
            "profile: dnsConfig.ttl, profileStatus put back (x -> y)",
            id="the profile",
        ),
        pytest.param(
            [Drift("fleet-1#app#a", ("weight",), "weight 1 -> 5")],
            "endpoint fleet-1#app#a: weight put back (weight 1 -> 5)",
            id="an endpoint",
        ),
        pytest.param(
            [Drift("", ("profile",), "deleted in Azure and made again")],
            "profile: deleted in Azure and made again",
            id="the whole profile",
        ),
        pytest.param(
            [Drift("fleet-1#app#a", ("endpoint",), "added in Azure and taken out")],
            "endpoint fleet-1#app#a: added in Azure and taken out",
            id="a whole endpoint",
        ),
        pytest.param(
            [Drift("", ("dnsConfig.ttl",), "ttl 5 -> 60"), Drift("fleet-1#app#a", ("weight",), "weight 1 -> 5")],
            "profile and 1 endpoint put back (dnsConfig.ttl, weight): "
            "profile (ttl 5 -> 60), fleet-1#app#a (weight 1 -> 5)",
            id="both",
        ),
        pytest.param(
            [Drift("a", ("weight",), "weight 1 -> 5"), Drift("a", ("endpoint",), "deleted in Azure and made again")],
            "1 endpoint put back (endpoint, weight): a (weight 1 -> 5), a (deleted in Azure and made again)",
            id="one endpoint twice, before it could be told",
        ),
        pytest.param(
            [*(Drift(f"e{n}", ("weight",), "weight 9 -> 5") for n in range(7)), Drift("f", ("targetResourceId",), "x")],
            "8 endpoints put back (targetResourceId, weight): "
            + ", ".join(f"e{n} (weight 9 -> 5)" for n in range(5))
            + " and 3 more",
            id="many: all fields, the first few, and how many more",
        ),
    ],
)
def test_a_repair_is_one_event_that_names_subjects_fields_and_values(drifts: list[Drift], message: str) -> None:
    assert repaired(drifts) == (Event("Normal", "DriftRepaired", message),)


def test_where_nothing_was_put_back_nothing_is_told() -> None:
    assert repaired([]) == ()


@pytest.mark.parametrize(
    ("old", "new", "is_told"),
    [
        pytest.param(None, "weight of a", True, id="it begins"),
        pytest.param("weight of a", "weight of a", False, id="it goes on"),
        pytest.param("weight of a", "weight of a, weight of b", True, id="another field as well"),
        pytest.param("weight of a", None, False, id="it is over"),
    ],
)
def test_somebody_who_keeps_changing_something_is_told_when_it_is_something_new(
    old: str | None, new: str | None, is_told: bool
) -> None:
    before, after = ([Condition("Drifting", "True", "ChangedElsewhere", text)] if text else [] for text in (old, new))
    found = contested(before, after)
    assert found == ((Event("Warning", "ChangedElsewhere", new or ""),) if is_told else ())


@pytest.mark.parametrize(
    ("old", "new", "is_told"),
    [
        pytest.param(None, "a is gone", True, id="it begins"),
        pytest.param("a is gone", "a is gone", False, id="it goes on"),
        pytest.param("a is gone", "a, b are gone", False, id="another one follows: status says it"),
        pytest.param("a is gone", None, False, id="it is over"),
    ],
)
def test_what_the_guard_holds_is_told_when_it_begins(old: str | None, new: str | None, is_told: bool) -> None:
    before, after = ([Condition("Guarded", "True", "RemovalHeld", text)] if text else [] for text in (old, new))
    assert guarded(before, after) == ((Event("Warning", "GuardHeld", new or ""),) if is_told else ())


A, B = (Endpoint(endpoint_name(cluster)) for cluster in ("a", "b"))
HEALTHY = Condition("Healthy", "True", "AllEndpointsOnline", "all is well")
CHECKING = Condition("Healthy", "Unknown", "CheckingEndpoints", "some are checked")
UNWELL = Condition("Healthy", "False", "EndpointsDegraded", "1 of 2 fails")
EMPTY = Condition("Healthy", "False", "NoEndpoints", "nothing is in Azure")
FAILS = frozenset({A.folded})
RECOVERED = "no endpoint fails its probes any more: "


@pytest.mark.parametrize(
    ("before", "turned", "healthy", "event"),
    [
        pytest.param(frozenset(), Turns(), HEALTHY, None, id="all is well, as before"),
        pytest.param(
            frozenset(),
            Turns(failed=(A,), failing=FAILS),
            UNWELL,
            Event("Warning", "EndpointsDegraded", "1 of 2 fails"),
            id="the first one fails",
        ),
        pytest.param(FAILS, Turns(failed=(B,), failing=frozenset({A.folded, B.folded})), UNWELL, None, id="a second"),
        pytest.param(FAILS, Turns(failing=FAILS), UNWELL, None, id="it still fails"),
        pytest.param(
            FAILS,
            Turns(recovered=(A,)),
            HEALTHY,
            Event("Normal", "EndpointsRecovered", RECOVERED + "all is well"),
            id="the last one recovers",
        ),
        pytest.param(
            FAILS,
            Turns(recovered=(A,)),
            CHECKING,
            Event("Normal", "EndpointsRecovered", RECOVERED + "some are checked"),
            id="the last one recovers while another is checked",
        ),
        pytest.param(
            FAILS, Turns(), HEALTHY, Event("Normal", "EndpointsRecovered", RECOVERED + "all is well"), id="it is gone"
        ),
        pytest.param(FAILS, Turns(), EMPTY, None, id="it is gone, and nothing is left"),
    ],
)
def test_a_profile_tells_when_it_begins_to_have_endpoints_that_fail_and_when_it_has_none_any_more(
    before: frozenset[str], turned: Turns, healthy: Condition, event: Event | None
) -> None:
    assert health_turned(before, turned, [TRUE, healthy]) == ((event,) if event else ())


def test_a_backend_tells_of_its_own_endpoints_by_cluster() -> None:
    turned = Turns(failed=(B, A), recovered=(Endpoint(endpoint_name("c")),))
    assert endpoints_turned(make_backend().metadata.uid.upper(), turned) == (
        Event("Warning", "EndpointsDegraded", "the Service fails Traffic Manager's probes in a, b"),
        Event("Normal", "EndpointsRecovered", "the Service answers its probes again in c"),
    )
    assert endpoints_turned(make_backend("other").metadata.uid, turned) == ()
    assert endpoints_turned(make_backend().metadata.uid, Turns()) == ()

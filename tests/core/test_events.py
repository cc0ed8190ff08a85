"""Events are told only when something changed."""

from __future__ import annotations

import pytest

from fleetdns.api.conditions import Condition
from fleetdns.core.drift import Drift
from fleetdns.core.events import Event, repaired, turned

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


def test_a_repair_names_the_subject_the_fields_and_the_values() -> None:
    drifts = [
        Drift("", ("dnsConfig.ttl", "profileStatus"), "x -> y"),
        Drift("fleet-1#app#a", ("weight",), "weight 1 -> 5"),
    ]
    assert repaired(drifts) == (
        Event("Normal", "DriftRepaired", "profile: dnsConfig.ttl, profileStatus put back (x -> y)"),
        Event("Normal", "DriftRepaired", "endpoint fleet-1#app#a: weight put back (weight 1 -> 5)"),
    )
    assert repaired([]) == ()

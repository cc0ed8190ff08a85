"""A ServiceExport gets an Event when what is told of it changed, and only then."""

from __future__ import annotations

import pytest

from fleetdns.api.conditions import FALSE, TRUE, UNKNOWN, Condition
from fleetdns.api.exports import CONFLICT
from fleetdns.api.service import LABEL_ANNOTATION
from fleetdns.core.events import Event
from fleetdns.core.exportevents import export_events, label_kept
from fleetdns.core.offer import INVALID_WEIGHT, SERVICE_IS_VALID, VALID
from tests.core.builders import LATER
from tests.core.memberbuilders import make_service

GOOD = Condition(VALID, TRUE, SERVICE_IS_VALID, "exported")
WAITS = Condition(VALID, TRUE, SERVICE_IS_VALID, "exported; throttled")
BAD = Condition(VALID, FALSE, INVALID_WEIGHT, "'ten'")
WORSE = Condition(VALID, FALSE, INVALID_WEIGHT, "'eleven'")
PENDING = Condition(CONFLICT, UNKNOWN, "ServicePendingConflictResolution", "not yet")
WON = Condition(CONFLICT, FALSE, "NoConflictFound", "")
LOST = Condition(CONFLICT, TRUE, "ConflictFound", "ports")


def stamped(condition: Condition) -> Condition:
    return Condition(condition.type, condition.status, condition.reason, condition.message, 7, LATER)


@pytest.mark.parametrize(
    ("old", "new", "azure_message", "events"),
    [
        pytest.param((), (GOOD, PENDING), None, [("Normal", SERVICE_IS_VALID, "exported")], id="exported"),
        pytest.param((GOOD,), (stamped(GOOD),), None, [], id="as before, of a newer generation"),
        pytest.param((GOOD, PENDING), (GOOD, WON), None, [], id="the hub found no conflict: status says it"),
        pytest.param((GOOD, WON), (GOOD, LOST), None, [("Warning", "ConflictFound", "ports")], id="it lost"),
        pytest.param((GOOD, LOST), (GOOD, stamped(LOST)), None, [], id="it lost before"),
        pytest.param((GOOD,), (BAD,), None, [("Warning", INVALID_WEIGHT, "'ten'")], id="a wrong weight"),
        pytest.param((BAD,), (WORSE,), None, [("Warning", INVALID_WEIGHT, "'eleven'")], id="another wrong weight"),
        pytest.param((GOOD,), (WAITS,), "throttled", [("Warning", "AzureAPIError", "throttled")], id="Azure is away"),
        pytest.param((WAITS,), (WAITS, LOST), "throttled", [("Warning", "ConflictFound", "ports")], id="still away"),
        pytest.param((WAITS,), (GOOD,), None, [("Normal", SERVICE_IS_VALID, "exported")], id="Azure is back"),
        pytest.param((GOOD,), (), None, [], id="nothing is told any more"),
    ],
)
def test_events(
    old: tuple[Condition, ...],
    new: tuple[Condition, ...],
    azure_message: str | None,
    events: list[tuple[str, str, str]],
) -> None:
    told = export_events(old, new, azure_message=azure_message)
    assert [(event.type, event.reason, event.message) for event in told] == events


def test_a_label_that_stays_is_named_with_the_one_that_was_asked_for() -> None:
    event = label_kept(make_service(annotations={LABEL_ANNOTATION: "theirs"}), "ours")
    assert isinstance(event, Event)
    assert (event.type, event.reason) == ("Warning", "DNSLabelKept")
    assert "'theirs'" in event.message
    assert "'ours'" in event.message

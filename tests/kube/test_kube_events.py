"""An event that may not be written is no failure, but whoever gave too few rights has to hear of it once."""

from __future__ import annotations

import json

import pytest
from structlog.testing import capture_logs

from fleetdns.api.meta import ObjectMeta
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.core.events import NORMAL, Event
from fleetdns.kube.events import EventPublisher
from fleetdns.kube.transport import Transport
from tests.azure.scripted import Answer, ScriptedServer

PROFILE = TrafficManagerProfile(metadata=ObjectMeta(name="myatm", namespace="work", uid="1"))
WRITTEN = Answer(status=201, body=b"{}")


def refused(sentence: str, **details: object) -> Answer:
    status = {"kind": "Status", "reason": "Forbidden", "code": 403, "message": sentence, "details": details}
    return Answer(status=403, body=json.dumps(status).encode())


DENIED = refused('events is forbidden: User "us" cannot create resource "events" in API group ""')
LEAVING = refused("namespace work is being terminated", causes=[{"reason": "NamespaceTerminating"}])


async def warnings(wire: Transport, scripted: ScriptedServer, answers: list[Answer], *, same: bool) -> list[str]:
    """What is said at warning while one event meets each answer; `same`: it is one event again and again."""
    publisher = EventPublisher(wire, instance="fleetdns-0")
    with capture_logs() as lines:
        for number, answer in enumerate(answers):
            scripted.answers = [answer]
            await publisher.publish(PROFILE, Event(NORMAL, "Programmed", "as asked" if same else f"as asked {number}"))
    return [f"{line['event']} {line['error']}" for line in lines if line["log_level"] == "warning"]


async def test_a_missing_right_on_events_is_named_once_until_they_are_written_again(
    wire: Transport, scripted: ScriptedServer
) -> None:
    said = await warnings(wire, scripted, [DENIED, DENIED, WRITTEN, DENIED], same=False)

    assert len(said) == 2
    assert all(
        "does not let fleetdns create events" in line and 'cannot create resource "events"' in line for line in said
    )


async def test_a_missing_right_to_count_events_is_named_for_itself(wire: Transport, scripted: ScriptedServer) -> None:
    (line,) = await warnings(wire, scripted, [WRITTEN, DENIED], same=True)

    assert "does not let fleetdns patch events" in line


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(LEAVING, id="a namespace that is being deleted"),
        pytest.param(Answer(status=500, body=b"{}"), id="a server in trouble"),
        pytest.param(Answer(fault="hang"), id="a server that is silent"),
    ],
)
async def test_an_event_lost_for_another_reason_is_not_worth_a_warning(
    wire: Transport, scripted: ScriptedServer, answer: Answer
) -> None:
    assert await warnings(wire, scripted, [answer], same=False) == []

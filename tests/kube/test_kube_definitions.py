"""What is read of our kinds' definitions, and what is said when it may not be read."""

from __future__ import annotations

import json

import pytest
from structlog.testing import capture_logs

from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.errors import Forbidden, Transient
from fleetdns.kube.definitions import HubDefinitions
from fleetdns.kube.transport import Transport
from tests.azure.scripted import Answer, ScriptedServer

STAYS = Answer(body=b'{"metadata": {"name": "a"}}')
LEAVES = Answer(body=b'{"metadata": {"name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z"}}')
MISSING = Answer(status=404, body=b'{"kind": "Status", "reason": "NotFound", "code": 404}')
DENIED = Answer(
    status=403,
    body=json.dumps({"kind": "Status", "reason": "Forbidden", "code": 403, "message": "it is forbidden"}).encode(),
)


@pytest.mark.parametrize("answer", [LEAVES, MISSING], ids=["being deleted", "gone"])
async def test_a_kind_whose_definition_is_going_or_gone_leaves(
    wire: Transport, scripted: ScriptedServer, answer: Answer
) -> None:
    scripted.answers = [answer, STAYS]

    assert await HubDefinitions(wire).leaving() == {TrafficManagerProfile.resource.plural}


async def test_a_missing_right_is_named_once_until_the_definition_can_be_read_again(
    wire: Transport, scripted: ScriptedServer
) -> None:
    definitions = HubDefinitions(wire)
    with capture_logs() as lines:
        for _ in range(2):
            scripted.answers = [DENIED]
            with pytest.raises(Forbidden):
                await definitions.leaving()
        scripted.answers = [STAYS]
        assert await definitions.leaving() == frozenset()
        scripted.answers = [DENIED]
        with pytest.raises(Forbidden):
            await definitions.leaving()

    assert [(line["log_level"], line["error"]) for line in lines] == [("warning", "it is forbidden")] * 2
    assert "does not let fleetdns get CustomResourceDefinition trafficmanagerprofiles" in lines[0]["event"]


async def test_a_server_in_trouble_is_no_missing_right(wire: Transport, scripted: ScriptedServer) -> None:
    scripted.answers = [Answer(status=500, body=b"{}")]
    with capture_logs() as lines, pytest.raises(Transient):
        await HubDefinitions(wire).leaving()

    assert lines == []

"""What the controllers' caches are filled from, and what tells this hub from another."""

from __future__ import annotations

import json

import pytest

from fleetdns.api.exports import InternalServiceExport
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.emulator.hub.server import HubServer
from fleetdns.errors import Forbidden, Rejected, Transient
from fleetdns.kube.discovery import HubDiscovery
from fleetdns.kube.hubid import hub_id
from fleetdns.kube.sources import HubSources
from fleetdns.kube.transport import Transport
from tests.azure.scripted import Answer, ScriptedServer
from tests.kube.conftest import NAMESPACE, created


@pytest.mark.parametrize(("namespace", "seen"), [(None, 1), (NAMESPACE, 1), ("elsewhere", 0)])
async def test_profiles_come_from_the_namespace_that_was_chosen(
    transport: Transport, namespace: str | None, seen: int
) -> None:
    await created(transport, TrafficManagerProfile.resource, "myatm", {})
    sources = HubSources(transport, namespace=namespace)
    codec, decoded = sources.codec(TrafficManagerProfile), []
    await sources.listwatch(TrafficManagerProfile).list(
        resource_version="", limit=None, continue_token="", take=lambda raw: decoded.append(codec.decode(raw))
    )
    assert [entry.key for entry in decoded] == [ObjectKey(NAMESPACE, "myatm")] * seen


async def test_exports_come_from_every_members_namespace_whatever_was_chosen(transport: Transport) -> None:
    reference = {
        "clusterId": "member-1",
        "namespace": "work",
        "name": "app",
        "apiVersion": "v1",
        "kind": "Service",
        "resourceVersion": "1",
        "generation": 1,
        "uid": "u",
        "namespacedName": "work/app",
        "exportedSince": "2026-01-01T00:00:00Z",
    }
    spec = {"serviceReference": reference, "ports": [{"port": 80}]}
    await created(transport, InternalServiceExport.resource, "work-app", spec)
    sources = HubSources(transport, namespace="elsewhere")
    codec, decoded = sources.codec(InternalServiceExport), []
    await sources.listwatch(InternalServiceExport).list(
        resource_version="", limit=None, continue_token="", take=lambda raw: decoded.append(codec.decode(raw))
    )
    (entry,) = decoded
    assert entry.value.cluster == "member-1"


async def test_a_hub_is_known_by_the_uid_of_its_kube_system_namespace(transport: Transport) -> None:
    namespace = json.loads(await transport.get("/api/v1/namespaces/kube-system"))
    assert await hub_id(transport) == namespace["metadata"]["uid"]


async def test_without_the_right_to_read_the_namespace_the_hub_stays_unknown(
    transport: Transport, hub: HubServer
) -> None:
    hub.tokens.clear()
    hub.tokens["another"] = "somebody"
    with pytest.raises(Forbidden):
        await hub_id(transport)


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"metadata":{}}', b'{"metadata":{"uid":""}}'])
async def test_an_answer_without_a_uid_is_no_hubs_name(scripted: ScriptedServer, wire: Transport, body: bytes) -> None:
    scripted.answers = [Answer(body=body)]
    with pytest.raises(Transient):
        await hub_id(wire)


async def test_a_server_without_kube_system_says_what_to_give_instead(
    scripted: ScriptedServer, wire: Transport
) -> None:
    scripted.answers = [Answer(404, b"404 page not found\n", content_type="text/plain")]
    with pytest.raises(Rejected) as failure:
        await hub_id(wire)
    assert "--hub-id" in failure.value.sentence


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(Answer(404, b"404 page not found\n", content_type="text/plain"), False, id="any web server"),
        pytest.param(Answer(200, b"<html>", content_type="application/json"), False, id="a page called JSON"),
        pytest.param(Answer(200, b'{"kind": "APIGroupList", "groups": []}'), True, id="an API server"),
        pytest.param(Answer(403, b'{"kind": "Status", "reason": "Forbidden"}'), True, id="one that does not say"),
        pytest.param(Answer(503, b"", content_type=None), True, id="one that is ill"),
    ],
)
async def test_an_api_server_is_told_from_what_is_none(
    scripted: ScriptedServer, wire: Transport, answer: Answer, expected: bool
) -> None:
    scripted.answers = [answer]
    assert await HubDiscovery(wire).is_api_server() is expected
    assert scripted.requests[0].path == "/apis"

"""ResourceOverrides and who applies them, as the adapters see both on the embedded hub and on a real API server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Protocol

import msgspec
import pytest
import yaml
from structlog.testing import capture_logs

from fleetdns.api.exports import InternalServiceExport
from fleetdns.api.meta import ObjectKey, ObjectMeta
from fleetdns.api.overrides import OVERRIDE_GROUP, ResourceOverride
from fleetdns.controllers.ports import Discovery, Hub
from fleetdns.core.events import WARNING, Event
from fleetdns.errors import FleetDNSError, Transient
from fleetdns.kube.discovery import HubDiscovery
from fleetdns.kube.errors import Refused
from fleetdns.kube.events import EVENTS, EventPublisher
from fleetdns.kube.paths import collection, item
from fleetdns.kube.sources import HubSources
from fleetdns.kube.transport import Transport
from fleetdns.kube.writer import HubWriter
from fleetdns.runtime.informer import Informer
from fleetdns.runtime.observer import Phase
from fleetdns.runtime.watchlist import WatchListSupport
from tests.azure.scripted import Answer, ScriptedServer
from tests.core.builders import make_export
from tests.e2e.eventually import eventually
from tests.kube.conftest import CRDS, NAMESPACES, Open

PATIENCE = 30.0  # seconds
OVERRIDES = ResourceOverride.resource
MANIFESTS = Path(__file__).parents[2] / "manifests"
PLACEMENTS = "clusterresourceplacements"
PLACEMENT = {
    "metadata": {"name": f"{PLACEMENTS}.{OVERRIDE_GROUP}"},
    "spec": {
        "group": OVERRIDE_GROUP,
        "scope": "Cluster",
        "names": {"plural": PLACEMENTS, "kind": "ClusterResourcePlacement"},
        "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
        ],
    },
}


class Endpoint(Protocol):
    def kubeconfig(self) -> str: ...


@pytest.fixture(params=["hub", pytest.param("real_server", marks=pytest.mark.realapi)])
def endpoint(request: pytest.FixtureRequest) -> Endpoint:
    """Each in turn."""
    found: Endpoint = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def server(endpoint: Endpoint, opened: Open, tmp_path: Path) -> AsyncIterator[Transport]:
    """With a namespace and none of our kinds; afterwards without them again."""
    file = tmp_path / "config"
    file.write_text(endpoint.kubeconfig())
    transport = await opened(str(file))
    await _made(transport, collection(NAMESPACES, None), {"metadata": {"name": "work"}})
    yield transport
    for plural in (PLACEMENTS, OVERRIDES.plural):
        await _gone(transport, item(CRDS, ObjectKey("", f"{plural}.{OVERRIDE_GROUP}")))


async def _made(transport: Transport, path: str, body: dict[str, Any]) -> None:
    try:
        await transport.create(path, json.dumps(body).encode())
    except Refused as error:
        if error.status != 409:
            raise


async def _gone(transport: Transport, path: str) -> None:
    async def is_gone() -> bool:
        try:
            await transport.delete(path, b"{}")
        except Refused as error:
            return error.status == 404
        return False

    await eventually(is_gone, bool)


def definition(*served: str) -> dict[str, Any]:
    """The one that is shipped, with these versions of it served."""
    found: dict[str, Any] = yaml.safe_load(
        (MANIFESTS / f"overrides/{OVERRIDE_GROUP}_resourceoverrides.yaml").read_text()
    )
    for version in found["spec"]["versions"]:
        version["served"] = version["name"] in served
    return found


async def serve(transport: Transport, *versions: str) -> None:
    body = definition(*versions)
    await _made(transport, collection(CRDS, None), body)
    path = item(CRDS, ObjectKey("", body["metadata"]["name"]))
    await transport.patch(path, json.dumps({"spec": {"versions": body["spec"]["versions"]}}).encode())


async def write(transport: Transport, version: str, name: str) -> None:
    """The sample under another name, as soon as this version takes it."""
    body = yaml.safe_load((MANIFESTS / "samples/overrides/dns-label.yaml").read_text())
    body["apiVersion"], body["metadata"]["name"] = f"{OVERRIDE_GROUP}/{version}", name
    path = collection(OVERRIDES._replace(version=version), "work")

    async def is_written() -> bool:
        try:
            await transport.create(path, json.dumps(body).encode())
        except Refused as error:
            if error.status not in (404, 429):  # a definition takes a moment
                raise
            return False
        return True

    await eventually(is_written, bool)


@asynccontextmanager
async def informer(transport: Transport) -> AsyncIterator[Informer[ObjectKey, ResourceOverride]]:
    sources = HubSources(transport, namespace=None)
    made = Informer(
        OVERRIDES.plural,
        sources.listwatch(ResourceOverride),
        sources.codec(ResourceOverride),
        random=Random(1),
        optional=True,
        watch_list=WatchListSupport(),
    )
    running = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.wait((running,))


async def test_overrides_are_read_under_whichever_version_is_served_and_none_is_lost_when_that_changes(
    server: Transport,
) -> None:
    lost: list[ResourceOverride] = []
    async with informer(server) as seen:
        seen.on_change(lambda old, new, _: lost.append(old) if old is not None and new is None else None)

        async def names(*expected: str) -> None:
            async def are_seen() -> bool:
                return sorted(o.metadata.name for o in seen.store.values()) == sorted(expected)

            await eventually(are_seen, bool)

        await asyncio.wait_for(seen.wait_synced(), PATIENCE)
        assert (len(seen.store), seen.health.phase) == (0, Phase.ABSENT)
        await serve(server, "v1alpha1")
        await write(server, "v1alpha1", "first")
        await names("first")
        await serve(server, "v1beta1", "v1")
        await write(server, "v1", "second")
        await names("first", "second")
        await serve(server, "v1beta1")
        await write(server, "v1beta1", "third")
        await names("first", "second", "third")
        assert lost == []
        override = seen.store.get(ObjectKey("work", "third"))
        assert override is not None
        assert override.spec.policy is not None
        (rule,) = override.spec.policy.override_rules
        assert rule.override_type == "JSONPatch"
        assert rule.json_patch_overrides[0].value == "app-${MEMBER-CLUSTER-NAME}"


async def test_placement_is_found_when_it_comes_and_missed_when_it_goes(server: Transport) -> None:
    discovery: Discovery = HubDiscovery(server)

    async def places() -> bool:
        return await discovery.places_workloads()

    async def places_not() -> bool:
        return not await discovery.places_workloads()

    assert not await discovery.places_workloads()
    await serve(server, "v1alpha1", "v1beta1", "v1")
    await write(server, "v1", "first")
    assert not await discovery.places_workloads(), "overrides alone are nobody who applies them"
    await _made(server, collection(CRDS, None), PLACEMENT)
    await eventually(places, bool)
    await _gone(server, item(CRDS, ObjectKey("", f"{PLACEMENTS}.{OVERRIDE_GROUP}")))
    await eventually(places_not, bool)


async def test_an_event_on_an_override_lies_beside_it(server: Transport) -> None:
    await serve(server, "v1")
    hub: Hub = HubWriter(server, events=EventPublisher(server, instance="a"), written=lambda _: None)
    override = ResourceOverride(ObjectMeta(name="told", namespace="work", uid="u"))
    await hub.publish(override, Event(WARNING, "OverrideIgnored", "ignored: something"))
    events = json.loads(await server.get(collection(EVENTS, "work")))["items"]
    (event,) = [event for event in events if event["involvedObject"]["name"] == "told"]
    assert event["involvedObject"]["kind"] == "ResourceOverride"
    assert (event["type"], event["reason"], event["message"]) == ("Warning", "OverrideIgnored", "ignored: something")


# Annotations, on the embedded hub with our kinds


async def test_annotations_are_merged_and_taken_away_and_nothing_else_is_touched(transport: Transport) -> None:
    export = make_export("member-1", annotations={"somebody": "else's", "fleetdns.io/weight": "5"})
    reference = {"apiVersion": "v1", "kind": "Service", "resourceVersion": "1", "generation": 1, "uid": "u"}
    body = msgspec.to_builtins(export)
    body |= {"apiVersion": export.resource.api_version, "kind": export.resource.kind}
    body["metadata"] = {"name": "work-app", "namespace": "work", "annotations": body["metadata"]["annotations"]}
    body["spec"]["serviceReference"] |= reference | {"namespacedName": "work/app"}
    answer = await transport.create(collection(export.resource, "work"), json.dumps(body).encode())
    made = msgspec.json.decode(answer, type=InternalServiceExport)
    hub: Hub = HubWriter(transport, events=EventPublisher(transport, instance="a"), written=lambda _: None)

    changes = {"fleetdns.io/dns-label": "web", "fleetdns.io/weight": None, "fleetdns.io/excluded": None}
    await hub.set_annotations(made, changes)
    stored = msgspec.json.decode(
        await transport.get(item(export.resource, made.metadata.key)), type=InternalServiceExport
    )
    assert stored.metadata.annotations == {"somebody": "else's", "fleetdns.io/dns-label": "web"}
    assert stored.spec == made.spec
    version = stored.metadata.resource_version
    await hub.set_annotations(made, changes)
    again = msgspec.json.decode(
        await transport.get(item(export.resource, made.metadata.key)), type=InternalServiceExport
    )
    assert again.metadata.resource_version == version, "what is so already is no write"
    await transport.delete(item(export.resource, made.metadata.key), b"{}")
    await hub.set_annotations(made, changes)


# What discovery makes of answers that are none

NOT_FOUND = Answer(status=404, body=b'{"kind": "Status", "reason": "NotFound", "code": 404}')
GROUP = Answer(body=b'{"kind": "APIGroup", "versions": [{"groupVersion": "%s/v1"}]}' % OVERRIDE_GROUP.encode())


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([Answer(status=500, body=b"{}")], id="a server in trouble"),
        pytest.param([Answer(body=b"[]")], id="a group that is none"),
        pytest.param([Answer(body=b"{}")], id="a group without versions"),
        pytest.param([GROUP, Answer(body=b'{"resources": 5}')], id="kinds that are none"),
        pytest.param([GROUP, Answer(status=503, body=b"{}")], id="a server in trouble at the second question"),
        pytest.param([Answer(status=404, body=b"<html>", content_type="text/html")], id="a proxy's 404"),
    ],
)
async def test_an_answer_that_is_none_is_no_absence_and_is_said_once(
    wire: Transport, scripted: ScriptedServer, answers: list[Answer]
) -> None:
    discovery = HubDiscovery(wire)
    with capture_logs() as lines:
        for _ in range(2):
            scripted.answers = list(answers)
            with pytest.raises(FleetDNSError) as raised:
                await discovery.places_workloads()
            assert isinstance(raised.value, Transient)
    assert [line["log_level"] for line in lines] == ["warning"]


async def test_a_group_and_a_version_that_are_not_there_are_an_absence(
    wire: Transport, scripted: ScriptedServer
) -> None:
    scripted.answers = [NOT_FOUND]
    assert not await HubDiscovery(wire).places_workloads()
    scripted.answers = [GROUP, NOT_FOUND]
    assert not await HubDiscovery(wire).places_workloads()

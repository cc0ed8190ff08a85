"""The member agent's writers, on the embedded server and on a real one: what is written, and what is not."""

from __future__ import annotations

import itertools
import json
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pytest

from fleetdns.api.conditions import FALSE, TRUE, Condition
from fleetdns.api.exports import CONFLICT, EXPORT_FINALIZER, WITHDRAWN, ConditionsStatus, ServicePort
from fleetdns.api.meta import ObjectKey, ObjectMeta, Resource
from fleetdns.api.offer import Offer
from fleetdns.api.service import LABEL_ANNOTATION, SERVICE_EXPORT_FINALIZER, Service, ServiceExport
from fleetdns.core.events import WARNING, Event
from fleetdns.core.label import CLAIM
from fleetdns.core.offer import Give, Member, Situation, judge
from fleetdns.core.offerpatch import first_offer, offer_patch
from fleetdns.errors import Conflict, Rejected, Transient
from fleetdns.kube.codec import HubStruct
from fleetdns.kube.errors import Refused
from fleetdns.kube.events import EVENTS, EventPublisher
from fleetdns.kube.memberwriter import ClusterWriter, OfferWriter
from fleetdns.kube.objects import Objects
from fleetdns.kube.paths import collection, item
from fleetdns.kube.transport import Transport
from fleetdns.member.ports import Cluster, Hub
from tests.core.builders import CREATED, NOW
from tests.core.memberbuilders import make_ip
from tests.e2e.eventually import eventually
from tests.kube.conftest import CRDS, NAMESPACES, Open, definitions

_NAMESPACES = (f"agent-{number}" for number in itertools.count(1))
_NAME = "fleetdns-member"


class Endpoint(Protocol):
    def kubeconfig(self) -> str: ...


class Site:
    """One API server that is hub and member cluster at once, in a namespace of the test's own."""

    def __init__(self, transport: Transport, user: Transport, namespace: str) -> None:
        self.transport = transport
        self.user = user
        self.namespace = namespace
        self.member = Member("one", namespace)
        self.written: list[ServiceExport] = []
        self.asked: list[float] = []
        objects = Objects(transport, before_write=self.asked.append)
        self.hub: Hub = OfferWriter(objects)
        self.cluster: Cluster = ClusterWriter(
            objects,
            events=EventPublisher(transport, instance="agent-0", component=_NAME),
            written=self.written.append,
            before_write=self.asked.append,
        )

    async def created(self, kind: type[HubStruct], name: str, spec: Any = None, **metadata: Any) -> Any:
        """An object made by a user, as the server stored it."""
        body: dict[str, Any] = {
            "apiVersion": kind.resource.api_version,
            "kind": kind.resource.kind,
            "metadata": {"name": name, "namespace": self.namespace, **metadata},
        }
        if spec is not None:
            body["spec"] = spec
        answer = await self.user.create(collection(kind.resource, self.namespace), json.dumps(body).encode())
        return msgspec.json.decode(answer, type=kind)

    async def service(self, name: str = "app", **annotations: str) -> Service:
        made: Service = await self.created(
            Service, name, {"type": "LoadBalancer", "ports": [{"name": "http", "port": 80}]}, annotations=annotations
        )
        return made

    async def export(self, name: str = "app") -> ServiceExport:
        made: ServiceExport = await self.created(ServiceExport, name)
        return made

    async def raw(self, resource: Resource, name: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(await self.user.get(item(resource, ObjectKey(self.namespace, name))))
        return answer

    async def held(self, name: str = "work-app") -> Offer:
        found = await self.hub.read(ObjectKey(self.namespace, name))
        assert found is not None
        return found

    async def annotate(self, service: Service, annotations: dict[str, str | None]) -> Service:
        """kubectl annotate, by a user."""
        body = json.dumps({"metadata": {"annotations": annotations}}).encode()
        answer = await self.user.patch(item(Service.resource, service.metadata.key), body)
        return msgspec.json.decode(answer, type=Service)

    async def annotations(self, service: Service) -> dict[str, str]:
        found: dict[str, str] = (await self.raw(Service.resource, service.metadata.name))["metadata"].get(
            "annotations", {}
        )
        return found

    async def events(self) -> list[dict[str, Any]]:
        """What the agent told. A real server tells of Services too."""
        items: list[dict[str, Any]] = json.loads(await self.user.get(collection(EVENTS, self.namespace)))["items"]
        return [event for event in items if event["reportingComponent"] == _NAME]

    async def delete(self, resource: Resource, name: str) -> None:
        await self.user.delete(item(resource, ObjectKey(self.namespace, name)), b"{}")

    async def patched(self, resource: Resource, name: str, body: Any, subresource: str = "") -> None:
        """Somebody else's merge patch."""
        await self.user.patch(item(resource, ObjectKey(self.namespace, name), subresource), json.dumps(body).encode())

    def offer(self, service: Service, *, weight: str | None = None, offer: Offer | None = None) -> Offer:
        """What the agent would write of it."""
        export = ServiceExport(ObjectMeta(name=service.metadata.name, namespace=service.metadata.namespace))
        judged = judge(Situation(self.member, export, service, offer, None, None, NOW))
        assert isinstance(judged.wish, Give)
        return judged.wish.offer


@pytest.fixture(params=["hub", pytest.param("real_server", marks=pytest.mark.realapi)])
def endpoint(request: pytest.FixtureRequest) -> Endpoint:
    """Each in turn."""
    found: Endpoint = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def site(endpoint: Endpoint, opened: Open, tmp_path: Path) -> Site:
    file = tmp_path / "config"
    file.write_text(endpoint.kubeconfig())
    transport = await opened(str(file), field_manager=_NAME)
    user = await opened(str(file), field_manager="kubectl-annotate")
    for definition in definitions():
        await _made(user, collection(CRDS, None), definition)
    namespace = next(_NAMESPACES)
    await _made(user, collection(NAMESPACES, None), json.dumps({"metadata": {"name": namespace}}).encode())
    for kind in (Offer, ServiceExport):
        await eventually(partial(_is_served, user, kind.resource, namespace), bool)
    return Site(transport, user, namespace)


async def _made(user: Transport, path: str, body: bytes) -> None:
    try:
        await user.create(path, body)
    except Refused as error:
        if error.status != 409:
            raise


async def _is_served(user: Transport, resource: Resource, namespace: str) -> bool:
    try:
        await user.get(collection(resource, namespace))
    except Refused as error:
        if error.status not in (404, 429):  # a definition takes a moment
            raise
        return False
    return True


# Exports on the hub


async def test_what_is_created_is_what_was_meant_and_a_second_look_finds_nothing_to_do(site: Site) -> None:
    service = await site.service()
    desired = site.offer(service)
    await site.hub.create(first_offer(desired, "not asked yet"))
    held = await site.held(desired.metadata.name)
    assert held.spec == desired.spec
    assert offer_patch(held, site.offer(service, offer=held), "not asked yet") is None


async def test_every_field_of_an_export_goes_to_the_server_and_back(site: Site) -> None:
    service = await site.service()
    desired = site.offer(service)
    ports = (
        ServicePort(80, name="http", app_protocol="kubernetes.io/h2c", target_port="web"),
        ServicePort(53, "UDP", name="dns", target_port=5353),
    )
    for changes in (
        {"ports": ports, "weight": 7, "public_ip_resource_id": make_ip().id, "is_dns_label_configured": True},
        {"weight": 0, "is_internal_load_balancer": True},
        {},
    ):
        wanted = msgspec.structs.replace(desired, spec=msgspec.structs.replace(desired.spec, **changes))
        before = await site.hub.read(desired.metadata.key)
        if before is None:
            await site.hub.create(wanted)
        else:
            patch = offer_patch(before, wanted, None)
            assert patch is not None
            await site.hub.patch(before, patch)
        held = await site.held(desired.metadata.name)
        assert held.spec == wanted.spec
        assert offer_patch(held, wanted, None) is None


async def test_an_export_is_created_once(site: Site) -> None:
    offer = site.offer(await site.service())
    await site.hub.create(offer)
    with pytest.raises(Conflict):
        await site.hub.create(offer)


async def test_an_export_for_a_namespace_that_is_not_there_is_rejected_and_the_namespace_named(site: Site) -> None:
    offer = site.offer(await site.service())
    elsewhere = msgspec.structs.replace(offer.metadata, namespace="nowhere")
    with pytest.raises(Rejected) as failure:
        await site.hub.create(msgspec.structs.replace(offer, metadata=elsewhere))
    assert "nowhere" in failure.value.sentence


async def test_nothing_there_is_an_answer(site: Site) -> None:
    assert await site.hub.read(ObjectKey(site.namespace, "nothing")) is None


async def test_a_patch_of_what_has_changed_since_is_a_conflict_and_changes_nothing(site: Site) -> None:
    offer = site.offer(await site.service())
    await site.hub.create(offer)
    stale = await site.held(offer.metadata.name)
    await site.patched(Offer.resource, offer.metadata.name, {"metadata": {"annotations": {"by": "the hub"}}})
    with pytest.raises(Conflict):
        await site.hub.patch(stale, {"spec": {"weight": 9}})
    assert (await site.held(offer.metadata.name)).spec.weight == 1


async def test_a_patch_of_what_is_gone_is_a_conflict(site: Site) -> None:
    offer = site.offer(await site.service())
    await site.hub.create(offer)
    held = await site.held(offer.metadata.name)
    await site.delete(Offer.resource, offer.metadata.name)
    with pytest.raises(Conflict):
        await site.hub.patch(held, {"spec": {"weight": 9}})
    with pytest.raises(Conflict):
        await site.hub.patch(held, {"metadata": {"annotations": {WITHDRAWN: "true"}}})


async def test_a_patch_leaves_the_annotations_of_others(site: Site) -> None:
    offer = site.offer(await site.service())
    await site.hub.create(offer)
    await site.patched(Offer.resource, offer.metadata.name, {"metadata": {"annotations": {"by": "the hub"}}})
    await site.hub.patch(
        await site.held(offer.metadata.name), {"metadata": {"annotations": {WITHDRAWN: "true"}}, "spec": {"weight": 9}}
    )
    held = await site.held(offer.metadata.name)
    assert (held.metadata.annotations, held.spec.weight) == ({"by": "the hub", WITHDRAWN: "true"}, 9)


async def test_an_export_is_deleted_by_its_uid_and_gone_is_success(site: Site) -> None:
    offer = site.offer(await site.service())
    await site.hub.create(offer)
    held = await site.held(offer.metadata.name)
    other = msgspec.structs.replace(held, metadata=msgspec.structs.replace(held.metadata, uid="another"))
    await site.hub.delete(other)
    assert await site.held(offer.metadata.name) == held
    for _ in range(2):
        await site.hub.delete(held)
    assert await site.hub.read(offer.metadata.key) is None


async def test_an_export_that_the_hub_holds_is_going_until_it_lets_go(site: Site) -> None:
    offer = site.offer(await site.service())
    await site.hub.create(offer)
    await site.patched(Offer.resource, offer.metadata.name, {"metadata": {"finalizers": [EXPORT_FINALIZER]}})
    for _ in range(2):
        await site.hub.delete(await site.held(offer.metadata.name))
    assert (await site.held(offer.metadata.name)).metadata.is_deleting
    with pytest.raises(Conflict):
        await site.hub.create(offer)
    await site.patched(Offer.resource, offer.metadata.name, {"metadata": {"finalizers": None}})
    await site.hub.create(offer)


async def test_the_hubs_verdict_is_read_with_the_export(site: Site) -> None:
    offer = site.offer(await site.service())
    await site.hub.create(offer)
    verdict = Condition(CONFLICT, FALSE, "NoConflictFound", "all agree", 1, CREATED)
    status = {"status": msgspec.to_builtins(ConditionsStatus((verdict,)))}
    await site.patched(Offer.resource, offer.metadata.name, status, "status")
    assert (await site.held(offer.metadata.name)).status.conditions == (verdict,)


# ServiceExports


async def test_a_status_reaches_the_server_and_the_caches(site: Site) -> None:
    export = await site.export()
    valid = Condition("Valid", TRUE, "ServiceIsValid", "exported", 1, CREATED)
    await site.cluster.patch_status(export, msgspec.to_builtins(ConditionsStatus((valid,))))
    (seen,) = site.written
    assert seen.status.conditions == (valid,)
    assert (await site.raw(ServiceExport.resource, "app"))["status"]["conditions"][0]["message"] == "exported"


async def test_a_finalizer_is_written_over_what_was_read_only(site: Site) -> None:
    export = await site.export()
    await site.cluster.set_finalizers(export, (SERVICE_EXPORT_FINALIZER,))
    (seen,) = site.written
    assert seen.metadata.finalizers == (SERVICE_EXPORT_FINALIZER,)
    with pytest.raises(Conflict):
        await site.cluster.set_finalizers(export, ())
    await site.delete(ServiceExport.resource, "app")
    going = msgspec.json.decode(
        await site.user.get(item(ServiceExport.resource, export.metadata.key)), type=ServiceExport
    )
    assert going.metadata.is_deleting
    await site.cluster.set_finalizers(going, ())
    await site.cluster.set_finalizers(going, ())
    with pytest.raises(Refused):
        await site.raw(ServiceExport.resource, "app")


async def test_writing_to_a_service_export_that_is_gone(site: Site) -> None:
    export = await site.export()
    await site.delete(ServiceExport.resource, "app")
    await site.cluster.patch_status(export, {"conditions": []})
    with pytest.raises(Conflict):
        await site.cluster.set_finalizers(export, (SERVICE_EXPORT_FINALIZER,))
    assert site.written == []
    with pytest.raises(Refused):
        await site.raw(ServiceExport.resource, "app")


async def test_an_event_names_the_agent_and_the_service_export(site: Site) -> None:
    export = await site.export()
    await site.cluster.publish(export, Event(WARNING, "ConflictFound", "ports"))
    (event,) = await site.events()
    assert (event["reason"], event["involvedObject"]["kind"]) == ("ConflictFound", "ServiceExport")


# Labels on Services


async def test_a_claim_sets_changes_and_gives_back_exactly_its_annotations(site: Site) -> None:
    service = await site.service(theirs="stays")
    assert await site.cluster.claim_annotations(service, {LABEL_ANNOTATION: "one", CLAIM: "one"})
    assert await site.annotations(service) == {"theirs": "stays", LABEL_ANNOTATION: "one", CLAIM: "one"}
    assert await site.cluster.claim_annotations(service, {LABEL_ANNOTATION: "two", CLAIM: "two"})
    assert await site.annotations(service) == {"theirs": "stays", LABEL_ANNOTATION: "two", CLAIM: "two"}
    assert await site.cluster.claim_annotations(service, {})
    assert await site.annotations(service) == {"theirs": "stays"}


async def test_a_claim_that_says_nothing_new_writes_nothing(site: Site) -> None:
    service = await site.service()
    versions = set()
    for _ in range(3):
        assert await site.cluster.claim_annotations(service, {LABEL_ANNOTATION: "one", CLAIM: "one"})
        versions.add((await site.raw(Service.resource, "app"))["metadata"]["resourceVersion"])
    assert len(versions) == 1


@pytest.mark.parametrize("theirs", ["another", ""])
async def test_a_claim_against_a_users_value_is_refused_whole(site: Site, theirs: str) -> None:
    service = await site.service(**{LABEL_ANNOTATION: theirs})
    assert not await site.cluster.claim_annotations(service, {LABEL_ANNOTATION: "ours", CLAIM: "ours"})
    assert await site.annotations(service) == {LABEL_ANNOTATION: theirs}


async def test_a_value_that_a_user_wrote_too_stays_when_the_claim_goes(site: Site) -> None:
    service = await site.service(**{LABEL_ANNOTATION: "same"})
    assert await site.cluster.claim_annotations(service, {LABEL_ANNOTATION: "same", CLAIM: "same"})
    assert await site.cluster.claim_annotations(service, {})
    assert await site.annotations(service) == {LABEL_ANNOTATION: "same"}


async def test_a_user_who_writes_over_a_claim_has_it_from_then_on(site: Site) -> None:
    service = await site.service()
    assert await site.cluster.claim_annotations(service, {LABEL_ANNOTATION: "ours", CLAIM: "ours"})
    await site.annotate(service, {LABEL_ANNOTATION: "theirs"})
    assert not await site.cluster.claim_annotations(service, {LABEL_ANNOTATION: "ours", CLAIM: "ours"})
    assert await site.cluster.claim_annotations(service, {})
    assert await site.annotations(service) == {LABEL_ANNOTATION: "theirs"}


async def test_a_claim_that_a_user_took_off_can_be_made_again(site: Site) -> None:
    service = await site.service()
    ours = {LABEL_ANNOTATION: "ours", CLAIM: "ours"}
    assert await site.cluster.claim_annotations(service, ours)
    await site.annotate(service, {LABEL_ANNOTATION: None})
    assert await site.cluster.claim_annotations(service, ours)
    assert await site.annotations(service) == ours


async def test_a_claim_on_a_service_that_is_gone_makes_none(site: Site) -> None:
    service = await site.service()
    await site.delete(Service.resource, "app")
    for claim in ({LABEL_ANNOTATION: "ours", CLAIM: "ours"}, {}):
        with pytest.raises(Conflict):
            await site.cluster.claim_annotations(service, claim)
    with pytest.raises(Refused):
        await site.raw(Service.resource, "app")


async def test_a_claim_on_a_service_that_was_made_again_is_none_on_the_new_one(site: Site) -> None:
    former = await site.service()
    await site.delete(Service.resource, "app")
    await site.service()
    with pytest.raises(Rejected):
        await site.cluster.claim_annotations(former, {LABEL_ANNOTATION: "ours", CLAIM: "ours"})
    assert await site.annotations(former) == {}


async def test_a_claim_changes_nothing_else_of_a_service(site: Site) -> None:
    service = await site.service()
    before = await site.raw(Service.resource, "app")
    assert await site.cluster.claim_annotations(service, {LABEL_ANNOTATION: "ours", CLAIM: "ours"})
    after = await site.raw(Service.resource, "app")
    assert (after["spec"], after.get("status")) == (before["spec"], before.get("status"))
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


# The fence


async def test_every_write_asks_first_and_one_that_may_not_be_sends_nothing(site: Site) -> None:
    service, export = await site.service(), await site.export()
    offer = site.offer(service)
    await site.hub.create(offer)
    held = await site.held(offer.metadata.name)
    await site.cluster.patch_status(export, {"conditions": []})
    assert len(site.asked) == 2

    def prevent(seconds: float) -> None:
        raise Transient("LeaseLost", "somebody else leads")

    fenced = Objects(site.transport, before_write=prevent)
    hub = OfferWriter(fenced)
    cluster = ClusterWriter(
        fenced,
        events=EventPublisher(site.transport, instance="agent-1", component=_NAME),
        written=site.written.append,
        before_write=prevent,
    )
    for write in (
        hub.create(offer),
        hub.patch(held, {"spec": {"weight": 9}}),
        hub.delete(held),
        cluster.patch_status(export, {"conditions": []}),
        cluster.set_finalizers(export, ("example.com/a",)),
        cluster.claim_annotations(service, {CLAIM: "ours"}),
    ):
        with pytest.raises(Transient):
            await write
    await cluster.publish(export, Event(WARNING, "ConflictFound", "ports"))
    assert await hub.read(offer.metadata.key) == held, "to look is always allowed"
    assert await site.annotations(service) == {}
    assert await site.events() == []

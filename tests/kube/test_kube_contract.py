"""The adapters against the embedded hub: what the runtime and the controllers may count on."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.exports import ServiceImport
from fleetdns.api.meta import ObjectKey, ObjectMeta
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.controllers.ports import Hub
from fleetdns.core.events import NORMAL, WARNING, Event
from fleetdns.emulator.hub.server import HubServer
from fleetdns.errors import Conflict, Forbidden, Rejected, Throttled, Transient
from fleetdns.kube.codec import StructCodec
from fleetdns.kube.events import EVENTS, EventPublisher
from fleetdns.kube.listwatch import HubListWatch
from fleetdns.kube.paths import collection, item
from fleetdns.kube.transport import Transport
from fleetdns.kube.writer import HubObject, HubWriter
from fleetdns.runtime.listwatch import Codec, Expired, ListWatch, NotServed
from fleetdns.runtime.listwatch import Throttled as ListThrottled
from tests.kube.conftest import NAMESPACE, NAMESPACES, Calls, created, stored

PROFILE = TrafficManagerProfile.resource


class Writes:
    """A writer, and what it put into the caches."""

    def __init__(self, transport: Transport) -> None:
        self.written: list[HubObject] = []
        self.asked: list[float] = []
        self.writer: Hub = HubWriter(
            transport,
            events=EventPublisher(transport, instance="fleetdns-0"),
            written=self.written.append,
            before_write=self.asked.append,
        )


@pytest.fixture
def writes(transport: Transport) -> Writes:
    return Writes(transport)


async def a_profile(transport: Transport, name: str = "myatm", **metadata: Any) -> TrafficManagerProfile:
    answer = await created(transport, PROFILE, name, {"monitorConfig": {"port": 8080}}, **metadata)
    return msgspec.convert(answer, TrafficManagerProfile)


def service_import(name: str = "app", namespace: str = NAMESPACE) -> ServiceImport:
    return ServiceImport(metadata=ObjectMeta(name=name, namespace=namespace))


async def events_of(transport: Transport) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = json.loads(await transport.get(collection(EVENTS, NAMESPACE)))["items"]
    return answer


async def test_a_list_gives_every_object_in_pages(transport: Transport) -> None:
    for number in range(5):
        await a_profile(transport, f"p{number}")
    listing: ListWatch = HubListWatch(transport, PROFILE, None)
    codec: Codec[ObjectKey, TrafficManagerProfile] = StructCodec(TrafficManagerProfile)
    taken: list[bytes | memoryview] = []
    token = version = ""
    while True:
        page = await listing.list(resource_version="", limit=2, continue_token=token, take=taken.append)
        version, token = version or page.resource_version, page.continue_token
        if not token:
            break
    assert [codec.decode(raw).key.name for raw in taken] == ["p0", "p1", "p2", "p3", "p4"]
    whole: list[bytes | memoryview] = []
    await listing.list(resource_version=version, limit=None, continue_token="", take=whole.append)
    assert len(whole) == 5
    cached: list[bytes | memoryview] = []
    await listing.list(resource_version="0", limit=2, continue_token="", take=cached.append)
    assert len(cached) >= 2


async def test_a_list_of_one_namespace_shows_no_other(transport: Transport) -> None:
    await a_profile(transport)
    taken: list[bytes | memoryview] = []
    elsewhere = HubListWatch(transport, PROFILE, "elsewhere")
    await elsewhere.list(resource_version="", limit=None, continue_token="", take=taken.append)
    assert taken == []


async def test_a_watch_gives_whole_lines_from_where_the_list_ended(transport: Transport) -> None:
    listing = HubListWatch(transport, PROFILE, NAMESPACE)
    page = await listing.list(resource_version="", limit=None, continue_token="", take=lambda _: None)
    async with listing.watch(resource_version=page.resource_version, timeout_seconds=60, initial_events=False) as lines:
        await a_profile(transport)
        line = await anext(lines)
    assert line.endswith(b"\n")
    event = json.loads(line)
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "myatm")


async def test_a_kind_that_the_hub_does_not_have_is_not_served(transport: Transport) -> None:
    unknown = PROFILE._replace(plural="moonphases")
    with pytest.raises(NotServed):
        await HubListWatch(transport, unknown, None).list(
            resource_version="", limit=None, continue_token="", take=lambda _: None
        )
    with pytest.raises(NotServed):
        async with HubListWatch(transport, unknown, None).watch(
            resource_version="1", timeout_seconds=9, initial_events=False
        ):
            raise AssertionError("the watch was accepted")


async def test_a_version_that_the_server_has_not_reached_is_expired(transport: Transport) -> None:
    with pytest.raises(Expired):
        await HubListWatch(transport, PROFILE, None).list(
            resource_version="999999", limit=None, continue_token="", take=lambda _: None
        )


async def test_a_kind_that_is_being_set_up_asks_to_wait(transport: Transport, hub: HubServer) -> None:
    hub.faults.throttle(retry_after=3)
    with pytest.raises(ListThrottled) as failure:
        await HubListWatch(transport, PROFILE, None).list(
            resource_version="", limit=None, continue_token="", take=lambda _: None
        )
    assert failure.value.retry_after == 3.0


async def test_a_status_patch_reaches_the_server_and_the_caches(transport: Transport, writes: Writes) -> None:
    profile = await a_profile(transport)
    await writes.writer.patch_status(profile, {"dnsName": "myatm.trafficmanager.net", "monitorStatus": None})
    assert (await stored(transport, PROFILE, "myatm"))["status"] == {"dnsName": "myatm.trafficmanager.net"}
    (seen,) = writes.written
    assert isinstance(seen, TrafficManagerProfile)
    assert seen.status.dns_name == "myatm.trafficmanager.net"
    assert seen.metadata.resource_version != profile.metadata.resource_version


async def test_a_null_in_a_status_patch_removes_the_field(transport: Transport, writes: Writes) -> None:
    profile = await a_profile(transport)
    await writes.writer.patch_status(profile, {"dnsName": "a.example", "monitorStatus": "Online"})
    await writes.writer.patch_status(profile, {"monitorStatus": None})
    assert (await stored(transport, PROFILE, "myatm"))["status"] == {"dnsName": "a.example"}


async def test_finalizers_are_written_over_what_was_read_only(transport: Transport, writes: Writes) -> None:
    profile = await a_profile(transport)
    await writes.writer.set_finalizers(profile, ("example.com/a",))
    (seen,) = writes.written
    assert seen.metadata.finalizers == ("example.com/a",)
    with pytest.raises(Conflict):
        await writes.writer.set_finalizers(profile, ())
    await writes.writer.set_finalizers(seen, ())
    assert "finalizers" not in (await stored(transport, PROFILE, "myatm"))["metadata"]


async def test_writing_to_what_is_gone_is_success_and_shows_the_caches_nothing(
    transport: Transport, writes: Writes
) -> None:
    profile = await a_profile(transport)
    await writes.writer.set_finalizers(profile, ("example.com/a",))
    (guarded,) = writes.written
    await writes.writer.set_finalizers(guarded, ())
    writes.written.clear()
    await transport.delete(item(PROFILE, profile.metadata.key), b"{}")
    await writes.writer.patch_status(profile, {"dnsName": "a.example"})
    await writes.writer.set_finalizers(guarded, ())
    assert writes.written == []


async def test_a_finalizer_is_not_added_to_what_is_gone_as_if_it_guarded_anything(
    transport: Transport, writes: Writes
) -> None:
    profile = await a_profile(transport)
    await transport.delete(item(PROFILE, profile.metadata.key), b"{}")
    with pytest.raises(Conflict):
        await writes.writer.set_finalizers(profile, ("example.com/a",))
    assert writes.written == []


async def test_an_import_is_created_once(transport: Transport, writes: Writes) -> None:
    await writes.writer.create_import(service_import())
    (seen,) = writes.written
    assert seen.metadata.uid
    with pytest.raises(Conflict):
        await writes.writer.create_import(service_import())


async def test_an_import_in_a_namespace_that_does_not_exist_is_rejected(writes: Writes) -> None:
    with pytest.raises(Rejected) as failure:
        await writes.writer.create_import(service_import(namespace="nowhere"))
    assert failure.value.code == "NotFound"
    assert "nowhere" in failure.value.sentence


async def test_only_the_import_that_was_meant_is_deleted(transport: Transport, writes: Writes) -> None:
    await writes.writer.create_import(service_import())
    (seen,) = writes.written
    assert isinstance(seen, ServiceImport)
    other = msgspec.structs.replace(seen, metadata=msgspec.structs.replace(seen.metadata, uid="another"))
    await writes.writer.delete_import(other)
    assert (await stored(transport, ServiceImport.resource, "app"))["metadata"]["uid"] == seen.metadata.uid
    for _ in range(2):
        await writes.writer.delete_import(seen)
    left: list[bytes | memoryview] = []
    await HubListWatch(transport, ServiceImport.resource, None).list(
        resource_version="", limit=None, continue_token="", take=left.append
    )
    assert left == []


async def test_an_event_is_told_once_and_counted_when_it_repeats(transport: Transport, writes: Writes) -> None:
    profile = await a_profile(transport)
    for _ in range(3):
        await writes.writer.publish(profile, Event(NORMAL, "Programmed", "Azure holds what spec asks for"))
    await writes.writer.publish(profile, Event(WARNING, "AzureAPIError", "x" * 3000))
    repeated, warned = sorted(await events_of(transport), key=lambda event: event["type"])
    assert (repeated["count"], repeated["reason"], repeated["type"]) == (3, "Programmed", "Normal")
    assert repeated["metadata"]["name"].startswith("myatm.")
    assert repeated["reportingComponent"] == "fleetdns"
    about = repeated["involvedObject"]
    assert (about["kind"], about["namespace"], about["name"]) == ("TrafficManagerProfile", NAMESPACE, "myatm")
    assert (about["apiVersion"], about["uid"]) == ("networking.fleet.azure.com/v1beta1", profile.metadata.uid)
    assert (warned["count"], len(warned["message"])) == (1, 1024)


async def test_an_event_that_was_cleaned_away_is_told_anew(transport: Transport, writes: Writes) -> None:
    profile = await a_profile(transport)
    event = Event(NORMAL, "Programmed", "as asked for")
    await writes.writer.publish(profile, event)
    (first,) = await events_of(transport)
    await transport.delete(item(EVENTS, ObjectKey(NAMESPACE, first["metadata"]["name"])), b"{}")
    await writes.writer.publish(profile, event)
    (second,) = await events_of(transport)
    assert second["count"] == 1


async def test_an_event_refused_by_a_terminating_namespace_is_dropped_silently(
    transport: Transport, writes: Writes
) -> None:
    profile = await a_profile(transport)
    await transport.delete(item(NAMESPACES, ObjectKey("", NAMESPACE)), b"{}")
    await writes.writer.publish(profile, Event(NORMAL, "Programmed", "as asked for"))


async def test_what_a_terminating_namespace_refuses_is_no_missing_right_and_is_not_counted_as_one(
    transport: Transport, writes: Writes, calls: Calls
) -> None:
    await a_profile(transport, finalizers=["example.com/hangs"])
    await transport.delete(item(NAMESPACES, ObjectKey("", NAMESPACE)), b"{}")
    calls.told.clear()
    with pytest.raises(Rejected) as refusal:
        await writes.writer.create_import(service_import())
    assert refusal.value.code == "NamespaceTerminating"
    assert refusal.value.sentence.endswith(f"in namespace {NAMESPACE} because it is being terminated")
    assert calls.told == [("POST", "NamespaceTerminating")]


async def test_an_event_about_a_dead_hub_is_dropped_silently(
    transport: Transport, writes: Writes, hub: HubServer
) -> None:
    profile = await a_profile(transport)
    hub.faults.drop(plural="events")
    await writes.writer.publish(profile, Event(NORMAL, "Programmed", "as asked for"))
    assert await events_of(transport) == []


async def test_every_write_asks_first_for_as_long_as_it_may_take(transport: Transport, writes: Writes) -> None:
    profile = await a_profile(transport)
    await writes.writer.patch_status(profile, {"dnsName": "a.example"})
    await writes.writer.create_import(service_import())
    await writes.writer.publish(profile, Event(NORMAL, "Programmed", "as asked for"))
    assert writes.asked == [10.0, 10.0, 3.0]


async def test_a_write_that_is_prevented_sends_nothing_and_an_event_stays_silent(transport: Transport) -> None:
    def prevent(seconds: float) -> None:
        raise Transient("LeaseLost", "somebody else leads")

    profile = await a_profile(transport)
    writer = HubWriter(
        transport,
        events=EventPublisher(transport, instance="fleetdns-0"),
        written=lambda obj: None,
        before_write=prevent,
    )
    writes: tuple[Any, ...] = (
        writer.patch_status(profile, {"dnsName": "a.example"}),
        writer.set_finalizers(profile, ("example.com/a",)),
        writer.create_import(service_import()),
        writer.delete_import(service_import()),
    )
    for write in writes:
        with pytest.raises(Transient):
            await write
    await writer.publish(profile, Event(NORMAL, "Programmed", "as asked for"))
    unchanged = await stored(transport, PROFILE, "myatm")
    assert unchanged["metadata"]["resourceVersion"] == profile.metadata.resource_version
    assert await events_of(transport) == []


async def test_a_refusal_of_the_schema_is_rejected_in_the_servers_words(transport: Transport, writes: Writes) -> None:
    profile = await a_profile(transport)
    with pytest.raises(Rejected) as failure:
        await writes.writer.patch_status(profile, {"dnsName": 5})
    assert failure.value.code == "Invalid"
    assert "status.dnsName" in failure.value.sentence


async def test_a_throttled_write_says_for_how_long(transport: Transport, writes: Writes, hub: HubServer) -> None:
    profile = await a_profile(transport)
    hub.faults.throttle(retry_after=2, verb="patch")
    with pytest.raises(Throttled) as failure:
        await writes.writer.patch_status(profile, {"dnsName": "a.example"})
    assert failure.value.retry_after == 2.0


async def test_a_write_whose_connection_broke_is_transient_and_sent_once(
    transport: Transport, writes: Writes, hub: HubServer
) -> None:
    await writes.writer.create_import(service_import())
    (seen,) = writes.written
    assert isinstance(seen, ServiceImport)
    hub.faults.drop(verb="delete")
    with pytest.raises(Transient):
        await writes.writer.delete_import(seen)
    assert (await stored(transport, ServiceImport.resource, "app"))["metadata"]["uid"] == seen.metadata.uid


async def test_a_token_that_is_no_good_is_forbidden(transport: Transport, writes: Writes, hub: HubServer) -> None:
    profile = await a_profile(transport)
    hub.tokens.clear()
    hub.tokens["another"] = "somebody"
    with pytest.raises(Forbidden) as failure:
        await writes.writer.patch_status(profile, {"dnsName": "a.example"})
    assert failure.value.code == "Unauthorized"


async def test_backends_decode_with_their_keys(transport: Transport) -> None:
    spec = {"profile": {"name": "myatm"}, "backend": {"name": "app"}, "weight": 7}
    await created(transport, TrafficManagerBackend.resource, "mytmb", spec)
    taken: list[bytes | memoryview] = []
    await HubListWatch(transport, TrafficManagerBackend.resource, None).list(
        resource_version="", limit=500, continue_token="", take=taken.append
    )
    (entry,) = [StructCodec(TrafficManagerBackend).decode(raw) for raw in taken]
    assert (entry.key, entry.value.weight) == (ObjectKey(NAMESPACE, "mytmb"), 7)


async def test_many_watches_and_writes_go_side_by_side(transport: Transport, writes: Writes) -> None:
    profile = await a_profile(transport)
    listing = HubListWatch(transport, PROFILE, None)

    async def watched() -> bytes:
        async with listing.watch(
            resource_version=profile.metadata.resource_version, timeout_seconds=60, initial_events=False
        ) as lines:
            return await anext(lines)

    async with asyncio.TaskGroup() as group:
        watches = [group.create_task(watched()) for _ in range(20)]
        await asyncio.sleep(0.01)
        await writes.writer.patch_status(profile, {"dnsName": "a.example"})
    assert all(json.loads(task.result())["type"] == "MODIFIED" for task in watches)

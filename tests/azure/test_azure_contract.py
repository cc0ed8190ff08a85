"""The adapter against the emulated Traffic Manager: what the controllers may count on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from fleetdns.controllers.ports import TrafficManager
from fleetdns.core.trafficmanager import Endpoint, ProfileRef
from fleetdns.emulator.azure.faults import Fault
from fleetdns.emulator.azure.server import AzureServer
from fleetdns.errors import Conflict, FleetDNSError, Forbidden, Rejected, Throttled, Transient, Unavailable
from tests.azure.conftest import Calls, Open
from tests.azure.values import (
    ENDPOINT_NAME,
    GROUP,
    REF,
    SUBSCRIPTION,
    delete,
    delete_endpoint,
    endpoint,
    patch,
    profile,
    put,
    put_endpoint,
)

OTHER = "fleet-0b0b0b0b-0000-4000-8000-000000000002#shop#member-2"


async def test_what_was_put_is_what_get_and_both_lists_say(manager: TrafficManager) -> None:
    answer = await manager.put_profile(put(profile(endpoint(), endpoint(OTHER, ip="two", priority=2))))
    assert [e.folded for e in answer.endpoints] == [ENDPOINT_NAME, OTHER]
    assert await manager.get(REF) == answer
    assert (await manager.list_group(SUBSCRIPTION, GROUP)).profiles == (answer,)
    assert (await manager.list_subscription(SUBSCRIPTION)).profiles == (answer,)


async def test_reading_and_writing_back_changes_nothing(manager: TrafficManager) -> None:
    first = await manager.put_profile(put(profile(endpoint())))
    assert await manager.put_profile(put(first)) == first


async def test_what_is_not_there_is_none_or_empty(manager: TrafficManager) -> None:
    assert await manager.get(REF) is None
    assert (await manager.list_group(SUBSCRIPTION, "nowhere")).profiles == ()
    assert (await manager.list_subscription(SUBSCRIPTION)).profiles == ()


async def test_foreign_settings_survive_a_put_of_ours(manager: TrafficManager) -> None:
    foreign = replace(
        profile(structs.replace(endpoint(), unmanaged=b'{"customHeaders":[{"name":"h","value":"v"}]}')),
        unmanaged=b'{"trafficViewEnrollmentStatus":"Enabled"}',
    )
    foreign = replace(
        foreign, monitor=replace(foreign.monitor, unmanaged=b'{"expectedStatusCodeRanges":[{"max":299,"min":200}]}')
    )
    observed = await manager.put_profile(put(foreign))
    again = await manager.put_profile(put(replace(observed, ttl=5)))
    assert (again.ttl, again.unmanaged) == (5, foreign.unmanaged)
    assert again.monitor.unmanaged == foreign.monitor.unmanaged
    assert again.endpoints[0].unmanaged == foreign.endpoints[0].unmanaged


async def test_a_patch_changes_its_groups_and_leaves_endpoints_alone(manager: TrafficManager) -> None:
    observed = await manager.put_profile(put(profile(endpoint())))
    desired = replace(observed, ttl=7, tags=(("owner", "somebody"),), monitor=replace(observed.monitor, port=8080))
    answer = await manager.patch_profile(patch(desired, "dnsConfig", "monitorConfig", "tags"))
    assert answer == desired
    assert await manager.get(REF) == desired


async def test_an_endpoint_with_hashes_in_its_name_comes_and_goes_alone(manager: TrafficManager) -> None:
    await manager.put_profile(put(profile(endpoint())))
    answer = await manager.put_endpoint(put_endpoint(endpoint(OTHER, ip="two", weight=7, priority=2)))
    assert (answer.folded, answer.weight) == (OTHER, 7)
    observed = await manager.get(REF)
    assert observed is not None
    assert observed.endpoint(OTHER) == answer
    await manager.delete_endpoint(delete_endpoint(answer))
    assert await manager.get(REF) == replace(observed, endpoints=observed.endpoints[:1])


async def test_deleting_twice_is_deleting_once(manager: TrafficManager) -> None:
    await manager.put_profile(put(profile(endpoint())))
    for _ in range(2):
        await manager.delete_endpoint(delete_endpoint(endpoint()))
    for _ in range(2):
        await manager.delete_profile(delete())
    await manager.delete_endpoint(delete_endpoint(endpoint()))
    assert await manager.get(REF) is None


async def test_a_delete_answered_with_an_empty_body_is_done(azure: AzureServer, manager: TrafficManager) -> None:
    await manager.put_profile(put(profile(endpoint())))
    azure.service.add_fault(Fault(kind="empty"))
    await manager.delete_endpoint(delete_endpoint(endpoint()))
    await manager.delete_profile(delete())
    azure.service.clear_faults()
    assert await manager.get(REF) is None


async def test_a_taken_dns_name_is_a_conflict_and_the_name_check_tells(manager: TrafficManager) -> None:
    assert await manager.is_name_available(SUBSCRIPTION, "shop")
    await manager.put_profile(put(profile()))
    assert not await manager.is_name_available(SUBSCRIPTION, "shop")
    with pytest.raises(Conflict):
        await manager.put_profile(put(profile(ref=ProfileRef(SUBSCRIPTION, GROUP, "fleet-two"))))


async def test_two_subscriptions_do_not_see_each_other(manager: TrafficManager) -> None:
    elsewhere = ProfileRef("0a0a0a0a-0000-4000-8000-00000000000f", GROUP, "fleet-two")
    await manager.put_profile(put(profile()))
    theirs = await manager.put_profile(put(profile(ref=elsewhere, relative_name="other")))
    assert (await manager.list_subscription(elsewhere.subscription)).profiles == (theirs,)


async def test_a_duplicate_target_is_refused_in_azures_words(manager: TrafficManager) -> None:
    await manager.put_profile(put(profile(endpoint())))
    with pytest.raises(Rejected) as refusal:
        await manager.put_endpoint(put_endpoint(endpoint(OTHER, priority=2)))
    assert refusal.value.code == "BadRequest"


async def test_an_endpoint_of_a_profile_that_went_asks_for_another_look(manager: TrafficManager) -> None:
    with pytest.raises(Transient):
        await manager.put_endpoint(put_endpoint(endpoint()))


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        pytest.param(Fault(kind="throttled", retry_after=7), Throttled, id="throttled"),
        pytest.param(Fault(kind="in-progress", retry_after=7), Conflict, id="another operation is in progress"),
        pytest.param(Fault(kind="conflict", retry_after=7), Conflict, id="changes collided"),
        pytest.param(Fault(kind="unavailable", retry_after=7), Throttled, id="unavailable for so long"),
        pytest.param(Fault(kind="unavailable"), Unavailable, id="unavailable"),
        pytest.param(Fault(kind="server-error"), Unavailable, id="their error"),
        pytest.param(Fault(kind="timeout"), Unavailable, id="their time-out"),
        pytest.param(Fault(kind="unauthorized"), Forbidden, id="token refused"),
        pytest.param(Fault(kind="forbidden"), Forbidden, id="right missing"),
        pytest.param(Fault(kind="unregistered"), Rejected, id="provider not registered"),
        pytest.param(Fault(kind="locked"), Rejected, id="locked"),
        pytest.param(Fault(kind="garbage"), Unavailable, id="a gateway's page"),
        pytest.param(Fault(kind="drop"), Unavailable, id="hung up"),
    ],
)
async def test_every_fault_is_one_request_and_one_class(
    azure: AzureServer, manager: TrafficManager, calls: Calls, fault: Fault, expected: type[FleetDNSError]
) -> None:
    azure.service.add_fault(fault)
    writes = (
        manager.put_profile(put(profile())),
        manager.patch_profile(patch(profile(), "dnsConfig")),
        manager.delete_profile(delete()),
        manager.put_endpoint(put_endpoint(endpoint())),
        manager.delete_endpoint(delete_endpoint(endpoint())),
    )
    reads = (
        manager.get(REF),
        manager.list_group(SUBSCRIPTION, GROUP),
        manager.list_subscription(SUBSCRIPTION),
        manager.is_name_available(SUBSCRIPTION, "shop"),
    )
    for call in (*writes, *reads):
        with pytest.raises(FleetDNSError) as failure:
            await call
        assert type(failure.value) is expected
    assert len(calls.told) == len(writes) + len(reads)
    assert len(azure.service.calls) == len(calls.told)


async def test_a_throttled_call_says_for_how_long(azure: AzureServer, manager: TrafficManager) -> None:
    azure.service.add_fault(Fault(kind="throttled", retry_after=7))
    with pytest.raises(Throttled) as failure:
        await manager.get(REF)
    assert failure.value.retry_after == 7.0


async def test_a_write_whose_connection_broke_may_have_happened(azure: AzureServer, manager: TrafficManager) -> None:
    azure.service.add_fault(Fault(kind="drop", after_commit=True, times=1))
    with pytest.raises(Transient):
        await manager.put_profile(put(profile()))
    assert await manager.get(REF) is not None


async def test_each_call_is_reported_with_azures_correlation_id(manager: TrafficManager, calls: Calls) -> None:
    await manager.get(REF)
    await manager.put_profile(put(profile(endpoint())))
    await manager.put_endpoint(put_endpoint(endpoint(weight=3)))
    assert [(told["operation"], told["code"]) for told in calls.told] == [
        ("get_profile", "404"),
        ("put_profile", "201"),
        ("put_endpoint", "201"),
    ]
    assert all(told["correlation_id"] and told["seconds"] > 0 for told in calls.told)
    assert calls.told[2]["resource"] == f"{REF.resource_id}/azureEndpoints/{ENDPOINT_NAME}"


async def test_every_write_asks_first_for_as_long_as_it_may_take(azure: AzureServer, opened: Open) -> None:
    asked: list[float] = []
    manager = await opened(azure.url, before_write=asked.append)
    await manager.get(REF)
    await manager.list_group(SUBSCRIPTION, GROUP)
    await manager.is_name_available(SUBSCRIPTION, "shop")
    assert asked == []
    await manager.put_profile(put(profile()))
    await manager.patch_profile(patch(profile(), "dnsConfig"))
    await manager.put_endpoint(put_endpoint(endpoint()))
    await manager.delete_endpoint(delete_endpoint(endpoint()))
    await manager.delete_profile(delete())
    assert asked == [20.0, 20.0, 10.0, 10.0, 20.0]


async def test_a_write_that_is_prevented_sends_nothing(azure: AzureServer, opened: Open) -> None:
    def prevent(seconds: float) -> None:
        raise Transient("LeaseLost", "somebody else leads")

    manager = await opened(azure.url, before_write=prevent)
    writes: tuple[Any, ...] = (
        manager.put_profile(put(profile())),
        manager.put_endpoint(put_endpoint(endpoint())),
        manager.delete_profile(delete()),
    )
    for write in writes:
        with pytest.raises(Transient):
            await write
    assert len(azure.service.calls) == 0


async def test_a_foreign_endpoint_of_another_type_is_carried_along(manager: TrafficManager) -> None:
    foreign = Endpoint("by hand", kind="externalEndpoints", target="www.example.com", weight=5, priority=9)
    await manager.put_profile(put(profile(foreign)))
    observed = await manager.put_endpoint(put_endpoint(endpoint()))
    answer = await manager.get(REF)
    assert answer is not None
    assert {e.folded: e.target for e in answer.endpoints} == {
        "by hand": "www.example.com",
        observed.folded: observed.target,
    }

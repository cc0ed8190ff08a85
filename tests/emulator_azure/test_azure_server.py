"""The server on a port: the stock SDK against it, what only a connection shows, and the operator's paths."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from azure.core.exceptions import (
    DecodeError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceRequestError,
)
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.trafficmanager.aio import TrafficManagerManagementClient

from fleetdns.emulator.azure.server import AzureServer, steady_clock
from fleetdns.emulator.azure.service import Behaviour, Fault, Request, Response, TrafficManagerService
from tests.emulator_azure.arm import (
    SUBSCRIPTION,
    VERSION,
    profile_body,
    profile_id,
    profile_path,
    public_ip,
)

HASHED = "fleet-1#svc#member 1"


class NoCredential:
    """The client wants one, and with its own authentication policy never asks it."""

    async def get_token(self, *_scopes: str, **_options: Any) -> Any:
        raise AssertionError("a token was asked for")

    async def close(self) -> None:
        return None

    async def __aenter__(self) -> "NoCredential":
        return self

    async def __aexit__(self, *_error: object) -> None:
        return None


def stock_client(server: AzureServer, **options: Any) -> Any:
    return TrafficManagerManagementClient(
        NoCredential(),
        SUBSCRIPTION,
        base_url=server.url,
        authentication_policy=SansIOHTTPPolicy(),
        **{"retry_total": 0, **options},
    )


@pytest.fixture
async def azure() -> AsyncIterator[AzureServer]:
    async with AzureServer() as server:
        yield server


@pytest.fixture
async def client(azure: AzureServer) -> AsyncIterator[Any]:
    async with stock_client(azure) as client:
        yield client


async def test_a_stock_client_makes_reads_changes_and_deletes_a_profile(client: Any) -> None:
    made = await client.profiles.create_or_update("fleet", "web", profile_body())
    assert made.id == profile_id()
    assert (await client.profiles.get("fleet", "WEB")).as_dict() == made.as_dict()
    changed = await client.profiles.update("fleet", "web", {"tags": {"a": "b"}})
    assert changed.tags == {"a": "b"}
    assert await client.profiles.delete("fleet", "web") is not None
    assert await client.profiles.delete("fleet", "web") is None
    with pytest.raises(ResourceNotFoundError):
        await client.profiles.get("fleet", "web")


async def test_a_stock_client_puts_an_endpoint_with_a_hash_in_its_name(azure: AzureServer, client: Any) -> None:
    await client.profiles.create_or_update("fleet", "web", profile_body())
    body = {"properties": {"targetResourceId": public_ip(), "weight": 5}}
    made = await client.endpoints.create_or_update("fleet", "web", "AzureEndpoints", HASHED, body)
    assert (made.name, made.properties.weight, made.properties.priority) == (HASHED, 5, 1)
    read = await client.endpoints.get("fleet", "web", "azureEndpoints", HASHED)
    assert read.as_dict() == made.as_dict()
    whole = await client.profiles.get("fleet", "web")
    assert (await client.profiles.create_or_update("fleet", "web", whole)).as_dict() == whole.as_dict()
    await client.endpoints.delete("fleet", "web", "AzureEndpoints", HASHED)
    assert (await client.profiles.get("fleet", "web")).properties.endpoints == []
    assert azure.service.calls.counts["endpoints.put"] == 1


async def test_a_stock_client_follows_pages(azure: AzureServer, client: Any) -> None:
    azure.service.behaviour = Behaviour(page_size=2)
    for number in range(5):
        azure.service.tamper("PUT", profile_id(f"p{number}"), profile_body(f"p{number}"))
    names = [item.name async for item in client.profiles.list_by_resource_group("fleet")]
    assert names == [f"p{number}" for number in range(5)]
    assert len([item async for item in client.profiles.list_by_subscription()]) == 5
    assert azure.service.calls.counts["profiles.list"] == 6


async def test_a_stock_client_checks_names_both_ways(client: Any) -> None:
    await client.profiles.create_or_update("fleet", "web", profile_body())
    asked = {"name": "web", "type": "Microsoft.Network/trafficManagerProfiles"}
    for check in (
        client.profiles.check_traffic_manager_name_availability_v2,
        client.profiles.check_traffic_manager_relative_dns_name_availability,
    ):
        found = await check(asked)
        assert (found.name_available, found.reason) == (False, "AlreadyExists")


async def test_a_stock_client_sees_the_other_operations(client: Any) -> None:
    assert (await client.geographic_hierarchies.get_default()).name == "default"
    made = await client.traffic_manager_user_metrics_keys.create_or_update()
    assert (await client.traffic_manager_user_metrics_keys.get()).as_dict() == made.as_dict()
    await client.traffic_manager_user_metrics_keys.delete()
    await client.profiles.create_or_update("fleet", "web", profile_body())
    assert (await client.heat_map.get("fleet", "web", "default")).properties.endpoints == []


async def test_a_stock_client_gets_its_errors_with_code_and_status(azure: AzureServer, client: Any) -> None:
    await client.profiles.create_or_update("fleet", "web", profile_body())
    with pytest.raises(ResourceExistsError) as taken:
        await client.profiles.create_or_update("fleet", "other", profile_body())
    assert taken.value.error is not None
    assert (taken.value.status_code, taken.value.error.code) == (409, "Conflict")
    with pytest.raises(HttpResponseError) as refused:
        await client.profiles.update("fleet", "web", {"properties": {"endpoints": []}})
    assert refused.value.error is not None
    assert (refused.value.status_code, refused.value.error.code) == (400, "BadRequest")
    azure.service.add_fault(Fault(kind="throttled", retry_after=7, times=1))
    with pytest.raises(HttpResponseError) as throttled:
        await client.profiles.get("fleet", "web")
    answer: Any = throttled.value.response
    assert (throttled.value.status_code, answer.headers["Retry-After"]) == (429, "7")


async def test_an_empty_delete_and_garbage_break_a_stock_client_as_the_real_ones_do(
    azure: AzureServer, client: Any
) -> None:
    await client.profiles.create_or_update("fleet", "web", profile_body())
    azure.service.behaviour = Behaviour(delete_body="empty")
    with pytest.raises(ValueError, match="Expecting value"):
        await client.profiles.delete("fleet", "web")
    azure.service.add_fault(Fault(kind="garbage", times=1))
    with pytest.raises(HttpResponseError) as error:
        await client.profiles.get("fleet", "web")
    assert (error.value.status_code, isinstance(error.value, DecodeError)) == (502, False)


@pytest.mark.parametrize("after_commit", [False, True], ids=["before commit", "after commit"])
async def test_a_dropped_connection_is_a_broken_request(azure: AzureServer, client: Any, after_commit: bool) -> None:
    # aiohttp repeats an idempotent request once by itself, so only the second drop is seen.
    azure.service.add_fault(Fault(kind="drop", times=2, after_commit=after_commit))
    with pytest.raises(ServiceRequestError):
        await client.profiles.create_or_update("fleet", "web", profile_body())
    assert bool(azure.service.profiles()) is after_commit
    await client.profiles.create_or_update("fleet", "web", profile_body())


@pytest.mark.parametrize("after_commit", [False, True], ids=["before commit", "after commit"])
async def test_a_call_that_hangs_ends_when_its_client_gives_up(azure: AzureServer, after_commit: bool) -> None:
    number = azure.service.add_fault(Fault(kind="hang", after_commit=after_commit))
    url = f"{azure.url}{profile_path()}?api-version={VERSION}"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.2)) as session:
        with pytest.raises(TimeoutError):
            await session.put(url, json=profile_body())
    assert bool(azure.service.profiles()) is after_commit
    azure.service.remove_fault(number)
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == (200 if after_commit else 404)


async def test_while_nobody_listens_connections_are_refused_and_open_ones_reset() -> None:
    hangs = asyncio.Event()

    class Noticing(TrafficManagerService):
        def handle(self, request: Request) -> Response:
            answer = super().handle(request)
            if answer.hang:
                hangs.set()
            return answer

    async with AzureServer(Noticing(clock=steady_clock())) as azure, aiohttp.ClientSession() as session:
        url = f"{azure.url}{profile_path()}?api-version={VERSION}"
        async with session.put(url, json=profile_body()) as made:
            assert made.status == 201
        number = azure.service.add_fault(Fault(kind="hang"))
        waiting = asyncio.ensure_future(session.patch(url, json={}))
        await hangs.wait()
        await azure.refuse()
        with pytest.raises(aiohttp.ClientConnectionError):
            await waiting
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(url)
        azure.service.remove_fault(number)
        await azure.accept()
        async with session.get(url) as answer:
            assert answer.status == 200


async def test_refusing_twice_and_stopping_while_nobody_listens_is_no_error() -> None:
    server = AzureServer()
    await server.refuse()
    await server.start()
    await server.refuse()
    await server.refuse()
    await server.stop()


async def test_a_client_that_retries_gets_through_a_fault_that_ends(azure: AzureServer) -> None:
    azure.service.add_fault(Fault(kind="unavailable", times=1))
    async with stock_client(azure, retry_total=3, retry_backoff_factor=0) as client:
        made = await client.profiles.create_or_update("fleet", "web", profile_body())
    assert made.name == "web"
    assert [call.status for call in azure.service.calls] == [503, 201]


async def test_a_client_that_gave_up_on_a_slow_write_still_made_it(azure: AzureServer) -> None:
    azure.service.behaviour = Behaviour(latencies={"profiles.put": (0.05, 0.05)})
    url = f"{azure.url}{profile_path()}?api-version={VERSION}"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.02)) as session:
        with pytest.raises(TimeoutError):
            await session.put(url, json=profile_body())
    await asyncio.sleep(0.05)
    assert [item["name"] for item in azure.service.profiles()] == ["web"]


async def test_a_port_that_is_taken_is_an_error_and_can_be_tried_again(azure: AzureServer) -> None:
    second = AzureServer()
    port = int(azure.url.rpartition(":")[2])
    with pytest.raises(OSError, match="address already in use"):
        await second.start(port=port)
    await azure.stop()
    await second.start(port=port)
    await second.stop()


async def test_stopping_does_not_wait_for_slow_answers() -> None:
    began = asyncio.Event()

    class Noticing(TrafficManagerService):
        def handle(self, request: Request) -> Response:
            began.set()
            return super().handle(request)

    server = AzureServer(Noticing(clock=steady_clock()))
    await server.start()
    server.service.add_fault(Fault(kind="slow", delay=60))
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        asked = group.create_task(_status(session, f"{server.url}{profile_path()}?api-version={VERSION}"))
        await began.wait()
        async with asyncio.timeout(5):
            await server.stop()
        assert await asked == 0


async def _status(session: aiohttp.ClientSession, url: str) -> int:
    try:
        async with session.get(url) as response:
            return response.status
    except aiohttp.ClientError:
        return 0


async def test_garbage_on_the_socket_does_not_stop_the_server(azure: AzureServer) -> None:
    host, _, port = azure.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), family=socket.AF_INET)
    writer.write(b"\x00\xff\r\n\r\n")
    await reader.read()
    writer.close()
    async with aiohttp.ClientSession() as session:
        assert await _status(session, f"{azure.url}{profile_path()}?api-version={VERSION}") == 404

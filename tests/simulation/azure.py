"""The emulated Traffic Manager's core behind the controllers' port: the real codec and error classes, no sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from azure.core.exceptions import ServiceRequestError, ServiceResponseError

from fleetdns.azure.codec import (
    Undecodable,
    decode_availability,
    decode_endpoint,
    decode_profile,
    encode_endpoint,
    encode_patch,
    encode_profile,
)
from fleetdns.azure.errors import Operation, classify_answer, timed_out, undecodable, unreachable
from fleetdns.azure.profilelist import ProfileList
from fleetdns.azure.recognition import Decoded
from fleetdns.core.calls import DeleteEndpoint, DeleteProfile, PatchProfile, PutEndpoint, PutProfile
from fleetdns.core.trafficmanager import TYPE, Endpoint, Listing, Profile, ProfileRef, endpoint_id, group_id
from fleetdns.emulator.azure.service import Request, Response
from fleetdns.errors import FleetDNSError
from fleetdns.runtime.elements import Malformed
from tests.simulation.network import Network

_SLOWEST = 0.4  # seconds one way: ARM is slow
_QUERY = {"api-version": "2026-09-01"}
_ADDRESS = ConnectionKey("management.azure.com", 443, True, True, None, None, None)
_HOST = "management.azure.com"
_REFUSED = ServiceRequestError("refused", error=aiohttp.ClientConnectorError(_ADDRESS, ConnectionRefusedError()))
_RESET = ServiceResponseError("reset", error=aiohttp.ServerDisconnectedError())

T = TypeVar("T")


class Door(Protocol):
    """Where requests arrive: the service itself, or somebody who looks on."""

    def handle(self, request: Request) -> Response: ...


@dataclass(slots=True)
class Sent:
    """One call as its sender saw it. `outcome`: a status, an error's code, or "" while nothing is known of it.

    `at`, `ended`: the loop's seconds; `path` of the request, with the names in it as they were given.
    """

    operation: Operation
    path: str
    at: float
    ended: float | None = None
    outcome: str = ""

    @property
    def is_write(self) -> bool:
        return self.operation.startswith(("put_", "patch_", "delete_"))


class SimulatedTrafficManager:
    """Fulfils the controllers' TrafficManager. Time-outs are those of the real adapter.

    A request that was sent arrives, in half of all cases, also when its sender is gone before. `sent`: every call, also
    what reached nobody; `is_refusing`: nobody listens there.
    """

    def __init__(self, service: Door, network: Network) -> None:
        self._service = service
        self._network = network
        self.sent: list[Sent] = []
        self.is_refusing = False

    async def get(self, ref: ProfileRef) -> Profile | None:
        body = await self._call("get_profile", "GET", ref.resource_id)
        return None if body is None else _understood(lambda: decode_profile(body, ref))

    async def list_group(self, subscription: str, resource_group: str) -> Listing:
        return await self._list("list_group", group_id(subscription, resource_group), subscription, resource_group)

    async def list_subscription(self, subscription: str) -> Listing:
        return await self._list("list_subscription", f"/subscriptions/{subscription}", subscription, None)

    async def put_profile(self, call: PutProfile) -> Profile:
        body = await self._call("put_profile", "PUT", call.ref.resource_id, encode_profile(call.profile))
        return _understood(lambda: decode_profile(body or b"", call.ref))

    async def patch_profile(self, call: PatchProfile) -> Profile:
        body = await self._call("patch_profile", "PATCH", call.ref.resource_id, encode_patch(call))
        return _understood(lambda: decode_profile(body or b"", call.ref))

    async def delete_profile(self, call: DeleteProfile) -> None:
        await self._call("delete_profile", "DELETE", call.ref.resource_id)

    async def put_endpoint(self, call: PutEndpoint) -> Endpoint:
        path = endpoint_id(call.ref, call.endpoint)
        body = await self._call("put_endpoint", "PUT", path, encode_endpoint(call.endpoint))
        return _understood(lambda: decode_endpoint(body or b""))

    async def delete_endpoint(self, call: DeleteEndpoint) -> None:
        await self._call("delete_endpoint", "DELETE", endpoint_id(call.ref, call.endpoint))

    async def is_name_available(self, subscription: str, relative_name: str) -> bool:
        path = f"/subscriptions/{subscription}/providers/Microsoft.Network/checkTrafficManagerNameAvailabilityV2"
        body = await self._call("check_name", "POST", path, {"name": relative_name, "type": TYPE})
        return _understood(lambda: decode_availability(body or b""))

    async def _list(self, operation: Operation, scope: str, subscription: str, resource_group: str | None) -> Listing:
        body = await self._call(operation, "GET", f"{scope}/providers/{TYPE}")
        profiles = ProfileList(subscription, resource_group, before=Decoded(), on_undecodable=_never)
        if body is not None:
            try:
                page = await profiles.read(_once(body))
            except Malformed as problem:  # a proxy's answer: the real adapter's pages say the same of it
                raise undecodable(str(problem)) from problem
            assert page.next_link is None
        return profiles.listing

    async def _call(self, operation: Operation, method: str, path: str, body: Any = None) -> bytes | None:
        clock = asyncio.get_running_loop().time
        sent = Sent(operation, path, clock())
        self.sent.append(sent)
        try:
            return await self._bounded(operation, method, path, body)
        except FleetDNSError as error:
            sent.outcome = error.code
            raise
        finally:
            sent.ended = clock()

    async def _bounded(self, operation: Operation, method: str, path: str, body: Any) -> bytes | None:
        limit = 10.0 if "endpoint" in operation else 20.0
        try:
            async with asyncio.timeout(limit):
                return await self._answered(operation, method, path, body)
        except TimeoutError:
            self._network.note(f"azure {operation} -> no answer")
            raise timed_out(_HOST) from None

    async def _answered(self, operation: Operation, method: str, path: str, body: Any) -> bytes | None:
        if self.is_refusing:
            await self._network.pass_through(slowest=_SLOWEST)
            raise unreachable(_REFUSED, _HOST)
        content = b"" if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        answer = await self._network.sent(
            lambda: self._service.handle(Request(method, quote(path, safe="/"), _QUERY, headers, content)),
            slowest=_SLOWEST,
        )
        await asyncio.sleep(answer.delay)
        if answer.hang:
            await asyncio.get_running_loop().create_future()
        await self._network.pass_through(slowest=_SLOWEST)
        if answer.drop:
            self._network.note(f"azure {operation} -> connection lost")
            raise unreachable(_RESET, _HOST)
        self._network.note(f"azure {operation} -> {answer.status}")
        if answer.status < 300:
            return answer.body
        now = datetime.fromtimestamp(asyncio.get_running_loop().time(), UTC)
        error = classify_answer(answer.status, answer.headers, answer.body, operation=operation, now=now)
        if error is not None:
            raise error
        return None


def _understood(decode: Callable[[], T]) -> T:
    try:
        return decode()
    except Undecodable as problem:
        raise undecodable(problem.because) from problem


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _never(name: str, because: str) -> None:
    raise AssertionError(f"the emulator's profile {name!r} is not understood: {because}")

"""Azure Traffic Manager for the controllers: each method is one call, bounded in time, never repeated.

Writes go through the SDK's operations, reads through its pipeline alone: its models cost more than everything else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar, cast
from urllib.parse import quote

import structlog
from azure.core.exceptions import HttpResponseError
from azure.core.rest import AsyncHttpResponse, HttpRequest

from fleetdns.azure.client import API_VERSION, Clients
from fleetdns.azure.codec import (
    Undecodable,
    decode_availability,
    decode_endpoint,
    decode_profile,
    encode_endpoint,
    encode_patch,
    encode_profile,
)
from fleetdns.azure.errors import Operation, undecodable
from fleetdns.azure.exchange import AzureCallObserver, Exchange, Send, whole
from fleetdns.azure.pages import read_pages
from fleetdns.azure.profilelist import ProfileList
from fleetdns.azure.recognition import ListMemory
from fleetdns.core.calls import DeleteEndpoint, DeleteProfile, PatchProfile, PutEndpoint, PutProfile
from fleetdns.core.trafficmanager import TYPE, Endpoint, Listing, Profile, ProfileRef, endpoint_id, group_id

_T = TypeVar("_T")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that a call may take in all, token and reading included; a list: all its pages together."""

    endpoint: float = 10.0
    profile: float = 20.0
    listing: float = 60.0


DEFAULT_TIMEOUTS = Timeouts()


class AzureTrafficManager:
    """Fulfils the controllers' TrafficManager.

    `before_write(seconds)` runs right before each write that may take so long, and may raise to prevent it.
    `on_undecodable(name, because)` hears of each profile that Azure told of and that is not understood.
    """

    def __init__(
        self,
        clients: Clients,
        *,
        observer: AzureCallObserver,
        before_write: Callable[[float], None] | None = None,
        on_undecodable: Callable[[str, str], None] | None = None,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._clients = clients
        self._observer = observer
        self._before_write = before_write
        self._on_undecodable = on_undecodable
        self._timeouts = timeouts
        self._now = now
        self._memory: ListMemory[Profile] = ListMemory()
        self._told: set[tuple[str, str]] = set()  # undecodable profiles that were logged

    async def get(self, ref: ProfileRef) -> Profile | None:
        path = f"{_group_path(ref.subscription, ref.resource_group)}/{quote(ref.name, safe='')}"
        exchange = self._exchange("get_profile", ref.resource_id, self._timeouts.profile)
        body = await self._read(exchange, ref.subscription, path, whole)
        return None if body is None else self._understood(ref.name, lambda: decode_profile(body, ref))

    async def list_group(self, subscription: str, resource_group: str) -> Listing:
        return await self._list(
            "list_group", group_id(subscription, resource_group), subscription, resource_group=resource_group
        )

    async def list_subscription(self, subscription: str) -> Listing:
        return await self._list("list_subscription", f"/subscriptions/{subscription}", subscription)

    async def put_profile(self, call: PutProfile) -> Profile:
        ref = call.ref
        body: Any = encode_profile(call.profile)
        profiles = self._clients.of(ref.subscription).profiles
        answer = await self._write(
            self._exchange("put_profile", ref.resource_id, self._timeouts.profile),
            lambda: profiles.create_or_update(ref.resource_group, ref.name, body, **_RAW),
            call.because,
        )
        return self._understood(ref.name, lambda: decode_profile(answer, ref))

    async def patch_profile(self, call: PatchProfile) -> Profile:
        ref = call.ref
        body: Any = encode_patch(call)
        profiles = self._clients.of(ref.subscription).profiles
        answer = await self._write(
            self._exchange("patch_profile", ref.resource_id, self._timeouts.profile),
            lambda: profiles.update(ref.resource_group, ref.name, body, **_RAW),
            call.because,
        )
        return self._understood(ref.name, lambda: decode_profile(answer, ref))

    async def delete_profile(self, call: DeleteProfile) -> None:
        ref = call.ref
        profiles = self._clients.of(ref.subscription).profiles
        await self._write(
            self._exchange("delete_profile", ref.resource_id, self._timeouts.profile),
            lambda: profiles.delete(ref.resource_group, ref.name, **_RAW),
            call.because,
        )

    async def put_endpoint(self, call: PutEndpoint) -> Endpoint:
        ref, endpoint = call.ref, call.endpoint
        body: Any = encode_endpoint(endpoint)
        endpoints = self._clients.of(ref.subscription).endpoints
        answer = await self._write(
            self._exchange("put_endpoint", endpoint_id(ref, endpoint), self._timeouts.endpoint),
            lambda: endpoints.create_or_update(
                ref.resource_group, ref.name, endpoint.kind, endpoint.name, body, **_RAW
            ),
            call.because,
        )
        return self._understood(ref.name, lambda: decode_endpoint(answer))

    async def delete_endpoint(self, call: DeleteEndpoint) -> None:
        ref, endpoint = call.ref, call.endpoint
        endpoints = self._clients.of(ref.subscription).endpoints
        await self._write(
            self._exchange("delete_endpoint", endpoint_id(ref, endpoint), self._timeouts.endpoint),
            lambda: endpoints.delete(ref.resource_group, ref.name, endpoint.kind, endpoint.name, **_RAW),
            call.because,
        )

    async def is_name_available(self, subscription: str, relative_name: str) -> bool:
        profiles = self._clients.of(subscription).profiles
        question: Any = {"name": relative_name, "type": TYPE}
        exchange = self._exchange("check_name", f"/subscriptions/{subscription}", self._timeouts.profile)
        answer = await self._run(
            exchange, _sent(lambda: profiles.check_traffic_manager_name_availability_v2(question, **_RAW)), whole
        )
        return self._understood(relative_name, lambda: decode_availability(answer or b""))

    async def _list(
        self, operation: Operation, resource: str, subscription: str, *, resource_group: str | None = None
    ) -> Listing:
        scope = (subscription.lower(), (resource_group or "").lower())
        profiles = ProfileList(subscription, resource_group, before=self._memory.of(*scope), on_undecodable=self._tell)
        await read_pages(
            _group_path(subscription, resource_group),
            endpoint=self._clients.endpoint,
            limit=self._timeouts.listing,
            read=lambda url, limit: self._read(
                self._exchange(operation, resource, limit),
                subscription,
                url,
                lambda answer: profiles.read(answer.iter_bytes()),
            ),
        )
        self._memory.keep(*scope, profiles.decoded)
        return profiles.listing

    def _exchange(self, operation: Operation, resource: str, limit: float) -> Exchange:
        return Exchange(operation, resource, limit, self._clients.peer)

    def _understood(self, name: str, decode: Callable[[], _T]) -> _T:
        """What one answer says. `name`: the profile that it is about, for whoever reads the log."""
        try:
            return decode()
        except Undecodable as problem:
            self._tell(name, problem.because)
            raise undecodable(problem.because) from problem

    def _tell(self, name: str, because: str) -> None:
        if self._on_undecodable is not None:
            self._on_undecodable(name, because)
        if (name, because) not in self._told:
            self._told.add((name, because))
            _log.warning("profile not understood", profile=name, because=because)

    async def _read(
        self, exchange: Exchange, subscription: str, url: str, read: Callable[[AsyncHttpResponse], Awaitable[_T]]
    ) -> _T | None:
        """The answer to a GET; the link to a list's next page brings its own query."""
        params = {} if "?" in url else {"api-version": API_VERSION}
        request = HttpRequest("GET", url, params=params, headers={"Accept": "application/json"})
        client = self._clients.of(subscription)
        return await self._run(exchange, lambda: client.send_request(request, stream=True), read)

    async def _write(self, exchange: Exchange, operation: Callable[[], Awaitable[Any]], because: str) -> bytes:
        if self._before_write is not None:
            self._before_write(exchange.limit)
        try:
            return await self._run(exchange, _sent(operation), whole) or b""
        finally:
            _log.info(
                "azure write",
                operation=exchange.operation,
                resource=exchange.resource,
                because=because,
                code=exchange.code,
                seconds=round(exchange.seconds, 3),
                correlation_id=exchange.correlation_id,
            )

    async def _run(
        self, exchange: Exchange, send: Send, read: Callable[[AsyncHttpResponse], Awaitable[_T]]
    ) -> _T | None:
        return await exchange.run(send, observer=self._observer, now=self._now, read=read)


def _raw_answer(pipeline_response: Any, deserialized: Any, headers: Any) -> Any:
    return pipeline_response.http_response


# As a stream the SDK leaves the body alone: it would turn it into models, and fail on a DELETE that answers nothing.
# With a class for every status it does not try its models on errors either, which logs a traceback for a proxy's page.
_RAW: Mapping[str, Any] = {
    "stream": True,
    "cls": _raw_answer,
    "error_map": dict.fromkeys(range(100, 600), HttpResponseError),
}


def _sent(operation: Callable[[], Awaitable[Any]]) -> Send:
    """The operation as what it gives when it runs with _RAW: the answer as it came."""
    return cast("Callable[[], Awaitable[AsyncHttpResponse]]", operation)


def _group_path(subscription: str, resource_group: str | None) -> str:
    """Where the profiles of a resource group, or of a whole subscription, are listed."""
    scope = f"/subscriptions/{quote(subscription, safe='')}"
    if resource_group is not None:
        scope += f"/resourceGroups/{quote(resource_group, safe='')}"
    return f"{scope}/providers/{TYPE}"

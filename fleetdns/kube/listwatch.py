"""List and watch of one kind, as the runtime asks for them, over the transport."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from fleetdns.api.meta import Resource
from fleetdns.kube.errors import LineTooLong, Refused, Unreachable, list_watch_error
from fleetdns.kube.paths import collection
from fleetdns.kube.transport import Transport
from fleetdns.runtime.elements import Malformed, cut
from fleetdns.runtime.listwatch import ListPage, Take, Unavailable

_ANY_CACHED = "0"
_NOT_OLDER = "NotOlderThan"


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str
    continue_: str | None = msgspec.field(default=None, name="continue")


class _Envelope(msgspec.Struct):
    """A list without its items."""

    metadata: _ListMeta
    items: list[msgspec.Raw] | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)


class HubListWatch:
    """Fulfils runtime.ListWatch for one kind in one namespace, or (None) in all."""

    def __init__(self, transport: Transport, resource: Resource, namespace: str | None) -> None:
        self._transport = transport
        self._path = collection(resource, namespace)

    async def list(self, *, resource_version: str, limit: int | None, continue_token: str, take: Take) -> ListPage:
        query = {}
        if resource_version:
            query["resourceVersion"] = resource_version
        if resource_version not in ("", _ANY_CACHED):
            # With a limit and no match the server would take the version as exact, and soon call it expired.
            query["resourceVersionMatch"] = _NOT_OLDER
        if limit is not None:
            query["limit"] = str(limit)
        if continue_token:
            query["continue"] = continue_token
        try:
            async with self._transport.read(self._path, query) as chunks:
                return _page(await cut(chunks, "items", take=lambda item: take(item.raw)))
        except (Refused, Unreachable) as error:
            raise list_watch_error(error) from error
        except Malformed as error:
            raise _no_list() from error

    @asynccontextmanager
    async def watch(
        self, *, resource_version: str, timeout_seconds: int, initial_events: bool
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(timeout_seconds),
        }
        if initial_events:
            query |= {"sendInitialEvents": "true", "resourceVersionMatch": _NOT_OLDER}
        try:
            async with self._transport.watch(self._path, query) as lines:
                yield _Lines(lines)
        except (Refused, Unreachable) as error:
            raise list_watch_error(error) from error


class _Lines:
    """The transport's lines, with the runtime's exceptions."""

    def __init__(self, lines: AsyncIterator[bytes]) -> None:
        self._lines = lines

    def __aiter__(self) -> _Lines:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._lines)
        except (Unreachable, LineTooLong) as error:
            raise list_watch_error(error) from error


def _page(envelope: bytes) -> ListPage:
    try:
        page = _ENVELOPE.decode(envelope)
    except ValueError as error:  # msgspec's errors, and UnicodeDecodeError
        raise _no_list() from error
    if page.items:  # their name is spelled with escapes
        raise _no_list()
    return ListPage(resource_version=page.metadata.resource_version, continue_token=page.metadata.continue_ or "")


def _no_list() -> Unavailable:
    return Unavailable("the answer to a list is no list")

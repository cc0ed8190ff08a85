"""One whole list out of its pages: decoded as they come, given out only when complete."""

import asyncio
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

from .events import Replaced, Unknown
from .listwatch import Codec, Entry, Expired, ListPage, ListWatch, Unavailable, Undecodable
from .watchline import unknown

K = TypeVar("K")
T = TypeVar("T")

_ANY_JSON = msgspec.json.Decoder(msgspec.Raw)


@dataclass(frozen=True, slots=True)
class Listed(Generic[K, T]):
    """A whole list. is_paginated: the server gave it in more than one page."""

    state: Replaced[K, T]
    is_paginated: bool


@dataclass(slots=True)
class _Collected(Generic[K, T]):
    codec: Codec[K, T]
    entries: list[Entry[K, T]] = field(default_factory=list)
    unknown: list[Unknown[K]] = field(default_factory=list)

    def take(self, raw: bytes | memoryview) -> None:
        """One more item. Raises Unavailable for what is no JSON at all: then it is the answer that is broken."""
        try:
            self.entries.append(self.codec.decode(raw))
        except Undecodable as problem:
            _must_be_json(raw)
            self.unknown.append(unknown(problem))


async def whole_list(
    listwatch: ListWatch, codec: Codec[K, T], *, resource_version: str, limit: int | None, timeout: float
) -> Listed[K, T]:
    """Everything, as of the first page's version. limit: items per page; timeout: seconds per page.

    Raises what the transport raises. A continue token that expires on the way costs one list without pages.
    """
    collected: _Collected[K, T] = _Collected(codec)

    async def read(version: str, token: str) -> ListPage:
        try:
            async with asyncio.timeout(timeout):
                return await listwatch.list(
                    resource_version=version, limit=limit, continue_token=token, take=collected.take
                )
        except TimeoutError as error:
            raise Unavailable(f"a page of the list took longer than {timeout:g} s") from error

    first = page = await read(resource_version, "")
    while page.continue_token:
        try:
            # The token carries the version of the first page; to name one beside it is an error.
            page = await read("", page.continue_token)
        except Expired:
            return await whole_list(listwatch, codec, resource_version=resource_version, limit=None, timeout=timeout)
    state = Replaced(collected.entries, collected.unknown, first.resource_version)
    return Listed(state, is_paginated=page is not first)


def _must_be_json(raw: bytes | memoryview) -> None:
    try:
        _ANY_JSON.decode(raw)
    except ValueError as error:  # msgspec's errors, and UnicodeDecodeError
        raise Unavailable("the list holds an item that is no JSON") from error

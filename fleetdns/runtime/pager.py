"""One whole list out of its pages: decoded as they come, given out only when complete."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from .events import Replaced, Unknown
from .listwatch import Codec, Entry, Expired, ListPage, ListWatch, Unavailable, Undecodable
from .watchline import unknown

K = TypeVar("K")
T = TypeVar("T")

_DECODED_AT_ONCE = 500  # items; about 5 ms during which the loop stands still


@dataclass(frozen=True, slots=True)
class Listed(Generic[K, T]):
    """A whole list. is_paginated: the server gave it in more than one page."""

    state: Replaced[K, T]
    is_paginated: bool


@dataclass(slots=True)
class _Collected(Generic[K, T]):
    entries: list[Entry[K, T]] = field(default_factory=list)
    unknown: list[Unknown[K]] = field(default_factory=list)


async def whole_list(
    listwatch: ListWatch, codec: Codec[K, T], *, resource_version: str, limit: int | None, timeout: float
) -> Listed[K, T]:
    """Everything, as of the first page's version. limit: items per page; timeout: seconds per page.

    Raises what the transport raises. A continue token that expires on the way costs one list without pages.
    """
    first = page = await _page(listwatch, resource_version, limit=limit, token="", timeout=timeout)
    collected: _Collected[K, T] = _Collected()
    await _decode(page.items, codec, collected)
    while page.continue_token:
        try:
            # The token carries the version of the first page; to name one beside it is an error.
            page = await _page(listwatch, "", limit=limit, token=page.continue_token, timeout=timeout)
        except Expired:
            return await whole_list(listwatch, codec, resource_version=resource_version, limit=None, timeout=timeout)
        await _decode(page.items, codec, collected)
    state = Replaced(collected.entries, collected.unknown, first.resource_version)
    return Listed(state, is_paginated=page is not first)


async def _page(
    listwatch: ListWatch, resource_version: str, *, limit: int | None, token: str, timeout: float
) -> ListPage:
    try:
        async with asyncio.timeout(timeout):
            return await listwatch.list(resource_version=resource_version, limit=limit, continue_token=token)
    except TimeoutError as error:
        raise Unavailable(f"a page of the list took longer than {timeout:g} s") from error


async def _decode(items: Sequence[bytes | memoryview], codec: Codec[K, T], collected: _Collected[K, T]) -> None:
    for number, raw in enumerate(items, start=1):
        try:
            collected.entries.append(codec.decode(raw))
        except Undecodable as problem:
            collected.unknown.append(unknown(problem))
        if number % _DECODED_AT_ONCE == 0:
            await asyncio.sleep(0)

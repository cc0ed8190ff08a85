"""The pages of a list, one after the other, whatever is listed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from fleetdns.azure.errors import undecodable


class Page(Protocol):
    """A decoded page; `next_link` None: the last one."""

    @property
    def next_link(self) -> str | None: ...


P = TypeVar("P", bound=Page)


async def pages(
    first: str,
    *,
    endpoint: str,
    limit: float,
    read: Callable[[str, float], Awaitable[bytes | None]],
    decode: Callable[[bytes], Awaitable[P]],
) -> AsyncIterator[P]:
    """Every page from `first` on; none when there is no such list. `read(url, seconds)`, `limit`: seconds for them all.

    Raises what `read` and `decode` raise, and Transient for a list that leads astray.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + limit
    seen: set[str] = set()
    url: str | None = first
    while url is not None:
        if url in seen:
            raise undecodable("a list that leads back to a page it gave before")
        seen.add(url)
        body = await read(url, deadline - clock())
        if body is None and len(seen) == 1:
            return
        page = await decode(body or b"")
        yield page
        url = None if page.next_link is None else _own(page.next_link, endpoint)


def _own(next_link: str, endpoint: str) -> str:
    """The link, if it leads to where the token belongs."""
    ours, theirs = urlsplit(endpoint), urlsplit(next_link)
    if (theirs.scheme.lower(), theirs.netloc.lower()) != (ours.scheme.lower(), ours.netloc.lower()):
        raise undecodable("the list goes on at another host")
    return next_link

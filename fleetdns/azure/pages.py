"""The pages of a list, one after the other, each read as it arrives, whatever is listed."""

from __future__ import annotations

import asyncio
from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec

from fleetdns.azure.errors import misreading, undecodable
from fleetdns.runtime.elements import Element, Fingerprint, Malformed, cut

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Page:
    """One page was read; `next_link` None: the last one."""

    next_link: str | None


class _Envelope(msgspec.Struct, rename="camel"):
    value: list[msgspec.Raw]
    next_link: str | None = None


async def read_pages(
    first: str, *, endpoint: str, limit: float, read: Callable[[str, float], Awaitable[Page | None]]
) -> None:
    """Read every page from `first` on; `read(url, seconds)` gives None where there is no such list.

    `limit`: seconds for them all. Raises what `read` raises, and Transient for a page that is none (Malformed), a list
    that leads astray, and one that vanishes on the way.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + limit
    seen: set[str] = set()
    url: str | None = first
    while url is not None:
        if url in seen:
            raise undecodable("a list that leads back to a page it gave before")
        seen.add(url)
        try:
            page = await read(url, deadline - clock())
        except Malformed as problem:
            raise undecodable(str(problem)) from problem
        if page is None and len(seen) > 1:
            raise undecodable("a page of the list is not there")
        url = None if page is None or page.next_link is None else _own(page.next_link, endpoint)


async def read_page(
    chunks: AsyncIterator[bytes],
    *,
    take: Callable[[Element], None],
    expected: Callable[[], Fingerprint | None] = lambda: None,
) -> Page:
    """Give each element of one page to `take`; `expected`: which one probably comes next. Raises Malformed."""
    envelope_bytes = await cut(chunks, "value", take=take, expected=expected)
    try:
        envelope = msgspec.json.decode(envelope_bytes.removeprefix(BOM_UTF8), type=_Envelope)
    except ValueError as error:  # msgspec's errors, and UnicodeDecodeError
        raise Malformed(misreading(error)) from error
    if envelope.value:
        raise Malformed("the name of the list is spelled with escapes")
    return Page(envelope.next_link or None)


def _own(next_link: str, endpoint: str) -> str:
    """The link, if it leads to where the token belongs."""
    host = _host(next_link)
    if host is None or host != _host(endpoint):
        raise undecodable("the list goes on at another host")
    return next_link.replace("{", "%7B").replace("}", "%7D")  # which the SDK takes for a template's


def _host(url: str) -> tuple[str, str | None, str | None, int | None] | None:
    """Scheme, who logs in, name and port, which may be left out where it is the scheme's own; None: no address."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return parts.scheme, parts.username, parts.hostname, _PORTS.get(parts.scheme) if port is None else port

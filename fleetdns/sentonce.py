"""Requests that are sent once: aiohttp repeats a PUT or a DELETE whose connection broke, unasked, below every retry
policy. A write may have happened all the same, so whether it is repeated is for the caller to decide, who looks first.
"""

from __future__ import annotations

import aiohttp


class ConnectionBroke(aiohttp.ClientError):
    """The connection ended before an answer came."""


async def sent_once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """A middleware for a ClientSession: aiohttp repeats nothing that fails with an error it does not know."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:  # never sent, never repeated
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise ConnectionBroke(str(error)) from error

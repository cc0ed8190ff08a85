"""The body of an answer while it arrives: in chunks as they come, or line by line.

Classes, not generators: a reader that stops early leaves nothing to be finalized.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import aiohttp
from aiohttp.http_exceptions import LineTooLong as HTTPLineTooLong

from fleetdns.kube.errors import LineTooLong, Unreachable

_LONGEST_LINE = 16 << 20  # bytes; the API server takes objects of 3 MiB


class _Body:
    """`unreachable`: what a stream that breaks is told as."""

    def __init__(self, stream: aiohttp.StreamReader, unreachable: Callable[[Exception], Unreachable]) -> None:
        self._stream = stream
        self._unreachable = unreachable

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            read = await self._read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._unreachable(error) from error
        if not read:
            raise StopAsyncIteration
        return read

    async def _read(self) -> bytes:
        raise NotImplementedError


class Chunks(_Body):
    """The bytes of a stream as they come."""

    async def _read(self) -> bytes:
        return await self._stream.readany()


class Lines(_Body):
    """The lines of a stream. Raises LineTooLong, too."""

    async def _read(self) -> bytes:
        try:
            return await self._stream.readline(max_line_length=_LONGEST_LINE)
        except HTTPLineTooLong as error:
            raise LineTooLong(f"a line of the watch is longer than {_LONGEST_LINE} bytes") from error

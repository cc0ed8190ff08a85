"""Watches over HTTP: one JSON event per line for as long as client, watch and server last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from fleetdns.emulator.hub.shapes import Line
from fleetdns.emulator.hub.status import StatusError
from fleetdns.emulator.hub.watches import Watch


@dataclass(slots=True, eq=False)
class Stream:
    """One open watch; `news` is set when it should be looked at."""

    plural: str
    watch: Watch
    transport: asyncio.BaseTransport | None
    news: asyncio.Event = field(default_factory=asyncio.Event)


class Streams:
    """The watches that are open now; writing pauses while frozen."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._open: set[Stream] = set()
        self._frozen = False

    async def serve(self, request: web.BaseRequest, watch: Watch, *, plural: str, line: Line) -> web.StreamResponse:
        """Write events until the watch ends; raises ConnectionError where the client leaves first."""
        headers = {"Content-Type": "application/json", "Cache-Control": "no-cache, private"}
        response = web.StreamResponse(headers=headers)
        response.enable_chunked_encoding()
        stream = Stream(plural, watch, request.transport)
        watch.on_event = stream.news.set
        self._open.add(stream)
        try:
            await response.prepare(request)
            await self._write_events(response, stream, line)
            await response.write_eof()
        finally:
            self._open.discard(stream)
            watch.close()
        return response

    def cut(self, plural: str = "") -> int:
        cut = self._matching(plural)
        for stream in cut:
            if isinstance(stream.transport, asyncio.Transport):
                stream.transport.abort()
        return len(cut)

    def fail(self, error: StatusError, plural: str = "") -> int:
        failed = self._matching(plural)
        for stream in failed:
            stream.watch.fail(error)
        return len(failed)

    def end(self) -> None:
        """The server stops: every watch ends cleanly."""
        for stream in self._open:
            stream.watch.close()
            stream.news.set()

    def freeze(self) -> None:
        self._frozen = True

    def thaw(self) -> None:
        self._frozen = False
        for stream in self._open:
            stream.news.set()

    async def _write_events(self, response: web.StreamResponse, stream: Stream, line: Line) -> None:
        watch = stream.watch
        while not watch.closed:
            stream.news.clear()
            if not self._frozen:
                # One write for all that is ready: a burst costs one packet, not hundreds.
                lines = b"".join(line(kind, raw) for kind, raw in watch.pending_raw())
                if lines:
                    await response.write(lines)
                    continue
            if not watch.closed:
                await self._wait(stream)

    async def _wait(self, stream: Stream) -> None:
        wake_at = None if self._frozen else stream.watch.wake_at
        pause = None if wake_at is None else max(wake_at - self._clock(), 0.0)
        try:
            async with asyncio.timeout(pause):
                await stream.news.wait()
        except TimeoutError:
            return

    def _matching(self, plural: str) -> list[Stream]:
        return [stream for stream in self._open if plural in ("", stream.plural)]

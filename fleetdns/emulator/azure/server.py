"""The emulated Traffic Manager on a port, plain HTTP. It only carries answers out: late, by hanging up, or never.

Paths below /_emulator/ are the operator's; everything else is Azure Resource Manager.
"""

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from aiohttp import web
from yarl import URL

from fleetdns.emulator.azure.control import PREFIX, control
from fleetdns.emulator.azure.exchange import Request, Response
from fleetdns.emulator.azure.service import TrafficManagerService

_LARGEST_BODY = 4 * 1024 * 1024  # ARM's own limit
_SHUTDOWN = 0.2  # seconds granted to answers that are still being delayed


def steady_clock() -> Callable[[], float]:
    """Seconds since the epoch as they are now, then counted on by a clock that never goes back."""
    offset = time.time() - time.monotonic()
    return lambda: offset + time.monotonic()


class AzureServer:
    """`service` holds the state and the levers; without one a service with the default behaviour is made."""

    def __init__(self, service: TrafficManagerService | None = None) -> None:
        self.service = service or TrafficManagerService(clock=steady_clock())
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """`http://host:port` without a slash at the end; empty before the start."""
        return self._url

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes a free one. Raises OSError when the port is taken."""
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._serve)
        # A client that gives up ends its request here, too: nothing is left of those that hang.
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN, handler_cancellation=True)
        await runner.setup()
        self._runner = runner
        try:
            self._site = await _listening(runner, host, port)
        except OSError:
            await self.stop()
            raise
        self._url = str(URL.build(scheme="http", host=host, port=runner.addresses[0][1]))

    async def refuse(self) -> None:
        """Nobody listens until `accept`: new connections are refused, open ones reset. The state stays."""
        if self._runner is None or self._site is None:
            return
        site, self._site = self._site, None
        await site.stop()
        for connection in self._runner.server.connections if self._runner.server else ():
            if connection.transport is not None:
                connection.transport.abort()

    async def accept(self) -> None:
        """Listen again where it was. Raises OSError when somebody else took the port meanwhile."""
        url = URL(self._url)
        if self._runner is not None and self._site is None and url.host is not None and url.port is not None:
            self._site = await _listening(self._runner, url.host, url.port)

    async def stop(self) -> None:
        if self._runner is not None:
            runner, self._runner = self._runner, None
            self._site = None
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _serve(self, incoming: web.Request) -> web.StreamResponse:
        request = await _request(incoming)
        is_control = request.path.startswith(PREFIX)
        response = control(self.service, request) if is_control else self.service.handle(request)
        if response.delay > 0:
            await asyncio.sleep(response.delay)
        if response.hang:
            await asyncio.Event().wait()
        if response.drop:
            return _hung_up(incoming)
        return _answered(response)


async def _listening(runner: web.AppRunner, host: str, port: int) -> web.TCPSite:
    site = web.TCPSite(runner, host, port)
    await site.start()
    return site


async def _request(incoming: web.Request) -> Request:
    # The raw path: aiohttp's own decoding would lose the difference between %2F and a slash.
    path = incoming.raw_path.partition("?")[0]
    return Request(incoming.method, path, dict(incoming.query), dict(incoming.headers), await incoming.read())


def _answered(response: Response) -> web.Response:
    return web.Response(status=response.status, headers=response.headers, body=response.body or None)


def _hung_up(incoming: web.Request) -> web.Response:
    if incoming.transport is not None:
        incoming.transport.abort()
    # aiohttp wants an answer to write; the connection it belongs to is gone.
    return web.Response()

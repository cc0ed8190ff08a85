"""Name server on UDP and TCP, both on the same port. Answers from whatever profiles it is given, at each query."""

import asyncio
import ipaddress
import struct
from collections.abc import Callable
from random import Random
from types import TracebackType
from typing import Any, Self, cast

from fleetdns.emulator.dns.choice import Client
from fleetdns.emulator.dns.messages import reply_to
from fleetdns.emulator.dns.zone import Snapshot, Zone, zone_of

_LENGTH = struct.Struct("!H")
_MOST_CONNECTIONS = 64
_IDLE = 5.0  # seconds a TCP client may be silent
_PORT_TRIES = 20


class DNSServer:
    """`profiles` gives the present profiles as the service's JSON, or raises LookupError while it knows none.

    Parsing is skipped while `profiles` gives the same object. `client` says where queries come from, for the routing
    methods that care; their address is added.
    """

    def __init__(
        self,
        profiles: Callable[[], Snapshot],
        random: Random,
        zone: str = "trafficmanager.net",
        client: Client | None = None,
    ) -> None:
        self._profiles = profiles
        self._random = random
        self._origin = zone
        self._client = client or Client()
        self._parsed: tuple[Snapshot, Zone] | None = None
        self._udp: _Datagrams | None = None
        self._tcp: asyncio.Server | None = None
        self._connections: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}
        self.port = 0

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes one that is free for both. Raises OSError when the port is taken."""
        for left in reversed(range(_PORT_TRIES if port == 0 else 1)):
            await self._bind_udp(host, port)
            try:
                self._tcp = await asyncio.start_server(self._converse, host, self.port)
            except OSError:
                # Free for UDP is not yet free for TCP: another pair is tried.
                await self.stop()
                if not left:
                    raise
            else:
                return

    async def stop(self) -> None:
        if self._udp is not None:
            datagrams, self._udp = self._udp, None
            await datagrams.close()
        if self._tcp is not None:
            self._tcp.close()
            self._tcp = None
        conversations = dict(self._connections)
        for writer in conversations:
            writer.transport.abort()
        await asyncio.gather(*(task for task in conversations.values() if task is not None))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def reply(self, query: bytes, host: str, *, over_tcp: bool) -> bytes | None:
        """The bytes to send back to `host`, None for silence."""
        client = Client(ipaddress.ip_address(host.partition("%")[0]), self._client.region, self._client.places)
        return reply_to(query, self._zone, self._random, client=client, over_tcp=over_tcp)

    def _zone(self) -> Zone:
        snapshot = self._profiles()
        if self._parsed is None or self._parsed[0] is not snapshot:
            self._parsed = (snapshot, zone_of(snapshot, self._origin))
        return self._parsed[1]

    async def _bind_udp(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        transport, self._udp = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self.reply), local_addr=(host, port)
        )
        self.port = transport.get_extra_info("sockname")[1]

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= _MOST_CONNECTIONS:
            writer.transport.abort()
            return
        self._connections[writer] = asyncio.current_task()
        try:
            await self._answer_all(reader, writer)
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            pass  # the client left, or said nothing for too long: either way the conversation is over
        finally:
            self._connections.pop(writer, None)
            writer.close()

    async def _answer_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = writer.get_extra_info("peername")[0]
        while True:
            async with asyncio.timeout(_IDLE):
                (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
                query = await reader.readexactly(length)
            reply = self.reply(query, host, over_tcp=True)
            if reply is None:
                return
            writer.write(_LENGTH.pack(len(reply)) + reply)
            async with asyncio.timeout(_IDLE):
                await writer.drain()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, reply: Callable[..., bytes | None]) -> None:
        self._reply = reply
        self._transport: asyncio.DatagramTransport | None = None
        self._closed = asyncio.Event()

    async def close(self) -> None:
        """The port is free when this returns."""
        if self._transport is not None:
            self._transport.close()
            await self._closed.wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # The selector loop's transport is one without being declared one.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        reply = self._reply(data, addr[0], over_tcp=False)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)

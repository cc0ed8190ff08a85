"""What stands in front of an API server and may misbehave: a proxy that ends TLS and reads just enough of HTTP."""

from __future__ import annotations

import asyncio
import json
import ssl
from enum import Enum, auto
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from fleetdns.emulator.hub.kubeconfig import kubeconfig, write_kubeconfig
from fleetdns.emulator.hub.tls import make_identity
from tests.apiserver.deployed import NAMESPACE
from tests.apiserver.server import HOST, RealAPIServer

_BODY = b"<html><head><title>502 Bad Gateway</title></head>\n<body>\n<h1>502 Bad Gateway</h1>\n</body></html>\n"
_PAGE = (
    b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nConnection: close\r\n"
    b"Content-Length: " + str(len(_BODY)).encode() + b"\r\n\r\n" + _BODY
)


class Mood(Enum):
    """What becomes of a request."""

    HONEST = auto()  # passed on, and the answer back
    PAGE = auto()  # answered with a page of HTML, 502
    DEAF = auto()  # never answered
    TORN = auto()  # passed on, and cut off after the first bytes of the answer's body


class Front:
    """Leads to `server`. Use as `async with`; connections keep the mood they were made in."""

    def __init__(self, server: RealAPIServer) -> None:
        self.mood = Mood.HONEST
        self._target = urlsplit(server.url)
        self._trusted = ssl.create_default_context(cadata=server.ca_pem.decode())
        self._identity = make_identity(HOST)
        self._listening: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def __aenter__(self) -> Self:
        self._listening = await asyncio.start_server(self._accept, HOST, 0, ssl=self._identity.server_context())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._listening is not None
        self._listening.close()
        self.drop()
        await asyncio.gather(*self._open, return_exceptions=True)

    def drop(self) -> None:
        """Break every connection there is."""
        for task, writer in self._open.items():
            writer.transport.abort()
            task.cancel()

    def behind(self, account: Path) -> None:
        """Rewrite a kubeconfig, so that it leads here."""
        token = json.loads(account.read_text())["users"][0]["user"]["token"]
        self.write(account, token)

    def write(self, account: Path, token: str) -> None:
        """A kubeconfig that leads here with this token."""
        assert self._listening is not None
        url = f"https://{HOST}:{self._listening.sockets[0].getsockname()[1]}"
        write_kubeconfig(account, kubeconfig(url=url, ca=self._identity.ca, token=token, namespace=NAMESPACE))

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            match self.mood:
                case Mood.PAGE:
                    await self._refuse(reader, writer)
                case Mood.DEAF:
                    await asyncio.Event().wait()
                case _:
                    await self._forward(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return  # either side is gone, or we were told to break it
        finally:
            writer.transport.abort()
            del self._open[task]

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_PAGE)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_torn = self.mood is Mood.TORN
        there, back = await asyncio.open_connection(self._target.hostname, self._target.port, ssl=self._trusted)
        try:
            async with asyncio.TaskGroup() as group:
                up = group.create_task(_pipe(reader, back))
                await (_tear(there, writer) if is_torn else _pipe(there, writer))
                up.cancel()
        except ExceptionGroup as group_error:
            raise ConnectionError from group_error
        finally:
            back.transport.abort()


async def _pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()


async def _tear(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """The head of the answer, and of its body too little for anything to be whole."""
    sink.write(await source.readuntil(b"\r\n\r\n"))
    sink.write(await source.read(16))
    await sink.drain()

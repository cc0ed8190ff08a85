"""A cable between a client and an API server.

Cut: connections stay open and nothing passes any more. Severed: they end, and no new one begins.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import yaml


class Cable:
    """Forwards TCP to the API server of a kubeconfig; `kubeconfig(path)` writes one that leads through it."""

    def __init__(self, kubeconfig: Path) -> None:
        self._content = yaml.safe_load(kubeconfig.read_text())
        url = urlsplit(self._content["clusters"][0]["cluster"]["server"])
        self._target = (url.hostname, url.port)
        self._whole = asyncio.Event()
        self._whole.set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends: set[asyncio.StreamWriter] = set()
        self._is_severed = False

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def kubeconfig(self, path: Path) -> Path:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        self._content["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
        path.write_text(yaml.safe_dump(self._content))
        return path

    def cut(self) -> None:
        self._whole.clear()

    def sever(self) -> None:
        """Every connection breaks, and so does every new one, until `mend`."""
        self._is_severed = True
        for end in self._ends:
            end.transport.abort()

    def mend(self) -> None:
        self._is_severed = False
        self._whole.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_severed:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection(*self._target)
        self._ends |= {back, writer}
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._forward(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _forward(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                await self._whole.wait()
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            return
        finally:
            self._ends.discard(sink)
            sink.close()

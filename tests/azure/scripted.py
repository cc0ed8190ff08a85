"""An HTTP server that answers what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `chunks` are sent one by one after `body`; then the fault, if any, happens."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str | None = JSON
    chunks: Sequence[bytes] = ()
    fault: Literal["reset", "hang"] | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it came; `path` as it was spelled, query included."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class ScriptedServer:
    """Gives the answers in turn, the last one again and again. `requests`: what came, oldest first."""

    def __init__(self, *answers: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.answers = list(answers)
        self.requests: list[Seen] = []
        self.url = ""
        self._tls = tls
        self._runner: web.ServerRunner | None = None

    async def start(self) -> None:
        runner = web.ServerRunner(web.Server(self._serve, handler_cancellation=True), shutdown_timeout=0.01)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        self._runner = runner
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(Seen(request.method, request.raw_path, dict(request.headers), await request.read()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer.chunks:
            return await self._stream(request, answer)
        await self._misbehave(request, answer)
        headers = dict(answer.headers)
        if answer.content_type is not None:
            headers["Content-Type"] = answer.content_type
        return web.Response(status=answer.status, body=answer.body or None, headers=headers)

    async def _stream(self, request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type or JSON})
        await response.prepare(request)
        for chunk in answer.chunks:
            await response.write(chunk)
        await self._misbehave(request, answer)
        await response.write_eof()
        return response

    async def _misbehave(self, request: web.BaseRequest, answer: Answer) -> None:
        if answer.fault == "hang":
            await asyncio.Event().wait()
        if answer.fault == "reset" and request.transport is not None:
            request.transport.abort()

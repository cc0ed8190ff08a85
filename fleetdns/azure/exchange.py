"""One call to Azure from start to end: bounded in time, its failure a class of fleetdns.errors, reported once."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.rest import AsyncHttpResponse

from fleetdns.azure.errors import Operation, classify_answer, corrupt, timed_out, unreachable
from fleetdns.azure.remedies import Peer
from fleetdns.errors import FleetDNSError
from fleetdns.runtime.elements import Malformed

_DONE = frozenset({200, 201, 204})
_CORRELATION_HEADERS = ("x-ms-correlation-request-id", "x-ms-request-id")

T = TypeVar("T")

Send = Callable[[], Awaitable[AsyncHttpResponse]]


class AzureCallObserver(Protocol):
    """Told of every request to Azure; must not raise."""

    def called(self, *, operation: str, code: str, seconds: float, correlation_id: str, resource: str) -> None:
        """`code`: the HTTP status, or one word where there was none. `correlation_id`: "" where none came."""
        ...


@dataclass(slots=True)
class Exchange:
    """One request to `peer`. `resource`: the id of what it is about; `limit`: seconds it may take in all."""

    operation: Operation
    resource: str
    limit: float
    peer: Peer
    code: str = "Cancelled"
    correlation_id: str = ""
    seconds: float = 0.0

    async def run(
        self,
        send: Send,
        *,
        observer: AzureCallObserver,
        now: Callable[[], datetime],
        read: Callable[[AsyncHttpResponse], Awaitable[T]],
    ) -> T | None:
        """What `read` makes of a good answer, within the limit; None when Azure says that there is no such thing.

        Raises FleetDNSError, and what `read` raises.
        """
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            return await self._completed(send, read, now)
        finally:
            self.seconds = clock() - started
            observer.called(
                operation=self.operation,
                code=self.code,
                seconds=self.seconds,
                correlation_id=self.correlation_id,
                resource=self.resource,
            )

    async def _completed(
        self, send: Send, read: Callable[[AsyncHttpResponse], Awaitable[T]], now: Callable[[], datetime]
    ) -> T | None:
        try:
            answer = await self._answer(send, read)
        except FleetDNSError as error:
            self.code = error.code
            raise
        if not isinstance(answer, _Refusal):
            return answer
        self._note(answer.status, answer.headers)
        refusal = classify_answer(
            answer.status,
            answer.headers,
            answer.body,
            operation=self.operation,
            now=now(),
            remedy=lambda status, code: self.peer.remedy(
                status, code, operation=self.operation, resource=self.resource
            ),
        )
        if refusal is not None:
            raise refusal from answer.raised
        return None

    async def _answer(self, send: Send, read: Callable[[AsyncHttpResponse], Awaitable[T]]) -> T | _Refusal:
        try:
            async with asyncio.timeout(self.limit):
                return await self._read(await send(), read)
        except TimeoutError as error:
            raise timed_out(self.peer.host) from error
        except HttpResponseError as error:  # the SDK's operations raise on a status they do not expect
            refusal = error.response
            if not isinstance(refusal, AsyncHttpResponse):
                raise unreachable(error, self.peer.host) from error
            return _Refusal(refusal.status_code, refusal.headers, refusal.content, error)
        except AzureError as error:
            raise unreachable(error, self.peer.host) from error
        except zlib.error as error:  # the SDK lets it through
            raise corrupt(self.peer.host) from error

    async def _read(
        self, response: AsyncHttpResponse, read: Callable[[AsyncHttpResponse], Awaitable[T]]
    ) -> T | _Refusal:
        try:
            if response.status_code not in _DONE:
                return _Refusal(response.status_code, response.headers, await response.read())
            answer = await read(response)
        except Malformed:
            self._note(response.status_code, response.headers)
            raise
        finally:
            await response.close()  # of one that was read to its end the connection has been given back already
        self._note(response.status_code, response.headers)
        return answer

    def _note(self, status: int, headers: Mapping[str, str]) -> None:
        self.code = str(status)
        self.correlation_id = next((headers[name] for name in _CORRELATION_HEADERS if name in headers), "")


async def whole(response: AsyncHttpResponse) -> bytes:
    """The body of an answer, for `Exchange.run`."""
    return await response.read()


@dataclass(frozen=True, slots=True)
class _Refusal:
    status: int
    headers: Mapping[str, str]
    body: bytes
    raised: HttpResponseError | None = None

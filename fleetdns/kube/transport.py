"""The verbs of the Kubernetes API on raw bytes: status checked, time bounded, nothing repeated that may have happened.

A silent peer is noticed: by whoever reads a watch, by the total time-out of everything else, and below both by TCP
keepalive.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Any, Protocol, Self

import aiohttp

from fleetdns import __version__
from fleetdns.envproxy import proxy_for
from fleetdns.kube.config import Connection
from fleetdns.kube.errors import NAMESPACE_TERMINATING, Refused, Unreachable, refused
from fleetdns.kube.streams import Chunks, Lines
from fleetdns.sentonce import sent_once

FIELD_MANAGER = "fleetdns"

_JSON = "application/json"
_MERGE_PATCH = "application/merge-patch+json"
_APPLY_PATCH = "application/apply-patch+yaml"  # JSON is YAML
_FORBIDDEN = 403
_CONNECTIONS = 200  # each watch holds one
_NO_QUERY: Mapping[str, str] = MappingProxyType({})


class HubCallObserver(Protocol):
    """Told of every request to the API server; must not raise."""

    def called(self, *, method: str, code: str) -> None:
        """`code`: the HTTP status, or "<error>" where none came, as client-go calls it; "NamespaceTerminating" for a
        403 that is no matter of rights.
        """
        ...


@dataclass(frozen=True, slots=True)
class HubTimeouts:
    """Seconds. `opening`: until a watch is accepted; how long it may be silent then is for its reader to say."""

    connect: float = 5.0
    read: float = 30.0
    write: float = 10.0
    opening: float = 20.0


DEFAULT_TIMEOUTS = HubTimeouts()


class Transport:
    """One API server. Methods raise Refused and Unreachable; a watch LineTooLong too. Use it as a context manager."""

    def __init__(
        self,
        connection: Connection,
        *,
        observer: HubCallObserver,
        timeouts: HubTimeouts = DEFAULT_TIMEOUTS,
        field_manager: str = FIELD_MANAGER,
        server: str = "the API server",
    ) -> None:
        """`field_manager`: as whom the API server notes the fields that are written. `server`: what people call it."""
        self.timeouts = timeouts
        self._connection = connection
        self._observer = observer
        self._as_us: Mapping[str, str] = MappingProxyType({"fieldManager": field_manager})
        self._server = server
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=_CONNECTIONS,
                # Without TLS the context is never looked at; True is aiohttp's word for its default.
                ssl=True if self._connection.tls is None else self._connection.tls,
                socket_factory=_kept_alive,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"fleetdns/{__version__}", "Accept": _JSON},
            middlewares=(sent_once,),
            proxy=self._connection.proxy or proxy_for(self._connection.host),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def get(self, path: str, query: Mapping[str, str] = _NO_QUERY) -> bytes:
        """An object, or a short list."""
        return await self._whole("GET", path, query=query, limit=self.timeouts.read)

    async def create(self, path: str, body: bytes) -> bytes:
        """POST to a collection; the object as the server stored it."""
        return await self._whole("POST", path, query=self._as_us, body=body, limit=self.timeouts.write)

    async def replace(self, path: str, body: bytes) -> bytes:
        """PUT an object; it as the server stored it."""
        return await self._whole("PUT", path, query=self._as_us, body=body, limit=self.timeouts.write)

    async def patch(self, path: str, body: bytes) -> bytes:
        """Merge-patch an object or a subresource; the object as the server stored it."""
        return await self._whole(
            "PATCH", path, query=self._as_us, body=body, limit=self.timeouts.write, content_type=_MERGE_PATCH
        )

    async def apply(self, path: str, body: bytes) -> bytes:
        """Server-side apply, without force; the object as the server stored it."""
        return await self._whole(
            "PATCH", path, query=self._as_us, body=body, limit=self.timeouts.write, content_type=_APPLY_PATCH
        )

    async def delete(self, path: str, body: bytes) -> bytes:
        """DELETE with DeleteOptions; the object, or a Status."""
        return await self._whole("DELETE", path, body=body, limit=self.timeouts.write)

    @asynccontextmanager
    async def read(self, path: str, query: Mapping[str, str]) -> AsyncIterator[AsyncIterator[bytes]]:
        """The body of a list as it arrives, in chunks of any size; the time that the block takes counts, too."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self.timeouts.connect)
        try:
            async with asyncio.timeout(self.timeouts.read):
                response = await self._sent("GET", path, timeout=timeout, params=query)
                try:
                    yield Chunks(response.content, self._unreachable)
                finally:
                    response.close()  # of one that was read to its end the connection has been given back already
        except TimeoutError as error:
            raise self._unreachable(error) from error

    @asynccontextmanager
    async def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[AsyncIterator[bytes]]:
        """The lines of a watch, entered when the server has accepted it. See runtime.ListWatch.watch."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self.timeouts.connect)
        try:
            async with asyncio.timeout(self.timeouts.opening):
                response = await self._sent("GET", path, timeout=timeout, params=query)
        except TimeoutError as error:
            raise self._unreachable(error) from error
        try:
            yield Lines(response.content, self._unreachable)
        finally:
            response.close()

    async def _whole(
        self,
        method: str,
        path: str,
        *,
        limit: float,
        query: Mapping[str, str] = _NO_QUERY,
        body: bytes | None = None,
        content_type: str = _JSON,
    ) -> bytes:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self.timeouts.connect)
        headers = {"Content-Type": content_type} if body is not None else {}
        try:
            # In all, also where a token has to be read again: a write must not end later than the fence was told.
            async with asyncio.timeout(limit):
                response = await self._sent(method, path, timeout=timeout, params=query, data=body, headers=headers)
                return await self._read(response)
        except TimeoutError as error:
            raise self._unreachable(error) from error

    async def _sent(self, method: str, path: str, **options: Any) -> aiohttp.ClientResponse:
        """The answer with its body still to be read; anything but success and JSON raises."""
        response = await self._answer(method, path, **options)
        is_success = 200 <= response.status < 300  # aiohttp's own `ok` holds for a redirection too
        if is_success and response.content_type == _JSON:
            return response
        if is_success:
            response.close()
            raise Unreachable(f"an answer of type {response.content_type} came where the API server sends JSON")
        raise self._explained(await self._refusal(method, response))

    async def _refusal(self, method: str, response: aiohttp.ClientResponse) -> Refused:
        """Counts a 403, too: only its body tells whether a right is missing."""
        code = str(response.status)
        try:
            error = refused(
                response.status,
                content_type=response.content_type,
                retry_after=response.headers.get("Retry-After"),
                body=await self._read(response),
            )
            if NAMESPACE_TERMINATING in error.causes:
                code = NAMESPACE_TERMINATING
            return error
        finally:
            if response.status == _FORBIDDEN:
                self._observer.called(method=method, code=code)

    def _explained(self, error: Refused) -> Refused:
        """A refusal of who asks, with whose credentials they were: the API server itself says Unauthorized, or
        speaks of system:anonymous.
        """
        if error.status not in (401, 403) or not error.is_kubernetes:
            return error
        source = self._connection.source
        if not self._connection.has_credentials:
            said = error.message if error.status == 403 else f"{self._server} wants to know who asks"
            return Refused(error.status, reason=error.reason, message=f"{said}; {source} holds no credentials")
        if error.status == 403:
            return error
        message = f"{self._server} does not take the credentials of {source}: they are wrong, or have expired"
        return Refused(401, message=message)

    async def _answer(self, method: str, path: str, **options: Any) -> aiohttp.ClientResponse:
        """The answer to the token as it is now: a refused one may have been replaced since it was last read."""
        authorization = await self._connection.authorization()
        response = await self._requested(method, path, authorization, **options)
        if response.status != 401:
            return response
        self._connection.refused(authorization)
        renewed = await self._connection.authorization()
        if renewed == authorization:
            return response
        response.close()  # nothing was done, so nothing is done twice
        return await self._requested(method, path, renewed, **options)

    async def _requested(
        self,
        method: str,
        path: str,
        authorization: str | None,
        *,
        headers: Mapping[str, str] = _NO_QUERY,
        **options: Any,
    ) -> aiohttp.ClientResponse:
        if self._session is None:
            raise RuntimeError("the transport is not open")
        signed = {**headers, "Authorization": authorization} if authorization else headers
        code = "<error>"
        try:
            response = await self._session.request(
                method,
                self._connection.host + path,
                headers=signed,
                server_hostname=self._connection.server_hostname,
                allow_redirects=False,
                **options,
            )
            code = str(response.status)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._unreachable(error) from error
        except ValueError:  # its words may quote what was to be sent, which is a secret
            because = f"no request to {self._server} can be made with this proxy-url and these credentials"
            raise Unreachable(because) from None
        else:
            return response
        finally:
            if code != str(_FORBIDDEN):
                self._observer.called(method=method, code=code)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        try:
            return await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> Unreachable:
        match error:
            case TimeoutError():
                return Unreachable(f"{self._server} did not answer in time")
            case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
                return Unreachable(f"the certificate of {self._server} is not trusted here")
            case aiohttp.ClientConnectorError():
                return Unreachable(f"{self._server} cannot be reached")
        return Unreachable(f"the connection to {self._server} broke")


def _kept_alive(address: Any) -> socket.socket:
    """A socket whose silent peer is noticed within a minute, also while nothing is being sent."""
    family, kind, protocol, _, _ = address
    sock = socket.socket(family, kind, protocol)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", 30),
        ("TCP_KEEPINTVL", 10),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", 60_000),
    ):
        if hasattr(socket, option):  # not every system has each of them
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return sock

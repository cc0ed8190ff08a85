"""The way to Azure Resource Manager: its address, one HTTP session, the credential, and what every request carries.

The queue owns every retry, so neither the SDK's retries nor its automatic provider registration (which polls) are in
the pipeline. An address in plain http is taken on loopback only, and then no credential is ever acquired or sent.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline.policies import HeadersPolicy, RequestIdPolicy, UserAgentPolicy
from azure.core.pipeline.transport import AioHttpTransport
from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy

from fleetdns import __version__
from fleetdns.azure.clouds import CLOUDS
from fleetdns.azure.credential import credential
from fleetdns.azure.remedies import Peer
from fleetdns.envproxy import proxy_for
from fleetdns.errors import UsageError
from fleetdns.sentonce import sent_once

_CONNECT_TIMEOUT = 5  # seconds
READ_TIMEOUT = 60.0  # seconds; the longest that any call is granted
_BLOCK = 1 << 15  # bytes of an answer that are taken, and unpacked, at once


@dataclass(frozen=True, slots=True)
class ResourceManager:
    """Azure Resource Manager of one cloud. `credential` None: an address in plain http, where none is used.

    `read_timeout`: seconds that it may be silent.
    """

    endpoint: str
    credential: AsyncTokenCredential | None
    scope: str
    session: aiohttp.ClientSession
    read_timeout: float = READ_TIMEOUT

    @property
    def peer(self) -> Peer:
        """Who is asked, for whoever has to say so."""
        return Peer(urlsplit(self.endpoint).netloc, self.credential)

    def policies(self) -> list[Any]:
        """What each request passes; a policy belongs to one pipeline, so every call makes new ones."""
        authentication: list[Any] = (
            [] if self.credential is None else [AsyncARMChallengeAuthenticationPolicy(self.credential, self.scope)]
        )
        return [
            RequestIdPolicy(),
            HeadersPolicy(),
            UserAgentPolicy(base_user_agent=f"fleetdns/{__version__}"),
            *authentication,
        ]

    def transport(self) -> AioHttpTransport:
        """A transport object belongs to one pipeline, too: only the session is shared."""
        return AioHttpTransport(
            session=self.session,
            session_owner=False,
            connection_timeout=_CONNECT_TIMEOUT,
            read_timeout=self.read_timeout,
            connection_data_block_size=_BLOCK,
        )


@asynccontextmanager
async def open_resource_manager(
    *,
    cloud: str,
    arm_endpoint: str | None,
    managed_identity_client_id: str | None,
    credential_of: Callable[[], AsyncTokenCredential] | None = None,
    read_timeout: float = READ_TIMEOUT,
) -> AsyncIterator[ResourceManager]:
    """Resource Manager of one cloud, or at `arm_endpoint`, until the block ends. Raises UsageError.

    `credential_of` makes the credential in place of the usual chain; with plain http neither is ever called.
    `read_timeout`: seconds of silence after which a call is given up, where it may take longer.
    """
    endpoint = arm_address(cloud, arm_endpoint)
    known = CLOUDS[cloud]
    async with AsyncExitStack() as stack:
        tokens: AsyncTokenCredential | None = None
        if not is_plain_http(endpoint):
            made = (
                credential_of()
                if credential_of
                else credential(authority=known.authority, managed_identity_client_id=managed_identity_client_id)
            )
            tokens = await stack.enter_async_context(made)
        http = await stack.enter_async_context(session(endpoint))
        yield ResourceManager(endpoint, tokens, known.scope, http, read_timeout)


def session(endpoint: str) -> aiohttp.ClientSession:
    """The HTTP session that all clients share; certificates are checked against the system's store."""
    is_plain = is_plain_http(endpoint)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector() if is_plain else aiohttp.TCPConnector(ssl=ssl.create_default_context()),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,  # the SDK does that itself
        middlewares=(sent_once,),
        proxy=None if is_plain else proxy_for(endpoint),  # none between us and our own loopback
    )


def arm_address(cloud: str, arm_endpoint: str | None) -> str:
    """The address of Azure Resource Manager, without a slash at its end. Raises UsageError."""
    if cloud not in CLOUDS:
        raise UsageError(f"--azure-cloud is {cloud!r}; give one of {', '.join(CLOUDS)}")
    if not arm_endpoint:
        return CLOUDS[cloud].arm_endpoint
    parts = urlsplit(arm_endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"--arm-endpoint is {arm_endpoint!r}; give an address such as https://management.azure.com")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise UsageError(
            f"--arm-endpoint is {arm_endpoint!r}; plain http is taken on loopback only, where no credential is sent"
        )
    return arm_endpoint.rstrip("/")


def is_plain_http(endpoint: str) -> bool:
    return urlsplit(endpoint).scheme == "http"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"

"""The SDK's clients, one per subscription over one shared session, with nothing in them that repeats a call.

The queue owns every retry, so neither the SDK's retries nor its automatic provider registration (which polls) are in
the pipeline. An address in plain http is taken on loopback only, and then no credential is ever acquired or sent.
"""

from __future__ import annotations

import ipaddress
import ssl
from urllib.parse import urlsplit

import aiohttp
from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline.policies import HeadersPolicy, RequestIdPolicy, SansIOHTTPPolicy, UserAgentPolicy
from azure.core.pipeline.transport import AioHttpTransport
from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy
from azure.mgmt.trafficmanager.aio import TrafficManagerManagementClient

from fleetdns import __version__
from fleetdns.azure.clouds import CLOUDS
from fleetdns.errors import UsageError
from fleetdns.sentonce import sent_once

API_VERSION = "2026-09-01"

_CONNECT_TIMEOUT = 5  # seconds
_READ_TIMEOUT = 60  # seconds; the longest that any call is granted


class NoCredential:
    """Stands where the SDK insists on a credential. To ask it for a token is a bug."""

    async def get_token(self, *scopes: str, **options: object) -> AccessToken:
        raise AssertionError("a token was asked for a plain http address")

    async def close(self) -> None:
        return

    async def __aenter__(self) -> NoCredential:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return


class Clients:
    """The SDK client of each subscription, made on first use: making one costs 10 ms."""

    def __init__(
        self, session: aiohttp.ClientSession, *, endpoint: str, credential: AsyncTokenCredential | None, scope: str
    ) -> None:
        """`credential` None: an address in plain http, where none is used. `session` stays its owner's to close."""
        self.endpoint = endpoint
        self._session = session
        self._credential = credential
        self._scope = scope
        self._clients: dict[str, TrafficManagerManagementClient] = {}  # by folded subscription

    def of(self, subscription: str) -> TrafficManagerManagementClient:
        folded = subscription.lower()
        if folded not in self._clients:
            self._clients[folded] = self._made(subscription)
        return self._clients[folded]

    def _made(self, subscription: str) -> TrafficManagerManagementClient:
        # A policy belongs to one pipeline, and so does a transport object: only the session is shared.
        authentication: list[object] = (
            [] if self._credential is None else [AsyncARMChallengeAuthenticationPolicy(self._credential, self._scope)]
        )
        transport = AioHttpTransport(
            session=self._session,
            session_owner=False,
            connection_timeout=_CONNECT_TIMEOUT,
            read_timeout=_READ_TIMEOUT,
        )
        return TrafficManagerManagementClient(
            self._credential or NoCredential(),
            subscription,
            self.endpoint,
            api_version=API_VERSION,
            credential_scopes=[self._scope],
            authentication_policy=SansIOHTTPPolicy(),  # only what stands in `policies` is run
            policies=[
                RequestIdPolicy(),
                HeadersPolicy(),
                UserAgentPolicy(base_user_agent=f"fleetdns/{__version__}"),
                *authentication,
            ],
            transport=transport,
        )


def session(endpoint: str) -> aiohttp.ClientSession:
    """The HTTP session that all clients share; certificates are checked against the system's store."""
    is_plain = is_plain_http(endpoint)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector() if is_plain else aiohttp.TCPConnector(ssl=ssl.create_default_context()),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,  # the SDK does that itself
        middlewares=(sent_once,),
        trust_env=not is_plain,  # no proxy between us and our own loopback
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

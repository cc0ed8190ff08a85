"""The Traffic Manager SDK's clients, one per subscription, with nothing in them that repeats a call."""

from __future__ import annotations

from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.trafficmanager.aio import TrafficManagerManagementClient

from fleetdns.azure.pipeline import ResourceManager

API_VERSION = "2026-09-01"


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

    def __init__(self, arm: ResourceManager) -> None:
        self.endpoint = arm.endpoint
        self.peer = arm.peer
        self._arm = arm
        self._clients: dict[str, TrafficManagerManagementClient] = {}  # by folded subscription

    def of(self, subscription: str) -> TrafficManagerManagementClient:
        folded = subscription.lower()
        if folded not in self._clients:
            self._clients[folded] = self._made(subscription)
        return self._clients[folded]

    def _made(self, subscription: str) -> TrafficManagerManagementClient:
        arm = self._arm
        return TrafficManagerManagementClient(
            arm.credential or NoCredential(),
            subscription,
            arm.endpoint,
            api_version=API_VERSION,
            credential_scopes=[arm.scope],
            authentication_policy=SansIOHTTPPolicy(),  # only what stands in `policies` is run
            policies=arm.policies(),
            transport=arm.transport(),
        )

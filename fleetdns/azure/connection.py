"""Opens and closes everything that Traffic Manager is reached through."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from azure.core.credentials_async import AsyncTokenCredential

from fleetdns.azure.client import Clients, arm_address, is_plain_http, session
from fleetdns.azure.clouds import CLOUDS
from fleetdns.azure.credential import credential
from fleetdns.azure.exchange import AzureCallObserver
from fleetdns.azure.trafficmanager import DEFAULT_TIMEOUTS, AzureTrafficManager, Timeouts


@asynccontextmanager
async def open_traffic_manager(
    *,
    cloud: str = "public",
    arm_endpoint: str | None = None,
    managed_identity_client_id: str | None = None,
    observer: AzureCallObserver,
    before_write: Callable[[float], None] | None = None,
    on_undecodable: Callable[[str, str], None] | None = None,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
    credential_of: Callable[[], AsyncTokenCredential] | None = None,
) -> AsyncIterator[AzureTrafficManager]:
    """Traffic Manager of one cloud, or at `arm_endpoint`, until the block ends. Raises UsageError.

    `credential_of` makes the credential in place of the usual chain; with plain http neither is ever called.
    """
    endpoint = arm_address(cloud, arm_endpoint)
    async with AsyncExitStack() as stack:
        tokens: AsyncTokenCredential | None = None
        if not is_plain_http(endpoint):
            made = credential_of() if credential_of else _usual(cloud, managed_identity_client_id)
            tokens = await stack.enter_async_context(made)
        http = await stack.enter_async_context(session(endpoint))
        yield AzureTrafficManager(
            Clients(http, endpoint=endpoint, credential=tokens, scope=CLOUDS[cloud].scope),
            observer=observer,
            before_write=before_write,
            on_undecodable=on_undecodable,
            timeouts=timeouts,
        )


def _usual(cloud: str, client_id: str | None) -> AsyncTokenCredential:
    return credential(authority=CLOUDS[cloud].authority, managed_identity_client_id=client_id)

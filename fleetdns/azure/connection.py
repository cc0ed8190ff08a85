"""Opens and closes everything that Traffic Manager is reached through."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from azure.core.credentials_async import AsyncTokenCredential

from fleetdns.azure.client import Clients
from fleetdns.azure.exchange import AzureCallObserver
from fleetdns.azure.pipeline import READ_TIMEOUT, open_resource_manager
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
    read_timeout: float = READ_TIMEOUT,
) -> AsyncIterator[AzureTrafficManager]:
    """Traffic Manager of one cloud, or at `arm_endpoint`, until the block ends. Raises UsageError.

    `credential_of` makes the credential in place of the usual chain; with plain http neither is ever called.
    `read_timeout`: seconds of silence after which a call is given up, where it may take longer.
    """
    async with open_resource_manager(
        cloud=cloud,
        arm_endpoint=arm_endpoint,
        managed_identity_client_id=managed_identity_client_id,
        credential_of=credential_of,
        read_timeout=read_timeout,
    ) as arm:
        yield AzureTrafficManager(
            Clients(arm),
            observer=observer,
            before_write=before_write,
            on_undecodable=on_undecodable,
            timeouts=timeouts,
        )

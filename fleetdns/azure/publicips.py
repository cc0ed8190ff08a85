"""The public IPs of a resource group, by REST: a model for each would cost more than everything else in the agent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.mgmt.core import AsyncARMPipelineClient

from fleetdns.azure.errors import misreading
from fleetdns.azure.exchange import AzureCallObserver, Exchange
from fleetdns.azure.pages import Page, read_page, read_pages
from fleetdns.azure.pipeline import ResourceManager, open_resource_manager
from fleetdns.core.publicip import PublicIP, folded_address
from fleetdns.errors import Rejected
from fleetdns.runtime.elements import Element, Malformed

API_VERSION = "2024-05-01"  # of Microsoft.Network's public IP addresses

_TIMEOUT = 60.0  # seconds for all pages of one list together


class _DNSSettings(msgspec.Struct, rename="camel"):
    domain_name_label: str | None = None


class _Properties(msgspec.Struct, rename="camel"):
    ip_address: str | None = None
    dns_settings: _DNSSettings | None = None


class _PublicIP(msgspec.Struct):
    id: str | None = None
    properties: _Properties | None = None


_PUBLIC_IP: msgspec.json.Decoder[_PublicIP | None] = msgspec.json.Decoder(_PublicIP | None)


class AzurePublicIPs:
    """Fulfils the member agent's PublicIPs."""

    def __init__(
        self,
        arm: ResourceManager,
        *,
        observer: AzureCallObserver,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._endpoint = arm.endpoint
        self._peer = arm.peer
        self._observer = observer
        self._now = now
        self._client: AsyncARMPipelineClient[HttpRequest, AsyncHttpResponse] = AsyncARMPipelineClient(
            arm.endpoint, policies=arm.policies(), transport=arm.transport()
        )

    async def list_group(self, subscription: str, resource_group: str) -> tuple[PublicIP, ...]:
        """Every public IP of the group that has an address. Raises FleetDNSError: Rejected where there is no group."""
        if not resource_group.strip("."):  # the group would vanish from the path, and the list be another one
            raise Rejected("InvalidResourceGroupName", f"{resource_group!r} is the name of no resource group")
        scope = f"/subscriptions/{quote(subscription, safe='')}/resourceGroups/{quote(resource_group, safe='')}"
        path = f"{scope}/providers/Microsoft.Network/publicIPAddresses"
        found: list[PublicIP] = []

        def take(element: Element) -> None:
            known = _known(_decoded(element.raw))
            if known is not None:
                found.append(known)

        await read_pages(
            path, endpoint=self._endpoint, limit=_TIMEOUT, read=lambda url, limit: self._read(scope, url, limit, take)
        )
        return tuple(found)

    async def _read(self, resource: str, url: str, limit: float, take: Callable[[Element], None]) -> Page | None:
        params = {} if "?" in url else {"api-version": API_VERSION}
        request = HttpRequest(
            "GET", self._client.format_url(url), params=params, headers={"Accept": "application/json"}
        )
        return await Exchange("list_public_ips", resource, limit, self._peer).run(
            lambda: self._client.send_request(request, stream=True),
            observer=self._observer,
            now=self._now,
            read=lambda answer: read_page(answer.iter_bytes(), take=take),
        )


@asynccontextmanager
async def open_public_ips(
    *,
    cloud: str = "public",
    arm_endpoint: str | None = None,
    managed_identity_client_id: str | None = None,
    observer: AzureCallObserver,
    credential_of: Callable[[], AsyncTokenCredential] | None = None,
) -> AsyncIterator[AzurePublicIPs]:
    """The public IPs of one cloud, or at `arm_endpoint`, until the block ends. Raises UsageError."""
    async with open_resource_manager(
        cloud=cloud,
        arm_endpoint=arm_endpoint,
        managed_identity_client_id=managed_identity_client_id,
        credential_of=credential_of,
    ) as arm:
        yield AzurePublicIPs(arm, observer=observer)


def _decoded(raw: bytes) -> _PublicIP | None:
    try:
        return _PUBLIC_IP.decode(raw)
    except ValueError as error:  # msgspec's errors, and UnicodeDecodeError
        raise Malformed(misreading(error)) from error


def _known(item: _PublicIP | None) -> PublicIP | None:
    properties = item.properties if item is not None else None
    if item is None or not item.id or properties is None or not properties.ip_address:
        return None
    label = properties.dns_settings.domain_name_label if properties.dns_settings is not None else None
    return PublicIP(item.id, folded_address(properties.ip_address), label or None)

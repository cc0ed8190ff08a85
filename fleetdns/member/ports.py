"""What the agent needs of the outside world, and no more. Adapters fulfil these without inheriting from them.

Every method may raise the classes of errors.py and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from fleetdns.api.meta import ObjectKey
from fleetdns.api.offer import Offer
from fleetdns.api.service import Service, ServiceExport
from fleetdns.core.events import Event
from fleetdns.core.publicip import PublicIP


class PublicIPs(Protocol):
    """Azure's public IP addresses."""

    async def list_group(self, subscription: str, resource_group: str) -> tuple[PublicIP, ...]:
        """Every one of a resource group that has an address."""
        ...


class Hub(Protocol):
    """This cluster's namespace on the hub."""

    async def read(self, key: ObjectKey) -> Offer | None:
        """What is there now, which a cache need not show yet."""
        ...

    async def create(self, offer: Offer) -> None:
        """Create it; Conflict when there is one of that name."""
        ...

    async def patch(self, offer: Offer, patch: Mapping[str, Any]) -> None:
        """Merge-patch the object as it was read; Conflict when it has changed since, or is gone."""
        ...

    async def delete(self, offer: Offer) -> None:
        """Delete this very object (by uid). Gone is success."""
        ...


class Cluster(Protocol):
    """The member cluster. What a write returns has reached the caches when the call returns."""

    async def patch_status(self, export: ServiceExport, patch: Mapping[str, Any]) -> None:
        """Merge-patch /status. The object gone already is success."""
        ...

    async def set_finalizers(self, export: ServiceExport, finalizers: tuple[str, ...]) -> None:
        """Replace metadata.finalizers; Conflict when the object is not the one that was read.

        Gone is success where finalizers only leave, and Conflict where one is added.
        """
        ...

    async def claim_annotations(self, service: Service, annotations: Mapping[str, str]) -> bool:
        """Own exactly these annotations of this very Service; False when somebody else wrote another value there.

        Conflict where it is gone, Rejected where another Service has its name by now: none is made or changed.
        """
        ...

    async def publish(self, obj: ServiceExport, event: Event) -> None:
        """Tell an Event. Never raises: an event is worth no retry."""
        ...


class Definitions(Protocol):
    """The definitions of the agent's kinds in the member cluster."""

    async def leaving(self) -> frozenset[str]:
        """The plurals of kinds whose definition is being deleted, or is not there."""
        ...

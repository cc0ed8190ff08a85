"""What the controllers need of the outside world, and no more. Adapters fulfil these without inheriting from them.

Every method may raise the classes of errors.py and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.exports import InternalServiceExport, ServiceImport
from fleetdns.api.overrides import ResourceOverride
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.core.calls import DeleteEndpoint, DeleteProfile, PatchProfile, PutEndpoint, PutProfile
from fleetdns.core.events import Event
from fleetdns.core.trafficmanager import Endpoint, Listing, Profile, ProfileRef

HubObject = TrafficManagerProfile | TrafficManagerBackend | ServiceImport | InternalServiceExport


class Reads(Protocol):
    """What Azure Traffic Manager holds, complete: a profile with its endpoints, an endpoint with its findings."""

    async def get(self, ref: ProfileRef) -> Profile | None:
        """The profile, or None when Azure has none (404, also for a resource group that does not exist)."""
        ...

    async def list_group(self, subscription: str, resource_group: str) -> Listing:
        """Every profile of a resource group; empty for one that does not exist."""
        ...

    async def list_subscription(self, subscription: str) -> Listing:
        """Every profile of the subscription; Forbidden where only resource groups may be read."""
        ...


class TrafficManager(Reads, Protocol):
    """Azure Traffic Manager. What a write answers is as complete as what is read."""

    async def put_profile(self, call: PutProfile) -> Profile: ...

    async def patch_profile(self, call: PatchProfile) -> Profile: ...

    async def delete_profile(self, call: DeleteProfile) -> None:
        """Gone already is success."""
        ...

    async def put_endpoint(self, call: PutEndpoint) -> Endpoint: ...

    async def delete_endpoint(self, call: DeleteEndpoint) -> None:
        """Gone already is success."""
        ...

    async def is_name_available(self, subscription: str, relative_name: str) -> bool: ...


class Hub(Protocol):
    """Writes to the hub cluster. What a write returns has reached the caches when the call returns."""

    async def patch_status(self, obj: HubObject, patch: Mapping[str, Any]) -> None:
        """Merge-patch /status. The object gone already is success."""
        ...

    async def set_finalizers(self, obj: HubObject, finalizers: tuple[str, ...]) -> None:
        """Replace metadata.finalizers; Conflict when the object is not the one that was read.

        Gone is success where finalizers only leave, and Conflict where one is added: what it would guard must not be
        made for an object that nobody can delete any more.
        """
        ...

    async def set_annotations(self, obj: HubObject, annotations: Mapping[str, str | None]) -> None:
        """Merge into metadata.annotations; None takes one away. The object gone already is success."""
        ...

    async def create_import(self, service_import: ServiceImport) -> None:
        """Create it; Conflict when it exists."""
        ...

    async def delete_import(self, service_import: ServiceImport) -> None:
        """Delete exactly this one (by uid). Gone is success."""
        ...

    async def publish(self, obj: HubObject | ResourceOverride, event: Event) -> None:
        """Tell an Event. Never raises: an event is worth no retry."""
        ...


class Discovery(Protocol):
    """What else the hub cluster serves."""

    async def places_workloads(self) -> bool:
        """Whether KubeFleet's placement is there, and with it who applies overrides to what it places."""
        ...


class Definitions(Protocol):
    """The definitions of our kinds on the hub cluster."""

    async def leaving(self) -> frozenset[str]:
        """The plurals of our kinds whose definition is being deleted, or is not there."""
        ...

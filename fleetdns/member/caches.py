"""What the agent sees: Services and ServiceExports of its own cluster, and its own namespace on the hub."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol, TypeVar

from fleetdns.api.meta import ObjectKey
from fleetdns.api.offer import Offer
from fleetdns.api.service import RESOURCE_GROUP_ANNOTATION, Service, ServiceExport
from fleetdns.core.offer import Member
from fleetdns.core.offeredaddress import public_address
from fleetdns.core.publicip import folded_address
from fleetdns.runtime.informer import Informer
from fleetdns.runtime.listwatch import Codec, Entry, ListWatch
from fleetdns.runtime.observer import InformerObserver
from fleetdns.runtime.store import Store
from fleetdns.runtime.watchlist import WatchListSupport

T = TypeVar("T", ServiceExport, Service, Offer)

_BY_OFFER = "offer"
_BY_ADDRESS = "address"


def export_indexes(member: Member) -> Mapping[str, Callable[[ServiceExport], Iterable[Hashable]]]:
    """ServiceExports by what their exports are called on the hub."""
    return {_BY_OFFER: lambda export: (member.offer_key(export.metadata.key).name,)}


def _addresses(service: Service) -> Iterable[Hashable]:
    address = public_address(service)
    return () if address is None else (folded_address(address),)


SERVICE_INDEXES: Mapping[str, Callable[[Service], Iterable[Hashable]]] = {_BY_ADDRESS: _addresses}


class Sources(Protocol):
    """Where objects come from: exports and Services from the member cluster, offers from the hub."""

    def listwatch(self, kind: type[T]) -> ListWatch:
        """List and watch of one kind."""
        ...

    def codec(self, kind: type[T]) -> Codec[ObjectKey, T]:
        """How one kind is decoded; keys are namespace and name."""
        ...


@dataclass(frozen=True, slots=True)
class MemberCaches:
    """Keys are namespace and name."""

    member: Member
    resource_group: str  # where public IPs are that are not said to be elsewhere
    exports: Store[ObjectKey, ServiceExport]
    services: Store[ObjectKey, Service]
    offers: Store[ObjectKey, Offer]

    def offer_of(self, service: ObjectKey) -> Offer | None:
        """What lies on the hub under the name that a Service's export has; it may be another Service's."""
        return self.offers.get(self.member.offer_key(service))

    def is_unreadable(self, service: ObjectKey) -> bool:
        """Whether something of it is, or may be, there and could not be decoded: then nothing can be said about it."""
        return (
            service in self.exports.unknown
            or service in self.services.unknown
            or self.member.offer_key(service) in self.offers.unknown
            or (self.services.unnamed > 0 and service not in self.services)
        )

    def keys_of_offer(self, offer: Offer) -> frozenset[ObjectKey]:
        """The ServiceExports that an object on the hub stands for, or stands in the way of."""
        named = self.exports.by_index(_BY_OFFER, offer.metadata.name)
        return frozenset({offer.service_key, *(export.metadata.key for export in named)})

    def keys_of_addresses(self, addresses: Iterable[str]) -> frozenset[ObjectKey]:
        """The Services that listen on folded addresses."""
        return frozenset(
            service.metadata.key for address in addresses for service in self.services.by_index(_BY_ADDRESS, address)
        )

    def group_of(self, service: Service) -> str:
        """The resource group that a Service's public IP is looked for in."""
        return service.metadata.annotations.get(RESOURCE_GROUP_ANNOTATION, "").strip() or self.resource_group

    def groups_in_use(self) -> frozenset[str]:
        """The resource groups of all exported Services that have a public address."""
        services = (self.services.get(export.metadata.key) for export in self.exports.values())
        return frozenset(self.group_of(s) for s in services if s is not None and public_address(s) is not None)


class MemberInformers:
    """All kinds the agent reads."""

    def __init__(
        self, sources: Sources, *, member: Member, resource_group: str, observer: InformerObserver, random: Random
    ) -> None:
        cluster, hub = WatchListSupport(), WatchListSupport()  # two servers, which may be of different age

        def informer(
            kind: type[T],
            server: WatchListSupport,
            indexes: Mapping[str, Callable[[T], Iterable[Hashable]]] | None = None,
        ) -> Informer[ObjectKey, T]:
            return Informer(
                kind.resource.plural,
                sources.listwatch(kind),
                sources.codec(kind),
                random=random,
                indexes=indexes,
                observer=observer,
                watch_list=server,
            )

        self.exports = informer(ServiceExport, cluster, export_indexes(member))
        self.services = informer(Service, cluster, SERVICE_INDEXES)
        self.offers = informer(Offer, hub)
        self.caches = MemberCaches(member, resource_group, self.exports.store, self.services.store, self.offers.store)

    @property
    def all(self) -> tuple[Informer[ObjectKey, Any], ...]:
        return (self.exports, self.services, self.offers)

    def written(self, obj: ServiceExport) -> None:
        """Show the result of our own write to the next reader, before the watch brings it."""
        metadata = obj.metadata
        self.exports.written(Entry(metadata.key, metadata.uid, metadata.resource_version, obj))

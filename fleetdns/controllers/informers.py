"""The informers of the hub controller, and the caches they keep."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from random import Random
from typing import Any, Protocol, TypeVar

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.clusters import MemberCluster, Namespace
from fleetdns.api.exports import InternalServiceExport, ServiceImport
from fleetdns.api.meta import ObjectKey
from fleetdns.api.overrides import ResourceOverride
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.controllers.caches import BACKEND_INDEXES, CLUSTER_INDEXES, EXPORT_INDEXES, OVERRIDE_INDEXES, Caches
from fleetdns.controllers.ports import HubObject
from fleetdns.runtime.informer import Informer
from fleetdns.runtime.listwatch import Codec, Entry, ListWatch
from fleetdns.runtime.observer import InformerObserver
from fleetdns.runtime.watchlist import WatchListSupport

T = TypeVar(
    "T",
    TrafficManagerProfile,
    TrafficManagerBackend,
    ServiceImport,
    InternalServiceExport,
    Namespace,
    MemberCluster,
    ResourceOverride,
)


class Sources(Protocol):
    """Where objects come from."""

    def listwatch(self, kind: type[T]) -> ListWatch:
        """List and watch of one kind."""
        ...

    def codec(self, kind: type[T]) -> Codec[ObjectKey, T]:
        """How one kind is decoded; keys are namespace and name."""
        ...


class Informers:
    """All kinds the hub controller reads."""

    def __init__(self, sources: Sources, *, observer: InformerObserver, random: Random) -> None:
        watch_list = WatchListSupport()  # all kinds come from one server

        def informer(
            kind: type[T],
            indexes: Mapping[str, Callable[[T], Iterable[Hashable]]] | None = None,
            *,
            optional: bool = False,
        ) -> Informer[ObjectKey, T]:
            name = kind.resource.plural
            return Informer(
                name,
                sources.listwatch(kind),
                sources.codec(kind),
                random=random,
                indexes=indexes,
                observer=observer,
                optional=optional,
                watch_list=watch_list,
            )

        self.profiles = informer(TrafficManagerProfile)
        self.backends = informer(TrafficManagerBackend, BACKEND_INDEXES)
        self.imports = informer(ServiceImport)
        self.exports = informer(InternalServiceExport, EXPORT_INDEXES)
        self.namespaces = informer(Namespace, CLUSTER_INDEXES)
        # KubeFleet's kinds: hubs without it have none of them, or the one that we ship.
        self.members = informer(MemberCluster, CLUSTER_INDEXES, optional=True)
        self.overrides = informer(ResourceOverride, OVERRIDE_INDEXES, optional=True)
        self.caches = Caches(
            self.profiles.store,
            self.backends.store,
            self.imports.store,
            self.exports.store,
            self.namespaces.store,
            self.members.store,
            self.overrides.store,
        )

    @property
    def all(self) -> tuple[Informer[ObjectKey, Any], ...]:
        return (
            self.profiles,
            self.backends,
            self.imports,
            self.exports,
            self.namespaces,
            self.members,
            self.overrides,
        )

    def written(self, obj: HubObject) -> None:
        """Show the result of our own write to the next reader, before the watch brings it.

        Only for the kinds that no other reconciler has to hear of: imports and exports are written by one and read by
        the other, and come by the watch.
        """
        metadata = obj.metadata
        match obj:
            case TrafficManagerProfile():
                self.profiles.written(Entry(metadata.key, metadata.uid, metadata.resource_version, obj))
            case TrafficManagerBackend():
                self.backends.written(Entry(metadata.key, metadata.uid, metadata.resource_version, obj))
            case _:
                return

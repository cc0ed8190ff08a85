"""Everything on the hub that one Azure profile is made from, gathered before anything is decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from fleetdns.api.backend import BackendSpec, TrafficManagerBackend
from fleetdns.api.exports import WITHDRAWN, InternalServiceExport, InternalServiceExportSpec, ServiceImport
from fleetdns.api.meta import ObjectKey, is_marked
from fleetdns.api.profile import ProfileSpec, TrafficManagerProfile
from fleetdns.core.naming import EndpointName


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Keys of objects that are there but could not be decoded: present, unknown, and never a proof of absence."""

    profiles: frozenset[ObjectKey] = frozenset()
    backends: frozenset[ObjectKey] = frozenset()
    imports: frozenset[ObjectKey] = frozenset()
    exports: frozenset[ObjectKey] = frozenset()
    is_unnamed: bool = False  # the very name of one of these could not be read: it may be any of them
    clusters: frozenset[str] = frozenset()  # member clusters whose namespace or MemberCluster it is
    is_cluster_unnamed: bool = False  # a namespace or a MemberCluster that may be any cluster's
    overrides: frozenset[ObjectKey] = frozenset()
    is_override_unnamed: bool = False

    def hides_cluster(self, cluster: str) -> bool:
        """What the hub says of a member cluster, its labels and annotations, is not known in full."""
        return self.is_cluster_unnamed or cluster in self.clusters

    def hides_override(self, namespace: str) -> bool:
        """Not every ResourceOverride of a namespace is known."""
        return self.is_override_unnamed or any(key.namespace == namespace for key in self.overrides)


@dataclass(frozen=True, slots=True)
class Asked:
    """What people and member clusters ask for, whatever the hub has made of it: the same while nothing arrives."""

    profile: ProfileSpec | None
    backends: tuple[tuple[str, BackendSpec], ...]  # uid and spec
    exports: tuple[tuple[ObjectKey, Mapping[str, str], InternalServiceExportSpec], ...]  # with their annotations


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One TrafficManagerProfile (None when the key names nothing) with all that hangs on it.

    `exports` holds every export of the backends' services, from whatever namespace it comes.
    """

    key: ObjectKey
    profile: TrafficManagerProfile | None
    backends: tuple[TrafficManagerBackend, ...] = ()
    imports: tuple[ServiceImport, ...] = ()
    exports: tuple[InternalServiceExport, ...] = ()
    unreadable: Unreadable = field(default_factory=Unreadable)
    withdrawn: frozenset[tuple[str, str]] = (
        frozenset()
    )  # folded (service, cluster) of exports that were announced to go
    drained: frozenset[str] = frozenset()  # folded names of the clusters that a person takes out of every profile

    @property
    def live_backends(self) -> tuple[TrafficManagerBackend, ...]:
        """Backends that are not being deleted, oldest first: the order in which they win a shared target."""
        alive = (backend for backend in self.backends if not backend.metadata.is_deleting)
        return tuple(sorted(alive, key=_seniority))

    @property
    def leaving_backends(self) -> tuple[TrafficManagerBackend, ...]:
        """Backends that are being deleted, oldest first."""
        leaving = (backend for backend in self.backends if backend.metadata.is_deleting)
        return tuple(sorted(leaving, key=_seniority))

    @property
    def told(self) -> frozenset[tuple[str, str]]:
        """Folded (service, cluster) of the exports that are there, or said before that they would go."""
        there = frozenset(
            (export.service_key.name.lower(), export.cluster.lower())
            for export in self.exports
            if export.is_from_own_namespace
            if not export.metadata.is_deleting or is_marked(export.metadata, WITHDRAWN)
        )
        return there | self.withdrawn

    @property
    def asked(self) -> Asked:
        exports = sorted(self.exports, key=lambda export: export.metadata.key)
        return Asked(
            self.profile.spec if self.profile is not None else None,
            tuple((backend.metadata.uid, backend.spec) for backend in self.live_backends),
            tuple((e.metadata.key, e.metadata.annotations, e.spec) for e in exports if not e.metadata.is_deleting),
        )

    def answering(self, endpoint: EndpointName) -> Iterator[TrafficManagerBackend]:
        """The backends that answer for an endpoint: its maker or, when that is gone, those of its service.

        Only those that are not being deleted and take traffic.
        """
        live = tuple(backend for backend in self.live_backends if backend.weight > 0)
        makers = [backend for backend in live if backend.metadata.uid.lower() == endpoint.uid]
        yield from makers or (backend for backend in live if backend.spec.backend.name.lower() == endpoint.service)


def _seniority(backend: TrafficManagerBackend) -> tuple[str, ObjectKey]:
    return (backend.metadata.creation_timestamp or "", backend.metadata.key)

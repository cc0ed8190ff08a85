"""Where the member agent's objects come from: its own cluster, and its namespace on the hub."""

from __future__ import annotations

from typing import TypeVar

from fleetdns.api.meta import ObjectKey
from fleetdns.api.offer import Offer
from fleetdns.api.service import Service, ServiceExport
from fleetdns.kube.codec import StructCodec
from fleetdns.kube.listwatch import HubListWatch
from fleetdns.kube.transport import Transport
from fleetdns.runtime.listwatch import Codec, ListWatch

T = TypeVar("T", ServiceExport, Service, Offer)


class MemberSources:
    """Fulfils the agent's Sources. Services and ServiceExports come from every namespace of the cluster."""

    def __init__(self, *, cluster: Transport, hub: Transport, hub_namespace: str) -> None:
        self._cluster = cluster
        self._hub = hub
        self._hub_namespace = hub_namespace

    def listwatch(self, kind: type[T]) -> ListWatch:
        if kind.resource == Offer.resource:
            return HubListWatch(self._hub, kind.resource, self._hub_namespace)
        return HubListWatch(self._cluster, kind.resource, None)

    def codec(self, kind: type[T]) -> Codec[ObjectKey, T]:
        return StructCodec(kind)

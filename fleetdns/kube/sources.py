"""Where the hub controller's objects come from: a list-watch and a codec for each kind."""

from __future__ import annotations

from typing import TypeVar

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.exports import InternalServiceExport, ServiceImport
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.kube.codec import StructCodec
from fleetdns.kube.listwatch import HubListWatch
from fleetdns.kube.transport import Transport
from fleetdns.runtime.listwatch import Codec, ListWatch

T = TypeVar("T", TrafficManagerProfile, TrafficManagerBackend, ServiceImport, InternalServiceExport)


class HubSources:
    """Fulfils the controllers' Sources. `namespace` None: all; exports always come from every member's namespace."""

    def __init__(self, transport: Transport, *, namespace: str | None) -> None:
        self._transport = transport
        self._namespace = namespace

    def listwatch(self, kind: type[T]) -> ListWatch:
        namespace = None if kind.resource == InternalServiceExport.resource else self._namespace
        return HubListWatch(self._transport, kind.resource, namespace)

    def codec(self, kind: type[T]) -> Codec[ObjectKey, T]:
        return StructCodec(kind)

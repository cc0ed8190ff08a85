"""Whether the hub still means to serve our kinds: a look at each CustomResourceDefinition."""

from __future__ import annotations

import msgspec

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.exports import InternalServiceExport, ServiceImport
from fleetdns.api.meta import ObjectKey, ObjectMeta, Resource
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.errors import Transient
from fleetdns.kube.errors import Refused, Unreachable, write_error
from fleetdns.kube.paths import item
from fleetdns.kube.transport import Transport

_DEFINITIONS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition")
_KINDS = tuple(
    kind.resource for kind in (TrafficManagerProfile, TrafficManagerBackend, ServiceImport, InternalServiceExport)
)


class _Definition(msgspec.Struct):
    metadata: ObjectMeta


_DEFINITION = msgspec.json.Decoder(_Definition)


class HubDefinitions:
    """Fulfils the controllers' Definitions."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def leaving(self) -> frozenset[str]:
        """The plurals of kinds whose definition is being deleted, or gone. Raises FleetDNSError."""
        return frozenset([kind.plural for kind in _KINDS if await self._is_leaving(kind)])

    async def _is_leaving(self, kind: Resource) -> bool:
        path = item(_DEFINITIONS, ObjectKey("", f"{kind.plural}.{kind.group}"))
        try:
            answer = await self._transport.get(path)
        except Refused as error:
            if error.status == 404 and error.is_kubernetes:
                return True
            raise write_error(error) from error
        except Unreachable as error:
            raise write_error(error) from error
        try:
            return _DEFINITION.decode(answer).metadata.is_deleting
        except ValueError as error:  # msgspec's errors, and UnicodeDecodeError
            raise Transient(
                "UnreadableAnswer", f"the API server's answer about the definition of {kind.plural} is no object"
            ) from error

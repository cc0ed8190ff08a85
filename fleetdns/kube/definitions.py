"""Whether the hub still means to serve our kinds: a look at each CustomResourceDefinition."""

from __future__ import annotations

import msgspec
import structlog

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.exports import InternalServiceExport, ServiceImport
from fleetdns.api.meta import ObjectKey, ObjectMeta, Resource
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.api.service import ServiceExport
from fleetdns.errors import FleetDNSError, Forbidden, Transient
from fleetdns.kube.errors import Refused, Unreachable, write_error
from fleetdns.kube.paths import item
from fleetdns.kube.transport import Transport

_DEFINITIONS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition")
HUB_KINDS = tuple(
    kind.resource for kind in (TrafficManagerProfile, TrafficManagerBackend, ServiceImport, InternalServiceExport)
)
MEMBER_KINDS = (ServiceExport.resource,)


class _Definition(msgspec.Struct):
    metadata: ObjectMeta


_DEFINITION = msgspec.json.Decoder(_Definition)

_log = structlog.get_logger(__name__)


class HubDefinitions:
    """Fulfils the controllers' Definitions, and the agent's."""

    def __init__(
        self, transport: Transport, kinds: tuple[Resource, ...] = HUB_KINDS, *, server: str = "the hub"
    ) -> None:
        """`server`: what people call it."""
        self._transport = transport
        self._server = server
        self._kinds = kinds
        self._denied: set[str] = set()  # the definitions that we were not let read last

    async def leaving(self) -> frozenset[str]:
        """The plurals of kinds whose definition is being deleted, or gone. Raises FleetDNSError."""
        return frozenset([kind.plural for kind in self._kinds if await self._is_leaving(kind)])

    async def _is_leaving(self, kind: Resource) -> bool:
        name = f"{kind.plural}.{kind.group}"
        try:
            answer = await self._transport.get(item(_DEFINITIONS, ObjectKey("", name)))
        except (Refused, Unreachable) as error:
            if isinstance(error, Refused) and error.status == 404 and error.is_kubernetes:
                return True
            known = write_error(error)
            self._tell(name, known)
            raise known from error
        self._denied.discard(name)
        try:
            return _DEFINITION.decode(answer).metadata.is_deleting
        except ValueError as error:  # msgspec's errors, and UnicodeDecodeError
            raise Transient(
                "UnreadableAnswer", f"the API server's answer about the definition of {kind.plural} is no object"
            ) from error

    def _tell(self, name: str, error: FleetDNSError) -> None:
        """A right that is missing is said once: all else that shows is that things stay which ought to go."""
        if isinstance(error, Forbidden) and name not in self._denied:
            self._denied.add(name)
            _log.warning(
                f"{self._server} does not let fleetdns get CustomResourceDefinition {name}: check its ClusterRole; "
                "until it does, nothing is removed from Azure because objects are gone",
                error=error.sentence,
            )

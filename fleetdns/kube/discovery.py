"""Whether the hub serves KubeFleet's placement, by the API server's own list of what it serves.

Every account that the API server knows may read that list.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
import structlog

from fleetdns.api.overrides import OVERRIDE_GROUP
from fleetdns.errors import FleetDNSError, Transient
from fleetdns.kube.errors import Refused, Unreachable, write_error
from fleetdns.kube.transport import Transport

UNREADABLE = "UnreadableAnswer"

_PLACEMENT = "clusterresourceplacements"

_log = structlog.get_logger(__name__)


class _Version(msgspec.Struct, rename="camel"):
    group_version: str


class _Group(msgspec.Struct):
    versions: list[_Version]


class _Groups(msgspec.Struct, tag_field="kind", tag="APIGroupList"):
    groups: list[_Named]


class _Named(msgspec.Struct):
    name: str


class _Kind(msgspec.Struct):
    name: str


class _Kinds(msgspec.Struct):
    resources: list[_Kind]


T = TypeVar("T", _Group, _Groups, _Kinds)


class HubDiscovery:
    """Fulfils the controllers' Discovery."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._is_failing = False

    async def is_api_server(self) -> bool:
        """Whether a Kubernetes API server is there at all: a 404 of anything else says nothing of its kinds.

        True also where nobody can say.
        """
        try:
            return await self._read("/apis", _Groups) is not None
        except Transient as error:
            return error.code != UNREADABLE
        except FleetDNSError:
            return True

    async def places_workloads(self) -> bool:
        """Whether ClusterResourcePlacement is served, in any version. Raises FleetDNSError."""
        try:
            found = await self._serves_placement()
        except FleetDNSError as error:
            self._tell(error)
            raise
        self._is_failing = False
        return found

    async def _serves_placement(self) -> bool:
        group = await self._read(f"/apis/{OVERRIDE_GROUP}", _Group)
        for version in group.versions if group is not None else ():
            kinds = await self._read(f"/apis/{version.group_version}", _Kinds)
            if kinds is not None and any(kind.name == _PLACEMENT for kind in kinds.resources):
                return True
        return False

    async def _read(self, path: str, shape: type[T]) -> T | None:
        """None: the API server does not serve it."""
        try:
            answer = await self._transport.get(path)
        except (Refused, Unreachable) as error:
            if isinstance(error, Refused) and error.status == 404 and error.is_kubernetes:
                return None
            raise write_error(error) from error
        try:
            return msgspec.json.decode(answer, type=shape)
        except ValueError as error:  # msgspec's errors, and UnicodeDecodeError
            raise Transient(UNREADABLE, f"the API server's answer about {path} is none") from error

    def _tell(self, error: FleetDNSError) -> None:
        if not self._is_failing:
            self._is_failing = True
            _log.warning(
                "the hub does not say whether KubeFleet places workloads there: ResourceOverrides wait, or are left as "
                "they were; --resource-overrides=on or off needs no answer",
                code=error.code,
                error=error.sentence,
            )

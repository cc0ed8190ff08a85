"""The composition roots of the commands that look and end: connections, what is read over them, and no worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from fleetdns.app.awaited import AwaitedReads, Waiting
from fleetdns.app.naming import plan_settings
from fleetdns.azure.connection import open_traffic_manager
from fleetdns.azure.trafficmanager import AzureTrafficManager
from fleetdns.controllers.index import AzureIndex
from fleetdns.controllers.listing import Seen, list_azure
from fleetdns.controllers.orphans import OrphanRemoval
from fleetdns.controllers.outcomes import OverrideOutcomes
from fleetdns.controllers.overrideswitch import OverrideSwitch
from fleetdns.controllers.preview import Preview
from fleetdns.controllers.snapshot import GRANTED, NOT_SERVED, profiles_alone, snapshot
from fleetdns.core.memory import Settings as PlanSettings
from fleetdns.core.orphans import Orphan, orphans, standing
from fleetdns.core.preview import ProfilePreview
from fleetdns.errors import Forbidden, Rejected
from fleetdns.kube.config import load
from fleetdns.kube.definitions import HubDefinitions
from fleetdns.kube.discovery import HubDiscovery
from fleetdns.kube.hubid import hub_id
from fleetdns.kube.sources import HubSources
from fleetdns.kube.transport import Transport
from fleetdns.settings import Settings

_SILENCE = 20.0  # seconds; a controller has time, a person has not


class Way(Protocol):
    """Where the hub is; every command's settings say so. None: the pod's own account, and the current context."""

    @property
    def kubeconfig(self) -> str | None: ...
    @property
    def context(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Hub:
    """The hub that is looked at; `host`: its address."""

    host: str
    transport: Transport
    sources: HubSources

    @property
    def server(self) -> str:
        """In people's words."""
        return f"the API server {self.host}"


@dataclass(frozen=True, slots=True)
class Planned:
    """What a freshly started controller would do. `namespace`: the only one that was looked at, None for all;
    `knows_overrides`: False where nobody says who applies them.
    """

    host: str
    hub_id: str
    namespace: str | None
    seen: Seen
    profiles: tuple[ProfilePreview, ...]
    knows_overrides: bool


@asynccontextmanager
async def open_hub(way: Way, namespace: str | None) -> AsyncIterator[Hub]:
    """The hub until the block ends. Raises UsageError, and Rejected where no API server is behind the address."""
    connection = await load(way.kubeconfig, way.context)
    async with Transport(connection, observer=_Nobody(), server=f"the API server {connection.host}") as transport:
        try:
            yield Hub(connection.host, transport, HubSources(transport, namespace=namespace))
        except Rejected as error:
            if error.code != NOT_SERVED or await HubDiscovery(transport).is_api_server():
                raise
            because = f"no Kubernetes API server answers at {connection.host}: check {connection.source}"
            raise Rejected(error.code, because) from error


async def planned(settings: Settings, waiting: Waiting) -> Planned:
    """Look at everything as `run` with these settings would. Raises FleetDNSError."""
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(open_hub(settings, settings.namespace))
        with waiting(hub.server):
            decided = plan_settings(settings, settings.hub_id or await _id_of(hub))
            caches = await snapshot(hub.sources)
        azure = await stack.enter_async_context(_azure(settings, is_read_only=True))
        index = AzureIndex(AwaitedReads(azure, waiting), clock=asyncio.get_running_loop().time)
        seen = await list_azure(caches, index, decided.naming)
        switch = OverrideSwitch(
            settings.resource_overrides, HubDiscovery(hub.transport), interval=settings.sweep_interval
        )
        await switch.look()
        preview = Preview(
            caches,
            index,
            outcomes=OverrideOutcomes(caches, switch),
            definitions=HubDefinitions(hub.transport),
            settings=decided,
            resolves_exports=settings.resolve_exports,
        )
        profiles = await preview.every()
        if seen.blind is not None and not profiles:
            raise seen.blind
        return Planned(hub.host, decided.naming.hub_id, settings.namespace, seen, profiles, switch.is_on is not None)


@dataclass(frozen=True, slots=True)
class Orphanage:
    """The orphans of one hub, and who deletes those that are named. `namespace`: the only one whose are told of."""

    host: str
    hub_id: str
    namespace: str | None
    seen: Seen
    found: tuple[Orphan, ...]
    unreadable: tuple[str, ...]  # TrafficManagerProfiles whose own profiles are not told of
    removal: OrphanRemoval


@asynccontextmanager
async def open_orphanage(settings: Settings, waiting: Waiting) -> AsyncIterator[Orphanage]:
    """Look once; the removal works until the block ends. Raises FleetDNSError."""
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(open_hub(settings, settings.namespace))
        with waiting(hub.server):
            decided: PlanSettings = plan_settings(settings, settings.hub_id or await _id_of(hub))
            caches = await profiles_alone(hub.sources)
        azure = await stack.enter_async_context(_azure(settings, is_read_only=False))
        clock = asyncio.get_running_loop().time
        index = AzureIndex(AwaitedReads(azure, waiting), clock=clock)
        seen = await list_azure(caches, index, decided.naming)
        if seen.blind is not None:
            raise seen.blind
        unreadable = caches.unreadable()
        stands = standing(
            index.observed.present(),
            caches.profiles.values(),
            naming=decided.naming,
            unreadable=unreadable,
            namespace=settings.namespace,
        )
        unnamed = ("one whose name cannot be read",) if unreadable.is_unnamed else ()
        yield Orphanage(
            host=hub.host,
            hub_id=decided.naming.hub_id,
            namespace=settings.namespace,
            seen=seen,
            found=orphans(index.observed.present(), stands),
            unreadable=(*(str(key) for key in sorted(unreadable.profiles)), *unnamed),
            removal=OrphanRemoval(
                hub.sources,
                index,
                azure=azure,
                definitions=HubDefinitions(hub.transport),
                naming=decided.naming,
                namespace=settings.namespace,
                clock=clock,
            ),
        )


async def _id_of(hub: Hub) -> str:
    """The hub's id as it is known there. Raises FleetDNSError."""
    try:
        return await hub_id(hub.transport)
    except Rejected as error:
        raise Rejected(NOT_SERVED, f"on {hub.host} {error.sentence}") from error
    except Forbidden as error:
        if error.code == "Unauthorized":
            raise
        because = "the hub does not let you read namespace kube-system, whose uid is the hub's id"
        remedy = f"give --hub-id; {GRANTED}"
        raise Forbidden(error.code, f"{because}: {error.sentence}; {remedy}") from error


@asynccontextmanager
async def _azure(settings: Settings, *, is_read_only: bool) -> AsyncIterator[AzureTrafficManager]:
    async with open_traffic_manager(
        cloud=settings.azure_cloud,
        arm_endpoint=settings.arm_endpoint,
        managed_identity_client_id=settings.managed_identity_client_id,
        observer=_Nobody(),
        before_write=_never if is_read_only else None,
        read_timeout=_SILENCE,
    ) as azure:
        yield azure


def _never(longest: float) -> None:
    raise RuntimeError("a command that only looks was about to write to Azure")


class _Nobody:
    """Counts no requests."""

    def called(self, **_: object) -> None:
        pass

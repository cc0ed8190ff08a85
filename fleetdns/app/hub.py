"""The composition root of `fleetdns run`: settings become connections, caches, queues and workers.

Serving comes first, so that probes and metrics answer while the hub or Azure cannot be reached; work begins when the
hub's id is known, every cache has synced and this replica leads.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from contextlib import AsyncExitStack
from dataclasses import replace

import structlog

from fleetdns import __version__
from fleetdns.app.lifecycle import checks, ended_before, lived
from fleetdns.app.naming import plan_settings
from fleetdns.azure.connection import open_traffic_manager
from fleetdns.azure.trafficmanager import DEFAULT_TIMEOUTS as AZURE_TIMEOUTS
from fleetdns.azure.trafficmanager import AzureTrafficManager
from fleetdns.controllers.composition import Observers, Options, Ports
from fleetdns.controllers.hub import HubController
from fleetdns.controllers.informers import Informers
from fleetdns.core.callbudget import CallBudget
from fleetdns.errors import FleetDNSError, Forbidden
from fleetdns.health import Health, serve
from fleetdns.kube.config import load
from fleetdns.kube.definitions import HubDefinitions
from fleetdns.kube.discovery import HubDiscovery
from fleetdns.kube.events import EventPublisher
from fleetdns.kube.hubid import hub_id
from fleetdns.kube.sources import HubSources
from fleetdns.kube.transport import DEFAULT_TIMEOUTS as HUB_TIMEOUTS
from fleetdns.kube.transport import Transport
from fleetdns.kube.writer import HubWriter
from fleetdns.leadership import Leadership, hub_lease, leadership, longest_call
from fleetdns.log import fanned
from fleetdns.log.lines import AzureCallLog, ChangeLog, ControllerLog, InformerLog, SweepLog
from fleetdns.metrics import Metrics
from fleetdns.runtime.backoff import Backoff
from fleetdns.runtime.leader import Timing
from fleetdns.settings import Settings

_LOOK_AGAIN = Backoff(base=1.0, factor=2.0, cap=10.0, jitter=0.5)

_log = structlog.get_logger("fleetdns")


async def run(settings: Settings, *, stop: asyncio.Event) -> None:
    """Run the hub controller until `stop`. Raises UsageError for what is wrong from the start."""
    connection = await load(settings.kubeconfig, settings.context)
    metrics, health, chance = Metrics(), Health(), random.Random()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serve(settings, metrics=metrics, health=health))
        _log.info(
            "starting",
            version=__version__,
            hub=connection.host,
            azure=settings.arm_endpoint or settings.azure_cloud,
            subscription=settings.subscription_id,
        )
        longest = longest_call(settings.lease_duration)
        transport = await stack.enter_async_context(
            Transport(
                connection,
                observer=metrics.kubernetes(connection.host),
                timeouts=replace(HUB_TIMEOUTS, write=min(HUB_TIMEOUTS.write, longest / 2)),
            )
        )
        leading = leadership(
            transport,
            hub_lease(settings),
            timing=Timing(settings.lease_duration, settings.lease_renew_interval),
            metrics=metrics,
            random=chance,
        )
        azure = await stack.enter_async_context(
            open_traffic_manager(
                cloud=settings.azure_cloud,
                arm_endpoint=settings.arm_endpoint,
                managed_identity_client_id=settings.managed_identity_client_id,
                observer=fanned(metrics.azure, AzureCallLog()),
                before_write=leading.before_write,
                on_undecodable=metrics.undecodable,
                timeouts=replace(
                    AZURE_TIMEOUTS,
                    endpoint=min(AZURE_TIMEOUTS.endpoint, longest / 2),
                    profile=min(AZURE_TIMEOUTS.profile, longest),
                ),
            )
        )
        starting = asyncio.create_task(_assembled(settings, transport, azure, leading, metrics=metrics, chance=chance))
        health.readiness({"hub": lambda: None if starting.done() else "the hub cluster has not answered yet"})
        if await ended_before(starting, stop):
            controller = starting.result()
            health.readiness(checks(controller, leading, awaited="the caches and for Azure's first answer"))
            await lived(controller, leading, stop=stop, health=health)


async def _assembled(
    settings: Settings,
    transport: Transport,
    azure: AzureTrafficManager,
    leading: Leadership,
    *,
    metrics: Metrics,
    chance: random.Random,
) -> HubController:
    """The controller with everything wired; waits for the hub's id as long as it takes."""
    found = settings.hub_id or await _found_hub_id(transport, chance)
    informers = Informers(
        HubSources(transport, namespace=settings.namespace),
        observer=fanned(metrics.informer, InformerLog()),
        random=chance,
    )
    controller = HubController(
        informers,
        Ports(
            azure=azure,
            hub=HubWriter(
                transport,
                events=EventPublisher(transport, instance=socket.gethostname()),
                written=informers.written,
                before_write=leading.before_write,
            ),
            definitions=HubDefinitions(transport),
            discovery=HubDiscovery(transport),
        ),
        settings=plan_settings(settings, found),
        options=_options(settings),
        observers=Observers(
            controller=fanned(metrics.controller, ControllerLog()),
            reconcile=fanned(metrics.reconcile, ChangeLog()),
            sweep=fanned(metrics.sweep, SweepLog()),
            queue=metrics.queue,
        ),
        wall_clock=time.time,
        random=chance,
    )
    for queue in (controller.profiles, controller.services):
        metrics.watch_queue(queue)
    for informer in informers.all:
        metrics.watch_informer(informer)
    calls = controller.azure
    metrics.watch_budget(calls.available, refused=lambda: calls.budget.refused, closed=calls.failing)
    metrics.watch_orphans(controller.orphans.number)
    metrics.watch_objects(informers.profiles.store.values, informers.backends.store.values)
    return controller


def _options(settings: Settings) -> Options:
    return Options(
        sweep_interval=settings.sweep_interval,
        workers=settings.workers,
        resolves_exports=settings.resolve_exports,
        resource_overrides=settings.resource_overrides,
        namespace=settings.namespace,
        budget=CallBudget(
            limits=settings.azure_calls_per_minute,
            percent=settings.azure_budget_percent,
            now=asyncio.get_running_loop().time(),
        ),
    )


async def _found_hub_id(transport: Transport, chance: random.Random) -> str:
    attempt = 0
    while True:
        try:
            return await hub_id(transport)
        except FleetDNSError as error:
            delay = _LOOK_AGAIN.delay(attempt, chance)
            _log.warning(
                "the hub does not let fleetdns read namespace kube-system: check its credentials, grant get, or give "
                "--hub-id; it keeps asking"
                if isinstance(error, Forbidden)
                else "the hub has not answered yet; fleetdns is not ready until then and keeps asking",
                code=error.code,
                error=error.sentence,
                retry_in=round(delay, 1),
            )
            attempt += 1
            await asyncio.sleep(delay)

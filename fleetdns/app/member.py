"""The composition root of `fleetdns member`: settings become connections to two clusters and Azure, caches and workers.

Serving comes first, so that probes and metrics answer while the hub cannot be reached; work begins when every cache has
synced and this replica leads.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import structlog

from fleetdns import __version__
from fleetdns.api.meta import ObjectKey
from fleetdns.api.offer import Offer
from fleetdns.app.lifecycle import checks, lived
from fleetdns.azure.publicips import AzurePublicIPs, open_public_ips
from fleetdns.core.offer import Member
from fleetdns.health import Health, serve
from fleetdns.kube.config import Connection, load
from fleetdns.kube.definitions import MEMBER_KINDS, HubDefinitions
from fleetdns.kube.events import EventPublisher
from fleetdns.kube.membersources import MemberSources
from fleetdns.kube.memberwriter import ClusterWriter, OfferWriter
from fleetdns.kube.objects import Objects
from fleetdns.kube.secrets import KubeconfigSecret
from fleetdns.kube.tokens import MEMBER_ACCOUNT, AccountTokens
from fleetdns.kube.transport import DEFAULT_TIMEOUTS, Transport
from fleetdns.leadership import Leadership, leadership, lease_of, longest_call
from fleetdns.log import fanned
from fleetdns.log.lines import HUB, AzureCallLog, ControllerLog, InformerLog, PublicIPLog, Server
from fleetdns.member.agent import MemberAgent, Observers
from fleetdns.member.caches import MemberInformers
from fleetdns.member.credentials import HubCredentials
from fleetdns.metrics import Metrics
from fleetdns.runtime.leader import Timing
from fleetdns.settings.member import MemberSettings

_NAME = "fleetdns-member"  # the Lease, the field manager and the source of events
_HERE = Server("this cluster", "manifests/member/crds")

_log = structlog.get_logger("fleetdns")


async def run(settings: MemberSettings, *, stop: asyncio.Event) -> None:
    """Run the agent until `stop`. Raises UsageError for what is wrong from the start."""
    to_hub = await load(settings.hub_kubeconfig)
    to_cluster = await load(settings.kubeconfig, settings.context)
    metrics, health, chance = Metrics(), Health(), random.Random()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serve(settings, metrics=metrics, health=health))
        _log.info(
            "starting",
            version=__version__,
            cluster=settings.cluster_name,
            hub=to_hub.host,
            namespace=settings.hub_namespace,
            azure=settings.arm_endpoint or settings.azure_cloud,
            subscription=settings.subscription_id,
        )
        ways = _Ways(
            to_hub,
            hub=await stack.enter_async_context(_transport(to_hub, settings, metrics, server="the hub")),
            cluster=await stack.enter_async_context(_transport(to_cluster, settings, metrics, server=_HERE.name)),
            public_ips=await stack.enter_async_context(
                open_public_ips(
                    cloud=settings.azure_cloud,
                    arm_endpoint=settings.arm_endpoint,
                    managed_identity_client_id=settings.managed_identity_client_id,
                    observer=fanned(metrics.azure, AzureCallLog()),
                )
            ),
        )
        leading = leadership(
            ways.cluster,
            lease_of(settings, _NAME),
            timing=Timing(settings.lease_duration, settings.lease_renew_interval),
            metrics=metrics,
            random=chance,
        )
        agent = _agent(settings, ways, leading, metrics=metrics, chance=chance)
        health.readiness(
            checks(agent, leading, awaited="the caches", server="the hub and this cluster", server_of=_server_of)
        )
        await lived(agent, leading, stop=stop, health=health)


@dataclass(frozen=True, slots=True)
class _Ways:
    """The ways out of this process."""

    to_hub: Connection
    hub: Transport
    cluster: Transport
    public_ips: AzurePublicIPs


def _transport(connection: Connection, settings: MemberSettings, metrics: Metrics, *, server: str) -> Transport:
    longest = longest_call(settings.lease_duration) / 2
    return Transport(
        connection,
        observer=metrics.kubernetes(connection.host),
        timeouts=replace(DEFAULT_TIMEOUTS, write=min(DEFAULT_TIMEOUTS.write, longest)),
        field_manager=_NAME,
        server=server,
    )


def _credentials(
    settings: MemberSettings, ways: _Ways, leading: Leadership, *, chance: random.Random
) -> HubCredentials:
    """Keeps the token for the hub alive, and the Secret that the kubeconfig comes from, if that is known."""
    secret = settings.hub_kubeconfig_secret
    return HubCredentials(
        ways.to_hub,
        AccountTokens(ways.hub, ObjectKey(settings.hub_namespace, MEMBER_ACCOUNT)),
        None if secret is None else KubeconfigSecret(ways.cluster, secret, before_write=leading.before_write),
        wall_clock=time.time,
        random=chance,
    )


def _agent(
    settings: MemberSettings, ways: _Ways, leading: Leadership, *, metrics: Metrics, chance: random.Random
) -> MemberAgent:
    """The agent with everything wired."""
    credentials = _credentials(settings, ways, leading, chance=chance)
    informers = MemberInformers(
        MemberSources(cluster=ways.cluster, hub=ways.hub, hub_namespace=settings.hub_namespace),
        member=Member(settings.cluster_name, settings.hub_namespace),
        resource_group=settings.public_ip_resource_group,
        observer=fanned(metrics.informer, InformerLog(_server_of)),
        random=chance,
    )
    agent = MemberAgent(
        informers,
        public_ips=ways.public_ips,
        hub=OfferWriter(Objects(ways.hub, before_write=leading.before_write)),
        cluster=ClusterWriter(
            Objects(ways.cluster, before_write=leading.before_write),
            events=EventPublisher(ways.cluster, instance=socket.gethostname(), component=_NAME, server=_HERE.name),
            written=informers.written,
            before_write=leading.before_write,
        ),
        definitions=HubDefinitions(ways.cluster, MEMBER_KINDS, server=_HERE.name),
        observers=Observers(
            controller=fanned(metrics.controller, ControllerLog()), queue=metrics.queue, public_ips=PublicIPLog()
        ),
        subscription=settings.subscription_id,
        sweep_interval=settings.sweep_interval,
        workers=settings.workers,
        wall_clock=time.time,
        random=chance,
        beside=(("hub-credentials", credentials.run),),
    )
    metrics.watch_member(informers.exports.store.values, token_ends=lambda: credentials.ends)
    metrics.watch_queue(agent.exports)
    for informer in informers.all:
        metrics.watch_informer(informer)
    return agent


def _server_of(kind: str) -> Server:
    return HUB if kind == Offer.resource.plural else _HERE

"""The fence as it is wired: a stale leader tries to write to Azure and to the hub, and nothing is sent."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from random import Random

import msgspec
import pytest

from fleetdns import log
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.azure.connection import open_traffic_manager
from fleetdns.azure.trafficmanager import AzureTrafficManager
from fleetdns.core.events import NORMAL, Event
from fleetdns.demo.kubernetes import PROFILES, Cluster
from fleetdns.demo.members import SUBSCRIPTION
from fleetdns.demo.world import World, manifests
from fleetdns.errors import FleetDNSError, NotLeading
from fleetdns.kube.config import load
from fleetdns.kube.events import EventPublisher
from fleetdns.kube.transport import Transport
from fleetdns.kube.writer import HubWriter
from fleetdns.leadership import Leadership, hub_lease, leadership
from fleetdns.metrics import Metrics
from fleetdns.runtime.leader import Timing
from fleetdns.settings import Settings, parse
from tests.azure.values import endpoint as an_endpoint
from tests.azure.values import profile as a_profile
from tests.azure.values import put, put_endpoint
from tests.e2e.lease import lease_namespace

pytestmark = pytest.mark.e2e


def settings(*flags: str, kubeconfig: str = "hub") -> Settings:
    return parse([f"--subscription-id={SUBSCRIPTION}", f"--kubeconfig={kubeconfig}", *flags], {})


@dataclass(frozen=True, slots=True)
class Replica:
    """The parts of a replica that write."""

    leadership: Leadership
    azure: AzureTrafficManager
    hub: HubWriter
    transport: Transport
    people: Cluster

    async def profile(self) -> TrafficManagerProfile:
        """As people see it; what a replica knows of it comes from its cache."""
        found = await self.people.get(PROFILES, "work", "myatm")
        return msgspec.convert(found, TrafficManagerProfile)

    async def tries_to_write(self) -> list[FleetDNSError | None]:
        """What becomes of one write of each kind; None for one that was made."""
        profile = await self.profile()
        tries = (
            self.azure.put_profile(put(a_profile())),
            self.azure.put_endpoint(put_endpoint(an_endpoint())),
            self.hub.set_finalizers(profile, ("example.com/ours",)),
            self.hub.patch_status(profile, {"dnsName": "stale.trafficmanager.net"}),
            self.hub.publish(profile, Event(NORMAL, "Programmed", "stale")),
        )
        ends: list[FleetDNSError | None] = []
        for one in tries:
            try:
                await one
            except FleetDNSError as error:
                ends.append(error)
            else:
                ends.append(None)
        return ends


@pytest.fixture
async def replica(world: World) -> AsyncIterator[Replica]:
    """A replica that leads."""
    log.configure("error", "json", stream=sys.__stderr__)  # what another test configured may be closed by now
    await world.cluster.apply_text((manifests() / "samples" / "profile.yaml").read_text())
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        connection = await load(str(world.kubeconfig))
        transport = await stack.enter_async_context(Transport(connection, observer=metrics.kubernetes("hub")))
        lease = ObjectKey(lease_namespace(world), "fleetdns")
        ours = leadership(transport, lease, timing=Timing(60, 5), metrics=metrics, random=Random(1))
        azure = await stack.enter_async_context(
            open_traffic_manager(arm_endpoint=world.azure_url, observer=metrics.azure, before_write=ours.before_write)
        )
        hub = HubWriter(
            transport,
            events=EventPublisher(transport, instance="test"),
            written=lambda obj: None,
            before_write=ours.before_write,
        )
        await ours.acquire()
        yield Replica(ours, azure, hub, transport, world.cluster)


async def test_a_leader_writes(replica: Replica, world: World) -> None:
    assert not any(isinstance(end, NotLeading) for end in await replica.tries_to_write())
    assert (await replica.profile()).metadata.finalizers == ("example.com/ours",)
    assert len(world.azure.calls) == 2


async def test_a_stale_leader_tries_and_is_refused(replica: Replica, world: World) -> None:
    await replica.leadership.release()
    before = await replica.profile()
    ends = await replica.tries_to_write()
    assert [type(end) for end in ends] == [NotLeading] * 4 + [type(None)]  # an event is dropped, and nobody hears of it
    assert len(world.azure.calls) == 0
    assert await replica.profile() == before
    assert await world.cluster.events("work") == []


async def test_a_write_that_might_outlive_a_stop_is_refused_and_a_shorter_one_is_not(replica: Replica) -> None:
    replica.leadership.end_within(15.0)
    profile, endpoint, finalizers, status, event = await replica.tries_to_write()
    assert isinstance(profile, NotLeading)
    assert not any(isinstance(end, NotLeading) for end in (endpoint, finalizers, status, event))


async def test_a_dry_run_takes_no_part_and_neither_does_who_is_told_not_to(replica: Replica, world: World) -> None:
    for flag in ("--dry-run", "--no-leader-elect"):
        lease = hub_lease(settings(flag))
        other = leadership(replica.transport, lease, timing=Timing(60, 5), metrics=Metrics(), random=Random(2))
        async with asyncio.timeout(1):
            await other.acquire()
        assert other.before_write is None
        assert other.problem is None


@pytest.mark.parametrize(
    ("flags", "lease"),
    [
        pytest.param((), ("default", "fleetdns"), id="with a kubeconfig: the namespace that every hub has"),
        pytest.param(("--leader-election-namespace=ops",), ("ops", "fleetdns"), id="where the flag says"),
        pytest.param(("--namespace=work",), ("default", "fleetdns-work"), id="one lease for each namespace served"),
    ],
)
def test_where_the_lease_lies(flags: tuple[str, ...], lease: tuple[str, str]) -> None:
    assert hub_lease(settings(*flags)) == lease

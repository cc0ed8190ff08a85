"""`fleetdns member` as a process of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fleetdns.demo.fleet import MemberCluster
from fleetdns.demo.members import SUBSCRIPTION
from fleetdns.demo.world import World
from tests.e2e.process import Process, launched


@asynccontextmanager
async def member_process(world: World, member: MemberCluster, log: Path, *flags: str) -> AsyncIterator[Process]:
    """The agent of a member cluster, killed at the end of the block."""
    words = (
        *("fleetdns", "member", f"--kubeconfig={member.kubeconfig}", f"--hub-kubeconfig={member.hub_kubeconfig}"),
        *(f"--cluster-name={member.name}", f"--public-ip-resource-group={member.resource_group}"),
    )
    given = {"FLEETDNS_SUBSCRIPTION_ID": SUBSCRIPTION, "FLEETDNS_ARM_ENDPOINT": world.azure_url}
    async with launched(log, *words, *flags, **given) as running:
        yield running

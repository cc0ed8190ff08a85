"""A hub, its member clusters and what users see of them."""

from __future__ import annotations

from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from fleetdns.demo.cloudprovider import Delays
from fleetdns.demo.fleet import MemberCluster, agent, member_cluster
from fleetdns.demo.kubernetes import BACKENDS, EXPORTS, SERVICE_EXPORTS, Manifest
from fleetdns.demo.members import NAMESPACE, SERVICE
from fleetdns.demo.resolver import follows, shares
from fleetdns.demo.sight import DNS_NAME, clusters, weights_in
from fleetdns.demo.world import World, manifests
from tests.e2e.eventually import eventually

_QUERIES = 1000


class Fleet:
    """Members live until the test ends."""

    def __init__(self, world: World, stack: AsyncExitStack, folder: Path) -> None:
        self.world = world
        self._stack = stack
        self._folder = folder

    async def apply(self, *samples: str) -> None:
        """Files of manifests/samples, on the hub."""
        for file in samples:
            await self.world.cluster.apply_text((manifests() / "samples" / file).read_text())

    async def cluster(self, name: str, *, delays: Delays | None = None, region: str = "westeurope") -> MemberCluster:
        """A member cluster without an agent."""
        return await self._stack.enter_async_context(
            member_cluster(self.world, name, self._folder, delays=delays, region=region)
        )

    async def runs(self, member: MemberCluster, *flags: str) -> None:
        """Its agent, until the test ends."""
        await self._stack.enter_async_context(agent(self.world, member, *flags))

    async def member(self, name: str, *flags: str, delays: Delays | None = None) -> MemberCluster:
        """A member cluster with its agent."""
        found = await self.cluster(name, delays=delays)
        await self.runs(found, *flags)
        return found

    async def export_of(self, member: MemberCluster) -> Manifest:
        """What lies on the hub of its Service; empty for nothing."""
        found = await self.world.cluster.get(EXPORTS, f"fleet-member-{member.name}", f"{NAMESPACE}-{SERVICE}")
        return found or {}

    async def service_export(self, member: MemberCluster) -> Manifest:
        """The ServiceExport in the member cluster; empty for none."""
        return await member.cluster.get(SERVICE_EXPORTS, NAMESPACE, SERVICE) or {}

    async def condition(self, member: MemberCluster, kind: str) -> dict[str, Any]:
        """A condition of its ServiceExport; empty for none."""
        conditions = (await self.service_export(member)).get("status", {}).get("conditions", [])
        return next((condition for condition in conditions if condition["type"] == kind), {})

    async def says(self, member: MemberCluster, kind: str, status: str, reason: str) -> str:
        """The message of that condition, once it is so."""
        found = await eventually(
            lambda: self.condition(member, kind), lambda c: (c.get("status"), c.get("reason")) == (status, reason)
        )
        return str(found["message"])

    async def backend(self) -> Manifest:
        return await self.world.cluster.get(BACKENDS, NAMESPACE, SERVICE) or {}

    async def serves(self, *names: str) -> Manifest:
        """The backend, once exactly these clusters are its endpoints."""
        return await eventually(self.backend, lambda seen: clusters(seen) == set(names))

    async def weighs(self, **weights: int) -> None:
        """Azure's weights become these, by cluster (with _ for -)."""
        wanted = {name.replace("_", "-"): weight for name, weight in weights.items()}
        await eventually(self.backend, lambda seen: weights_in(seen) == wanted)

    async def rejects(self, name: str) -> dict[str, Any]:
        """What the backend says of a cluster that is no endpoint, once it does."""

        def told(seen: Manifest) -> list[dict[str, Any]]:
            return [r for r in seen.get("status", {}).get("rejected", []) if r["cluster"] == name]

        return told(await eventually(self.backend, lambda seen: bool(told(seen))))[0]

    async def answers(self) -> Counter[str]:
        """Who answers for the DNS name, by cluster, of a thousand questions."""
        counted = await shares(self.world.dns_port, DNS_NAME, queries=_QUERIES)
        return Counter({target.removeprefix("app-").partition(".")[0]: count for target, count in counted.items()})

    async def answers_follow(self, weights: dict[str, int]) -> Counter[str]:
        """The answers, which have to follow the weights."""
        counted = await self.answers()
        assert follows(counted, weights), counted
        return counted

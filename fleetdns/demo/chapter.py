"""The story's second chapter: the same with real agents, from a Service in each member cluster to a DNS answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from fleetdns.demo.fleet import MemberCluster, agent, member_cluster
from fleetdns.demo.kubernetes import BACKENDS, PROFILES, SERVICE_EXPORTS
from fleetdns.demo.members import NAMESPACE, SERVICE
from fleetdns.demo.narrator import Narrator
from fleetdns.demo.sight import Sight, is_, rejects
from fleetdns.demo.world import World, manifests

CLUSTERS = ("aks-1", "aks-2", "aks-3")
_DRAIN = "fleetdns.io/drain"


class Chapter:
    """Each method is a step, as in the story."""

    def __init__(self, world: World, narrator: Narrator, members: dict[str, MemberCluster]) -> None:
        self._world = world
        self._tell = narrator
        self._see = Sight(world, narrator)
        self._members = members

    @property
    def kubeconfig(self) -> Path:
        """That of the first member cluster."""
        return self._members[CLUSTERS[0]].kubeconfig

    async def whole(self) -> None:
        """Every step, in order."""
        await self.services_are_exported()
        await self.labels_come_from_the_hub()
        await self.traffic_moves()
        await self.cluster_is_drained()
        await self.everything_goes()

    async def services_are_exported(self) -> None:
        tell = self._tell
        tell.step("Three member clusters, each with its agent: Service and ServiceExport app are applied in each")
        await self._applied("profile.yaml", "backend.yaml")
        for member in self._members.values():
            await member.export(weight=100)
            tell.applied(f"Service and ServiceExport {NAMESPACE}/{SERVICE} in {member.name}, weight 100")
        for member in self._members.values():
            await tell.until(f"{member.name} hears that its export is valid", partial(_export, member), is_("Valid"))
        for name in CLUSTERS:
            await self._see.becomes(BACKENDS, SERVICE, f"backend app lists {name} as rejected", rejects(name))
        backend = await self._see.object(BACKENDS, SERVICE)
        reasons = {rejected["reason"] for rejected in backend["status"]["rejected"]}
        tell.check("because their addresses have no DNS label", holds=reasons == {"DNSLabelMissing"}, seen=reasons)

    async def labels_come_from_the_hub(self) -> None:
        self._tell.step("One ResourceOverride on the hub gives each cluster's Service a label of its own")
        await self._applied("overrides/dns-label.yaml")
        await self._see.serves("backend app is Accepted with three endpoints", 3, set(CLUSTERS))
        await self._see.dns_follows(dict.fromkeys(CLUSTERS, 33))

    async def traffic_moves(self) -> None:
        self._tell.step("aks-3 is filled slowly: its ServiceExport's weight is 0, 10, 50, 100")
        for weight in (0, 10, 50, 100):
            await self._members["aks-3"].weigh(weight)
            self._tell.applied(f"ServiceExport in aks-3, weight {weight}")
            serving = set(CLUSTERS) if weight else {"aks-1", "aks-2"}
            await self._see.serves(f"{len(serving)} clusters serve", len(serving), serving)
            weights = {"aks-1": 100, "aks-2": 100} | ({"aks-3": weight} if weight else {})
            await self._see.dns_comes_to_follow(weights)

    async def cluster_is_drained(self) -> None:
        self._tell.step("aks-1 is drained on the hub, and comes back")
        for value, serving in (("true", {"aks-2", "aks-3"}), (None, set(CLUSTERS))):
            patch: dict[str, Any] = {"metadata": {"annotations": {_DRAIN: value}}}
            await self._world.cluster.patch("namespaces", None, "fleet-member-aks-1", patch)
            self._tell.applied(f"namespace fleet-member-aks-1, {_DRAIN}: {value or 'taken away'}")
            await self._see.serves(f"{len(serving)} clusters serve", len(serving), serving)

    async def everything_goes(self) -> None:
        tell, cluster = self._tell, self._world.cluster
        tell.step("The exports are taken back, the last one too; then backend and profile are deleted")
        for member in self._members.values():
            await member.leave()
            tell.deleted(f"ServiceExport {NAMESPACE}/{SERVICE} in {member.name}")
        await self._see.becomes(BACKENDS, SERVICE, "no endpoint is left", _is_empty)
        for plural, name in ((BACKENDS, SERVICE), (PROFILES, "myatm")):
            await cluster.delete(plural, NAMESPACE, name)
            await self._see.gone(plural, name)
        tell.check("Azure is empty", holds=not self._world.azure.profiles(), seen=self._world.azure.profiles())

    async def once_more(self) -> None:
        """Backend, profile and exports as they were before they went."""
        self._tell.step("The sample and the three exports once more")
        await self._applied("profile.yaml", "backend.yaml")
        for member in self._members.values():
            await member.export(weight=100)
        await self._see.serves("backend app is Accepted with three endpoints", 3, set(CLUSTERS))

    async def _applied(self, *samples: str) -> None:
        for file in samples:
            for document in await self._world.cluster.apply_text((manifests() / "samples" / file).read_text()):
                self._tell.applied(f"{document['kind']} {document['metadata']['name']}")


@asynccontextmanager
async def members(world: World, folder: Path) -> AsyncIterator[dict[str, MemberCluster]]:
    """The chapter's clusters with their agents, and the kind ResourceOverride on the hub."""
    for file in sorted((manifests() / "overrides").glob("placement.*.yaml")):
        await world.cluster.apply_text(file.read_text())
    async with AsyncExitStack() as stack:
        found = {}
        for name in CLUSTERS:
            found[name] = await stack.enter_async_context(member_cluster(world, name, folder))
            await stack.enter_async_context(agent(world, found[name]))
        yield found


async def _export(member: MemberCluster) -> dict[str, Any]:
    return await member.cluster.get(SERVICE_EXPORTS, NAMESPACE, SERVICE) or {}


def _is_empty(backend: dict[str, Any]) -> bool:
    return bool(backend.get("status", {}).get("endpointCount") == 0)

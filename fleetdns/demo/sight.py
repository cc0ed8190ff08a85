"""How the story sees: the hub through its API, Azure through its record of calls, DNS through queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from fleetdns.demo.kubernetes import BACKENDS, Manifest
from fleetdns.demo.members import NAMESPACE, target
from fleetdns.demo.narrator import Narrator
from fleetdns.demo.resolver import follows, shares
from fleetdns.demo.world import World
from fleetdns.emulator.azure.service import Call

DNS_NAME = "myatm.trafficmanager.net"
QUERIES = 1000

Claim = Callable[[Manifest], bool]


class Sight:
    """Looks, waits and checks for one story. Calls are counted from one `calls` to the next."""

    def __init__(self, world: World, narrator: Narrator) -> None:
        self._world = world
        self._tell = narrator
        self._mark = world.azure.mark()

    async def object(self, plural: str, name: str) -> Manifest:
        """An object of the story's namespace; empty when there is none."""
        return await self._world.cluster.get(plural, NAMESPACE, name) or {}

    async def becomes(self, plural: str, name: str, claim: str, holds: Claim) -> Manifest:
        """The object as it was seen when the claim had become true."""
        return await self._tell.until(claim, lambda: self.object(plural, name), holds)

    async def gone(self, plural: str, name: str) -> None:
        """The object leaves the hub."""
        await self._tell.until(f"{name} is gone", lambda: self.object(plural, name), lambda seen: not seen)

    async def serves(self, claim: str, count: int, among: set[str] | None = None) -> None:
        """The backend is Accepted with so many endpoints, of exactly the clusters `among`."""

        def holds(seen: Manifest) -> bool:
            is_counted = seen.get("status", {}).get("endpointCount") == count
            return is_counted and is_("Accepted")(seen) and (among is None or clusters(seen) == among)

        await self.becomes(BACKENDS, "app", claim, holds)

    async def weights_become(self, weights: Mapping[str, int]) -> None:
        """Azure and status come to hold these weights by cluster, and no other endpoint."""
        shown = ", ".join(f"{cluster} {weight}" for cluster, weight in weights.items())

        async def look() -> dict[str, int]:
            endpoints = self.azure_profile()["properties"]["endpoints"]
            return {e["name"].rsplit("#", 1)[1]: e["properties"]["weight"] for e in endpoints}

        await self._tell.until(f"Azure's weights are {shown}", look, lambda seen: seen == dict(weights))
        await self.becomes(BACKENDS, "app", "status says the same", lambda seen: weights_in(seen) == dict(weights))

    def azure_profile(self) -> Manifest:
        """The sample's profile as Azure holds it."""
        profiles = self._world.azure.profiles()
        return next(p for p in profiles if p["properties"]["dnsConfig"]["fqdn"] == DNS_NAME)

    async def dns_follows(self, weights: Mapping[str, int]) -> None:
        """The name server's answers fall by these weights by cluster."""
        counted = await shares(self._world.dns_port, DNS_NAME, queries=QUERIES)
        self._tell.answers(f"{name} {count}" for name, count in sorted(counted.items()))
        holds = follows(counted, {target(cluster): weight for cluster, weight in weights.items()})
        self._tell.check(f"{QUERIES} answers follow the weights", holds=holds, seen=(counted, weights))

    async def dns_comes_to_follow(self, weights: Mapping[str, int]) -> None:
        """The same, once the last change has reached the name server."""
        wanted = {target(cluster): weight for cluster, weight in weights.items()}
        shown = ", ".join(f"{cluster} {weight}" for cluster, weight in weights.items())

        async def look() -> Counter[str]:
            return await shares(self._world.dns_port, DNS_NAME, queries=QUERIES)

        counted = await self._tell.until(
            f"{QUERIES} answers follow the weights {shown}", look, lambda seen: follows(seen, wanted)
        )
        self._tell.answers(f"{name} {count}" for name, count in sorted(counted.items()))

    def calls(self, *, at_most: Mapping[str, int] | None) -> None:
        """Tell the calls since the last step; `at_most` bounds each operation, sweeps' lists aside."""
        calls = self._world.azure.calls_since(self._mark)
        self._mark = self._world.azure.mark()
        self._tell.calls(_shown(call) for call in calls)
        if at_most is None:
            return
        counts: dict[str, int] = {}
        for call in calls:
            if call.operation != "profiles.list":
                counts[call.operation] = counts.get(call.operation, 0) + 1
        within = all(number <= at_most.get(operation, 0) for operation, number in counts.items())
        allowed = " and ".join(f"{number} {_call(operation)}" for operation, number in at_most.items())
        claim = f"no more than {allowed} (a sweep's LIST aside)" if allowed else "no call was needed"
        self._tell.check(claim, holds=within, seen=counts)


def is_(kind: str, status: str = "True") -> Claim:
    """A claim that an object has a condition, of its present generation."""

    def holds(seen: Manifest) -> bool:
        found = condition(seen, kind)
        is_current = found.get("observedGeneration") == seen.get("metadata", {}).get("generation")
        return is_current and found.get("status") == status

    return holds


def rejects(cluster: str) -> Claim:
    """A claim that a backend lists a cluster among the rejected."""
    return lambda seen: any(r["cluster"] == cluster for r in seen.get("status", {}).get("rejected", ()))


def condition(seen: Manifest, kind: str) -> Manifest:
    """One condition of an object; empty when it has none of that type."""
    found = seen.get("status", {}).get("conditions", ())
    return next((c for c in found if c["type"] == kind), {})


def endpoints(backend: Manifest) -> list[Manifest]:
    """The endpoints in a backend's status."""
    return list(backend.get("status", {}).get("endpoints", ()))


def clusters(backend: Manifest) -> set[str]:
    """The clusters that are endpoints of a backend."""
    return {endpoint["from"]["cluster"] for endpoint in endpoints(backend)}


def weights_in(backend: Manifest) -> dict[str, int]:
    """Traffic Manager's weights by cluster, as status says."""
    return {endpoint["from"]["cluster"]: endpoint["weight"] for endpoint in endpoints(backend)}


def _shown(call: Call) -> str:
    return f"{_call(call.operation)} -> {call.status}"


def _call(operation: str) -> str:
    resource, _, verb = operation.partition(".")
    return f"{verb.upper()} {resource.removesuffix('s')}"

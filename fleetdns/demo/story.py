"""The story, step by step: the product documentation's sample, and what happens to it in a long day."""

from __future__ import annotations

from fleetdns.demo.kubernetes import BACKENDS, GROUP, PROFILES, Manifest
from fleetdns.demo.members import NAMESPACE
from fleetdns.demo.narrator import Narrator
from fleetdns.demo.resolver import shares
from fleetdns.demo.sight import DNS_NAME, Sight, clusters, condition, endpoints, is_, rejects
from fleetdns.demo.world import World, manifests
from fleetdns.emulator.azure.service import Fault


class Story:
    """Each method is a step: it applies something, waits until it is true everywhere, and says what it took."""

    def __init__(self, world: World, narrator: Narrator) -> None:
        self._world = world
        self._tell = narrator
        self._see = Sight(world, narrator)

    async def whole(self) -> None:
        """Every step, in order."""
        await self.rollout()
        await self.weight_goes_down()
        await self.label_is_missing()
        await self.cluster_leaves()
        await self.monitor_changes()
        await self.somebody_changes_azure()
        await self.azure_fails()
        await self.name_is_taken()
        await self.everything_goes()

    async def rollout(self) -> None:
        """The sample, verbatim, and three clusters that export its Service."""
        tell, members = self._tell, self._world.members
        tell.step("Three clusters export Service work/app; the documentation's sample is applied as it stands")
        for name in ("aks-1", "aks-2", "aks-3"):
            await members.join(name, weight=100)
            tell.applied(f"InternalServiceExport fleet-member-{name}/work-app, weight 100")
        for file in ("profile.yaml", "backend.yaml"):
            for document in await self._world.cluster.apply_text((manifests() / "samples" / file).read_text()):
                tell.applied(f"{document['kind']} {document['metadata']['name']} ({document['apiVersion']})")
        profile = await self._see.becomes(PROFILES, "myatm", "profile myatm is Programmed", is_("Programmed"))
        tell.check(f"its DNS name is {DNS_NAME}", holds=profile["status"]["dnsName"] == DNS_NAME, seen=profile)
        await self._see.serves("backend app is Accepted with three endpoints", 3)
        self._see.calls(at_most={"profiles.get": 1, "profiles.put": 1})
        await self._see.dns_follows({"aks-1": 33, "aks-2": 33, "aks-3": 33})

    async def weight_goes_down(self) -> None:
        self._tell.step("Cluster aks-3 asks for a fifth of its share")
        await self._world.members.weigh("aks-3", 20)
        self._tell.applied("InternalServiceExport fleet-member-aks-3/work-app, weight 20")
        await self._see.weights_become({"aks-1": 45, "aks-2": 45, "aks-3": 9})
        self._see.calls(at_most={"profiles.get": 1, "profiles.put": 1})
        await self._see.dns_follows({"aks-1": 45, "aks-2": 45, "aks-3": 9})

    async def label_is_missing(self) -> None:
        tell, members = self._tell, self._world.members
        tell.step("Cluster aks-4 exports too, but its public IP has no DNS label")
        await members.join("aks-4", weight=100, has_label=False)
        tell.applied("InternalServiceExport fleet-member-aks-4/work-app, no DNS label")
        backend = await self._see.becomes(BACKENDS, "app", "backend app lists aks-4 as rejected", rejects("aks-4"))
        rejected = backend["status"]["rejected"][0]
        tell.note(f"{rejected['cluster']}: {rejected['reason']}: {rejected['message']}")
        tell.check("the others still serve", holds=clusters(backend) == {"aks-1", "aks-2", "aks-3"}, seen=backend)
        self._see.calls(at_most={})
        tell.step("The label is set, and aks-4 joins")
        await members.label("aks-4")
        tell.applied("InternalServiceExport fleet-member-aks-4/work-app, with its DNS label")
        await self._see.serves("backend app is Accepted with four endpoints", 4)
        self._see.calls(at_most={"profiles.get": 1, "profiles.put": 1})
        await self._see.dns_follows({"aks-1": 30, "aks-2": 30, "aks-3": 6, "aks-4": 30})

    async def cluster_leaves(self) -> None:
        self._tell.step("Cluster aks-2 stops exporting")
        await self._world.members.leave("aks-2")
        self._tell.deleted("InternalServiceExport fleet-member-aks-2/work-app")
        await self._see.serves("backend app is Accepted with three endpoints", 3, {"aks-1", "aks-3", "aks-4"})
        self._see.calls(at_most={"profiles.get": 1, "profiles.put": 1})
        await self._see.dns_follows({"aks-1": 45, "aks-3": 9, "aks-4": 45})

    async def monitor_changes(self) -> None:
        self._tell.step("The probe's path changes")
        await self._patch(PROFILES, "myatm", {"spec": {"monitorConfig": {"path": "/healthz"}}})
        self._tell.applied("TrafficManagerProfile myatm, monitorConfig.path /healthz")

        async def path() -> str:
            return str(self._see.azure_profile()["properties"]["monitorConfig"]["path"])

        await self._tell.until("Azure probes /healthz", path, lambda seen: seen == "/healthz")
        await self._see.becomes(PROFILES, "myatm", "profile myatm is Programmed", is_("Programmed"))
        self._see.calls(at_most={"profiles.get": 1, "profiles.patch": 1})

    async def somebody_changes_azure(self) -> None:
        tell = self._tell
        tell.step("Somebody changes the weight of aks-1 in Azure by hand")
        endpoint = next(e for e in self._see.azure_profile()["properties"]["endpoints"] if "aks-1" in e["name"])
        path = endpoint["id"].replace("#", "%23")
        self._world.azure.tamper("PATCH", path, {"properties": {"weight": 777}})
        tell.by_hand(f"endpoint {endpoint['name']}, weight 777")
        await self._see.weights_become({"aks-1": 45, "aks-3": 9, "aks-4": 45})
        self._see.calls(at_most={"profiles.get": 1, "endpoints.put": 1})

        async def told() -> list[str]:
            events = await self._world.cluster.events(NAMESPACE)
            return [event["message"] for event in events if event["reason"] == "DriftRepaired"]

        messages = await tell.until("an event names the field", told, lambda seen: any("weight" in m for m in seen))
        tell.note(messages[0])

    async def azure_fails(self) -> None:
        tell, azure = self._tell, self._world.azure
        tell.step("Azure answers 503 to everything while the backend's weight is changed")
        before = await self._see.object(BACKENDS, "app")
        azure.add_fault(
            Fault(kind="error", status=503, code="ServiceUnavailable", message="The service is unavailable.")
        )
        await self._patch(BACKENDS, "app", {"spec": {"weight": 10}})
        tell.applied("TrafficManagerBackend app, weight 10")
        backend = await self._see.becomes(BACKENDS, "app", "backend app says Pending", is_("Accepted", "Unknown"))
        kept = endpoints(backend) == endpoints(before)
        tell.check("status keeps its last known endpoints and weights", holds=kept, seen=backend["status"])
        profile = await self._see.object(PROFILES, "myatm")
        tell.check("status keeps the DNS name", holds=profile["status"].get("dnsName") == DNS_NAME, seen=profile)
        tell.note(condition(backend, "Accepted")["message"])
        tell.step("Azure asks for a pause (429, Retry-After: 1), then works again")
        azure.clear_faults()
        azure.add_fault(Fault(kind="throttled", retry_after=1, times=1))
        await self._see.becomes(BACKENDS, "app", "backend app is Accepted: nothing was lost", is_("Accepted"))
        await self._see.weights_become({"aks-1": 5, "aks-3": 1, "aks-4": 5})
        azure.clear_faults()
        self._see.calls(at_most=None)
        await self._see.dns_follows({"aks-1": 5, "aks-3": 1, "aks-4": 5})

    async def name_is_taken(self) -> None:
        tell = self._tell
        tell.step("A second profile asks for the same DNS name")
        await self._world.cluster.apply(_profile("other", {"dnsConfig": {"relativeName": "myatm"}}))
        tell.applied("TrafficManagerProfile other, dnsConfig.relativeName myatm")
        profile = await self._see.becomes(
            PROFILES, "other", "profile other is told DNSNameNotAvailable", is_("Programmed", "False")
        )
        programmed = condition(profile, "Programmed")
        tell.check("the reason says so", holds=programmed["reason"] == "DNSNameNotAvailable", seen=programmed)
        tell.note(programmed["message"])
        self._see.calls(at_most=None)

    async def everything_goes(self) -> None:
        tell, cluster = self._tell, self._world.cluster
        tell.step("Backend and profiles are deleted")
        await cluster.delete(BACKENDS, NAMESPACE, "app")
        tell.deleted("TrafficManagerBackend app")
        await self._see.gone(BACKENDS, "app")
        for name in ("myatm", "other"):
            await cluster.delete(PROFILES, NAMESPACE, name)
            tell.deleted(f"TrafficManagerProfile {name}")
            await self._see.gone(PROFILES, name)
        tell.check("Azure is empty", holds=not self._world.azure.profiles(), seen=self._world.azure.profiles())
        self._see.calls(at_most=None)
        counted = await shares(self._world.dns_port, DNS_NAME, queries=1)
        tell.answers(())
        tell.check("the name no longer resolves", holds=not counted, seen=counted)

    async def _patch(self, plural: str, name: str, patch: Manifest) -> None:
        await self._world.cluster.patch(plural, NAMESPACE, name, patch)


def _profile(name: str, spec: Manifest) -> Manifest:
    return {
        "apiVersion": f"{GROUP}/v1beta1",
        "kind": "TrafficManagerProfile",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    }

"""One member cluster as the tests see it: its Services, its provider, and what there is in Azure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fleetdns.demo.cloudprovider import CloudProvider, Delays
from fleetdns.demo.kubernetes import SERVICES, Cluster, Manifest
from fleetdns.emulator.azure.publicips import PublicIP
from fleetdns.emulator.azure.service import Request, TrafficManagerService
from tests.e2e.eventually import eventually

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUP = "mc_aks-1"
REGION = "westeurope"
LABEL = "service.beta.kubernetes.io/azure-dns-label-name"
INTERNAL = "service.beta.kubernetes.io/azure-load-balancer-internal"
OTHER_GROUP = "service.beta.kubernetes.io/azure-load-balancer-resource-group"
_QUICK = Delays(again=0.05)


class Member:
    """A provider runs in `tasks` until it is stopped."""

    def __init__(
        self, cluster: Cluster, azure: TrafficManagerService, tasks: asyncio.TaskGroup, namespace: str
    ) -> None:
        self.cluster = cluster
        self.azure = azure
        self.namespace = namespace
        self._tasks = tasks
        self._providers: list[asyncio.Task[None]] = []

    def provide(self, delays: Delays = _QUICK) -> None:
        """The cloud provider starts."""
        provider = CloudProvider(
            self.cluster,
            self.azure,
            name="aks-1",
            region=REGION,
            resource_group=GROUP,
            subscription=SUBSCRIPTION,
            delays=delays,
        )
        self._providers.append(self._tasks.create_task(provider.run()))

    async def stopped(self) -> None:
        """No provider runs any more."""
        for provider in self._providers:
            provider.cancel()
        await asyncio.gather(*self._providers, return_exceptions=True)
        self._providers = []

    async def emptied(self) -> None:
        """Without finalizers, Services would outlive their test; and a real server outlives all tests."""
        for service in (await self.cluster.listed(SERVICES, self.namespace))["items"]:
            await self.cluster.delete(SERVICES, self.namespace, service["metadata"]["name"])
        if not self._providers:
            self.provide()
        await eventually(lambda: self.cluster.listed(SERVICES, self.namespace), lambda found: not found["items"])

    async def serve(self, name: str = "app", *, kind: str = "LoadBalancer", **annotations: str) -> Manifest:
        """A Service; annotations by their short names."""
        metadata = {"name": name, "namespace": self.namespace, "annotations": _spelled(annotations)}
        spec = {"type": kind, "ports": [{"port": 80, "targetPort": 8080}]}
        return await self.cluster.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})

    async def annotate(self, name: str = "app", **annotations: str | None) -> None:
        """Set annotations, or with None take them away."""
        await self.change({"metadata": {"annotations": _spelled(annotations)}}, name)

    async def change(self, patch: Manifest, name: str = "app") -> None:
        await self.cluster.patch(SERVICES, self.namespace, name, patch)

    async def delete(self, name: str = "app") -> None:
        await self.cluster.delete(SERVICES, self.namespace, name)

    async def service(self, name: str = "app") -> Manifest | None:
        return await self.cluster.get(SERVICES, self.namespace, name)

    async def address(self, name: str = "app", *, other_than: str | None = None) -> str:
        """The address in the Service's status, once it is there."""

        async def look() -> str | None:
            return ingress(await self.service(name))

        found = await eventually(look, lambda seen: seen not in (None, other_than))
        assert found is not None
        return found

    def public_ips(self, group: str = GROUP) -> dict[str, dict[str, Any]]:
        """The properties of the public IPs in a resource group by their names, as a client of Azure reads them."""
        path = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Network/publicIPAddresses"
        answer = self.azure.handle(Request("GET", path, {"api-version": "2024-05-01"}))
        assert answer.status == 200, answer.body
        return {item["name"]: item["properties"] for item in answer.json()["value"]}

    async def public_ip(self, holds: Callable[[dict[str, Any]], bool], group: str = GROUP) -> dict[str, Any]:
        """The only public IP of a group, once it is so."""

        async def look() -> list[dict[str, Any]]:
            return list(self.public_ips(group).values())

        found = await eventually(look, lambda seen: len(seen) == 1 and holds(seen[0]))
        return found[0]

    async def no_public_ip(self, group: str = GROUP) -> None:
        async def look() -> list[str]:
            return list(self.public_ips(group))

        await eventually(look, lambda seen: not seen)

    async def warned(self, holds: Callable[[Manifest], bool]) -> Manifest:
        """The first Warning in the namespace that is so."""

        async def look() -> Manifest | None:
            found = await self.cluster.events(self.namespace)
            return next((event for event in found if event["type"] == "Warning" and holds(event)), None)

        seen = await eventually(look, lambda event: event is not None)
        assert seen is not None
        return seen

    def take(self, label: str) -> PublicIP:
        """Somebody else's public IP in the region has this label."""
        elsewhere = "/subscriptions/other/resourceGroups/any/providers/Microsoft.Network/publicIPAddresses"
        return self.azure.set_public_ip(f"{elsewhere}/{label}", fqdn(label), location=REGION)


def fqdn(label: str) -> str:
    return f"{label}.{REGION}.cloudapp.azure.com"


def ingress(service: Manifest | None) -> str | None:
    places = ((service or {}).get("status") or {}).get("loadBalancer", {}).get("ingress") or []
    return str(places[0]["ip"]) if places else None


def label_of(public_ip: dict[str, Any]) -> str | None:
    settings: dict[str, str] = public_ip.get("dnsSettings") or {}
    return settings.get("domainNameLabel")


def _spelled(annotations: dict[str, Any]) -> dict[str, Any]:
    names = {"label": LABEL, "internal": INTERNAL, "group": OTHER_GROUP}
    return {names.get(name, name): value for name, value in annotations.items()}

"""A whole fleet in one process and in virtual time: hub, Traffic Manager, and the real controller between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import yaml

from fleetdns.controllers.hub import HubController
from fleetdns.core.identity import Naming
from fleetdns.core.memory import Settings
from fleetdns.core.weights import EXACT
from fleetdns.emulator.azure.service import TrafficManagerService
from fleetdns.emulator.hub.rest import Hub
from tests.simulation.azure import Door
from tests.simulation.hub import SimulatedTransport
from tests.simulation.network import Network
from tests.simulation.process import Process

GROUP = "networking.fleet.azure.com"
SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
HUB_ID = "99999999-8888-7777-6666-555555555555"
EPOCH = 1_700_000_000.0  # Unix seconds at the loop's zero

MANIFESTS = Path(__file__).parents[2] / "manifests"


class Fleet:
    """Everything outside the controller; `running` puts the controller into it, as often as a test restarts it."""

    def __init__(
        self, seed: int, *, door: Callable[[TrafficManagerService], Door] | None = None, workers: int = 16
    ) -> None:
        """`door`: puts somebody in front of Azure who sees every call."""
        self._random = Random(seed)
        loop = asyncio.get_running_loop()
        self.network = Network(self._random)
        self.hub = Hub(clock=lambda: EPOCH + loop.time(), random=self._random)
        self.azure = TrafficManagerService(clock=loop.time, random=self._random)
        self.transport = SimulatedTransport(self.hub, self.network, random=self._random)
        self.process = Process(
            self.hub,
            self.transport,
            azure=self.azure if door is None else door(self.azure),
            network=self.network,
            settings=Settings(Naming(SUBSCRIPTION, HUB_ID, resource_group="fleet-dns"), EXACT),
            random=self._random,
            workers=workers,
        )
        for file in sorted(
            (*(MANIFESTS / "crds").glob(f"{GROUP}_*.yaml"), *(MANIFESTS / "overrides").glob("*.io_*.yaml"))
        ):
            self.hub.install(yaml.safe_load(file.read_text()))
        self.namespace("work")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[HubController]:
        """The controller, from its start to an orderly stop."""
        try:
            yield self.process.start()
        finally:
            await self.process.stop()

    def namespace(self, name: str) -> None:
        self.hub.install({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def profile(self, name: str, **spec: Any) -> None:
        """Apply a TrafficManagerProfile in namespace work."""
        self._apply("v1beta1", "TrafficManagerProfile", "work", name, spec)

    def backend(self, name: str, *, profile: str, weight: int) -> None:
        """Apply a TrafficManagerBackend for the Service of the same name."""
        spec = {"profile": {"name": profile}, "backend": {"name": name}, "weight": weight}
        self._apply("v1beta1", "TrafficManagerBackend", "work", name, spec)

    def export(self, service: str, cluster: str, *, weight: int = 1, **spec: Any) -> None:
        """What a member's agent writes for Service work/SERVICE."""
        self.namespace(f"fleet-member-{cluster}")
        reference = {
            "clusterId": cluster,
            "apiVersion": "v1",
            "kind": "Service",
            "namespace": "work",
            "name": service,
            "resourceVersion": "1",
            "generation": 1,
            "uid": f"{service}-{cluster}",
            "namespacedName": f"work/{service}",
            "exportedSince": "2026-01-01T00:00:00Z",
        }
        ip = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/mc-{cluster}/providers/Microsoft.Network/publicIPAddresses"
        given = {
            "serviceReference": reference,
            "ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080}],
            "type": "LoadBalancer",
            "isDNSLabelConfigured": True,
            "isInternalLoadBalancer": False,
            "publicIPResourceID": f"{ip}/{service}-{cluster}",
            "weight": weight,
        }
        self._apply("v1alpha1", "InternalServiceExport", f"fleet-member-{cluster}", f"work-{service}", given | spec)

    def withdraw(self, service: str, cluster: str) -> None:
        """The member stops exporting."""
        plural = "internalserviceexports"
        self.hub.delete(GROUP, "v1alpha1", plural, f"fleet-member-{cluster}", f"work-{service}")

    def delete(self, plural: str, name: str) -> None:
        self.hub.delete(GROUP, "v1beta1", plural, "work", name)

    def status(self, plural: str, name: str) -> dict[str, Any]:
        """The status of an object of namespace work."""
        found = self.hub.get(GROUP, "v1beta1", plural, "work", name)
        return dict(found.get("status", {}))

    def condition(self, plural: str, name: str, kind: str) -> dict[str, Any]:
        """One condition; empty when it is not there."""
        conditions = self.status(plural, name).get("conditions", ())
        return next((dict(c) for c in conditions if c["type"] == kind), {})

    def weights(self, relative_name: str) -> dict[str, int]:
        """What Azure holds, by cluster; empty when there is no such profile."""
        for profile in self.azure.profiles():
            if profile["properties"]["dnsConfig"]["relativeName"] == relative_name:
                endpoints = profile["properties"]["endpoints"]
                return {e["name"].rsplit("#", 1)[1]: e["properties"]["weight"] for e in endpoints}
        return {}

    def _apply(self, version: str, kind: str, namespace: str, name: str, spec: dict[str, Any]) -> None:
        metadata = {"name": name, "namespace": namespace}
        self.hub.install({"apiVersion": f"{GROUP}/{version}", "kind": kind, "metadata": metadata, "spec": spec})

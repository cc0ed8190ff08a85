"""A hub and an Azure in a process of their own, with a fleet on the hub: what a measured controller runs against.

python -m tests.bench.servers PROFILES ENDPOINTS

Prints how they are reached, as a line of JSON. Answers each line of its input with a line that says how far the fleet
is, and ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from fleetdns.emulator.azure.server import AzureServer, steady_clock
from fleetdns.emulator.azure.service import TrafficManagerService
from fleetdns.emulator.hub.rest import Hub
from fleetdns.emulator.hub.server import HubServer
from tests.bench.exports import SERVICES, export, stored
from tests.bench.report import ROOT
from tests.contract.samples import GROUP, definitions

NAMESPACE = "shop"
_FIRST_VERSION = 1
_LONGEST_LINE = 1 << 20


@dataclass(frozen=True, slots=True)
class State:
    """How far a fleet is: endpoints in Azure, endpoints that status tells of, and the lists Azure was asked for."""

    in_azure: int
    in_status: int
    lists: int


class Servers:
    """The servers, seen from the process that measures."""

    def __init__(self, process: asyncio.subprocess.Process, *, kubeconfig: str, azure_url: str) -> None:
        self.kubeconfig = kubeconfig
        self.azure_url = azure_url
        self._process = process

    async def state(self) -> State:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"state\n")
        await self._process.stdin.drain()
        return State(**json.loads(await self._process.stdout.readline()))


@asynccontextmanager
async def servers(profiles: int, endpoints: int) -> AsyncIterator[Servers]:
    """Both servers with so many profiles, and so many exports for each, until the end of the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.servers", str(profiles), str(endpoints)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        limit=_LONGEST_LINE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Servers(process, **json.loads(await process.stdout.readline()))
    finally:
        process.stdin.close()
        await process.wait()


async def _serve(profiles: int, endpoints: int) -> None:
    hub, service = HubServer(), TrafficManagerService(clock=steady_clock())
    _fill(hub.hub, profiles, endpoints)
    await hub.start()
    async with AzureServer(service) as azure:
        _say({"kubeconfig": hub.kubeconfig(), "azure_url": azure.url})
        while await asyncio.to_thread(sys.stdin.readline):
            _say(asdict(_state(hub.hub, service)))
    await hub.stop()


def _fill(hub: Hub, profiles: int, endpoints: int) -> None:
    for definition in definitions():
        hub.install(definition)
    members = {export(cluster, 0)["metadata"]["namespace"] for cluster in range(endpoints)}
    for name in sorted({NAMESPACE, "kube-system", "default", *members}):
        hub.install({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for number in range(profiles):
        for body in (_profile(number), _backend(number)):
            hub.install(body)
        for cluster in range(endpoints):
            _install_export(hub, cluster * SERVICES + number)


def _profile(number: int) -> dict[str, Any]:
    spec = {"dnsConfig": {"relativeName": f"storefront-{number:03}"}}
    return _object("TrafficManagerProfile", f"storefront-{number:03}", spec)


def _backend(number: int) -> dict[str, Any]:
    name = f"storefront-{number:03}"
    return _object(
        "TrafficManagerBackend", name, {"profile": {"name": name}, "backend": {"name": name}, "weight": 1000}
    )


def _install_export(hub: Hub, number: int) -> None:
    """As its agent wrote it, and with what the controller told of it long ago."""
    body = stored(number, version=_FIRST_VERSION)
    for field in ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"):
        del body["metadata"][field]
    hub.install(body)
    address = GROUP, "v1alpha1", "internalserviceexports", body["metadata"]["namespace"], body["metadata"]["name"]
    hub.patch(*address, {"status": body["status"]}, subresource="status")


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": f"{GROUP}/v1beta1", "kind": kind, "metadata": metadata, "spec": spec}


def _state(hub: Hub, service: TrafficManagerService) -> State:
    in_azure = sum(len(profile["properties"]["endpoints"]) for profile in service.profiles())
    backends = hub.list(GROUP, "v1beta1", "trafficmanagerbackends", None)["items"]
    in_status = sum(len(backend.get("status", {}).get("endpoints", ())) for backend in backends)
    return State(in_azure, in_status, service.calls.counts["profiles.list"])


def _say(value: Any) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))

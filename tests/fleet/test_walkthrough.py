"""docs/walkthrough.md, typed: a hub and two member clusters, with what the manifests deploy running in each."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from fleetdns.demo.fleet import provided
from fleetdns.demo.kubernetes import Cluster
from fleetdns.demo.world import APIServer, manifests
from fleetdns.emulator.azure.server import AzureServer, steady_clock
from fleetdns.emulator.azure.service import TrafficManagerService
from fleetdns.emulator.dns.server import DNSServer
from fleetdns.emulator.hub.kubeconfig import kubeconfig
from fleetdns.emulator.hub.server import HubServer
from tests.apiserver.build import Binaries
from tests.apiserver.server import RealAPIServer
from tests.e2e.terminal import Terminal, exchanges
from tests.fleet.document import files
from tests.fleet.kubelet import kubelet

DOCUMENT = Path(__file__).parents[2] / "docs" / "walkthrough.md"
CLUSTERS = ("hub", "aks-1", "aks-2")
_BIN = Path(sys.executable).parent


@pytest.fixture
async def embedded() -> AsyncIterator[Mapping[str, APIServer]]:
    """Three embedded servers, empty as a new cluster is."""
    servers = {name: HubServer() for name in CLUSTERS}
    for server in servers.values():
        await server.start()
    yield dict(servers)
    for server in servers.values():
        await server.stop()


@pytest.fixture
def real(binaries: Binaries, tmp_path: Path) -> Iterator[Mapping[str, APIServer]]:
    """Three real ones."""
    servers = {name: RealAPIServer(binaries, tmp_path / "servers" / name) for name in CLUSTERS}
    for server in servers.values():
        server.start()
    yield dict(servers)
    for server in servers.values():
        server.stop()


@asynccontextmanager
async def desk(servers: Mapping[str, APIServer], folder: Path) -> AsyncIterator[Terminal]:
    """Where an administrator sits: the contexts, a checkout's manifests, the tools; Azure and DNS behind it all."""
    async with AsyncExitStack() as stack:
        azure = TrafficManagerService(clock=steady_clock(), strict_public_ips=True, random=Random(20))
        front = await stack.enter_async_context(AzureServer(azure))
        dns = await stack.enter_async_context(DNSServer(azure.profiles, Random(20)))
        given = {"FLEETDNS_ARM_ENDPOINT": front.url, "FLEETDNS_SWEEP_INTERVAL": "5"}
        for name, server in servers.items():
            await stack.enter_async_context(kubelet(server, folder / "pods" / name, given))
            if name != "hub":
                client = Cluster(server.url, ca_pem=server.ca_pem.decode(), token=server.token)
                await stack.enter_async_context(provided(await stack.enter_async_context(client), name, azure))
        work = folder / "desk"
        shutil.copytree(manifests(), work / "manifests")
        for path, text in files(DOCUMENT).items():
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            (work / path).write_text(text)
        contexts = work / "contexts"
        contexts.write_text(_contexts(servers))
        yield Terminal(
            work,
            {
                "KUBECONFIG": str(contexts),
                "HOME": str(work),
                "PATH": f"{_tools(folder)}:{_BIN}:{os.environ['PATH']}",
                "FLEETDNS_TEST_DNS_PORT": str(dns.port),
            },
        )


def _tools(folder: Path) -> Path:
    """A folder with `dig`, and with `fleetdns`, which a checkout does not put on the PATH."""
    tools = folder / "tools"
    tools.mkdir()
    for name, module in {"dig": "tests.fleet.dig", "fleetdns": "fleetdns"}.items():
        script = tools / name
        script.write_text(f'#!/bin/sh\nPYTHONPATH={DOCUMENT.parents[1]} exec {sys.executable} -m {module} "$@"\n')
        script.chmod(0o755)
    return tools


def _contexts(servers: Mapping[str, APIServer]) -> str:
    """One kubeconfig with an administrator's context for each server; the first is the current one."""
    merged: dict[str, object] = {"apiVersion": "v1", "kind": "Config", "current-context": next(iter(servers))}
    found: dict[str, list[object]] = {"clusters": [], "users": [], "contexts": []}
    for name, server in servers.items():
        one = json.loads(kubeconfig(url=server.url, ca=server.ca_pem, token=server.token))
        found["clusters"].append({"name": name, "cluster": one["clusters"][0]["cluster"]})
        found["users"].append({"name": name, "user": one["users"][0]["user"]})
        found["contexts"].append({"name": name, "context": {"cluster": name, "user": name}})
    return json.dumps(merged | found)


async def _play(servers: Mapping[str, APIServer], folder: Path) -> None:
    async with desk(servers, folder) as terminal:
        for exchange in exchanges(DOCUMENT.read_text()):
            await terminal.plays(exchange)


@pytest.mark.e2e
@pytest.mark.long
@pytest.mark.kubectl
@pytest.mark.timeout(240)
async def test_the_walkthrough_on_embedded_servers(embedded: Mapping[str, APIServer], tmp_path: Path) -> None:
    await _play(embedded, tmp_path)


@pytest.mark.realapi
@pytest.mark.faults
@pytest.mark.timeout(400)
async def test_the_walkthrough_on_real_servers(real: Mapping[str, APIServer], tmp_path: Path) -> None:
    await _play(real, tmp_path)

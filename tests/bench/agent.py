"""What the member agent costs: memory, first sync, and calls to Azure, by exported Services: docs/agent.md.

python -m tests.bench.agent [--services 100 1000] [--runs N] [--rest SECONDS] [--joins N] [--json FILE]

The member cluster and the hub are real kube-apiservers, Azure is the embedded one, and each agent is a process of its
own.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fleetdns.emulator.azure.server import AzureServer, steady_clock
from fleetdns.emulator.azure.service import TrafficManagerService
from tests.apiserver.build import ensure
from tests.apiserver.server import RealAPIServer
from tests.bench.answer import Answers, answers, paragraph
from tests.bench.report import ROOT, Machine, command_of, machine, write_numbers
from tests.contract.client import API, Endpoint, connected, until_served
from tests.contract.samples import ALPHA, BETA, DEFINITIONS, GROUP, definitions

CLUSTER = "aks-1"
_SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
_GROUP = "mc-aks-1"
_OFFERS = f"{ALPHA}/namespaces/fleet-member-{CLUSTER}/internalserviceexports"
_PAGE = ROOT / "docs" / "agent.md"
_PATIENCE = 120.0  # seconds
_PAUSE = 0.05
_AT_ONCE = 32  # creates in flight
_MIB = 1024  # /proc counts in KiB


@dataclass(frozen=True, slots=True)
class Run:
    """One agent from its start. Seconds and MiB; `listed`: calls to Azure until then, and `rest` long after."""

    services: int
    synced: float
    cpu: float
    peak: float
    held: float
    listed: int
    rest: float
    listed_at_rest: int


def service(number: int) -> dict[str, Any]:
    """One Service, as a user writes it."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": f"storefront-{number:04}",
            "namespace": "shop",
            "annotations": {"service.beta.kubernetes.io/azure-dns-label-name": f"storefront-{number:04}"},
        },
        "spec": {
            "type": "LoadBalancer",
            "allocateLoadBalancerNodePorts": False,
            "ports": [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "https", "port": 443}],
        },
    }


def service_export(number: int) -> dict[str, Any]:
    """Its ServiceExport."""
    return {
        "apiVersion": f"{GROUP}/v1beta1",
        "kind": "ServiceExport",
        "metadata": {"name": f"storefront-{number:04}", "namespace": "shop"},
    }


def address(number: int) -> str:
    """The address of its load balancer."""
    return f"20.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


async def filled(member: Endpoint, hub: Endpoint, azure: TrafficManagerService, services: int) -> None:
    """So many exported Services in the member cluster, each with a public IP; the hub has the cluster's namespace."""
    for server, namespace in ((member, "shop"), (hub, f"fleet-member-{CLUSTER}")):
        async with connected(server, "default") as api:
            for definition in definitions():
                await _created(api, DEFINITIONS, definition)
            for path in (f"{ALPHA}/internalserviceexports", f"{BETA}/serviceexports"):
                await until_served(api, path)
            await _created(api, "/api/v1/namespaces", {"metadata": {"name": namespace}})
    left = iter(range(services))
    async with connected(member, "default") as api, asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(_fill(api, left))
    for number in range(services):
        name = f"kubernetes-{number}"
        azure.set_public_ip(
            f"/subscriptions/{_SUBSCRIPTION}/resourceGroups/{_GROUP}/providers/Microsoft.Network/publicIPAddresses/{name}",
            f"storefront-{number:04}.westeurope.cloudapp.azure.com",
            address=address(number),
            location="westeurope",
        )


async def _fill(api: API, numbers: Iterable[int]) -> None:
    for number in numbers:
        created = await _created(api, "/api/v1/namespaces/shop/services", service(number))
        status = {"status": {"loadBalancer": {"ingress": [{"ip": address(number)}]}}}
        path = f"/api/v1/namespaces/shop/services/{created['metadata']['name']}/status"
        reply = await api.merge(path, status)
        if reply.code != 200:
            raise RuntimeError(f"{path}: {reply.code} {reply.text}")
        await _created(api, f"{BETA}/namespaces/shop/serviceexports", service_export(number))


async def _created(api: API, path: str, body: dict[str, Any]) -> Any:
    reply = await api.create(path, body)
    if reply.code not in (201, 409):
        raise RuntimeError(f"{path}: {reply.code} {reply.text}")
    return reply.body if reply.code == 201 else body


async def emptied(hub: Endpoint) -> None:
    """The hub forgets what an agent before exported."""
    async with connected(hub, "default") as api:
        await api.delete(_OFFERS)


async def measured(kubeconfigs: tuple[Path, Path], hub: Endpoint, azure_url: str, *, services: int, rest: float) -> Run:
    """One agent: from its start until the hub has every export with its public IP, and for a while after."""
    before = await _calls(azure_url)
    began = time.monotonic()
    async with _agent(kubeconfigs, azure_url) as process, connected(hub, "default") as api:
        while await _told(api) < services:
            if time.monotonic() - began > _PATIENCE:
                raise TimeoutError(f"not everything was exported within {_PATIENCE:.0f} s")
            await asyncio.sleep(_PAUSE)
        synced, cpu, listed = time.monotonic() - began, _cpu(process.pid), await _calls(azure_url)
        await asyncio.sleep(rest)
        return Run(
            services=services,
            synced=synced,
            cpu=cpu,
            peak=_memory(process.pid, "VmHWM"),
            held=_memory(process.pid, "VmRSS"),
            listed=listed - before,
            rest=rest,
            listed_at_rest=await _calls(azure_url) - listed,
        )


@asynccontextmanager
async def _agent(kubeconfigs: tuple[Path, Path], azure_url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    member, hub = kubeconfigs
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fleetdns", "member"),
        *(f"--kubeconfig={member}", f"--hub-kubeconfig={hub}", f"--cluster-name={CLUSTER}"),
        *(f"--subscription-id={_SUBSCRIPTION}", f"--public-ip-resource-group={_GROUP}"),
        *(f"--arm-endpoint={azure_url}", "--metrics-bind-address=0", "--health-probe-bind-address=0"),
        "--log-level=error",
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        process.terminate()
        await process.wait()


async def _told(api: API) -> int:
    """How many exports lie on the hub with their public IP."""
    items = (await api.get(_OFFERS)).body["items"]
    return sum("publicIPResourceID" in item["spec"] and item["spec"]["isDNSLabelConfigured"] for item in items)


async def _calls(azure_url: str) -> int:
    import aiohttp

    async with aiohttp.ClientSession() as session, session.get(f"{azure_url}/_emulator/calls") as answer:
        counts: Counter[str] = Counter((await answer.json())["counts"])
    return counts["publicips.list"]


def _cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int, field: str) -> float:
    """A line of a process's status, in MiB. VmHWM is the most it ever held."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) / _MIB


def page(runs: Sequence[Run], answers: Answers, *, where: Machine) -> str:
    """The Markdown page: the median for each number of Services."""
    head = (
        f"Made by `python -m tests.bench.agent`, on {where.brief}. The member cluster and the hub are real",
        "kube-apiservers on the same machine, Azure is the embedded one. The agent is a process of its own; first sync",
        "is from its start until the hub has every export with its public IP. Lists are calls to Azure. Medians.",
    )
    lines = [
        "# What the member agent costs",
        "",
        *head,
        "",
        "| exported Services | runs | first sync | CPU | memory at most | held | lists until then | lists after that |",
        "|---|---|---|---|---|---|---|---|",
        *(_row([run for run in runs if run.services == count]) for count in sorted({run.services for run in runs})),
        "",
        *paragraph(answers),
    ]
    return "\n".join(lines) + "\n"


def _row(runs: Sequence[Run]) -> str:
    def median(name: str) -> float:
        return float(statistics.median(getattr(run, name) for run in runs))

    cells = (
        f"{runs[0].services:,}",
        str(len(runs)),
        f"{median('synced'):.2f} s",
        f"{median('cpu'):.2f} s",
        f"{median('peak'):.0f} MiB",
        f"{median('held'):.0f} MiB",
        f"{median('listed'):g}",
        f"{median('listed_at_rest'):g} in {runs[0].rest:.0f} s",
    )
    return f"| {' | '.join(cells)} |"


async def _measured(servers: tuple[RealAPIServer, RealAPIServer], folder: Path, given: argparse.Namespace) -> list[Run]:
    member, hub = servers
    kubeconfigs = folder / "member.kubeconfig", folder / "hub.kubeconfig"
    for server, path in zip(servers, kubeconfigs, strict=True):
        server.write_kubeconfig(path)
    azure = TrafficManagerService(clock=steady_clock())
    runs = []
    async with AzureServer(azure) as front:
        for services in sorted(given.services):
            await filled(member, hub, azure, services)
            for _ in range(given.runs):
                await emptied(hub)
                runs.append(await measured(kubeconfigs, hub, front.url, services=services, rest=given.rest))
    return runs


def main() -> int:
    """Measure, write docs/agent.md, and the single runs as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, nargs="+", default=[100, 1000], help="how many are exported")
    parser.add_argument("--runs", type=int, default=3, help="how many agents for each number")
    parser.add_argument("--rest", type=float, default=180.0, help="seconds to go on after the first sync")
    parser.add_argument("--joins", type=int, default=30, help="how often a DNS answer is waited for")
    parser.add_argument("--json", type=Path, help="a file for the single runs")
    given = parser.parse_args()
    where = machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        binaries = ensure(os.environ)
        servers = RealAPIServer(binaries, folder / "member"), RealAPIServer(binaries, folder / "hub")
        try:
            for server in servers:
                server.start()
            runs = asyncio.run(_measured(servers, folder, given))
        finally:
            for server in servers:
                server.stop()
    text = page(runs, asyncio.run(answers(given.joins)), where=where)
    _PAGE.write_text(text)
    print(text)
    if given.json is not None:
        numbers, command = [asdict(run) for run in runs], command_of("agent", sys.argv[1:])
        write_numbers(given.json, numbers, name="agent", command=command, where=where)
    return 0


if __name__ == "__main__":
    sys.exit(main())

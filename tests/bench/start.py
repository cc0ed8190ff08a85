"""What a start costs with 40,000 exports on a real kube-apiserver, by stream (WatchList) and by list: docs/start.md.

python -m tests.bench.start [--objects N] [--runs N] [--json FILE]

Each start has a process of its own. The numbers are those of the machine that the page names.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.apiserver.build import ensure
from tests.apiserver.server import RealAPIServer
from tests.bench.exports import SERVICES, export
from tests.bench.onestart import Start
from tests.bench.report import ROOT, Machine, command_of, machine, write_numbers
from tests.contract.client import API, connected, until_served
from tests.contract.samples import ALPHA, BETA, DEFINITIONS, definitions

WAYS = {"stream": "the beginning of a watch (WatchList)", "list": "a list, then a watch"}

_PAGE = ROOT / "docs" / "start.md"
_EXPORTS = f"{ALPHA}/internalserviceexports"
_AT_ONCE = 64  # creates in flight


@dataclass(frozen=True, slots=True)
class Server:
    """MiB that kube-apiserver held before and after a start."""

    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Run:
    """One start, and what the server made of it."""

    way: str
    start: Start
    server: Server


async def filled(server: RealAPIServer, objects: int) -> float:
    """Our kinds and so many exports, SERVICES in each member's namespace; the seconds it took."""
    began = time.monotonic()
    async with connected(server, "default") as api:
        for definition in definitions():
            await _created(api, DEFINITIONS, definition)
        for path in (_EXPORTS, f"{ALPHA}/serviceimports", f"{BETA}/trafficmanagerprofiles"):
            await until_served(api, path)
        exports = [export(*divmod(number, SERVICES)) for number in range(objects)]
        for namespace in sorted({export["metadata"]["namespace"] for export in exports}):
            await _created(api, "/api/v1/namespaces", {"metadata": {"name": namespace}})
        left = iter(exports)
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(_fill(api, left))
    return time.monotonic() - began


async def _fill(api: API, exports: Iterator[dict[str, Any]]) -> None:
    for body in exports:
        namespace = body["metadata"]["namespace"]
        await _created(api, f"{ALPHA}/namespaces/{namespace}/internalserviceexports", body)


async def _created(api: API, path: str, body: dict[str, Any]) -> None:
    reply = await api.create(path, body)
    if reply.code != 201:
        raise RuntimeError(f"{path}: {reply.code} {reply.text}")


def measured(server: RealAPIServer, folder: Path, *, runs: int) -> Iterator[Run]:
    """Starts, each way in turn, each in a process of its own."""
    kubeconfig = folder / "kubeconfig"
    server.write_kubeconfig(kubeconfig)
    for _ in range(runs):
        for way in WAYS:
            before = server.apiserver.memory()
            command = [sys.executable, "-m", "tests.bench.onestart", str(kubeconfig), way]
            done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
            yield Run(way, Start(**json.loads(done.stdout)), Server(before, server.apiserver.memory()))


def page(runs: Sequence[Run], *, filled_in: float, where: Machine) -> str:
    """The Markdown page: the median of each way."""
    head = (
        f"Made by `python -m tests.bench.start`, on {where.brief}. A real kube-apiserver holds",
        f"{runs[0].start.objects:,} InternalServiceExports, {SERVICES} from each cluster.",
        "The four caches of `fleetdns run` are filled from it,",
        f"{len(runs) // len(WAYS)} times each way, each time in a new process; the table shows medians.",
        "Idle is the process before it connects, with everything imported; held is what it holds two seconds after the",
        "caches are whole. Standstill is the longest time in which the event loop let nothing else run.",
    )
    lines = [
        "# What a start costs",
        "",
        *head,
        "",
        "| the state comes as | whole after | CPU | standstill | idle | peak | held | the server grew by |",
        "|---|---|---|---|---|---|---|---|",
        *(_row(way, [run for run in runs if run.way == way]) for way in WAYS),
        "",
        f"Filling the server took {filled_in:.0f} s.",
    ]
    return "\n".join(lines) + "\n"


def _row(way: str, runs: Sequence[Run]) -> str:
    cells = (
        WAYS[way],
        f"{_median(run.start.synced for run in runs):.2f} s",
        f"{_median(run.start.cpu for run in runs):.2f} s",
        f"{_median(run.start.standstill for run in runs) * 1000:.0f} ms",
        f"{_median(run.start.idle for run in runs):.0f} MiB",
        f"{_median(run.start.peak for run in runs):.0f} MiB",
        f"{_median(run.start.held for run in runs):.0f} MiB",
        f"{_median(max(0.0, run.server.after - run.server.before) for run in runs):.0f} MiB",
    )
    return f"| {' | '.join(cells)} |"


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)


def main() -> int:
    """Measure, write docs/start.md, and the single runs as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=40_000, help="how many exports the hub holds")
    parser.add_argument("--runs", type=int, default=5, help="how many starts each way")
    parser.add_argument("--json", type=Path, help="a file for the single runs")
    given = parser.parse_args()
    where = machine()
    with tempfile.TemporaryDirectory() as folder:
        server = RealAPIServer(ensure(os.environ), Path(folder) / "server")
        server.start()
        try:
            filled_in = asyncio.run(filled(server, given.objects))
            runs = list(measured(server, Path(folder), runs=given.runs))
        finally:
            server.stop()
    text = page(runs, filled_in=filled_in, where=where)
    _PAGE.write_text(text)
    print(text)
    if given.json is not None:
        numbers, command = [asdict(run) for run in runs], command_of("start", sys.argv[1:])
        write_numbers(given.json, numbers, name="start", command=command, where=where)
    return 0


if __name__ == "__main__":
    sys.exit(main())

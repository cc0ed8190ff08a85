"""`fleetdns run` as a process of its own, with its probes, its metrics and its log."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from fleetdns.demo.members import SUBSCRIPTION
from fleetdns.demo.world import World
from tests.e2e.eventually import eventually
from tests.e2e.lease import lease_namespace


class Process:
    """A running controller and what it says."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path, *, metrics: int, probes: int) -> None:
        self._process = process
        self._log = log
        self._metrics = metrics
        self._probes = probes

    async def probe(self, path: str) -> tuple[int, str]:
        """Status and body of a probe; 0 while nobody listens."""
        return await fetched(f"http://127.0.0.1:{self._probes}{path}")

    async def metrics(self) -> str:
        return (await fetched(f"http://127.0.0.1:{self._metrics}/metrics"))[1]

    async def becomes_ready(self) -> None:
        await eventually(lambda: self.probe("/readyz"), lambda seen: seen[0] == 200)

    async def says(self, text: str, *, within: float = 20.0) -> list[str]:
        """The log's messages, once one of them has `text`."""
        return await eventually(self.lines, lambda seen: any(text in line for line in seen), within=within)

    async def lines(self) -> list[str]:
        return self._log.read_text().splitlines()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def ended(self) -> int:
        """The exit code."""
        async with asyncio.timeout(30):
            return await self._process.wait()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """The exit code after one signal."""
        if self._process.returncode is None:
            self.send(number)
        return await self.ended()


async def fetched(url: str) -> tuple[int, str]:
    """Status and body of a page; 0 while nobody listens."""
    async with aiohttp.ClientSession() as session:
        try:
            async with session.get(url) as answer:
                return answer.status, await answer.text()
        except aiohttp.ClientConnectionError:
            return 0, ""


def free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [found.getsockname()[1] for found in sockets]
    for found in sockets:
        found.close()
    return ports


@asynccontextmanager
async def process(
    world: World, log: Path, *flags: str, clock_error: float = 0.0, **environment: str
) -> AsyncIterator[Process]:
    """`fleetdns run` on a world, with flags from both sides: the command line and the environment.

    clock_error: hours that its wall clock is wrong by.
    """
    program = ("tests.e2e.wrongclock", f"{clock_error:g}") if clock_error else ("fleetdns",)
    words = (*program, "run", f"--kubeconfig={world.kubeconfig}", "--resource-group=fleet-dns")
    given = {"FLEETDNS_SUBSCRIPTION_ID": SUBSCRIPTION, "FLEETDNS_ARM_ENDPOINT": world.azure_url, **environment}
    namespace = f"--leader-election-namespace={lease_namespace(world)}"
    async with launched(log, *words, namespace, *flags, **given) as running:
        yield running


@asynccontextmanager
async def launched(log: Path, *words: str, **environment: str) -> AsyncIterator[Process]:
    """`python -m` with these words, which serves probes and metrics, killed at the end of the block."""
    metrics, probes = free_ports(2)
    with log.open("w") as stream:
        started = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", *words),
            *(f"--metrics-bind-address=127.0.0.1:{metrics}", f"--health-probe-bind-address=127.0.0.1:{probes}"),
            env={"PATH": os.environ["PATH"], "FLEETDNS_LOG_FORMAT": "json", **environment},
            stderr=stream,
            stdout=stream,
        )
        try:
            yield Process(started, log, metrics=metrics, probes=probes)
        finally:
            if started.returncode is None:
                started.kill()
                await started.wait()

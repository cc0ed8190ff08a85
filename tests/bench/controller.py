"""`fleetdns run` as a process that is measured: when it is ready, what it holds, and what it uses."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.bench.pulse import Standstill
from tests.bench.report import ROOT
from tests.bench.servers import Servers
from tests.e2e.process import free_ports

_SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
_KIB = 1024
_POLL = 0.02  # seconds
_PATIENCE = 300.0


class Measured:
    """A running controller. MiB and seconds."""

    def __init__(self, process: asyncio.subprocess.Process, *, probes: int, folder: Path) -> None:
        self.began = time.perf_counter()
        self._process = process
        self._probes = probes
        self._folder = folder

    async def ready(self) -> float:
        """Seconds from its start until /readyz says 200."""
        async with asyncio.timeout(_PATIENCE), aiohttp.ClientSession() as session:
            while True:
                self._must_run()
                if await _status(session, f"http://127.0.0.1:{self._probes}/readyz") == 200:
                    return time.perf_counter() - self.began
                await asyncio.sleep(_POLL)

    def memory(self, field: str = "VmRSS") -> float:
        """A line of the process's status. VmHWM is the most it ever held."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith(f"{field}:"))
        return int(line.split()[1]) / _KIB

    def cpu(self) -> float:
        """Seconds of CPU used so far, by all its threads."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def standstill(self) -> Standstill:
        """Of one that is watched: the worst standstill of its event loop since this was last asked."""
        file = self._folder / "standstill"
        self._process.send_signal(signal.SIGUSR1)
        async with asyncio.timeout(_PATIENCE):
            while True:
                if file.exists():
                    break
                await asyncio.sleep(_POLL)
        found = Standstill(**json.loads(file.read_text()))
        file.unlink()
        return found

    async def stop(self) -> None:
        if self._process.returncode is None:
            self._process.terminate()
        await self._process.wait()

    def _must_run(self) -> None:
        if self._process.returncode is not None:
            raise RuntimeError(f"fleetdns run ended with {self._process.returncode}: {self._said()}")

    def _said(self) -> str:
        return (self._folder / "log").read_text()[-2000:]


@asynccontextmanager
async def controller(servers: Servers, folder: Path, *flags: str, is_watched: bool = False) -> AsyncIterator[Measured]:
    """One from its start to its orderly end. is_watched: somebody in the process looks at its event loop."""
    metrics, probes = free_ports(2)
    kubeconfig = _kubeconfig(servers, folder)
    program = ("tests.bench.watchedrun", str(folder / "standstill")) if is_watched else ("fleetdns", "run")
    with (folder / "log").open("w") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *program, f"--kubeconfig={kubeconfig}"),
            *(f"--subscription-id={_SUBSCRIPTION}", "--resource-group=fleet-dns", "--log-format=json"),
            *(f"--arm-endpoint={servers.azure_url}", "--leader-election-namespace=default"),
            *(f"--metrics-bind-address=127.0.0.1:{metrics}", f"--health-probe-bind-address=127.0.0.1:{probes}"),
            *flags,
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
        measured = Measured(process, probes=probes, folder=folder)
        try:
            yield measured
        finally:
            await measured.stop()


async def settled(servers: Servers, folder: Path, endpoints: int, *flags: str) -> None:
    """Let one controller bring everything about, and stop it: the next one finds nothing to do."""
    async with controller(servers, folder, *flags) as first:
        await first.ready()
        async with asyncio.timeout(_PATIENCE):
            while True:
                state = await servers.state()
                if (state.in_azure, state.in_status) == (endpoints, endpoints):
                    break
                await asyncio.sleep(1.0)


async def swept(servers: Servers, times: int) -> None:
    """Return when Azure was asked for so many more lists."""
    before = (await servers.state()).lists
    async with asyncio.timeout(_PATIENCE):
        while True:
            if (await servers.state()).lists >= before + times:
                return
            await asyncio.sleep(0.1)


def _kubeconfig(servers: Servers, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "kubeconfig"
    file.write_text(servers.kubeconfig)
    return file


async def _status(session: aiohttp.ClientSession, url: str) -> int:
    try:
        async with session.get(url) as answer:
            return answer.status
    except aiohttp.ClientError:
        return 0

"""How long the fleet is without a leader when one is killed: docs/takeover.md.

    python -m tests.bench.takeover [--server real|embedded|virtual] [--rounds 20]
                                   [--lease-duration 6] [--lease-renew-interval 1]

Each round kills the leading process with SIGKILL, at a moment that has nothing to do with its renewals, and changes a
weight at once. Measured until the other says that it leads, and until Azure answered its first write. `virtual` plays
the election alone, on a clock that jumps. A row of the page is replaced by a new measurement of the same kind.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random

from fleetdns.demo.world import World, install
from fleetdns.emulator.hub.server import HubServer
from fleetdns.runtime.leader import Timing
from tests.apiserver.build import ensure
from tests.apiserver.deployed import deployed
from tests.apiserver.server import RealAPIServer
from tests.bench.report import ROOT, machine
from tests.e2e.process import Process, process
from tests.e2e.replicas import apply_sample
from tests.e2e.site import Site, at_work, built_on
from tests.runtime.leases import LeaseServer, Replica
from tests.simulation.clock import run

SEED = 7
_PAGE = ROOT / "docs" / "takeover.md"
_LONGEST_JITTER = 2.2  # a retry takes up to so many times its length


@dataclass(frozen=True, slots=True)
class Takeover:
    """Seconds from the kill. written: until Azure answered the first write; None where nothing is written."""

    leading: float
    written: float | None = None


def lease_and_retry(timing: Timing) -> float:
    """Seconds: the lease, and the longest time between two looks of one who waits."""
    return timing.duration + _LONGEST_JITTER * timing.retry


def virtual_takeovers(timing: Timing, rounds: int) -> list[Takeover]:
    """The election alone, each round from a seed of its own."""
    return [run(_virtual(timing, Random(SEED + number))) for number in range(rounds)]


async def _virtual(timing: Timing, random: Random) -> Takeover:
    server = LeaseServer()
    leader, waiting = (Replica(server, name, random=random, latency=0.02, timing=timing) for name in "ab")
    leader.start()
    await leader.elected()
    waiting.start()
    await asyncio.sleep(timing.duration + random.uniform(0.0, 2 * timing.interval))
    await leader.kill()
    killed = asyncio.get_running_loop().time()
    led = await waiting.elected()
    await waiting.kill()
    return Takeover(led - killed)


async def takeovers(server: str, timing: Timing, rounds: int) -> list[Takeover]:
    """Real processes around an API server of that kind."""
    flags = (f"--lease-duration={timing.duration}", f"--lease-renew-interval={timing.interval:g}")
    random = Random(SEED)
    found = []
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fleetdns-takeover-")))
        world = await stack.enter_async_context(_world(server, folder))
        leader = await stack.enter_async_context(process(world, folder / "0", *flags))
        await leader.says('"leading"')
        await apply_sample(world)
        await leader.says('"azure write"')
        await world.members.join("aks-2", weight=1)
        for number in range(1, rounds + 1):
            waiting = await stack.enter_async_context(process(world, folder / f"{number}", *flags))
            await waiting.says("another replica leads")
            await waiting.becomes_ready()
            await asyncio.sleep(random.uniform(timing.interval, 3 * timing.interval))
            found.append(await _takeover(world, leader, waiting, weight=number + 1, within=2 * lease_and_retry(timing)))
            print(f"{number}: {found[-1].leading:.2f} s, first write {found[-1].written:.2f} s", file=sys.stderr)
            leader = waiting
    return found


async def _takeover(world: World, leader: Process, waiting: Process, *, weight: int, within: float) -> Takeover:
    killed = time.time()
    await leader.stop(signal.SIGKILL)
    await world.members.weigh("aks-2", weight)
    moments = [await _moment(waiting, event, within) for event in ("leading", "azure write")]
    return Takeover(moments[0] - killed, moments[1] - killed)


async def _moment(replica: Process, event: str, within: float) -> float:
    """When a replica logged that first; the processes share this machine's clock."""
    lines = await replica.says(f'"event": "{event}"', within=within)
    entry = next(entry for line in lines if (entry := json.loads(line))["event"] == event)
    return datetime.fromisoformat(entry["timestamp"]).timestamp()


@asynccontextmanager
async def _world(server: str, folder: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        if server == "real":
            real = RealAPIServer(ensure(os.environ), folder / "apiserver")
            await asyncio.to_thread(real.start)
            stack.callback(real.stop)
            site = Site(real, await asyncio.to_thread(deployed, real, folder))
        else:
            hub = HubServer()
            await hub.start()
            stack.push_async_callback(hub.stop)
            site = Site(hub, account=None)
        world = await stack.enter_async_context(built_on(site))
        await install(world)
        await at_work(site.server)
        yield world


def row(server: str, timing: Timing, found: Sequence[Takeover], *, where: str) -> str:
    """One line of the table."""
    limit = lease_and_retry(timing)
    leading = [takeover.leading for takeover in found]
    written = [takeover.written for takeover in found if takeover.written is not None]
    cells = [
        server,
        f"{timing.duration} s, {timing.interval:g} s",
        str(len(found)),
        *_summary(leading),
        f"{limit:.2f} s",
        str(sum(seconds > limit for seconds in leading)),
        *(_summary(written) if written else ("", "")),
        where,
    ]
    return f"| {' | '.join(cells)} |"


def _summary(seconds: Sequence[float]) -> tuple[str, str]:
    """Median and worst."""
    return f"{statistics.median(seconds):.2f} s", f"{max(seconds):.2f} s"


def page(before: str, new: str) -> str:
    """The page with a row that takes the place of one of the same server and times."""
    rows = [line for line in before.splitlines() if line.startswith(("| real ", "| embedded ", "| virtual "))]
    kept = [line for line in rows if _kind(line) != _kind(new)]
    return "\n".join([_HEAD, *sorted([*kept, new], key=_kind), ""])


def _kind(line: str) -> list[str]:
    return line.split(" | ")[:2]


_HEAD = """# How long a takeover takes

Made by `python -m tests.bench.takeover --server SERVER --lease-duration D --lease-renew-interval I --rounds N`, a row
for each call. Two replicas of `fleetdns run` are processes of their own. The leader is killed with SIGKILL at any
moment between two of its renewals, and a weight is changed at once; then another replica is started to wait. Seconds
count from the kill until the other leads, and until Azure has answered its first write. On the real kube-apiserver the
replicas have the rights of `manifests/base`. `virtual` is the election alone, in virtual time.

A retry is a fifth of the renewal interval, and up to 2.2 times as long by jitter. One who waits counts from when it saw
the last renewal, up to a retry after it was made. `later` counts the kills that took longer than the lease and the
longest retry. A leader that stops in order is followed at the next retry: its lease is given back.

| server | lease, renewal | kills | leads: median | worst | lease + retry | later | write: median | worst | where |
|---|---|---|---|---|---|---|---|---|---|"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.takeover")
    parser.add_argument("--server", choices=("real", "embedded", "virtual"), default="real")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--lease-duration", type=int, default=6)
    parser.add_argument("--lease-renew-interval", type=float, default=1.0)
    chosen = parser.parse_args(arguments)
    timing = Timing(chosen.lease_duration, chosen.lease_renew_interval)
    if chosen.server == "virtual":
        new = row("virtual", timing, virtual_takeovers(timing, chosen.rounds), where="any machine")
    else:
        found = asyncio.run(takeovers(chosen.server, timing, chosen.rounds))
        new = row(chosen.server, timing, found, where=machine().brief)
    _PAGE.write_text(page(_PAGE.read_text() if _PAGE.exists() else "", new))
    print(new)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""How long it takes from a ServiceExport to a DNS answer: everything embedded, in one process, over loopback.

Each time a cluster joins one that serves already, and the time is taken from the moment before its ServiceExport is
applied until the name server first answers with it. Azure answers at once here: with the real one its own time comes on
top, for a GET and a PUT.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from fleetdns import log
from fleetdns.demo.fleet import MemberCluster, agent, member_cluster
from fleetdns.demo.resolver import shares
from fleetdns.demo.sight import DNS_NAME
from fleetdns.demo.world import World, controller, embedded, install, manifests

_QUERIES = 20  # the cluster has half the weight: one of them is it, all but surely
_PATIENCE = 20.0  # seconds
_REST = 0.5  # seconds: a profile that was just written gathers what comes next for a moment, and a quiet one does not


@dataclass(frozen=True, slots=True)
class Answers:
    """Seconds, one for each join."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def worst(self) -> float:
        return max(self.seconds)


async def answers(joins: int) -> Answers:
    """So many joins, one after the other."""
    async with embedded() as world, AsyncExitStack() as stack:
        await install(world)
        await stack.enter_async_context(controller(world))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        members = []
        for name in ("aks-1", "aks-2"):
            member = await stack.enter_async_context(member_cluster(world, name, folder))
            await stack.enter_async_context(agent(world, member))
            members.append(member)
        for file in ("profile.yaml", "backend.yaml"):
            await world.cluster.apply_text((manifests() / "samples" / file).read_text())
        for member in members:
            await member.export(label=f"app-{member.name}")
            await _answered(world, member)
        found = [await _join(world, members[1]) for _ in range(joins)]
    log.configure("error", "json", stream=sys.__stderr__)
    return Answers(tuple(found))


async def _join(world: World, member: MemberCluster) -> float:
    await member.leave()
    await _answered(world, member, is_there=False)
    await asyncio.sleep(_REST)
    began = time.perf_counter()
    await member.export()
    await _answered(world, member)
    return time.perf_counter() - began


async def _answered(world: World, member: MemberCluster, *, is_there: bool = True) -> None:
    async with asyncio.timeout(_PATIENCE):
        while True:
            counted = await shares(world.dns_port, DNS_NAME, queries=_QUERIES)
            if is_there == any(target.startswith(f"app-{member.name}.") for target in counted):
                return
            await asyncio.sleep(0.005)


def paragraph(answers: Answers) -> tuple[str, ...]:
    """Lines for the page."""
    return (
        "From `kubectl apply` of a ServiceExport to the first DNS answer with it, where another cluster serves,",
        f"median {answers.median * 1000:.0f} ms, worst {answers.worst * 1000:.0f} ms of {len(answers.seconds)} joins. "
        "Hub, member cluster, agent, controller, Azure and DNS are",
        "embedded, in one process; Azure's own time for one GET and one PUT comes on top.",
    )


if __name__ == "__main__":
    print("\n".join(paragraph(asyncio.run(answers(30)))))

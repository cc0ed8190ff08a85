"""One start in a process of its own: fill the controller's caches from a hub, and say what that took, as JSON.

python -m tests.bench.onestart KUBECONFIG stream|list
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.clusters import MemberCluster, Namespace
from fleetdns.api.exports import InternalServiceExport, ServiceImport
from fleetdns.api.meta import ObjectKey
from fleetdns.api.overrides import ResourceOverride
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.app import garbage
from fleetdns.controllers.informers import Informers
from fleetdns.kube.config import load
from fleetdns.kube.sources import HubSources
from fleetdns.kube.transport import Transport
from fleetdns.runtime.listwatch import Codec, ListPage, ListWatch, Rejected, Take
from fleetdns.runtime.observer import InformerObserver
from tests.bench.pulse import Pulse

T = TypeVar(
    "T",
    TrafficManagerProfile,
    TrafficManagerBackend,
    ServiceImport,
    InternalServiceExport,
    Namespace,
    MemberCluster,
    ResourceOverride,
)

_MIB = 1024  # /proc counts in KiB
_SETTLED = 2.0  # seconds: the connections of the lists have closed, and watches go on


@dataclass(frozen=True, slots=True)
class Start:
    """What a start took. Seconds and MiB; `idle` is the process before it connected, `held` when it had settled.

    `standstill`: the longest time in which the event loop let nothing else run. `by`: how the exports came.
    """

    objects: int
    by: str
    synced: float
    cpu: float
    standstill: float
    idle: float
    peak: float
    held: float


class _Seen(InformerObserver):
    """Remembers how the exports came."""

    def __init__(self) -> None:
        self.by = ""

    def listed(self, name: str, /, *, reason: str, by: str, objects: int, duration: float) -> None:
        if name == InternalServiceExport.resource.plural:
            self.by = by


class _Nobody:
    def called(self, *, method: str, code: str) -> None:
        return


class _Plain:
    """A list-watch that refuses to begin a watch with the state, as a server without WatchList does."""

    def __init__(self, inner: ListWatch) -> None:
        self._inner = inner

    async def list(self, *, resource_version: str, limit: int | None, continue_token: str, take: Take) -> ListPage:
        return await self._inner.list(
            resource_version=resource_version, limit=limit, continue_token=continue_token, take=take
        )

    def watch(
        self, *, resource_version: str, timeout_seconds: int, initial_events: bool
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        if initial_events:
            raise Rejected(422)
        return self._inner.watch(
            resource_version=resource_version, timeout_seconds=timeout_seconds, initial_events=False
        )


class _PlainSources:
    """Fulfils the controllers' Sources."""

    def __init__(self, inner: HubSources) -> None:
        self._inner = inner

    def listwatch(self, kind: type[T]) -> ListWatch:
        return _Plain(self._inner.listwatch(kind))

    def codec(self, kind: type[T]) -> Codec[ObjectKey, T]:
        return self._inner.codec(kind)


async def started(kubeconfig: str, way: str) -> Start:
    """Fill the caches once, the collector held off as `fleetdns run` does it. `way`: stream, or list."""
    connection, seen, pulse = await load(kubeconfig), _Seen(), Pulse()
    idle, cpu, began = _memory("VmRSS"), time.process_time(), time.perf_counter()
    async with Transport(connection, observer=_Nobody()) as transport, asyncio.TaskGroup() as group:
        hub = HubSources(transport, namespace=None)
        informers = Informers(hub if way == "stream" else _PlainSources(hub), observer=seen, random=random.Random())
        tasks = [group.create_task(pulse.run()), *(group.create_task(each.run()) for each in informers.all)]
        with garbage.filling():
            for informer in informers.all:
                await informer.wait_synced()
        synced, cpu = time.perf_counter() - began, time.process_time() - cpu
        await asyncio.sleep(_SETTLED)
        peak, objects, standstill = _memory("VmHWM"), len(informers.exports.store), pulse.worst().longest
        gc.collect()
        held = _memory("VmRSS")
        for task in tasks:
            task.cancel()
    return Start(objects, seen.by, synced, cpu, standstill, idle, peak, held)


def _memory(field: str) -> float:
    """A line of this process's status, in MiB. VmHWM is the most it ever held."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) / _MIB


if __name__ == "__main__":
    garbage.set_aside()
    json.dump(asdict(asyncio.run(started(sys.argv[1], sys.argv[2]))), sys.stdout)

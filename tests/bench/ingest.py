"""How fast the cache of InternalServiceExports takes in what a hub says, by list and by watch.

python -m tests.bench.ingest [--objects N] [--rounds N] [--json FILE]

Everything between the bytes and the handlers is the product's: list-watch, reflector, codec, store and its indexes.
First with bytes that are in memory already, then over TLS from another process.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import cast

from fleetdns.api.exports import InternalServiceExport
from fleetdns.controllers.caches import EXPORT_INDEXES
from fleetdns.kube.codec import StructCodec
from fleetdns.kube.config import load
from fleetdns.kube.listwatch import HubListWatch
from fleetdns.kube.transport import Transport
from fleetdns.runtime.informer import Informer
from fleetdns.runtime.watchlist import WatchListSupport
from tests.bench.exports import Prepared
from tests.bench.hotspots import hotspots
from tests.bench.report import ROOT, Goal, Report, Table, arguments_of, machine, parser, publish

GOAL = 50_000  # events per CPU second
LIST, STREAM, CHANGES = "list, in pages of 500", "state as the beginning of a watch", "changes on the watch"
_CHUNK = 1 << 16  # bytes; what a socket gives at once
_PROFILED = 10_000  # exports
_GO_CLIENT = 7_000  # events per CPU second of a typed client-go informer, measured for the design


@dataclass(frozen=True, slots=True)
class Ingest:
    """Objects or events, the seconds that they took, and the CPU seconds of this process."""

    source: str
    way: str
    events: int
    seconds: float
    cpu: float


class _Watch:
    """A stopwatch of both clocks, which starts anew each time it is read."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self, source: str, way: str, events: int) -> Ingest:
        wall, cpu = time.perf_counter(), time.process_time()
        found = Ingest(source, way, events, wall - self._wall, cpu - self._cpu)
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return found


class MemoryTransport:
    """Fulfils what a list-watch asks of a Transport, out of memory. Changes come when they are let go."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared

    @asynccontextmanager
    async def read(self, _path: str, query: Mapping[str, str]) -> AsyncIterator[AsyncIterator[bytes]]:
        limit = int(query["limit"]) if "limit" in query else None
        yield self._chunks(self._prepared.page(limit, query.get("continue", "")))

    async def _chunks(self, body: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(body), _CHUNK):
            yield body[start : start + _CHUNK]

    @asynccontextmanager
    async def watch(self, _path: str, query: Mapping[str, str]) -> AsyncIterator[AsyncIterator[bytes]]:
        yield self._lines(with_state=query.get("sendInitialEvents") == "true")

    async def _lines(self, *, with_state: bool) -> AsyncIterator[bytes]:
        if with_state:
            for line in self._prepared.initial_events():
                yield line
        for line in self._prepared.changes():
            yield line
        await asyncio.Event().wait()


async def ingested(transport: Transport, source: str, objects: int, *, by_stream: bool) -> list[Ingest]:
    """Fill one cache, and let every object change once."""
    informer: Informer[object, InternalServiceExport] = Informer(
        "internalserviceexports",
        HubListWatch(transport, InternalServiceExport.resource, None),
        StructCodec(InternalServiceExport),
        random=Random(1),
        indexes=EXPORT_INDEXES,
        watch_list=WatchListSupport() if by_stream else None,
    )
    changed, ended = 0, asyncio.Event()

    def changes(old: InternalServiceExport | None, _new: InternalServiceExport | None, _initial: bool) -> None:
        nonlocal changed
        if old is None:
            return
        changed += 1
        if changed == objects:
            ended.set()

    informer.on_change(changes)
    gc.collect()
    clocks = _Watch()
    running = asyncio.create_task(informer.run())
    try:
        await informer.wait_synced()
        first = clocks.read(source, STREAM if by_stream else LIST, len(informer.store))
        await ended.wait()
        second = clocks.read(source, CHANGES, changed)
    finally:
        running.cancel()
        await asyncio.wait((running,))
    return [first, second]


async def from_memory(objects: int, rounds: int) -> list[Ingest]:
    transport = cast("Transport", MemoryTransport(Prepared(objects)))
    return await _rounds(lambda by: ingested(transport, "memory", objects, by_stream=by), rounds)


async def over_tls(objects: int, rounds: int) -> list[Ingest]:
    async with _served(objects) as kubeconfig, Transport(await load(str(kubeconfig)), observer=_Nobody()) as transport:
        return await _rounds(lambda by: ingested(transport, "TLS", objects, by_stream=by), rounds)


async def _rounds(ingest: Callable[[bool], Awaitable[list[Ingest]]], rounds: int) -> list[Ingest]:
    return [found for _ in range(rounds) for by_stream in (False, True) for found in await ingest(by_stream)]


class _Nobody:
    def called(self, *, method: str, code: str) -> None:
        return


@asynccontextmanager
async def _served(objects: int) -> AsyncIterator[Path]:
    """The kubeconfig of a server in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.preparedserver", str(objects)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        limit=1 << 20,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "kubeconfig"
            file.write_text(json.loads(await process.stdout.readline()))
            yield file
    finally:
        process.stdin.close()
        await process.wait()


def report(found: Sequence[Ingest], *, size: int) -> Report:
    kinds = list(dict.fromkeys((ingest.source, ingest.way) for ingest in found))
    rates = {kind: _rates([ingest for ingest in found if (ingest.source, ingest.way) == kind]) for kind in kinds}
    rows = tuple((*kind, f"{wall:,.0f}", f"{cpu:,.0f}") for kind, (wall, cpu) in rates.items())
    slowest = min((kind for kind in kinds if kind[0] == "memory"), key=lambda kind: rates[kind][1])
    return Report(
        title=f"Taking in {found[0].events:,} InternalServiceExports",
        about=(
            "From the bytes of the hub's answers to the handlers of changes: list-watch, reflector, codec, store and "
            f"its three indexes. An export has {size:,} bytes here, as a kube-apiserver sends it. `memory`: the bytes "
            "are there already; `TLS`: from another process on this machine, and the CPU counts reading and decrypting "
            "too. Medians."
        ),
        tables=(Table(("from", "as", "per second", "per CPU second"), rows),),
        numbers=[asdict(ingest) for ingest in found],
        goals=(
            Goal(
                "ingest from memory, slowest way",
                f"> {GOAL:,} per CPU second",
                f"{rates[slowest][1]:,.0f} ({slowest[1]})",
                rates[slowest][1] > GOAL,
            ),
        ),
        remarks=f"For comparison: a typed client-go informer was measured at {_GO_CLIENT:,} events per CPU second.",
    )


def explained(made: Report) -> Report:
    """The same, with a profile where the goal is missed."""
    if all(goal.is_met for goal in made.goals):
        return made
    transport = cast("Transport", MemoryTransport(Prepared(_PROFILED)))
    found = hotspots(lambda: asyncio.run(ingested(transport, "memory", _PROFILED, by_stream=True)))
    return replace(made, remarks=f"{made.remarks}\n\n{found}")


def _rates(found: Sequence[Ingest]) -> tuple[float, float]:
    """Per second, and per CPU second."""
    wall = statistics.median(ingest.events / ingest.seconds for ingest in found)
    return wall, statistics.median(ingest.events / ingest.cpu for ingest in found)


async def _measured(objects: int, rounds: int) -> list[Ingest]:
    return [*await from_memory(objects, rounds), *await over_tls(objects, rounds)]


def main(arguments: Sequence[str] | None = None) -> int:
    words = arguments_of(arguments)
    flags = parser("ingest", __doc__)
    flags.add_argument("--objects", type=int, default=40_000)
    flags.add_argument("--rounds", type=int, default=5)
    given = flags.parse_args(words)
    where = machine()
    found = asyncio.run(_measured(given.objects, given.rounds))
    made = explained(report(found, size=Prepared(min(given.objects, 400)).size))
    return publish(made, "ingest", where=where, given=given, words=words)


if __name__ == "__main__":
    sys.exit(main())

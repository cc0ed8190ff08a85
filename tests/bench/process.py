"""What the whole process costs: memory, time until it is ready, CPU, and how long its event loop stands still.

python -m tests.bench.process [--fleets PROFILESxENDPOINTS ...] [--sweep-interval SECONDS] [--json FILE]

`fleetdns run` in a process of its own, against the embedded hub and the embedded Azure in another. A first controller
brings everything about and is stopped; what is measured is a fresh process that finds nothing to do. The standstills
are those of a third one, which has somebody beside the controller who looks at the event loop.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.controller import controller, settled, swept
from tests.bench.pulse import Standstill
from tests.bench.report import Goal, Report, Table, arguments_of, machine, parser, publish
from tests.bench.servers import Servers, servers
from tests.bench.size import Size, size

FLEETS = ("0x0", "20x20", "25x200", "200x200")
SWEEPS = 2
MEMORY, BETTER, IDLE_MEMORY, STANDSTILL = 200.0, 160.0, 100.0, 0.020  # MiB, MiB, MiB, seconds


@dataclass(frozen=True, slots=True)
class Run:
    """One fleet. MiB and seconds; `at_start`: until every profile was looked at once."""

    endpoints: int
    ready: float
    cpu_ready: float
    started: float
    swept: float
    peak: float
    cpu_of_sweep: float
    at_start: Standstill
    in_sweeps: Standstill


async def measured(fleet: Size, folder: Path, *, sweep_interval: float) -> Run:
    """Fill a hub, settle it, and start two more controllers one after the other."""
    flags = (f"--sweep-interval={sweep_interval:g}", "--log-level=warning")
    async with servers(fleet.profiles, fleet.endpoints) as there:
        await settled(there, folder / "first", fleet.total, *flags)
        async with controller(there, folder / "second", *flags) as process:
            ready, cpu_ready, started = await process.ready(), process.cpu(), process.memory()
            sweeps = await _swept(there, fleet, sweep_interval)
            found = (process.memory(), process.memory("VmHWM"), (process.cpu() - cpu_ready) / sweeps)
        async with controller(there, folder / "third", *flags, is_watched=True) as watched:
            await watched.ready()
            await _swept(there, fleet, sweep_interval, sweeps=1)  # by then it has looked at every profile once
            at_start = await watched.standstill()
            await _swept(there, fleet, sweep_interval)
            at_rest = await watched.standstill()
    return Run(fleet.total, ready, cpu_ready, started, *found, at_start, at_rest)


async def _swept(there: Servers, fleet: Size, sweep_interval: float, *, sweeps: int = SWEEPS) -> int:
    """Let so many sweeps begin and end; without profiles there is nothing to list, and their time passes."""
    if fleet.profiles:
        await swept(there, sweeps)
        await asyncio.sleep(sweep_interval / 2)
    else:
        await asyncio.sleep(sweeps * sweep_interval)
    return sweeps


def report(runs: Sequence[Run], *, sweep_interval: float) -> Report:
    rows = tuple(_row(run) for run in runs)
    least, most = (choose(runs, key=lambda run: run.endpoints) for choose in (min, max))
    return Report(
        title="The whole process: memory, start, standstills",
        about=(
            "`fleetdns run` as a process of its own, over TLS and HTTP against the embedded hub and Azure in another "
            "process on the same machine. A fresh process each time, on a fleet that is as it should be. `started` is "
            f"when /readyz first says 200; `swept` after {SWEEPS} sweeps of all of Azure, one every "
            f"{sweep_interval:g} s here instead of every 60 s. Ready counts from the start of the interpreter. "
            "Standstill is the longest time for which the event loop let nothing else run, in another run of the same: "
            "at the start, which ends with the first sweep after it is ready, and in the sweeps after that; in "
            "brackets the most CPU that the loop's own thread used without a pause, which other processes on the "
            "machine do not lengthen."
        ),
        tables=(
            Table(
                (
                    "endpoints",
                    "ready after",
                    "CPU until then",
                    "memory: started",
                    "swept",
                    "peak",
                    "CPU of a sweep",
                    "standstill at the start",
                    "in sweeps",
                ),
                rows,
            ),
        ),
        numbers=[asdict(run) for run in runs],
        goals=(
            Goal(
                f"memory at {most.endpoints:,} endpoints, peak",
                f"< {MEMORY:g} MiB, better {BETTER:g}",
                f"{most.peak:.0f} MiB",
                most.peak < MEMORY,
            ),
            Goal(
                f"memory at {least.endpoints:,} endpoints, peak",
                f"< {IDLE_MEMORY:g} MiB",
                f"{least.peak:.0f} MiB",
                least.peak < IDLE_MEMORY,
            ),
            Goal(
                f"standstill during sweeps at {most.endpoints:,} endpoints",
                f"< {1000 * STANDSTILL:g} ms",
                f"{1000 * most.in_sweeps.longest:.0f} ms",
                most.in_sweeps.longest < STANDSTILL,
            ),
        ),
        remarks="For comparison: client-go's cache of the 40,000 exports alone was measured at 236 MiB.",
    )


def _row(run: Run) -> tuple[str, ...]:
    return (
        f"{run.endpoints:,}",
        f"{run.ready:.2f} s",
        f"{run.cpu_ready:.2f} s",
        f"{run.started:.0f} MiB",
        f"{run.swept:.0f} MiB",
        f"{run.peak:.0f} MiB",
        f"{1000 * run.cpu_of_sweep:.0f} ms",
        _shown(run.at_start),
        _shown(run.in_sweeps),
    )


def _shown(standstill: Standstill) -> str:
    return f"{1000 * standstill.longest:.0f} ms ({1000 * standstill.busiest:.0f} ms)"


async def _measured(fleets: Sequence[Size], sweep_interval: float) -> list[Run]:
    with tempfile.TemporaryDirectory() as folder:
        runs = []
        for fleet in fleets:
            runs.append(await measured(fleet, Path(folder) / str(fleet), sweep_interval=sweep_interval))
            print(runs[-1], file=sys.stderr, flush=True)
        return runs


def main(arguments: Sequence[str] | None = None) -> int:
    words = arguments_of(arguments)
    flags = parser("process", __doc__)
    flags.add_argument("--fleets", type=size, nargs="+", default=[size(text) for text in FLEETS])
    flags.add_argument("--sweep-interval", type=float, default=5.0, help="of the controllers, in seconds")
    given = flags.parse_args(words)
    where = machine()
    runs = asyncio.run(_measured(given.fleets, given.sweep_interval))
    made = report(runs, sweep_interval=given.sweep_interval)
    return publish(made, "process", where=where, given=given, words=words)


if __name__ == "__main__":
    sys.exit(main())

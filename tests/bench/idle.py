"""How much of a core the controller uses while nothing happens.

python -m tests.bench.idle [--fleets PROFILESxENDPOINTS ...] [--minutes N] [--json FILE]

`fleetdns run` with its default settings (a sweep a minute, a lease renewed every 5 s) against the embedded hub and
Azure in other processes, on a fleet that is as it should be. Measured over some minutes and scaled to an hour.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.controller import controller, settled, swept
from tests.bench.report import Goal, Report, Table, arguments_of, machine, parser, publish
from tests.bench.servers import servers
from tests.bench.size import Size, size

FLEETS = ("0x0", "20x20")
GOAL = 0.5  # percent of a core
_AFTER_THE_START = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Idle:
    """Seconds of CPU in so many seconds of rest."""

    endpoints: int
    seconds: float
    cpu: float

    @property
    def percent(self) -> float:
        return 100 * self.cpu / self.seconds


async def measured(
    fleet: Size, folder: Path, *, seconds: float, settle: float = _AFTER_THE_START, flags: Sequence[str] = ()
) -> Idle:
    """One controller at rest: from `settle` seconds after its start and a sweep on, where there are any."""
    async with servers(fleet.profiles, fleet.endpoints) as there:
        await settled(there, folder / "first", fleet.total)
        async with controller(there, folder / "second", *flags) as process:
            await process.ready()
            await asyncio.sleep(settle)
            if fleet.profiles:
                await swept(there, 1)
            began, used = time.monotonic(), process.cpu()
            await asyncio.sleep(seconds)
            return Idle(fleet.total, time.monotonic() - began, process.cpu() - used)


def report(found: Sequence[Idle]) -> Report:
    rows = tuple(
        (f"{i.endpoints:,}", f"{i.seconds:.0f} s", f"{i.cpu:.2f} s", f"{36 * i.percent:.1f} s", f"{i.percent:.2f} %")
        for i in found
    )
    most = max(found, key=lambda idle: idle.percent)
    return Report(
        title="The CPU of an idle hour",
        about=(
            "`fleetdns run` with its default settings on a fleet where nothing happens: watches with their bookmarks, "
            "one list of Azure a minute, one renewal of the lease every 5 s, all its threads counted. The hour is not "
            f"measured: it is the {found[0].seconds:.0f} s that were, times {3600 / found[0].seconds:.0f}. What comes "
            "less often than every few minutes (a watch that is opened anew, a token) is in it by chance."
        ),
        tables=(Table(("endpoints", "measured over", "CPU", "in an hour (scaled)", "of one core"), rows),),
        numbers=[asdict(idle) for idle in found],
        goals=(
            Goal(
                f"CPU at rest with {most.endpoints:,} endpoints",
                f"< {GOAL:g} % of a core",
                f"{most.percent:.2f} %",
                most.percent < GOAL,
            ),
        ),
    )


async def _measured(fleets: Sequence[Size], seconds: float) -> list[Idle]:
    """All at the same time: each of them hardly does anything."""
    with tempfile.TemporaryDirectory() as folder:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(measured(fleet, Path(folder) / str(fleet), seconds=seconds)) for fleet in fleets]
        return [task.result() for task in tasks]


def main(arguments: Sequence[str] | None = None) -> int:
    words = arguments_of(arguments)
    flags = parser("idle", __doc__)
    flags.add_argument("--fleets", type=size, nargs="+", default=[size(text) for text in FLEETS])
    flags.add_argument("--minutes", type=float, default=3.0)
    given = flags.parse_args(words)
    where = machine()
    found = asyncio.run(_measured(given.fleets, 60 * given.minutes))
    return publish(report(found), "idle", where=where, given=given, words=words)


if __name__ == "__main__":
    sys.exit(main())

"""What each kind of change costs: calls to Azure, and seconds until it is true there.

python -m tests.bench.calls [--clusters K ...] [--seconds OPERATION=SECONDS ...] [--json FILE]

The whole controller in virtual time, between the embedded hub and the emulated Traffic Manager with the latencies
recorded from the real one. Counted, not timed: the same on every machine. Also writes docs/calls.md.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from tests.bench.pace import RECORDED, add_latencies, latencies_of, serial
from tests.bench.report import ROOT, Report, Table, arguments_of, machine, parser, publish
from tests.bench.story import Cost, story
from tests.simulation.clock import run

SIZES = (1, 10, 50, 200)
_PAGE = ROOT / "docs" / "calls.md"
_SHOWN = {
    "profiles.get": "GET profile",
    "profiles.put": "PUT profile",
    "profiles.patch": "PATCH profile",
    "profiles.delete": "DELETE profile",
    "profiles.list": "LIST",
    "endpoints.put": "PUT endpoint",
    "endpoints.delete": "DELETE endpoint",
    "names.check": "check name",
}
# What Fleet's own controller was measured to do with ten clusters, and which of our rows is the same action.
_REFERENCE: Mapping[str, Counter[str] | None] = {
    "first rollout": Counter({"profiles.get": 12, "profiles.put": 1, "endpoints.put": 55}),
    "one more cluster": Counter({"profiles.get": 1, "endpoints.put": 11}),
    "weight of the backend": Counter({"profiles.get": 1, "endpoints.put": 10}),
    "monitor setting": Counter({"profiles.get": 2, "profiles.put": 1}),
    "one endpoint changed in Azure": None,
    "every endpoint changed in Azure": None,
}
_OF = 10


def measured(clusters: int, latencies: Mapping[str, float] = RECORDED) -> dict[str, Cost]:
    """What each kind of change costs, for a profile with so many clusters."""

    async def told() -> dict[str, Cost]:
        return await story(clusters, latencies)

    return run(told())


def report(found: Mapping[int, Mapping[str, Cost]], latencies: Mapping[str, float]) -> Report:
    tables = [_table(found, _brief)]
    if _OF in found:
        tables.append(_side_by_side(found[_OF], latencies))
    numbers = {
        str(size): {change: {"calls": dict(cost.calls), "seconds": cost.seconds} for change, cost in costs.items()}
        for size, costs in found.items()
    }
    return Report(
        title="Calls to Azure, and seconds until it is true",
        about=(
            "The whole controller in virtual time, between the embedded hub and the emulated Traffic Manager: calls "
            "are counted, not timed. Seconds count from the change until Azure has answered the last write for it. "
            "Drift is found by the next sweep, every 60 s, and that is in its seconds. Azure takes the time that was "
            f"recorded with the real service: {_words(latencies)}. A steady state costs one list per resource group "
            "and sweep, which is in no row but that of the restart. [calls.md](calls.md) says which calls they are."
        ),
        tables=tuple(tables),
        numbers=numbers,
        remarks=(
            f"Side by side with {_OF} clusters: the calls of Fleet's own controller were measured; its seconds are "
            "computed from them, one call after the other with the same latencies, and were not measured. It never "
            "compares what is in Azure with what ought to be: what somebody changes there stays."
            if _OF in found
            else ""
        ),
    )


def page(found: Mapping[int, Mapping[str, Cost]]) -> str:
    """The whole of docs/calls.md."""
    return "\n".join([_HEAD, *_table(found, _full).lines(), ""])


def _table(found: Mapping[int, Mapping[str, Cost]], cell: Callable[[Cost | None], str]) -> Table:
    changes = dict.fromkeys(change for costs in found.values() for change in costs)
    heads = (f"{size} cluster{'s' if size > 1 else ''}" for size in found)
    rows = ((change, *(cell(costs.get(change)) for costs in found.values())) for change in changes)
    return Table(("change", *heads), tuple(rows))


def _brief(cost: Cost | None) -> str:
    if cost is None:
        return ""
    return f"{cost.calls.total()}: {cost.seconds:.1f} s" if cost.calls else "0"


def _full(cost: Cost | None) -> str:
    if cost is None:
        return ""
    calls = [f"{number} {_SHOWN[operation]}" for operation, number in sorted(cost.calls.items())]
    return f"{cost.calls.total()}: {', '.join(calls)}" if calls else "0"


def _side_by_side(ours: Mapping[str, Cost], latencies: Mapping[str, float]) -> Table:
    rows = []
    for change, theirs in _REFERENCE.items():
        cost = ours[change]
        if theirs is None:
            cells: tuple[str, ...] = ("never repaired", "never")
        else:
            cells = (f"{theirs.total()}: {_calls(theirs)}", f"{serial(theirs, latencies):.1f} s (computed)")
        rows.append((change, *cells, f"{cost.calls.total()}: {_calls(cost.calls)}", f"{cost.seconds:.1f} s"))
    return Table(
        (f"with {_OF} clusters", "Fleet's controller: calls", "seconds", "fleetdns: calls", "seconds"), tuple(rows)
    )


def _calls(calls: Counter[str]) -> str:
    return ", ".join(f"{number} {_SHOWN[operation]}" for operation, number in sorted(calls.items()))


def _words(latencies: Mapping[str, float]) -> str:
    return ", ".join(f"{seconds:g} s for {_SHOWN[operation]}" for operation, seconds in sorted(latencies.items()))


_HEAD = """# What each change costs in Azure calls

Made by `python -m tests.bench.calls`, which `make bench` runs: the real controller between the embedded hub and the
emulated Traffic Manager, in virtual time. The numbers are counted, not timed; [benchmarks.md](benchmarks.md) adds the
seconds. Each start lists the subscription once; a steady state costs one list per resource group and sweep, which is
not in the rows below. One endpoint that comes or goes alone (with 200 clusters, one cluster more or less leaves the
others' integer weights as they are) is one call; whatever writes over something that others may have changed since the
last sweep reads it first. An endpoint that Azure refuses is counted until all others are there; after that it is tried
alone, every 15 s at first and every two minutes in the end.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    words = arguments_of(arguments)
    flags = parser("calls", __doc__)
    flags.add_argument("--clusters", type=int, nargs="+", default=list(SIZES), help="how many clusters export")
    add_latencies(flags)
    given = flags.parse_args(words)
    where, latencies = machine(), latencies_of(given)
    found = {size: measured(size, latencies) for size in sorted(given.clusters)}
    if tuple(found) == SIZES and latencies == RECORDED:
        _PAGE.write_text(page(found))
    return publish(report(found, latencies), "calls", where=where, given=given, words=words)


if __name__ == "__main__":
    sys.exit(main())

"""How long the decision about one profile takes, in milliseconds of CPU: a pure function, nothing else.

python -m tests.bench.plan [--endpoints N] [--rounds N] [--json FILE]

The worst of the rounds is shown beside the median: a garbage collection falls into some of them.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from msgspec import structs

from fleetdns.api.exports import InternalServiceExport
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.memory import Memory, Settings
from fleetdns.core.plan import Plan, outcome, plan
from fleetdns.core.trafficmanager import Endpoint, Profile
from fleetdns.core.weights import EXACT
from tests.bench.hotspots import hotspots
from tests.bench.report import Goal, Report, Table, arguments_of, machine, parser, publish
from tests.core.builders import make_aggregate, make_backend, make_export, make_identity, make_naming, make_profile

GOAL = 5.0  # ms
_PROFILED = 50  # plans


@dataclass(frozen=True, slots=True)
class Timed:
    """One kind of look: milliseconds for each round, and the calls that it plans."""

    what: str
    calls: int
    milliseconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.milliseconds)


@dataclass(frozen=True, slots=True)
class Case:
    """What is decided about, and what Azure is known to hold."""

    what: str
    aggregate: Aggregate
    observed: Profile | None
    memory: Memory


def cases(endpoints: int) -> tuple[Case, ...]:
    """The same profile with so many endpoints, in different states."""
    exports = tuple(make_export(f"aks-{number:03}", weight=1) for number in range(endpoints))
    before = _aggregate(exports)
    first = decided(Case("", before, None, Memory()))
    there, settled = in_azure(first.desired.profile), replace(first.memory, settled=first.desired.profile)
    one_more = (*exports[1:], make_export("aks-000", weight=3))
    return (
        Case("nothing to do", before, there, settled),
        Case("one export weighs more", _aggregate(one_more), there, settled),
        Case("the backend weighs less: every endpoint changes", _aggregate(exports, weight=400), there, settled),
        Case("one cluster less, which said so", _aggregate(exports[1:], withdrawn="aks-000"), there, settled),
        Case("one endpoint was changed in Azure", before, _tampered(there), settled),
        Case("not in Azure yet", before, None, Memory()),
    )


def decided(case: Case) -> Plan:
    """The decision itself."""
    profile = case.aggregate.profile
    assert profile is not None
    return plan(
        case.aggregate,
        profile,
        identity=make_identity(profile),
        observed=case.observed,
        memory=case.memory,
        settings=Settings(make_naming(), EXACT),
        now=1000.0,
    )


def judged(case: Case, planned: Plan) -> None:
    """What the calls came to: what status is made from. Every call is taken to have done its work."""
    profile = case.aggregate.profile
    assert profile is not None
    outcome(
        planned,
        case.aggregate,
        profile,
        observed=in_azure(planned.desired.profile),
        is_observed=True,
        memory=planned.memory,
        settings=Settings(make_naming(), EXACT),
        failure=None,
        endpoint_failures={},
        is_stale=False,
    )


def in_azure(desired: Profile) -> Profile:
    """The same as Azure gives it back: with what it fills in itself."""
    filled = (
        structs.replace(endpoint, priority=place, target=f"t{place}.example.com", monitor_status="Online")
        for place, endpoint in enumerate(desired.endpoints, 1)
    )
    return replace(desired, endpoints=tuple(filled), fqdn=f"{desired.relative_name}.trafficmanager.net")


def measured(endpoints: int, rounds: int) -> list[Timed]:
    """Each case in turn, so many times."""
    found = []
    for case in cases(endpoints):
        planned = decided(case)
        times = _times(partial(decided, case), rounds)
        found.append(Timed(case.what, len(planned.batch.calls), times))
    at_rest = cases(endpoints)[0]
    planned = decided(at_rest)
    found.append(Timed("(what a plan came to, for status)", 0, _times(partial(judged, at_rest, planned), rounds)))
    return found


def _times(act: Callable[[], object], rounds: int) -> tuple[float, ...]:
    act()
    times = []
    for _ in range(rounds):
        began = time.thread_time()
        act()
        times.append(1000 * (time.thread_time() - began))
    return tuple(times)


def _aggregate(
    exports: Sequence[InternalServiceExport], *, weight: int = 1000, withdrawn: str | None = None
) -> Aggregate:
    made = make_aggregate(make_profile(), backends=[make_backend(weight=weight)], exports=exports)
    return replace(made, withdrawn=frozenset({("app", withdrawn)} if withdrawn else ()))


def _tampered(profile: Profile) -> Profile:
    first, *others = profile.endpoints
    changed: Endpoint = structs.replace(first, weight=(first.weight or 0) + 1)
    return replace(profile, endpoints=(changed, *others))


def report(found: Sequence[Timed], endpoints: int) -> Report:
    """With a profile of the slowest kind where that is too slow."""
    rows = tuple(
        (timed.what, str(timed.calls), f"{timed.median:.2f} ms", f"{max(timed.milliseconds):.2f} ms") for timed in found
    )
    plans = [timed for timed in found if not timed.what.startswith("(")]
    slowest = max(plans, key=lambda timed: timed.median)
    return Report(
        title=f"The plan of a profile with {endpoints} endpoints",
        about=(
            "`core/plan.py` alone: from the objects of the hub and the last known profile in Azure to the calls that "
            f"close the gap; {len(found[0].milliseconds)} times each, in milliseconds of CPU."
        ),
        tables=(Table(("what there is to do", "calls", "median", "worst"), rows),),
        numbers={timed.what: {"calls": timed.calls, "milliseconds": timed.milliseconds} for timed in found},
        goals=(
            Goal(
                f"plan of {endpoints} endpoints, slowest kind, median",
                f"< {GOAL:g} ms",
                f"{slowest.median:.1f} ms ({slowest.what})",
                slowest.median < GOAL,
            ),
        ),
        remarks="" if slowest.median < GOAL else _hotspots(slowest.what, endpoints),
    )


def _hotspots(what: str, endpoints: int) -> str:
    (case,) = (case for case in cases(endpoints) if case.what == what)
    return hotspots(lambda: [decided(case) for _ in range(_PROFILED)])


def main(arguments: Sequence[str] | None = None) -> int:
    given_words = arguments_of(arguments)
    flags = parser("plan", __doc__)
    flags.add_argument("--endpoints", type=int, default=200)
    flags.add_argument("--rounds", type=int, default=200)
    given = flags.parse_args(given_words)
    where = machine()
    found = measured(given.endpoints, given.rounds)
    return publish(report(found, given.endpoints), "plan", where=where, given=given, words=given_words)


if __name__ == "__main__":
    sys.exit(main())

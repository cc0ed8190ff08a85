"""The looks that a freshly started controller takes at one profile one after the other, until nothing is left to do.

look                                   sees                                   comes
the first, of a profile in Azure       the imports as they are                at once
the next                               the imports as they are to be          once exports are resolved
after that, while exports are missed   the same, and that none came back      3 s later
any further                            the same, and what the calls made      once those are made

What is only seen later is no part of an earlier call. Azure is taken to do what it is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.batch import composed
from fleetdns.core.calls import PutProfile
from fleetdns.core.guard import GRACE, after_removal
from fleetdns.core.identity import Identity
from fleetdns.core.memory import Memory, Settings
from fleetdns.core.plan import Plan, needs_proof, plan
from fleetdns.core.standstill import Standstill
from fleetdns.core.trafficmanager import Profile

RESOLVED = "once exports are resolved"
NOT_BACK = "3 s later, if what is missed has not come back"
MADE = "once that is done"

_MOST = 8  # looks; more would be two things that undo each other


@dataclass(frozen=True, slots=True)
class Look:
    """What one profile is decided from. `aggregate`: with what resolution will write, `early`: without it."""

    aggregate: Aggregate
    early: Aggregate
    profile: TrafficManagerProfile
    identity: Identity
    observed: Profile | None
    settings: Settings
    standstill: Standstill | None = None


@dataclass(frozen=True, slots=True)
class Pass:
    """One look. `after`: Azure once its calls are made; `then`: what it waits for; `now`: seconds since the first."""

    planned: Plan
    after: Profile | None
    then: str
    now: float


def passes(look: Look) -> tuple[Pass, ...]:
    """At least one; the last is what stays."""
    return tuple(_passes(look))


def _passes(look: Look) -> Iterator[Pass]:
    first = None
    if look.observed is not None and look.early != look.aggregate:
        first = _next(look, look.early, None, then="", now=0.0)
        yield first
    last = _next(look, look.aggregate, first, then=RESOLVED, now=0.0)
    if first is not None and last.planned.batch == _next(look, look.early, first, then="", now=0.0).planned.batch:
        last = replace(last, then=MADE)  # it would come without resolution, too
    yield last
    for _ in range(_MOST):
        if last.planned.guarding.returning:
            then, now = NOT_BACK, last.now + GRACE
        elif last.planned.batch.calls:
            then, now = MADE, last.now
        else:
            return
        last = _next(look, look.aggregate, last, then=then, now=now)
        yield last


def _next(look: Look, aggregate: Aggregate, before: Pass | None, *, then: str, now: float) -> Pass:
    observed = before.after if before is not None else look.observed
    memory = _learnt(before) if before is not None else Memory()
    planned = _planned(look, aggregate, observed, memory=memory, now=now, standstill=None)
    if look.standstill is not None and needs_proof(planned):
        planned = _planned(look, aggregate, observed, memory=memory, now=now, standstill=look.standstill)
    return Pass(planned, _after(planned), then, now)


def _planned(
    look: Look,
    aggregate: Aggregate,
    observed: Profile | None,
    *,
    memory: Memory,
    now: float,
    standstill: Standstill | None,
) -> Plan:
    return plan(
        aggregate,
        look.profile,
        identity=look.identity,
        observed=observed,
        memory=memory,
        settings=look.settings,
        now=now,
        standstill=standstill,
    )


def _learnt(before: Pass) -> Memory:
    """How many went counts for what may go later."""
    planned = before.planned
    return replace(planned.memory, absences=after_removal(planned.guarding, before.after, now=before.now))


def _after(planned: Plan) -> Profile | None:
    put = [call.profile for call in planned.batch.calls if isinstance(call, PutProfile)]
    if put:
        return put[-1]
    return composed(planned.observed, planned.verdict.allowed) if planned.observed is not None else None

"""When a profile is to be looked at again although nothing happened: what waits for a time, not for an event."""

from __future__ import annotations

from fleetdns.controllers.definitions import LOOK_AGAIN
from fleetdns.controllers.planner import Planner
from fleetdns.controllers.run import Run
from fleetdns.controllers.watches import BACKGROUND
from fleetdns.core.candidates import HIDDEN
from fleetdns.core.changes import Create, subject_name
from fleetdns.core.guard import GRACE
from fleetdns.core.handover import handovers
from fleetdns.core.memory import Settings
from fleetdns.core.plan import Plan
from fleetdns.core.policy import REFUSED
from fleetdns.runtime.controller import Result

_SOONEST = 0.1  # seconds


def next_look(run: Run, planner: Planner, *, settings: Settings, now: float) -> Result:
    """What a run ends with; `now`: the loop's seconds."""
    times = _due(run, run.plan, now) if run.plan is not None and planner.may_write(run) else []
    is_old = planner.is_old(run.identity)
    if is_old:
        # The sweep that hears of the profile at last may find it unchanged, and wakes nobody then.
        times.append(now + settings.sweep)
    remembered = run.memory.next_look(settings, now=now)
    if remembered is not None:
        times.append(remembered)
    if not times:
        return Result(is_quiet=is_old)
    wait = max(_SOONEST, min(times) - now)
    # What is due so soon belongs to what this run was for, a deletion perhaps. All else is as urgent as any repair: one
    # export withdrawn must not put what its profile tries again for hours before what users ask for.
    return Result(requeue_after=wait, priority=None if wait <= GRACE else BACKGROUND, is_quiet=is_old)


def _due(run: Run, planned: Plan, now: float) -> list[float]:
    """When refused endpoints, vanished exports, a standstill and the rest of a refused batch are to be looked at."""
    waiting = {subject_name(held.change) for held in planned.verdict.held_for(REFUSED)}
    names = (waiting | run.results.endpoint_errors.keys()) - run.results.succeeded
    refusals = run.memory.refusals or {}
    times = [refusals[name].retry_at for name in names if name in refusals]
    if planned.guarding.next_look is not None:
        times.append(planned.guarding.next_look)
    if run.standstill is not None or any(left.because == HIDDEN for left in planned.desired.left_out):
        times.append(now + LOOK_AGAIN)
    made = run.results.succeeded or any(isinstance(change, Create) for change in planned.verdict.allowed)
    if planned.drain.spared and made:
        times.append(now)  # what was made may serve in place of what was spared
    if any(pair.heir in run.results.endpoint_errors for pair in handovers(planned.verdict.allowed)):
        times.append(now)  # what was to have their targets is refused: they may have to go for another reason
    if planned.suspects and not run.results.untried:
        times.append(now)  # what was no part of the refused batch has waited for it
    return times

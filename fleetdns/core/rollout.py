"""How long changes are gathered, so that many of them become one write.

a profile not yet in Azure        waits for its backends and exports: applying a folder is one PUT; while this very
                                  process has yet to resolve its exports for the first time, up to 30 s
a profile that was quiet          is written at once
a profile that was just written   rests for 0.2 s: what came during the write, and what comes now, is the next one
status that was just written      rests for 1 s where Azure is left as it is: 200 exports that vanish one after another
                                  and are held are no 200 patches of one object
"""

from __future__ import annotations

from dataclasses import replace

from fleetdns.core.aggregate import Aggregate
from fleetdns.core.desired import Desired
from fleetdns.core.memory import Memory
from fleetdns.core.plan import Plan
from fleetdns.core.settle import QUIET, remaining, settling

_BACKLOG = 28.0  # seconds beyond the usual limit; a start with 40,000 exports takes so long to resolve them
_LOOK_AGAIN = 2.0  # seconds; whether it is still behind
_TOLD = 1.0  # seconds between two times that status tells of what is not written to Azure
_OVER = 0.001  # seconds; a wait that no clock can measure never ends


def rollout(planned: Plan, aggregate: Aggregate, *, now: float, is_behind: bool = False) -> tuple[Memory, float]:
    """What is remembered after one more look, and the seconds still to wait.

    `is_behind`: this process is about to resolve the exports of its services for the first time.
    """
    memory = planned.memory
    if planned.observed is not None or not planned.verdict.allowed:
        return replace(memory, settling=None), 0.0
    state = settling(memory.settling, aggregate.asked, now=now)
    wait = remaining(state, now=now, lacking=_lacking(planned.desired, is_behind=is_behind))
    return replace(memory, settling=state), min(wait, _LOOK_AGAIN) if is_behind else wait


def rest_after_write(written_at: float | None, *, now: float) -> float:
    """Seconds until a profile may be written again. `written_at`: when our last write of it ended."""
    rest = written_at + QUIET - now if written_at is not None else 0.0
    return rest if rest > _OVER else 0.0


def rest_after_status(told_at: float | None, *, now: float) -> float:
    """Seconds until status may tell again of what changes nothing in Azure. `told_at`: when it was last written."""
    rest = told_at + _TOLD - now if told_at is not None else 0.0
    return rest if rest > _OVER else 0.0


def _lacking(desired: Desired, *, is_behind: bool) -> float | None:
    """Exports that are still being resolved are waited for; where nothing else would be written, a moment longer."""
    if not desired.unresolved:
        return None
    if is_behind:
        return _BACKLOG
    return 0.0 if desired.profile.endpoints else QUIET

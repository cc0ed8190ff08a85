"""How long a profile that is not yet in Azure waits for its backends and exports: applying a folder is one PUT."""

from __future__ import annotations

from dataclasses import replace

from fleetdns.core.aggregate import Aggregate
from fleetdns.core.desired import Desired
from fleetdns.core.memory import Memory
from fleetdns.core.plan import Plan
from fleetdns.core.settle import QUIET, remaining, settling


def rollout(planned: Plan, aggregate: Aggregate, *, now: float) -> tuple[Memory, float]:
    """What is remembered after one more look, and the seconds still to wait."""
    memory = planned.memory
    if planned.observed is not None or not planned.verdict.allowed:
        return replace(memory, settling=None), 0.0
    state = settling(memory.settling, aggregate.asked, now=now)
    return replace(memory, settling=state), remaining(state, now=now, lacking=_lacking(planned.desired))


def _lacking(desired: Desired) -> float | None:
    """Exports that are still being resolved are waited for; where nothing else would be written, a moment longer."""
    if not desired.unresolved:
        return None
    return 0.0 if desired.profile.endpoints else QUIET

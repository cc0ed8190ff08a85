"""How long a profile that is not yet in Azure waits for its backends and exports, so that `kubectl apply -f dir/`
becomes one PUT.
"""

from __future__ import annotations

from dataclasses import dataclass

from fleetdns.core.trafficmanager import Profile

QUIET = 0.2
LIMIT = 2.0
_OVER = 0.001  # seconds; sums of floats miss by less, and a wait that a clock cannot measure never ends


@dataclass(frozen=True, slots=True)
class Settling:
    """What was desired when last looked at, since when it has been so, and since when somebody has waited (seconds)."""

    desired: Profile
    unchanged_since: float
    waiting_since: float


def settling(before: Settling | None, desired: Profile, *, now: float) -> Settling:
    """The state after one more look."""
    if before is None:
        return Settling(desired, now, now)
    if before.desired != desired:
        return Settling(desired, now, before.waiting_since)
    return before


def remaining(state: Settling, *, now: float) -> float:
    """Seconds still to wait; 0 when things were quiet for long enough or have moved for too long."""
    wait = min(state.unchanged_since + QUIET, state.waiting_since + LIMIT) - now
    return wait if wait > _OVER else 0.0

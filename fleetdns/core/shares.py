"""How much of a profile's traffic each endpoint gets: Traffic Manager's own rule, from weights and what the probes say.

the endpoint                                    its share
Disabled, Stopped or Inactive                   none
Online, not yet probed, or not probed at all    weight / sum of the weights of those that serve
Degraded                                        none, unless all that could serve are: then as if they were online
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fleetdns.core.trafficmanager import DEGRADED, DISABLED

_NEVER = frozenset({DISABLED.lower(), "stopped", "inactive"})


@dataclass(frozen=True, slots=True)
class Weighed:
    """One endpoint of a profile, by a name that tells it from the others."""

    name: str
    weight: int
    monitor_status: str | None = None


def shares(endpoints: Iterable[Weighed], *, is_profile_disabled: bool = False) -> dict[str, float]:
    """The part of the traffic, 0..1, of each endpoint by its name; all of them 0 where nobody is answered."""
    endpoints = tuple(endpoints)
    able = [e for e in endpoints if (e.monitor_status or "").lower() not in _NEVER and not is_profile_disabled]
    serving = [e for e in able if e.monitor_status != DEGRADED] or able
    total = sum(endpoint.weight for endpoint in serving)
    given = {endpoint.name: endpoint.weight / total for endpoint in serving} if total else {}
    return {endpoint.name: given.get(endpoint.name, 0.0) for endpoint in endpoints}

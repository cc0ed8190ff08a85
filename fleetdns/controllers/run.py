"""The facts of one run of the reconciler, filled in as they are found, so that a failure anywhere can be told whole."""

from __future__ import annotations

from dataclasses import dataclass, field

from fleetdns.api.meta import ObjectKey, is_marked
from fleetdns.api.profile import PAUSED, TrafficManagerProfile
from fleetdns.controllers.apply import Results
from fleetdns.controllers.hubwrites import HubWrites
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.identity import Identity
from fleetdns.core.memory import Memory
from fleetdns.core.plan import Plan
from fleetdns.core.standstill import Standstill


@dataclass(slots=True)
class Run:
    """`wait`: seconds that nothing is to be written yet, so that what follows becomes one write. `seen`: when Azure was
    as the plan has it, in seconds of the loop's clock; `is_proven`: the definitions were looked at. By folded uid:
    `guarded` have their finalizer, `unguarded` are refused it by the hub, with what is told of that.
    """

    aggregate: Aggregate
    profile: TrafficManagerProfile
    identity: Identity
    memory: Memory
    results: Results
    plan: Plan | None = None
    standstill: Standstill | None = None
    wait: float = 0.0
    seen: float = 0.0
    is_proven: bool = False
    guarded: set[str] = field(default_factory=set)
    unguarded: dict[str, str] = field(default_factory=dict)
    hub: HubWrites = field(default_factory=HubWrites)

    @property
    def key(self) -> ObjectKey:
        return self.profile.metadata.key

    @property
    def is_paused(self) -> bool:
        return is_marked(self.profile.metadata, PAUSED)

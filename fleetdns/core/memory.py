"""What one decision about a profile is given beside the state of the world: what the administrator decided, and what
earlier looks learned.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from fleetdns.core.aggregate import Asked
from fleetdns.core.cause import Cause
from fleetdns.core.contest import SWEEPS, Contest, next_look
from fleetdns.core.drift import Drift
from fleetdns.core.events import Event
from fleetdns.core.guard import Absences, Limits
from fleetdns.core.health import Told
from fleetdns.core.identity import Naming
from fleetdns.core.refusals import Refusals
from fleetdns.core.setback import Setback
from fleetdns.core.settle import Settling
from fleetdns.core.trafficmanager import Profile


@dataclass(frozen=True, slots=True)
class Settings:
    """What the administrator decided about every profile."""

    naming: Naming
    rounding: str
    is_dry_run: bool = False
    limits: Limits = field(default_factory=Limits)

    @property
    def sweep(self) -> float:
        """Seconds from one sweep to the next."""
        return self.limits.window


@dataclass(frozen=True, slots=True)
class Memory:
    """What earlier looks at one profile learned. Losing it costs calls, never truth.

    `settled`: what was there with our knowledge when a look last ended well. `refusals` None: not yet read back from
    status. `settling`: while a new profile waits for its backends and exports. `absences`: exports that vanished.
    `contest`: what was put back lately. `health`: what was told of health. `setback`: what Azure refused as a whole.
    `suspects`: endpoints of a refused batch, not tried alone yet (folded). `cause`: what was told of an outage.
    `tried`: what a call was to put back of which nobody knows yet what it did. `untold`: what was put back while the
    hub took no status. `said`: the events of health that one object's uid has, where the hub did not take the status
    of them all. `told_at`: when status was last written. `colliding`: since when every write has met
    another change. `doubtful`: what a write of ours may have changed since it was settled (folded endpoint names, "").
    """

    settled: Profile | None = None
    refusals: Refusals | None = None
    settling: Settling[Asked] | None = None
    absences: Absences = field(default_factory=Absences)
    contest: Contest = field(default_factory=Contest)
    health: Told = field(default_factory=Told)
    setback: Setback | None = None
    suspects: frozenset[str] = frozenset()
    cause: Cause | None = None
    tried: tuple[Drift, ...] = ()
    untold: tuple[Drift, ...] = ()
    said: frozenset[tuple[str, Event]] = frozenset()
    told_at: float | None = None
    colliding: float | None = None
    doubtful: frozenset[str] = frozenset()

    def repairing(self, drifts: Iterable[Drift]) -> tuple[Drift, ...]:
        """These, and what was tried before: the newest of each subject."""
        return tuple({drift.endpoint: drift for drift in (*self.tried, *drifts)}.values())

    def with_untold(self, drifts: Iterable[Drift]) -> Memory:
        return replace(self, untold=tuple(dict.fromkeys((*self.untold, *drifts))))

    def with_said(self, uid: str, events: Iterable[Event]) -> Memory:
        return replace(self, said=self.said | {(uid, event) for event in events})

    def unsaid(self, uid: str, events: Iterable[Event]) -> tuple[Event, ...]:
        """Those of the events that the object with this uid does not have yet."""
        return tuple(event for event in events if (uid, event) not in self.said)

    def next_look(self, settings: Settings, *, now: float) -> float | None:
        """When what somebody else keeps changing may be put back or is over, or health that waits may be told."""
        times = (
            next_look(self.contest, window=SWEEPS * settings.sweep, now=now),
            self.health.next_look(sweep=settings.sweep),
        )
        return min((time for time in times if time is not None), default=None)

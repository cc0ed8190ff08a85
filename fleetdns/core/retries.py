"""Which endpoints that Azure refused are tried again now, each alone, so that none of them holds up the others."""

from __future__ import annotations

from dataclasses import dataclass

from fleetdns.core.batch import one_by_one
from fleetdns.core.calls import Call
from fleetdns.core.changes import Change, Patch, subject_name
from fleetdns.core.handover import Handover
from fleetdns.core.plan import Plan
from fleetdns.core.policy import REFUSED
from fleetdns.core.refusals import due
from fleetdns.core.trafficmanager import Profile, ProfileRef


@dataclass(frozen=True, slots=True)
class Retries:
    """`alone`: one call for each endpoint; `handovers`: of those whose target another endpoint still has."""

    alone: tuple[Call, ...] = ()
    handovers: tuple[Handover, ...] = ()
    ref: ProfileRef | None = None

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls that are made whatever Azure answers."""
        if self.ref is None:
            return ()
        return (*self.alone, *(pair.trial(self.ref) for pair in self.handovers))


def retries(planned: Plan, base: Profile | None, *, now: float) -> Retries:
    """What is tried for refused endpoints whose time has come; `base`: the profile after the batch."""
    changes = _to_retry(planned, now)
    if base is None or not changes:
        return Retries()
    pairs = tuple(
        pair
        for pair in planned.verdict.handovers
        if pair.new in changes and base.endpoint(subject_name(pair.old)) is not None
    )
    alone = tuple(change for change in changes if change not in {pair.new for pair in pairs})
    return Retries(tuple(one_by_one(alone, base)), pairs, base.ref)


def needs_fresh(planned: Plan, *, now: float) -> bool:
    """Whether a call that is due writes back what others may have changed since Azure was last heard."""
    if planned.batch.needs_fresh or any(isinstance(change, Patch) for change in _to_retry(planned, now)):
        return True
    return bool(retries(planned, planned.observed, now=now).handovers)


def _to_retry(planned: Plan, now: float) -> tuple[Change, ...]:
    ready = due(planned.memory.refusals or {}, now=now)
    refused = (held.change for held in planned.verdict.held_for(REFUSED))
    return tuple(change for change in refused if subject_name(change) in ready)

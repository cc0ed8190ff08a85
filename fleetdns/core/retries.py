"""Which endpoints that Azure refused are tried again now, each alone, so that none of them holds up the others."""

from __future__ import annotations

from fleetdns.core.batch import one_by_one
from fleetdns.core.calls import Call
from fleetdns.core.changes import Change, Patch, subject_name
from fleetdns.core.plan import Plan
from fleetdns.core.policy import REFUSED
from fleetdns.core.refusals import due
from fleetdns.core.trafficmanager import Profile


def retries(planned: Plan, base: Profile | None, *, now: float) -> tuple[Call, ...]:
    """Lonely calls for refused endpoints whose time has come; `base`: the profile after the batch."""
    return tuple(one_by_one(_to_retry(planned, now), base)) if base is not None else ()


def needs_fresh(planned: Plan, *, now: float) -> bool:
    """Whether a call that is due writes back what others may have changed since Azure was last heard."""
    return planned.batch.needs_fresh or any(isinstance(change, Patch) for change in _to_retry(planned, now))


def _to_retry(planned: Plan, now: float) -> tuple[Change, ...]:
    ready = due(planned.memory.refusals or {}, now=now)
    refused = (held.change for held in planned.verdict.held_for(REFUSED))
    return tuple(change for change in refused if subject_name(change) in ready)

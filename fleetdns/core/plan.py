"""One whole decision about one profile: from what the hub asks and Azure holds to the calls that close the gap.

The same function serves the reconciler, which carries the calls out, and whoever only wants to see them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fleetdns.api.meta import is_marked
from fleetdns.api.profile import ALLOW_EMPTY, PAUSED, TrafficManagerProfile
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.batch import Batch, batch, one_by_one
from fleetdns.core.calls import Call
from fleetdns.core.changes import Change, Patch, diff, subject_name
from fleetdns.core.desired import Desired, desired_profile
from fleetdns.core.drift import Drift, drifted, settled_by_status
from fleetdns.core.identity import Identity, Naming
from fleetdns.core.outcome import Failure, Outcome
from fleetdns.core.policy import REFUSED, Verdict, circumstances, judge
from fleetdns.core.refusals import Refusals, due, refusals_by_status, still_refused
from fleetdns.core.settle import Settling
from fleetdns.core.trafficmanager import MAX_ENDPOINTS, Profile


@dataclass(frozen=True, slots=True)
class Settings:
    """What the administrator decided about every profile."""

    naming: Naming
    rounding: str
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """What earlier looks at one profile learned. Losing it costs calls, never truth.

    `settled`: what was desired, and true in Azure, when a look last ended well. `refusals` None: not yet read back from
    status. `settling`: while a new profile waits for its backends and exports.
    """

    settled: Profile | None = None
    refusals: Refusals | None = None
    settling: Settling | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What ought to be, what is, which changes may be made now, and the calls that make them."""

    identity: Identity
    desired: Desired
    observed: Profile | None
    verdict: Verdict
    batch: Batch
    drifts: tuple[Drift, ...]
    memory: Memory


def plan(
    aggregate: Aggregate,
    profile: TrafficManagerProfile,
    *,
    identity: Identity,
    observed: Profile | None,
    memory: Memory,
    settings: Settings,
    now: float,
) -> Plan:
    """`observed` None: Azure has no such profile. `now`: seconds of the clock that refusals are timed by."""
    foreign = [endpoint for endpoint in observed.endpoints if endpoint.owner is None] if observed else []
    desired = desired_profile(
        identity,
        profile,
        aggregate=aggregate,
        naming=settings.naming,
        rounding=settings.rounding,
        room=max(0, MAX_ENDPOINTS - len(foreign)),
    )
    memory = _recalled(memory, desired, profile, aggregate=aggregate, now=now)
    verdict = _verdict(aggregate, profile, desired, observed=observed, memory=memory, settings=settings)
    return Plan(
        identity=identity,
        desired=desired,
        observed=observed,
        verdict=verdict,
        batch=batch(verdict.allowed, observed),
        drifts=drifted(verdict.allowed, desired=desired.profile, settled=memory.settled),
        memory=memory,
    )


def retries(planned: Plan, base: Profile | None, *, now: float) -> tuple[Call, ...]:
    """Lonely calls for refused endpoints whose time has come; `base`: the profile after the batch."""
    return tuple(one_by_one(_to_retry(planned, now), base)) if base is not None else ()


def needs_fresh(planned: Plan, *, now: float) -> bool:
    """Whether a call that is due writes back what others may have changed since Azure was last heard."""
    return planned.batch.needs_fresh or any(isinstance(change, Patch) for change in _to_retry(planned, now))


def outcome(
    planned: Plan,
    aggregate: Aggregate,
    profile: TrafficManagerProfile,
    *,
    observed: Profile | None,
    is_observed: bool,
    memory: Memory,
    settings: Settings,
    failure: Failure | None,
    endpoint_failures: Mapping[str, Failure],
    is_stale: bool,
) -> Outcome:
    """What a plan came to. `observed`: Azure as known after the calls; `memory`: with what they taught."""
    verdict = _verdict(aggregate, profile, planned.desired, observed=observed, memory=memory, settings=settings)
    return Outcome(
        identity=planned.identity,
        desired=planned.desired,
        observed=observed,
        is_observed=is_observed,
        waiting=verdict.allowed,
        held=verdict.held,
        failure=failure,
        endpoint_failures=endpoint_failures,
        is_stale=is_stale,
        is_paused=is_marked(profile.metadata, PAUSED),
    )


def _to_retry(planned: Plan, now: float) -> tuple[Change, ...]:
    ready = due(planned.memory.refusals or {}, now=now)
    refused = (held.change for held in planned.verdict.held_for(REFUSED))
    return tuple(change for change in refused if subject_name(change) in ready)


def _verdict(
    aggregate: Aggregate,
    profile: TrafficManagerProfile,
    desired: Desired,
    *,
    observed: Profile | None,
    memory: Memory,
    settings: Settings,
) -> Verdict:
    given = circumstances(
        aggregate,
        observed,
        is_paused=is_marked(profile.metadata, PAUSED),
        is_dry_run=settings.is_dry_run,
        allow_empty=is_marked(profile.metadata, ALLOW_EMPTY),
        refused={name: refusal.message for name, refusal in (memory.refusals or {}).items()},
    )
    return judge(diff(desired.profile, observed), given)


def _recalled(
    memory: Memory, desired: Desired, profile: TrafficManagerProfile, *, aggregate: Aggregate, now: float
) -> Memory:
    """After a restart, status tells what was refused and what was true."""
    backends = aggregate.live_backends
    if memory.refusals is None:
        return replace(
            memory,
            refusals=refusals_by_status(desired, backends, now=now),
            settled=settled_by_status(desired.profile, profile=profile, backends=backends),
        )
    return replace(memory, refusals=still_refused(memory.refusals, desired.profile))

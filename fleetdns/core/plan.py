"""One whole decision about one profile: from what the hub asks and Azure holds to the calls that close the gap.

The same function serves the reconciler, which carries the calls out, and whoever only wants to see them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fleetdns.api.meta import is_marked
from fleetdns.api.profile import ALLOW_EMPTY, PAUSED, TrafficManagerProfile
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.batch import Batch, batch
from fleetdns.core.changes import Change, Delete, diff, subject_name
from fleetdns.core.circumstances import Circumstances, circumstances, unmade
from fleetdns.core.contest import SWEEPS, looked, slowed
from fleetdns.core.desired import Desired, desired_profile
from fleetdns.core.drain import Drain, drain, known_endpoints, sparing, undrained
from fleetdns.core.drift import Drift, drifted
from fleetdns.core.guard import Guarding, guard, guarded_clusters
from fleetdns.core.identity import Identity
from fleetdns.core.kept import Kept, kept_endpoints
from fleetdns.core.memory import Memory, Settings
from fleetdns.core.naming import EndpointName
from fleetdns.core.outcome import Failure, Outcome
from fleetdns.core.policy import Held, Verdict, abandoned, judge, unproven
from fleetdns.core.recall import recalled
from fleetdns.core.spare import spare
from fleetdns.core.standstill import Standstill
from fleetdns.core.trafficmanager import MAX_ENDPOINTS, Profile


@dataclass(frozen=True, slots=True)
class Plan:
    """What ought to be, what is, which changes may be made now, and the calls that make them.

    `drifts`: what somebody changed in Azure; `slowed`: the subjects of which that is put back later, with the reason.
    `stays`: removals for which a proof is missing; meanwhile those endpoints are parts of what is desired.
    `unguarded`: by folded uid the backends whose finalizer the hub does not take, with what is told of that.
    """

    identity: Identity
    desired: Desired
    observed: Profile | None
    verdict: Verdict
    batch: Batch
    drifts: tuple[Drift, ...]
    slowed: Mapping[str, str]
    memory: Memory
    guarding: Guarding
    stays: tuple[Held, ...]
    drain: Drain
    standstill: Standstill | None = None
    unguarded: Mapping[str, str] = field(default_factory=dict)

    @property
    def suspects(self) -> tuple[Change, ...]:
        """The changes that were in a batch that Azure refused: each is tried alone, before anything else."""
        return tuple(change for change in self.verdict.allowed if subject_name(change) in self.memory.suspects)


def plan(
    aggregate: Aggregate,
    profile: TrafficManagerProfile,
    *,
    identity: Identity,
    observed: Profile | None,
    memory: Memory,
    settings: Settings,
    now: float,
    standstill: Standstill | None = None,
    unguarded: Mapping[str, str] | None = None,
) -> Plan:
    """`observed` None: Azure has no such profile. `now`: seconds of the clock that refusals and absences are timed by.

    `standstill`: why nothing may be written now, whatever it is; `unguarded`: see Plan.
    """
    look = _Look(aggregate, profile, identity, observed, memory, settings, now, standstill, dict(unguarded or {}))
    draft = look.draft(drain(aggregate, observed))
    spared = look.spared(draft)
    if spared is not None:
        draft = look.draft(sparing(draft.drain, spared))
    window = SWEEPS * settings.sweep
    doubtful = draft.memory.doubtful
    drifts = drifted(draft.changes, desired=draft.desired.profile, settled=draft.memory.settled, doubtful=doubtful)
    contest = looked(draft.memory.contest, drifts, draft.desired.profile, window=window, now=now)
    slow = slowed(contest, drifts, draft.changes, observed, window=window, now=now)
    verdict = _with(draft.stays, judge(draft.changes, replace(draft.given, slowed=slow)))
    return Plan(
        identity=identity,
        desired=draft.desired,
        observed=observed,
        verdict=verdict,
        batch=batch(verdict.allowed, observed),
        drifts=drifts,
        slowed=slow,
        memory=replace(draft.memory, contest=contest),
        guarding=draft.guarding,
        stays=draft.stays,
        drain=draft.drain,
        standstill=standstill,
        unguarded=look.unguarded,
    )


@dataclass(frozen=True, slots=True)
class _Draft:
    """A plan before anybody asks when and in which calls."""

    desired: Desired
    changes: tuple[Change, ...]
    given: Circumstances
    memory: Memory
    guarding: Guarding
    stays: tuple[Held, ...]
    drain: Drain

    @property
    def leaving(self) -> frozenset[str]:
        """The folded names of the endpoints that would be gone if this were carried out now."""
        anytime = replace(self.given, is_paused=False, is_dry_run=False, standstill=None)
        return frozenset(subject_name(c) for c in judge(self.changes, anytime).allowed if isinstance(c, Delete))


@dataclass(frozen=True, slots=True)
class _Look:
    """What one decision is made from."""

    aggregate: Aggregate
    profile: TrafficManagerProfile
    identity: Identity
    observed: Profile | None
    memory: Memory
    settings: Settings
    now: float
    standstill: Standstill | None
    unguarded: Mapping[str, str]

    def draft(self, drained: Drain) -> _Draft:
        """What ought to be and what that changes, with what stays although the hub does not ask for it."""
        aggregate, observed = self.aggregate, self.observed
        desired = self._desired(drained)
        memory = recalled(
            self.memory,
            desired,
            self.profile,
            observed=observed,
            backends=aggregate.live_backends,
            sweep=self.settings.sweep,
            now=self.now,
        )
        given = _given(
            aggregate,
            self.profile,
            observed,
            memory=memory,
            settings=self.settings,
            drained=drained,
            standstill=self.standstill,
            unguarded=unmade(desired.profile, observed, self.unguarded),
        )
        changes = diff(desired.profile, observed)
        stays = unproven(changes, given)
        guarding = guard(
            changes,
            aggregate,
            observed,
            unproven=frozenset(subject_name(held.change) for held in stays),
            refused=frozenset(given.refused),
            drain=drained,
            absences=memory.absences,
            limits=self.settings.limits,
            now=self.now,
        )
        memory = replace(memory, absences=guarding.absences)
        kept = _kept(guarding, stays, desired.profile, observed=observed, aggregate=aggregate)
        if kept:
            desired = self._desired(drained, kept)
            changes = diff(desired.profile, observed)
        return _Draft(desired, changes, given, memory, guarding, stays, drained)

    def spared(self, draft: _Draft) -> EndpointName | None:
        """The drained endpoint that has to stay, if the draft would take the last that serves."""
        present = known_endpoints(self.aggregate, self.observed)
        taken = {e.folded for e in present if e.owner is not None and draft.drain.takes_endpoint(e.owner)}
        if not taken:
            return None
        wanted = self.draft(undrained(draft.drain))
        leaving = draft.leaving | (taken if self.observed is None else frozenset())
        # Whether the guard lets go one that vanished depends on what else is there: it is asked again without the rest.
        gone = wanted.leaving - wanted.guarding.going
        staying = (e for e in present if e.folded not in gone and self.observed is not None)
        owners = (e.owner for e in (*wanted.desired.profile.endpoints, *staying))
        coming = (e for e in draft.desired.profile.endpoints if e.folded not in draft.given.refused)
        return spare(
            draft.drain,
            present,
            self.aggregate,
            left=tuple(e for e in present if e.folded not in leaving),
            wanted=frozenset((owner.service, owner.cluster) for owner in owners if owner is not None),
            vanished=wanted.guarding.staying,
            claimed=frozenset(t for e in coming if (t := e.folded_target) is not None),
        )

    def _desired(self, drained: Drain, kept: tuple[Kept, ...] = ()) -> Desired:
        foreign = [e for e in self.observed.endpoints if e.owner is None] if self.observed is not None else []
        return desired_profile(
            self.identity,
            self.profile,
            aggregate=self.aggregate,
            drain=drained,
            naming=self.settings.naming,
            rounding=self.settings.rounding,
            room=max(0, MAX_ENDPOINTS - len(foreign)),
            kept=kept,
        )


def needs_proof(planned: Plan) -> bool:
    """Whether something is about to be written while objects on the hub go: then why they go has to be known."""
    changes = (*planned.verdict.allowed, *(held.change for held in planned.verdict.held))
    return bool(planned.verdict.allowed) and any(isinstance(change, Delete) for change in changes)


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
    silence: Failure | None = None,
) -> Outcome:
    """What a plan came to. `observed`: Azure as known after the calls; `memory`: with what they taught."""
    given = _given(
        aggregate,
        profile,
        observed,
        memory=memory,
        settings=settings,
        drained=planned.drain,
        standstill=planned.standstill,
        unguarded=unmade(planned.desired.profile, observed, planned.unguarded),
    )
    changes = diff(planned.desired.profile, observed)
    still = tuple(held for held in planned.stays if observed and observed.endpoint(subject_name(held.change)))
    verdict = _with(still, judge(changes, replace(given, slowed=planned.slowed)))
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
        silence=silence,
        is_paused=is_marked(profile.metadata, PAUSED),
        guarded=guarded_clusters(planned.guarding, observed, aggregate),
        abandoned=abandoned(still),
        contest=memory.contest,
    )


def _with(stays: tuple[Held, ...], verdict: Verdict) -> Verdict:
    told = {subject_name(held.change) for held in verdict.held}
    return replace(verdict, held=(*verdict.held, *(held for held in stays if subject_name(held.change) not in told)))


def _kept(
    guarding: Guarding, stays: tuple[Held, ...], desired: Profile, *, observed: Profile | None, aggregate: Aggregate
) -> tuple[Kept, ...]:
    """What stays without being asked for goes on with its share, unless another endpoint asks for its target."""
    if observed is None:
        return ()
    taken = {endpoint.folded_target for endpoint in desired.endpoints}
    names = guarding.staying | {subject_name(held.change) for held in stays}
    free = (e.folded for e in observed.endpoints if e.folded in names and e.folded_target not in taken)
    return kept_endpoints(free, observed, aggregate)


def _given(
    aggregate: Aggregate,
    profile: TrafficManagerProfile,
    observed: Profile | None,
    *,
    memory: Memory,
    settings: Settings,
    drained: Drain,
    standstill: Standstill | None,
    unguarded: Mapping[str, str],
) -> Circumstances:
    return circumstances(
        aggregate,
        observed,
        is_paused=is_marked(profile.metadata, PAUSED),
        is_dry_run=settings.is_dry_run,
        allow_empty=is_marked(profile.metadata, ALLOW_EMPTY),
        refused={name: refusal.message for name, refusal in (memory.refusals or {}).items()},
        drain=drained,
        standstill=standstill.message if standstill is not None else None,
        unguarded=unguarded,
    )

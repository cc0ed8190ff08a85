"""Turns what one run came to into status, events and metrics of the profile and of every backend."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from fleetdns.api.backend import CLEANUP_FINALIZER as BACKEND_FINALIZER
from fleetdns.api.backend import BackendStatus, TrafficManagerBackend
from fleetdns.api.profile import ProfileStatus, TrafficManagerProfile
from fleetdns.controllers.apply import Results
from fleetdns.controllers.hubwrites import HubWrites
from fleetdns.controllers.metered import is_trouble
from fleetdns.controllers.observer import ReconcileObserver
from fleetdns.controllers.run import Run
from fleetdns.controllers.surroundings import Surroundings
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.backendstatus import backend_status, leaving_status, unprogrammed_status
from fleetdns.core.cause import cause
from fleetdns.core.contest import SWEEPS, Contest, after_calls
from fleetdns.core.drift import Drift, put_back
from fleetdns.core.events import endpoints_turned, health_turned, repaired
from fleetdns.core.health import Told, Turns, changes, differs_in_health_alone, telling, written
from fleetdns.core.outcome import PENDING, Failure, Outcome, failure_of
from fleetdns.core.plan import Plan, outcome
from fleetdns.core.rollout import rest_after_status
from fleetdns.core.status import profile_status, unidentified_status
from fleetdns.core.trafficmanager import ProfileRef


class Report:
    """What people, the log and metrics are told."""

    def __init__(self, around: Surroundings, *, observer: ReconcileObserver) -> None:
        self._observer = observer
        self._index = around.index
        self._writer = around.writer
        self._settings = around.settings
        self._patience = around.patience
        self._clock = around.clock
        self._born = around.clock()

    async def outcome(self, run: Run, planned: Plan) -> None:
        """Write what a plan came to, and remember what was told. A run without a plan of its own did not hear of Azure
        at all: `planned` is a guess.
        """
        drifts = run.memory.repairing(planned.drifts)
        run.memory = replace(run.memory, contest=self._contest(planned, drifts, run.memory.contest))
        reached = self._outcome(run, planned)
        self._observer.reconciled(run.key, reached)
        if self._settings.is_dry_run:
            return
        still = (*reached.waiting, *(held.change for held in reached.held))
        repairs = put_back(drifts, still)
        for drift in repairs:
            self._observer.repaired(run.key, drift)
        is_known = self._index.known(planned.identity.ref) is not None
        run.memory = replace(run.memory.with_untold(repairs), tried=() if is_known else run.memory.tried)
        await self._release(run, reached)
        await self._tell(run, reached)
        for backend in run.aggregate.leaving_backends:
            leaving = leaving_status(backend, reached, now=self._writer.now)
            if leaving is not None:
                with run.hub.each():
                    await self._writer.backend(backend, leaving)

    def rest(self, run: Run) -> float:
        """Seconds until a run that wrote nothing to Azure, and that nobody waits for, is worth another status."""
        is_idle = run.plan is not None and not run.plan.batch.calls and run.results == Results()
        if not is_idle or run.aggregate.leaving_backends:
            return 0.0
        return rest_after_status(run.memory.told_at, now=self._clock())

    async def _tell(self, run: Run, reached: Outcome) -> None:
        """Status and events of the profile and its backends. Where the hub does not take one of them now, all is told
        by the next run, but for the events that were; what it refuses as it is must not keep the others' news back.
        """
        profile, before, now = run.profile, run.memory.health.failing, self._writer.now
        status = profile_status(profile, reached, now=now)
        backends = [(backend, backend_status(backend, reached, now=now)) for backend in run.aggregate.live_backends]
        turned, told = self._telling(run, reached, status, backends)
        is_azure_error = reached.failure is not None and reached.failure.kind != PENDING
        status = written(profile.status, status, told)
        events = run.memory.unsaid(profile.metadata.uid, health_turned(before, turned, status.conditions))
        drifts = repaired(run.memory.untold)
        with run.hub.each():
            await self._writer.profile(profile, status, is_azure_error=is_azure_error, events=(*drifts, *events))
            run.memory = replace(run.memory.with_said(profile.metadata.uid, events), untold=())
        for backend, found in backends:
            new, uid = written(backend.status, found, told), backend.metadata.uid
            events = run.memory.unsaid(uid, endpoints_turned(uid, turned))
            is_error = is_azure_error or bool(reached.endpoint_failures)
            with run.hub.each():
                await self._writer.backend(backend, new, is_azure_error=is_error, events=events)
                run.memory = run.memory.with_said(uid, events)
                self._observer.health_changed(run.key, changes(backend.status, new))
        if run.hub.is_passing:
            return
        is_new = status != profile.status or any(backend.status != new for backend, new in backends)
        told_at = self._clock() if is_new else run.memory.told_at
        run.memory = replace(run.memory, health=told, said=frozenset(), told_at=told_at)

    def _telling(
        self,
        run: Run,
        reached: Outcome,
        status: ProfileStatus,
        backends: Iterable[tuple[TrafficManagerBackend, BackendStatus]],
    ) -> tuple[Turns, Told]:
        """What is told of health by these statuses, and what was told then."""
        is_alone = differs_in_health_alone(run.profile.status, status)
        is_alone = is_alone or any(differs_in_health_alone(backend.status, new) for backend, new in backends)
        return telling(
            run.memory.health,
            reached.observed,
            is_observed=reached.is_observed,
            is_alone=is_alone,
            sweep=self._settings.sweep,
            now=self._clock(),
        )

    async def unidentified(
        self, aggregate: Aggregate, profile: TrafficManagerProfile, message: str, *, is_foreign: bool = False
    ) -> None:
        """Write why a profile cannot have an Azure profile; what it had stays, and so do its backends' endpoints.

        `is_foreign`: Azure's belongs to somebody else now, and so does whatever is in it.
        """
        self._observer.unidentified(profile.metadata.key, message)
        if self._settings.is_dry_run:
            return
        hub = HubWrites()
        if is_foreign or not profile.status.resource_id:
            for backend in aggregate.leaving_backends:
                with hub.each():
                    await self._writer.remove_finalizer(backend, BACKEND_FINALIZER)
        await self._unprogrammed(aggregate, profile, message, hub)
        hub.end()

    async def unguarded(self, run: Run, message: str) -> None:
        """Write why nothing is made in Azure for a profile whose finalizer the hub does not take."""
        await self._unprogrammed(run.aggregate, run.profile, message, run.hub)

    async def _unprogrammed(
        self, aggregate: Aggregate, profile: TrafficManagerProfile, message: str, hub: HubWrites
    ) -> None:
        now = self._writer.now
        with hub.each():
            await self._writer.profile(profile, unidentified_status(profile, message, now=now))
        because = f"TrafficManagerProfile {profile.metadata.name} is not programmed: {message}"
        for backend in aggregate.live_backends:
            with hub.each():
                await self._writer.backend(backend, unprogrammed_status(backend, because, now=now))

    def _outcome(self, run: Run, planned: Plan) -> Outcome:
        ref = planned.identity.ref
        known, failure = self._index.known(ref), self._failure(run)
        return outcome(
            planned,
            run.aggregate,
            run.profile,
            # A write whose outcome is unknown leaves nothing known: what was known before it is the last known state.
            observed=known.profile if known is not None else planned.observed,
            is_observed=run.plan is not None,
            memory=run.memory,
            settings=self._settings,
            failure=failure,
            endpoint_failures={name: failure_of(error) for name, error in run.results.endpoint_errors.items()},
            is_stale=self._is_stale(ref),
            silence=self._index.silences.because(ref.resource_group.lower()),
        )

    def _failure(self, run: Run) -> Failure | None:
        """What is told of what went wrong: of an outage the cause that was told, whatever is answered by turns."""
        error = run.results.failure
        if error is None or not is_trouble(error):
            run.memory = replace(run.memory, cause=None)
            return failure_of(error) if error is not None else None
        found = cause(run.memory.cause, failure_of(error), patience=self._patience, now=self._clock())
        run.memory = replace(run.memory, cause=found)
        return found.failure

    def _contest(self, planned: Plan, drifts: Iterable[Drift], before: Contest) -> Contest:
        known = self._index.known(planned.identity.ref)
        return after_calls(
            before,
            drifts,
            planned.desired.profile,
            known.profile if known is not None else None,
            window=SWEEPS * self._settings.sweep,
            now=self._clock(),
        )

    def _is_stale(self, ref: ProfileRef) -> bool:
        heard = self._index.observed.heard(ref)
        return self._clock() - (self._born if heard is None else heard) > self._patience

    async def _release(self, run: Run, reached: Outcome) -> None:
        """A backend that is being deleted may go once Azure holds nothing of it."""
        if not reached.is_observed:
            return
        owners = {e.owner.uid for e in reached.observed.owned if e.owner} if reached.observed else set()
        for backend in run.aggregate.leaving_backends:
            if backend.metadata.uid.lower() not in owners:
                with run.hub.each():
                    await self._writer.remove_finalizer(backend, BACKEND_FINALIZER)

"""Turns what one run came to into status, events and metrics of the profile and of every backend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fleetdns.api.backend import CLEANUP_FINALIZER as BACKEND_FINALIZER
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.controllers.apply import Results
from fleetdns.controllers.index import AzureIndex
from fleetdns.controllers.observer import ReconcileObserver
from fleetdns.controllers.status import StatusWriter
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.backendstatus import backend_status, leaving_status, unprogrammed_status
from fleetdns.core.contest import SWEEPS, Contest, after_calls
from fleetdns.core.drift import Drift, put_back
from fleetdns.core.events import endpoints_turned, health_turned, repaired
from fleetdns.core.health import Told, changes, differs_in_health_alone, telling, written
from fleetdns.core.memory import Memory, Settings
from fleetdns.core.outcome import PENDING, Outcome, failure_of
from fleetdns.core.plan import Plan, outcome
from fleetdns.core.status import profile_status, unidentified_status
from fleetdns.core.trafficmanager import ProfileRef


class Report:
    """`patience`: seconds after which an old observation is no longer called true. `clock`: the loop's."""

    def __init__(
        self,
        index: AzureIndex,
        writer: StatusWriter,
        *,
        settings: Settings,
        observer: ReconcileObserver,
        patience: float,
        clock: Callable[[], float],
    ) -> None:
        self._index = index
        self._writer = writer
        self._settings = settings
        self._observer = observer
        self._patience = patience
        self._clock = clock
        self._born = clock()

    async def outcome(
        self,
        aggregate: Aggregate,
        profile: TrafficManagerProfile,
        *,
        planned: Plan,
        is_observed: bool,
        memory: Memory,
        results: Results,
    ) -> Memory:
        """Write what a plan came to; the memory with what was told.

        `is_observed` False: Azure was not heard of at all, the plan is a guess.
        """
        memory = replace(memory, contest=self._contest(planned, memory.contest))
        reached = self._outcome(
            aggregate, profile, planned=planned, is_observed=is_observed, memory=memory, results=results
        )
        self._observer.reconciled(profile.metadata.key, reached)
        if self._settings.is_dry_run:
            return memory
        still = (*reached.waiting, *(held.change for held in reached.held))
        drifts = put_back(planned.drifts, still)
        for drift in drifts:
            self._observer.repaired(profile.metadata.key, drift)
        told = await self._tell(aggregate, profile, reached, told=memory.health, drifts=drifts)
        for backend in aggregate.leaving_backends:
            leaving = leaving_status(backend, reached, now=self._writer.now)
            if leaving is not None:
                await self._writer.backend(backend, leaving)
        await self._release(aggregate, reached)
        return replace(memory, health=told)

    async def _tell(
        self,
        aggregate: Aggregate,
        profile: TrafficManagerProfile,
        reached: Outcome,
        *,
        told: Told,
        drifts: tuple[Drift, ...],
    ) -> Told:
        """Status and events of the profile and its backends; what is told of their health now."""
        key, before, now = profile.metadata.key, told.failing, self._writer.now
        status = profile_status(profile, reached, now=now)
        backends = [(backend, backend_status(backend, reached, now=now)) for backend in aggregate.live_backends]
        is_alone = differs_in_health_alone(profile.status, status)
        is_alone = is_alone or any(differs_in_health_alone(backend.status, new) for backend, new in backends)
        turned, told = telling(
            told,
            reached.observed,
            is_observed=reached.is_observed,
            is_alone=is_alone,
            sweep=self._settings.sweep,
            now=self._clock(),
        )
        is_azure_error = reached.failure is not None and reached.failure.kind != PENDING
        status = written(profile.status, status, told)
        events = (*repaired(drifts), *health_turned(before, turned, status.conditions))
        await self._writer.profile(profile, status, is_azure_error=is_azure_error, events=events)
        for backend, found in backends:
            new = written(backend.status, found, told)
            await self._writer.backend(
                backend,
                new,
                is_azure_error=is_azure_error or bool(reached.endpoint_failures),
                events=endpoints_turned(backend.metadata.uid, turned),
            )
            self._observer.health_changed(key, changes(backend.status, new))
        return told

    async def unidentified(
        self, aggregate: Aggregate, profile: TrafficManagerProfile, message: str, *, is_foreign: bool = False
    ) -> None:
        """Write why a profile cannot have an Azure profile; what it had stays, and so do its backends' endpoints.

        `is_foreign`: Azure's belongs to somebody else now, and so does whatever is in it.
        """
        self._observer.unidentified(profile.metadata.key, message)
        if self._settings.is_dry_run:
            return
        now = self._writer.now
        await self._writer.profile(profile, unidentified_status(profile, message, now=now))
        because = f"TrafficManagerProfile {profile.metadata.name} is not programmed: {message}"
        for backend in aggregate.live_backends:
            await self._writer.backend(backend, unprogrammed_status(backend, because, now=now))
        if is_foreign or not profile.status.resource_id:
            for backend in aggregate.leaving_backends:
                await self._writer.remove_finalizer(backend, BACKEND_FINALIZER)

    def _outcome(
        self,
        aggregate: Aggregate,
        profile: TrafficManagerProfile,
        *,
        planned: Plan,
        is_observed: bool,
        memory: Memory,
        results: Results,
    ) -> Outcome:
        known = self._index.known(planned.identity.ref)
        return outcome(
            planned,
            aggregate,
            profile,
            # A write whose outcome is unknown leaves nothing known: what was known before it is the last known state.
            observed=known.profile if known is not None else planned.observed,
            is_observed=is_observed,
            memory=memory,
            settings=self._settings,
            failure=failure_of(results.failure) if results.failure is not None else None,
            endpoint_failures={name: failure_of(error) for name, error in results.endpoint_errors.items()},
            is_stale=self._is_stale(planned.identity.ref),
        )

    def _contest(self, planned: Plan, before: Contest) -> Contest:
        known = self._index.known(planned.identity.ref)
        return after_calls(
            before,
            planned.drifts,
            planned.desired.profile,
            known.profile if known is not None else None,
            window=SWEEPS * self._settings.sweep,
            now=self._clock(),
        )

    def _is_stale(self, ref: ProfileRef) -> bool:
        heard = self._index.observed.heard(ref)
        return self._clock() - (self._born if heard is None else heard) > self._patience

    async def _release(self, aggregate: Aggregate, reached: Outcome) -> None:
        """A backend that is being deleted may go once Azure holds nothing of it."""
        if not reached.is_observed:
            return
        owners = {e.owner.uid for e in reached.observed.owned if e.owner} if reached.observed else set()
        for backend in aggregate.leaving_backends:
            if backend.metadata.uid.lower() not in owners:
                await self._writer.remove_finalizer(backend, BACKEND_FINALIZER)

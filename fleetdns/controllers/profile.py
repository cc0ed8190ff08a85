"""Reconciles one TrafficManagerProfile with its backends against its Azure profile.

gather -> identity -> observe -> plan -> apply -> status. May be cut at any await and run again: what it remembers of
earlier runs only saves calls.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from random import Random

from fleetdns.api.backend import CLEANUP_FINALIZER as BACKEND_FINALIZER
from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.meta import ObjectKey
from fleetdns.controllers.apply import Applier, Results
from fleetdns.controllers.caches import Caches
from fleetdns.controllers.definitions import LOOK_AGAIN, standstill
from fleetdns.controllers.deletion import Deletion
from fleetdns.controllers.finalizers import Finalizers
from fleetdns.controllers.hubwrites import HubWrites
from fleetdns.controllers.identities import Identities
from fleetdns.controllers.metered import is_trouble
from fleetdns.controllers.nextlook import next_look
from fleetdns.controllers.observer import ReconcileObserver
from fleetdns.controllers.overrides import OverrideReconciler
from fleetdns.controllers.planner import Planner
from fleetdns.controllers.report import Report
from fleetdns.controllers.run import Run
from fleetdns.controllers.surroundings import Surroundings
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.callbudget import USER, needed
from fleetdns.core.collision import colliding_since, outlasting
from fleetdns.core.drift import doubtful_after, settled_after
from fleetdns.core.guard import after_removal
from fleetdns.core.identity import Unidentified
from fleetdns.core.memory import Memory
from fleetdns.core.outcome import failure_of
from fleetdns.core.plan import Plan
from fleetdns.core.refusals import Refusal, refused
from fleetdns.core.retries import retries
from fleetdns.core.setback import after_calls
from fleetdns.core.trafficmanager import Endpoint, Profile
from fleetdns.errors import Conflict, Deferred, FleetDNSError, Transient
from fleetdns.runtime.controller import Result

# Seconds; whoever stands in the line for longer than that is told so in status.
_LONG_WAIT = 5.0
# Seconds; what is due so soon comes before another try of what the hub refused, which waits for longer each time.
_SOON = 5.0


class ProfileReconciler:
    """One key is one Azure profile: the queue never runs a key twice at once, and that is the only lock needed."""

    def __init__(
        self,
        caches: Caches,
        around: Surroundings,
        *,
        overrides: OverrideReconciler,
        observer: ReconcileObserver,
        random: Random,
        urgency: Callable[[ObjectKey], int] = lambda _: USER,
        is_resolving: Callable[[ObjectKey], bool] = lambda _: False,
    ) -> None:
        """`urgency`: of core/callbudget.py, of the key that is being worked on; `is_resolving`: of a service."""
        self._caches = caches
        self._index = around.index
        self._azure = around.azure
        self._overrides = overrides
        self._definitions = around.definitions
        self._writer = around.writer
        self._settings = around.settings
        self._observer = observer
        self._clock = around.clock
        self._random = random
        self._urgency = urgency
        self._identities = Identities(around.index, around.settings)
        self._planner = Planner(around, is_resolving=is_resolving)
        self._applier = Applier(around.azure, around.index.observed, clock=around.clock)
        self._report = Report(around, observer=observer)
        self._finalizers = Finalizers(around.writer, self._report)
        self._deletion = Deletion(around, self._applier)
        self._memories: dict[ObjectKey, Memory] = {}
        self.troubled: set[ObjectKey] = set()  # keys that wait for Azure to be itself again

    async def reconcile(self, key: ObjectKey) -> Result:
        """Make Azure and status true for one key; raises what keeps it from it, after saying so in status."""
        try:
            result = await self._reconcile(key)
        except FleetDNSError as error:
            if is_trouble(error):
                self.troubled.add(key)
            raise
        self.troubled.discard(key)
        return result

    async def _reconcile(self, key: ObjectKey) -> Result:
        aggregate = self._overrides.foreseen(self._caches.aggregate(key))
        profile = aggregate.profile
        if profile is None and (key in aggregate.unreadable.profiles or aggregate.unreadable.is_unnamed):
            return Result()
        if profile is None or profile.metadata.is_deleting:
            self._memories.pop(key, None)
            self._planner.forget(key)
            self._observer.forgotten(key)
            await self._deletion.reconcile(aggregate)
            return Result()
        if await self._is_losing_backends(aggregate):
            return Result(requeue_after=LOOK_AGAIN)
        results = Results()
        try:
            identity = await self._identities.seen(profile)
        except FleetDNSError as error:
            results.error = error
            identity = self._identities.identity(profile)
        if isinstance(identity, Unidentified):
            if results.error is not None:
                raise results.error
            await self._report.unidentified(aggregate, profile, identity.message)
            return Result(requeue_after=self._settings.sweep) if identity.may_pass else Result()
        run = Run(aggregate, profile, identity, self._memories.get(key, Memory()), results)
        try:
            with self._turn(run):
                result = await self._converge(run)
        except FleetDNSError as error:
            # A hub that cannot be told must not make Azure be asked sooner than it can bear.
            if isinstance(run.results.error, Transient):
                raise run.results.error from error
            raise
        finally:
            self._memories[key] = run.memory
        return _ended(run, result)

    async def _is_losing_backends(self, aggregate: Aggregate) -> bool:
        """Whether backends go because their kind does: then they are let go, and what they made stays in Azure."""
        if not aggregate.leaving_backends or self._settings.is_dry_run:
            return False
        found = await standstill(self._definitions)
        if found is None or TrafficManagerBackend.resource.plural not in found.leaving:
            return False
        hub = HubWrites()
        for backend in aggregate.leaving_backends:
            with hub.each():
                await self._writer.remove_finalizer(backend, BACKEND_FINALIZER)
        hub.end()
        return True

    def _turn(self, run: Run) -> AbstractContextManager[None]:
        """Whoever could not even see what there is asks for nothing more, and its place in the line is for that."""
        if run.results.error is not None:
            return nullcontext()
        return self._azure.turn(run.identity.ref, urgency=self._urgency(run.key))

    async def _converge(self, run: Run) -> Result:
        if run.results.error is None:
            await self._planner.observe(run)
        foreign = self._planner.foreign(run)
        if foreign:
            await self._report.unidentified(run.aggregate, run.profile, foreign, is_foreign=True)
            return Result()
        if run.wait > 0:
            return Result(requeue_after=run.wait)
        if run.plan is not None and run.results.error is None:
            await self._act(run)
        self._learn(run)
        self._notice_collision(run)
        run.results.error = _own_words(run)
        if _is_silent(run.results.error):
            return Result()
        rest = self._report.rest(run)
        if rest > 0:
            return Result(requeue_after=rest)
        await self._report.outcome(run, run.plan or self._planner.planned(run, None))
        return next_look(run, self._planner, settings=self._settings, now=self._clock())

    async def _act(self, run: Run) -> None:
        if run.plan is None or not self._planner.may_write(run):
            return
        try:
            self._reserve(run, run.plan)
        except Deferred as error:
            run.results.error = error
            return
        await self._make_ready(run, run.plan)
        if run.results.error is None:
            await self._write(run, run.plan)

    def _reserve(self, run: Run, planned: Plan) -> None:
        again = retries(planned, planned.observed, now=self._clock()).calls
        is_apart = bool(planned.suspects) and planned.observed is not None
        self._azure.reserve(run.identity.ref, needed(() if is_apart else (*planned.batch.calls, *again)))

    async def _make_ready(self, run: Run, planned: Plan) -> None:
        """All that has to be on the hub before Azure is written to; then what Azure held before that may be old."""
        if await self._finalizers.put_on(run, planned):
            self._planner.again(run)
        if not await self._planner.renew(run) or run.plan is None:
            return
        if await self._finalizers.put_on(run, run.plan):
            self._planner.again(run)
        if self._planner.foreign(run):
            run.results.error = Conflict("ChangedMeanwhile", "the profile became somebody else's")

    async def _write(self, run: Run, planned: Plan) -> None:
        run.memory = replace(run.memory, tried=run.memory.repairing(planned.drifts))
        if planned.suspects and planned.observed is not None:
            run.results = await self._applier.apart(planned.suspects, planned.observed)
            run.memory = replace(run.memory, suspects=run.results.untried)
            return
        calls = planned.batch.calls
        run.results = await self._applier.apply(calls, planned.verdict.allowed, planned.observed)
        setback = after_calls(run.memory.setback, calls, planned.observed, error=run.results.failure, now=self._clock())
        run.memory = replace(run.memory, setback=setback, suspects=run.results.untried)
        if run.results.error is None:
            known = self._index.known(run.identity.ref)
            await self._applier.again(
                retries(planned, known.profile if known else None, now=self._clock()), run.results
            )

    def _learn(self, run: Run) -> None:
        """Remember what was refused, and, when everything desired is true, that it is."""
        if run.plan is None:
            return
        now, refusals = self._clock(), dict(run.memory.refusals or {})
        for name in run.results.succeeded:
            refusals.pop(name, None)
        for name, error in run.results.endpoint_errors.items():
            endpoint = run.plan.desired.profile.endpoint(name)
            if endpoint is not None:
                refusals[name] = self._refused(refusals.get(name), endpoint, error, now)
        known = self._index.known(run.identity.ref)
        absences = after_removal(run.plan.guarding, known.profile if known else None, now=now)
        run.memory = replace(
            run.memory,
            refusals=refusals,
            settled=self._settled(run),
            doubtful=doubtful_after(
                run.memory.doubtful,
                run.plan.verdict.allowed,
                run.plan.drifts,
                desired=run.plan.desired.profile,
                known=known.profile if known else None,
            ),
            absences=absences,
        )

    def _notice_collision(self, run: Run) -> None:
        now = self._clock()
        since = colliding_since(run.memory.colliding, run.results.error, now=now)
        run.memory = replace(run.memory, colliding=since)
        run.results.error = outlasting(run.results.error, since, patience=self._settings.sweep, now=now)

    def _refused(self, before: Refusal | None, endpoint: Endpoint, error: FleetDNSError, now: float) -> Refusal:
        jitter = self._random.random()
        return refused(before, target=endpoint.folded_target, failure=failure_of(error), now=now, jitter=jitter)

    def _settled(self, run: Run) -> Profile | None:
        known = self._index.known(run.identity.ref)
        if run.plan is None or known is None or known.profile is None:
            return run.memory.settled
        return settled_after(run.plan.desired.profile, known.profile, run.memory.settled)


def _ended(run: Run, result: Result) -> Result:
    """Raises what has to be tried again: Azure's part, or what the hub refused of single objects."""
    if run.results.failure is not None:
        raise run.results.failure
    if result.requeue_after is None or result.requeue_after > _SOON:
        run.hub.end()
    return result


def _own_words(run: Run) -> FleetDNSError | None:
    """What this profile was answered itself, where it waits because others are answered the same: their sentences are
    about other profiles, and status would turn with each try.
    """
    error, setback = run.results.error, run.memory.setback
    if isinstance(error, Deferred) and setback is not None and type(error.because) is type(setback.error):
        return setback.error.again()
    return error


def _is_silent(error: FleetDNSError | None) -> bool:
    """Two changes met: it is read and repeated soon, and nobody needs to hear of it. Nor of a short wait for a turn."""
    if isinstance(error, Deferred):
        return error.because is None and error.retry_after < _LONG_WAIT
    return isinstance(error, Conflict)

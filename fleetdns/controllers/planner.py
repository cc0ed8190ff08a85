"""Plans one run on what is known of Azure, and on what Azure says now where that is needed before anything is written.

What may not be written yet is found out before Azure is asked anything: reads are calls, too.
"""

from __future__ import annotations

from collections.abc import Callable

from fleetdns.api.meta import ObjectKey
from fleetdns.controllers.definitions import standstill
from fleetdns.controllers.run import Run
from fleetdns.controllers.surroundings import Surroundings
from fleetdns.core.callbudget import PROFILE_READS, PROFILE_WRITES, needed
from fleetdns.core.identity import Identity, foreign_owner
from fleetdns.core.observed import GET, LIST, Observation
from fleetdns.core.plan import Plan, needs_proof, plan
from fleetdns.core.retries import needs_fresh, retries
from fleetdns.core.rollout import rest_after_write, rollout
from fleetdns.core.trafficmanager import Profile
from fleetdns.errors import FleetDNSError

_FRESH = 1.0  # seconds that a read counts as made just now: what it was made for had to wait a moment


class Planner:
    """`is_resolving`: whether a service's exports are about to be resolved for the first time by this process."""

    def __init__(self, around: Surroundings, *, is_resolving: Callable[[ObjectKey], bool]) -> None:
        self._is_resolving = is_resolving
        self._index = around.index
        self._azure = around.azure
        self._definitions = around.definitions
        self._settings = around.settings
        self._patience = around.patience
        self._clock = around.clock
        self._swept: set[ObjectKey] = set()  # keys whose profile was heard of since their object came

    async def observe(self, run: Run) -> None:
        """Fill in the plan, how long it has to wait, and what keeps it from being made."""
        try:
            await self._observe(run)
        except FleetDNSError as error:
            run.results.error = error

    def forget(self, key: ObjectKey) -> None:
        """The object is gone or going."""
        self._swept.discard(key)

    def is_old(self, identity: Identity) -> bool:
        """Whether nothing was heard of the profile for too long to believe what is known."""
        heard = self._index.observed.heard(identity.ref)
        return heard is not None and self._clock() - heard > self._patience

    def may_write(self, run: Run) -> bool:
        return not self._settings.is_dry_run and not run.is_paused

    def planned(self, run: Run, observed: Profile | None) -> Plan:
        """The plan for one picture of Azure."""
        return plan(
            run.aggregate,
            run.profile,
            identity=run.identity,
            observed=observed,
            memory=run.memory,
            settings=self._settings,
            now=self._clock(),
            standstill=run.standstill,
            unguarded=run.unguarded,
        )

    def again(self, run: Run) -> None:
        """Plan anew on the same picture of Azure: something was learned meanwhile."""
        if run.plan is not None:
            run.plan = self.planned(run, run.plan.observed)
            run.memory = run.plan.memory

    async def renew(self, run: Run) -> bool:
        """Read again what the calls would write back, where the hub took so long that others may have changed it.
        Whether that was done; `run.results.error` says what keeps it from that.
        """
        if run.plan is None or self._clock() - run.seen <= _FRESH or not needs_fresh(run.plan, now=self._clock()):
            return False
        try:
            await self._look_afresh(run, run.plan)
            await self._prove(run)
        except FleetDNSError as error:
            run.results.error = error
        return run.results.error is None

    def foreign(self, run: Run) -> str | None:
        """Whose the profile is in Azure, when it is not this object's."""
        observed = run.plan.observed if run.plan else None
        if observed is None:
            return None
        return foreign_owner(observed, run.identity, profile=run.profile, naming=self._settings.naming)

    async def _observe(self, run: Run) -> None:
        """Step by step; whatever ends it spares the calls of the steps that follow.

        nothing is known, and it was just written     wait: what follows is a write
        these calls were refused just now             end, with what was said then
        a new profile, or one that was just written   wait for what else comes
        calls write back what others may have set     read it afresh
        endpoints are to go                           look at the definitions
        """
        known = self._known(run)
        if known is None and self.may_write(run):
            run.wait = self._rest(run)
            if run.wait > 0:
                return
        if await self._is_refused_at_first_look(run, known):
            return
        self._pace(run)
        if run.wait > 0:
            return
        if known is not None and run.plan is not None and self._needs_fresh(run, run.plan, known):
            await self._look_afresh(run, run.plan)
        await self._prove(run)
        self._swept.add(run.key)

    async def _is_refused_at_first_look(self, run: Run, known: Observation | None) -> bool:
        """Plan on what is known, or on one read; whether these calls were refused just now. Those are not prepared by a
        read: where nothing is known, what Azure held when it refused them tells whether they are the same.
        """
        if known is not None:
            self._look(run, known.profile)
            return self._is_set_back(run)
        setback = run.memory.setback
        if setback is not None and not setback.is_due(self._clock()):
            self._look(run, setback.base)
            if self._is_set_back(run):
                return True
        self._look(run, await self._read(run))
        return False

    async def _look_afresh(self, run: Run, planned: Plan) -> None:
        self._azure.reserve(run.identity.ref, needed(planned.batch.calls, reads=1))
        self._look(run, await self._read(run))

    async def _prove(self, run: Run) -> None:
        """Why objects go is looked at once, before anything is written while endpoints are to go."""
        if run.plan is None or run.is_proven or not needs_proof(run.plan):
            return
        run.standstill = await standstill(self._definitions)
        run.is_proven = True
        self.again(run)

    def _known(self, run: Run) -> Observation | None:
        known = self._index.known(run.identity.ref)
        if known is not None and known.profile is None and known.source == LIST:
            return None  # a PUT replaces all there is: that a list leaves a profile out is no proof for that
        if run.key not in self._swept and self.is_old(run.identity):
            return None  # while no object stood for the profile, no sweep asked for it
        return known

    def _is_set_back(self, run: Run) -> bool:
        """Whether these calls were refused just now: then they are neither made again nor prepared by a read."""
        setback = run.memory.setback
        if run.plan is None or setback is None or not self.may_write(run):
            return False
        if not setback.stands_for(run.plan.batch.calls, now=self._clock()):
            return False
        run.results.error = setback.error.again()
        return True

    def _pace(self, run: Run) -> None:
        """How long a new profile waits for its backends, and any other after it was written."""
        if run.plan is None:
            return
        now = self._clock()
        is_behind = any(self._is_resolving(backend.service_key) for backend in run.aggregate.live_backends)
        run.memory, run.wait = rollout(run.plan, run.aggregate, now=now, is_behind=is_behind)
        has_calls = run.plan.batch.calls or retries(run.plan, run.plan.observed, now=now).calls
        if run.wait <= 0 and has_calls and self.may_write(run):
            run.wait = self._rest(run)

    def _rest(self, run: Run) -> float:
        return rest_after_write(self._index.observed.written(run.identity.ref), now=self._clock())

    def _needs_fresh(self, run: Run, planned: Plan, known: Observation) -> bool:
        """Whether a call writes back what others may have changed since Azure was last heard."""
        if not self.may_write(run):
            return False
        if planned.suspects and known.source != LIST:
            return False  # it was read before the batch that was refused, and everything written since is known
        if known.source == GET and self._clock() - known.started < _FRESH:
            return False
        return needs_fresh(planned, now=self._clock())

    async def _read(self, run: Run) -> Profile | None:
        ref = run.identity.ref
        # Where a write was lost, what follows the read is a write: without the one the other is of no use.
        is_repeated = self._index.observed.is_unsure(ref) and self.may_write(run)
        self._azure.reserve(ref, {PROFILE_READS: 1, PROFILE_WRITES: 1} if is_repeated else {PROFILE_READS: 1})
        return await self._index.read(ref)

    def _look(self, run: Run, observed: Profile | None) -> None:
        run.plan = self.planned(run, observed)
        run.memory = run.plan.memory
        run.seen = self._clock()

"""Finalizers go on before the first write of what they guard.

What is there without our doing (a hub restored, a profile adopted) is guarded as well: its object must not go without
it. Where the hub refuses one, nothing new is made for that object, and all the others go on.
"""

from __future__ import annotations

from fleetdns.api.backend import CLEANUP_FINALIZER as BACKEND_FINALIZER
from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.profile import CLEANUP_FINALIZER as PROFILE_FINALIZER
from fleetdns.controllers.report import Report
from fleetdns.controllers.run import Run
from fleetdns.controllers.status import StatusWriter
from fleetdns.core.plan import Plan
from fleetdns.core.trafficmanager import Endpoint
from fleetdns.errors import FleetDNSError, Forbidden, Rejected


class Finalizers:
    """Puts them on; `run.guarded` and `run.unguarded` keep what came of it, so that each is tried once in a run."""

    def __init__(self, writer: StatusWriter, report: Report) -> None:
        self._writer = writer
        self._report = report

    async def put_on(self, run: Run, planned: Plan) -> bool:
        """Whether the hub refused one that it was not asked for before: the plan is to be made again without what that
        would have guarded. Raises where the profile's own is refused, after saying so in status.
        """
        if planned.observed is None and not planned.batch.calls:
            return False
        await self._guard_profile(run)
        before = len(run.unguarded)
        owners = _owners(planned)
        for backend in run.aggregate.live_backends:
            if backend.metadata.uid.lower() in owners - run.guarded - run.unguarded.keys():
                await self._guard_backend(run, backend)
        return len(run.unguarded) > before

    async def _guard_profile(self, run: Run) -> None:
        uid = run.profile.metadata.uid.lower()
        if uid in run.guarded:
            return
        try:
            await self._writer.add_finalizer(run.profile, PROFILE_FINALIZER)
        except (Rejected, Forbidden) as error:
            await self._report.unguarded(run, _refused(error, "nothing"))
            raise
        run.guarded.add(uid)

    async def _guard_backend(self, run: Run, backend: TrafficManagerBackend) -> None:
        uid = backend.metadata.uid.lower()
        try:
            await self._writer.add_finalizer(backend, BACKEND_FINALIZER)
        except (Rejected, Forbidden) as error:
            run.hub.note(error)
            run.unguarded[uid] = _refused(error, "no endpoint")
        else:
            run.guarded.add(uid)


def _owners(planned: Plan) -> frozenset[str]:
    """The folded uids of those for whom something is in Azure, or is about to be."""
    endpoints = [change.subject for change in planned.verdict.allowed if isinstance(change.subject, Endpoint)]
    endpoints += planned.observed.endpoints if planned.observed else ()
    return frozenset(endpoint.owner.uid for endpoint in endpoints if endpoint.owner is not None)


def _refused(error: FleetDNSError, what: str) -> str:
    return f"the hub does not take the finalizer on this object, without which {what} is made for it in Azure: {error}"

"""Reconciles one exported service: what overrides make of its exports first, then the import of what is left.

In this order a cluster that an override leaves out, or gives no weight, never serves for a moment before that is known.
Where the hub refuses to write it on an export, the others must not wait for that: profiles foresee what it would say.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fleetdns.api.meta import ObjectKey
from fleetdns.controllers.overrides import OverrideReconciler
from fleetdns.errors import FleetDNSError
from fleetdns.runtime.controller import Result

_LOOK_AGAIN = 30.0  # seconds, while something that cannot be read hides what overrides say


class ServiceReconciler:
    """`resolve`: makes the import; None: somebody else does."""

    def __init__(self, overrides: OverrideReconciler, resolve: Callable[[ObjectKey], Awaitable[Result]] | None) -> None:
        self._overrides = overrides
        self._resolve = resolve
        self._done: set[ObjectKey] = set()  # of those that anybody exports

    def is_new(self, service: ObjectKey) -> bool:
        """Whether this process has not come to the end of it yet."""
        return self._resolve is not None and service not in self._done

    async def reconcile(self, service: ObjectKey) -> Result:
        is_in_doubt = self._overrides.is_in_doubt(service)  # before it is acted upon: it may end in between
        failed: FleetDNSError | None = None
        is_settled = True
        try:
            is_settled = await self._overrides.reconcile(service)
        except FleetDNSError as error:
            failed = error
        result = Result()
        if is_settled and self._resolve is not None:
            result = await self._resolve(service)
        if result.requeue_after is not None:
            return result
        if self._overrides.is_exported(service):
            self._done.add(service)
        else:
            self._done.discard(service)
        if failed is not None:
            raise failed
        return Result(requeue_after=_LOOK_AGAIN) if is_in_doubt else result

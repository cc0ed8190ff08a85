"""Reconciles one exported service: what overrides make of its exports first, then the import of what is left.

In this order a cluster that an override leaves out, or gives no weight, never serves for a moment before that is known.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fleetdns.api.meta import ObjectKey
from fleetdns.controllers.overrides import OverrideReconciler
from fleetdns.runtime.controller import Result


class ServiceReconciler:
    """`resolve`: makes the import; None: somebody else does."""

    def __init__(self, overrides: OverrideReconciler, resolve: Callable[[ObjectKey], Awaitable[Result]] | None) -> None:
        self._overrides = overrides
        self._resolve = resolve

    async def reconcile(self, service: ObjectKey) -> Result:
        is_settled = await self._overrides.reconcile(service)
        if not is_settled or self._resolve is None:
            return Result()
        return await self._resolve(service)

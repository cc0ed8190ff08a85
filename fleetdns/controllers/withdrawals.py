"""Exports that were announced to go: marked withdrawn before they were deleted.

A mark and the deletion after it may be one look of a reconciler, which then sees only that nothing is there. So the
mark is remembered from the event until the export comes back.
"""

from __future__ import annotations

from collections import OrderedDict

from fleetdns.api.exports import WITHDRAWN, InternalServiceExport
from fleetdns.api.meta import ObjectKey, is_marked

_REMEMBERED = 10_000  # services; whoever makes and drops one for every branch of his code has soon had more


class Withdrawals:
    """Which exports are known to be withdrawn, by service and cluster.

    Of services the latest: that the mark and the deletion are one look is a matter of seconds.
    """

    def __init__(self) -> None:
        self._clusters: OrderedDict[ObjectKey, set[str]] = OrderedDict()

    def changed(self, old: InternalServiceExport | None, new: InternalServiceExport | None) -> None:
        """Take note of a change in the cache of exports."""
        if old is not None and is_marked(old.metadata, WITHDRAWN):
            self._clusters.setdefault(old.service_key, set()).add(old.cluster.lower())
            self._clusters.move_to_end(old.service_key)
        if new is not None:
            clusters = self._clusters.get(new.service_key, set())
            clusters.discard(new.cluster.lower())
            if not clusters:
                self._clusters.pop(new.service_key, None)
        if len(self._clusters) > _REMEMBERED:
            self._clusters.popitem(last=False)

    def of(self, service: ObjectKey) -> frozenset[str]:
        """The folded names of the clusters whose export of a service was withdrawn and has not come back."""
        return frozenset(self._clusters.get(service, ()))

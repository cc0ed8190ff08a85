"""Sets on Services the DNS label that a ResourceOverride on the hub asks for; what a user wrote there stays."""

from __future__ import annotations

from fleetdns.api.meta import ObjectKey
from fleetdns.api.offer import Offer
from fleetdns.api.service import LABEL_ANNOTATION, Service, ServiceExport
from fleetdns.core.exportevents import label_kept
from fleetdns.core.label import CLAIM, label_claim
from fleetdns.member.ports import Cluster


class Labels:
    """Remembers whose label was told to stay, so that it is asked for and told once."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        # The Service's uid, its user's label (an empty one is not none), and the one asked for.
        self._kept: dict[ObjectKey, tuple[str, str | None, str]] = {}

    async def keep(self, export: ServiceExport, service: Service, offer: Offer | None) -> None:
        """Make the Service's label what the hub asks for, where nobody else has said what it is."""
        claim = label_claim(service, offer)
        key = service.metadata.key
        if claim is None or claim.label is None:
            self._kept.pop(key, None)
        if claim is None:
            return
        if claim.label is None:
            await self._cluster.claim_annotations(service, {})
            return
        facts = (service.metadata.uid, service.metadata.annotations.get(LABEL_ANNOTATION), claim.label)
        if self._kept.get(key) == facts:
            return
        if not await self._cluster.claim_annotations(service, {LABEL_ANNOTATION: claim.label, CLAIM: claim.label}):
            self._kept[key] = facts
            await self._cluster.publish(export, label_kept(service, claim.label))

    def forget(self, service: ObjectKey) -> None:
        """Nobody exports it any more."""
        self._kept.pop(service, None)

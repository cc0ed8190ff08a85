"""Reconciles one ServiceExport with its InternalServiceExport on the hub.

gather -> judge -> act -> status -> label. May be cut at any await and run again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fleetdns.api.exports import WITHDRAWN
from fleetdns.api.meta import ObjectKey, is_marked, timestamp
from fleetdns.api.offer import Offer
from fleetdns.api.service import SERVICE_EXPORT_FINALIZER, Service, ServiceExport
from fleetdns.core.exportevents import export_events
from fleetdns.core.offer import Give, Judgement, Replace, Situation, Withdraw, is_ours, judge
from fleetdns.core.offeredaddress import is_settled, public_address
from fleetdns.core.offerpatch import first_offer, offer_patch
from fleetdns.core.offerstatus import service_export_status
from fleetdns.core.publicip import Finding
from fleetdns.core.status import status_patch
from fleetdns.errors import FleetDNSError, Forbidden, Rejected
from fleetdns.member.caches import MemberCaches
from fleetdns.member.contests import Contests
from fleetdns.member.labels import Labels
from fleetdns.member.ports import Cluster, Definitions, Hub
from fleetdns.member.publicips import PublicIPDirectory
from fleetdns.runtime.controller import Result

_SOONEST = 1.0  # seconds until Azure is asked once more for what is on its way


class ExportReconciler:
    """One key is one ServiceExport, and the Service of its name. `clock`: the loop's; `wall_clock`: Unix seconds."""

    def __init__(
        self,
        caches: MemberCaches,
        directory: PublicIPDirectory,
        *,
        hub: Hub,
        cluster: Cluster,
        definitions: Definitions,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        self._caches = caches
        self._directory = directory
        self._hub = hub
        self._cluster = cluster
        self._definitions = definitions
        self._labels = Labels(cluster)
        self._contests = Contests(clock)
        self._wall_clock = wall_clock
        self._first_exported: dict[ObjectKey, tuple[str, str]] = {}  # the Service's uid, and since when

    async def reconcile(self, key: ObjectKey) -> Result:
        """Make the hub and the ServiceExport's status true; raises what keeps it from it."""
        export = self._caches.exports.get(key)
        if export is None:
            if key not in self._caches.exports.unknown:
                self._first_exported.pop(key, None)
                self._labels.forget(key)
                self._contests.forget(key)
            return Result()
        if export.metadata.is_deleting:
            await self._leave(export)
            return Result()
        if self._caches.is_unreadable(key):
            return Result()
        service, offer = self._caches.services.get(key), self._caches.offer_of(key)
        judgement = await self._judged(export, service, offer)
        if isinstance(judgement.wish, Give):
            await self._hold(export)
        try:
            await self._act(export, offer, judgement)
        except (Rejected, Forbidden) as error:
            await self._report(export, judgement, refusal=error)
            raise
        await self._report(export, judgement)
        if service is not None and isinstance(judgement.wish, Give):
            await self._labels.keep(export, service, offer)
        return self._next_look(judgement, service)

    async def _leave(self, export: ServiceExport) -> None:
        """A deleted ServiceExport takes its export along; one whose very kind is taken away leaves it where it is."""
        if SERVICE_EXPORT_FINALIZER not in export.metadata.finalizers:
            return
        if ServiceExport.resource.plural not in await self._definitions.leaving():
            await self._withdraw(await self._held(export.metadata.key))
        await self._let_go(export)

    async def _judged(self, export: ServiceExport, service: Service | None, offer: Offer | None) -> Judgement:
        situation = Situation(
            member=self._caches.member,
            export=export,
            service=service,
            offer=offer,
            finding=None,
            first_exported=self._exported_before(service),
            now=self._now(),
        )
        judgement = judge(situation)
        if service is None or not isinstance(judgement.wish, Give):
            return judgement
        return judge(replace(situation, finding=await self._finding(service, offer)))

    async def _finding(self, service: Service, offer: Offer | None) -> Finding | None:
        address = public_address(service)
        if address is None:
            return None
        group = self._caches.group_of(service)
        return await self._directory.find(
            group,
            address,
            is_enough=lambda ip: is_settled(service, ip),
            is_told=offer is not None and offer.spec.public_ip_resource_id is not None,
        )

    async def _act(self, export: ServiceExport, offer: Offer | None, judgement: Judgement) -> None:
        match judgement.wish:
            case Withdraw():
                await self._take_back(export, offer)
            case Replace(former, is_contested):
                await self._replace(export.metadata.key, former, is_contested=is_contested)
            case Give(desired, azure_message):
                await self._give(export.metadata.key, offer, desired, azure_message=azure_message)

    async def _replace(self, key: ObjectKey, former: Offer, *, is_contested: bool) -> None:
        if is_contested and self._contests.wait(key) > 0:
            return
        if is_contested and not former.metadata.is_deleting:
            self._contests.note(key)
        await self._delete(former)

    async def _hold(self, export: ServiceExport) -> None:
        """Before the first write, so that whoever deletes the ServiceExport takes what was written along."""
        if SERVICE_EXPORT_FINALIZER not in export.metadata.finalizers:
            await self._cluster.set_finalizers(export, (*export.metadata.finalizers, SERVICE_EXPORT_FINALIZER))

    async def _let_go(self, export: ServiceExport) -> None:
        left = tuple(f for f in export.metadata.finalizers if f != SERVICE_EXPORT_FINALIZER)
        await self._cluster.set_finalizers(export, left)

    async def _give(self, key: ObjectKey, offer: Offer | None, desired: Offer, *, azure_message: str | None) -> None:
        reference = desired.spec.service_reference
        self._first_exported[key] = (reference.uid, reference.exported_since)
        if offer is None:
            await self._hub.create(first_offer(desired, azure_message))
            return
        patch = offer_patch(offer, desired, azure_message)
        if patch is not None and not offer.metadata.is_deleting:
            await self._hub.patch(offer, patch)

    async def _take_back(self, export: ServiceExport, offer: Offer | None) -> None:
        """Withdraw it. Once nothing is on the hub, the ServiceExport may be deleted without us."""
        if SERVICE_EXPORT_FINALIZER not in export.metadata.finalizers:
            await self._withdraw(offer)
            return
        held = await self._held(export.metadata.key)
        await self._withdraw(held)
        if held is None:
            await self._let_go(export)

    async def _held(self, service: ObjectKey) -> Offer | None:
        """The export of a Service as the hub has it now: the cache may not show yet what was written last."""
        held = await self._hub.read(self._caches.member.offer_key(service))
        return held if is_ours(held, service) else None

    async def _withdraw(self, offer: Offer | None) -> None:
        """Take an export off the hub, and say before that it is meant: else the hub's guard would hold it."""
        if offer is None:
            return
        if not is_marked(offer.metadata, WITHDRAWN):
            await self._hub.patch(offer, {"metadata": {"annotations": {WITHDRAWN: "true"}}})
        await self._delete(offer)

    async def _delete(self, offer: Offer) -> None:
        if not offer.metadata.is_deleting:
            await self._hub.delete(offer)

    async def _report(
        self, export: ServiceExport, judgement: Judgement, *, refusal: FleetDNSError | None = None
    ) -> None:
        """Write what the ServiceExport is told. `refusal`: what the hub says to the export itself."""
        key = export.metadata.key
        current = self._caches.exports.get(key) or export  # with the finalizer that was just added
        if current.metadata.uid != export.metadata.uid:
            return
        because = _refused(refusal) if refusal is not None else None
        status = service_export_status(current, judgement, self._caches.offer_of(key), refusal=because, now=self._now())
        patch = status_patch(current.status, status)
        if patch is None:
            return
        await self._cluster.patch_status(current, patch)
        message = judgement.wish.azure_message if isinstance(judgement.wish, Give) else None
        for event in export_events(current.status.conditions, status.conditions, azure_message=message):
            await self._cluster.publish(current, event)

    def _next_look(self, judgement: Judgement, service: Service | None) -> Result:
        """A public IP or a label on its way brings no event: Azure is asked again when it may be. Nor does a pause."""
        if isinstance(judgement.wish, Replace) and service is not None:
            wait = self._contests.wait(service.metadata.key)
            return Result(requeue_after=wait) if wait > 0 else Result()
        if not judgement.looks_again or service is None:
            return Result()
        wait = self._directory.wait(self._caches.group_of(service))
        return Result(requeue_after=max(_SOONEST, wait))

    def _exported_before(self, service: Service | None) -> str | None:
        if service is None:
            return None
        uid, since = self._first_exported.get(service.metadata.key, ("", ""))
        return since if uid == service.metadata.uid else None

    def _now(self) -> str:
        return timestamp(self._wall_clock())


def _refused(refusal: FleetDNSError) -> str:
    said = f"the hub refuses the export: {refusal.sentence}"
    if isinstance(refusal, Forbidden):
        return f"{said}; look at the agent's credentials and rights on the hub, as docs/member.md says"
    return said

"""`fleetdns orphans`: Azure profiles of this hub that no object stands for; deletes those that are named.

Exit code 0 where the question was answered, or everything named is deleted; 1 where something named is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from fleetdns import log
from fleetdns.api.profile import RETAIN
from fleetdns.app.reading import Orphanage, open_orphanage
from fleetdns.commands.patience import patience
from fleetdns.commands.terminal import RED, Paint, note, paint, printed, printed_json, within
from fleetdns.controllers.orphans import Refused
from fleetdns.core.naming import HUB_TAG
from fleetdns.core.orphans import Orphan
from fleetdns.settings.reports import JSON, AzureReport

DONE, NOT_DELETED = 0, 1

_COLUMNS = ("NAME", "RESOURCE GROUP", "DNS NAME", "ENDPOINTS", "MADE FOR", "WHY")


def orphans(report: AzureReport, named: Sequence[str]) -> int:
    """Print what there is, or delete what is named; returns the exit code. Raises UsageError and FleetDNSError."""
    log.configure("error", None)
    return asyncio.run(_deleted(report, named) if named else _listed(report))


async def _listed(report: AzureReport) -> int:
    async with open_orphanage(report.run, patience()) as orphanage:
        _tell_notes(orphanage)
        if report.output == JSON:
            printed_json({"hub": orphanage.hub_id, "orphans": [_entry(orphan) for orphan in orphanage.found]})
        else:
            printed(lines(orphanage, paint(is_plain=report.is_plain)))
    return DONE


async def _deleted(report: AzureReport, named: Sequence[str]) -> int:
    """One after the other: what could not be deleted does not keep the others."""
    refused: list[Refused] = []
    deleted: list[Orphan] = []
    async with open_orphanage(report.run, patience()) as orphanage:
        _tell_notes(orphanage)
        for name in dict.fromkeys(named):
            found = await orphanage.removal.delete(name)
            if isinstance(found, Refused):
                refused.append(found)
                note(f"{found.name} is not deleted: {found.because}")
                continue
            deleted.append(found)
            if report.output != JSON:
                printed([f"{found.ref.name} in {found.ref.resource_group} is deleted"])
    if report.output == JSON:
        told = [{"name": each.name, "because": each.because} for each in refused]
        printed_json({"deleted": [_entry(orphan) for orphan in deleted], "refused": told})
    return NOT_DELETED if refused else DONE


def lines(orphanage: Orphanage, paint: Paint) -> Iterator[str]:
    """A table, or that there is nothing."""
    if not orphanage.found:
        every = f"every profile with the hub id {orphanage.hub_id}{_made_for(orphanage)}"
        where = "" if orphanage.seen.is_whole else " in what could be looked at"
        yield f"No orphan{where}: {every} has its object on {orphanage.host}."
        return
    yield from paint.table(_COLUMNS, (_row(orphan) for orphan in orphanage.found))
    yield ""
    yield f"They have the hub id {orphanage.hub_id} and no object on {orphanage.host}."
    yield f"Whether deletionPolicy {RETAIN} kept one, Azure does not tell. Nothing happens until you"
    yield f"  delete it   {paint('fleetdns orphans --delete NAME', RED)}"
    if any(orphan.is_awaited for orphan in orphanage.found):
        yield "  use it      apply the TrafficManagerProfile again that it was made for: it takes the profile over"
    yield f"  keep it     {_untagged(orphanage)}"
    yield "              it is nobody's then, and not shown here any more"


def _untagged(orphanage: Orphanage) -> str:
    """What takes the hub's tag away from the only orphan; of several, from the one that is meant."""
    known = [orphan.ref.resource_id for orphan in orphanage.found]
    name = known[0] if len(known) == 1 else "ID"
    return f"az tag update --operation Delete --tags {HUB_TAG}={orphanage.hub_id} --resource-id {name}"


def _made_for(orphanage: Orphanage) -> str:
    where = within(orphanage.namespace)
    return f" that was made for an object{where}" if where else ""


def _row(orphan: Orphan) -> tuple[str, ...]:
    profile = orphan.profile
    dns_name = profile.fqdn or profile.relative_name
    count = str(len(profile.endpoints))
    return (profile.ref.name, profile.ref.resource_group, dns_name, count, orphan.made_for or "-", orphan.because)


def _entry(orphan: Orphan) -> dict[str, Any]:
    profile = orphan.profile
    return {
        "name": profile.ref.name,
        "resourceGroup": profile.ref.resource_group,
        "resourceID": profile.ref.resource_id,
        "dnsName": profile.fqdn or profile.relative_name,
        "endpoints": len(profile.endpoints),
        "madeFor": orphan.made_for,
        "because": orphan.because,
    }


def _tell_notes(orphanage: Orphanage) -> None:
    if orphanage.seen.shortfall is not None:
        note(orphanage.seen.shortfall)
    for group, because in orphanage.seen.refused:
        note(f"resource group {group} may not be read, and what it holds was not looked at: {because}")
    for name in orphanage.unreadable:
        note(f"TrafficManagerProfile {name} on the hub cannot be read: what was made for it is not told of")

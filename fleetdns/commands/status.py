"""`fleetdns status`: every profile with its endpoints, their shares of the traffic, their health and the last error.

It reads the hub alone: what status last said of Azure. Exit code 0 whenever that could be read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from fleetdns import log
from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.conditions import FALSE, TRUE
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.app.reading import open_hub
from fleetdns.commands.patience import patience
from fleetdns.commands.terminal import (
    BOLD,
    DIM,
    GREEN,
    RED,
    YELLOW,
    Paint,
    folded,
    note,
    paint,
    printed,
    printed_json,
    within,
)
from fleetdns.controllers.snapshot import listed
from fleetdns.core.overview import Overview, Served, Trouble, Unserved, overviews
from fleetdns.core.trafficmanager import CHECKING, DEGRADED, ONLINE
from fleetdns.settings.reports import JSON, HubReport

_PROFILES = ("PROFILE", "DNS NAME", "PROGRAMMED", "HEALTHY")
_ENDPOINTS = ("BACKEND", "CLUSTER", "TARGET", "WEIGHT", "SHARE", "MONITOR")
_COLOURS = {TRUE: GREEN, FALSE: RED, "Unknown": YELLOW, ONLINE: GREEN, DEGRADED: RED, CHECKING: YELLOW}


def status(report: HubReport) -> int:
    """Print it; returns the exit code. Raises UsageError and FleetDNSError, with nothing printed."""
    log.configure("error", None)
    host, found, unreadable = asyncio.run(_read(report))
    for name in unreadable:
        note(f"{name} cannot be read and is left out")
    if report.output == JSON:
        printed_json({"profiles": [_entry(overview) for overview in found]})
    else:
        where = f"{within(report.namespace)} on {host}"
        printed(lines(found, paint(is_plain=report.is_plain)) if found else [f"No TrafficManagerProfile{where}."])
    return 0


async def _read(report: HubReport) -> tuple[str, tuple[Overview, ...], tuple[str, ...]]:
    """The hub's address, what it has, and the names of what cannot be read."""
    async with open_hub(report, report.namespace) as hub:
        with patience()(hub.server):
            profiles = await listed(hub.sources, TrafficManagerProfile)
            backends = await listed(hub.sources, TrafficManagerBackend)
    unknown = [("TrafficManagerProfile", key) for key in profiles.unknown]
    unknown += [("TrafficManagerBackend", key) for key in backends.unknown]
    names = tuple(f"{kind} {key}" for kind, key in sorted(unknown))
    return hub.host, overviews(profiles.values(), backends.values()), names


def lines(found: tuple[Overview, ...], paint: Paint) -> Iterator[str]:
    """The profiles, one at least, with their columns in line over all of them, and beneath each what hangs on it."""
    header, *rows = paint.table(_PROFILES, (_row(overview) for overview in found), colours=_COLOURS)
    yield header
    for number, (overview, row) in enumerate(zip(found, rows, strict=True)):
        if number:
            yield ""
        yield row
        yield from _beneath(overview, paint)


def _row(overview: Overview) -> tuple[str, ...]:
    return (str(overview.key), overview.dns_name or "-", overview.programmed, overview.healthy)


def _beneath(overview: Overview, paint: Paint) -> Iterator[str]:
    if overview.served:
        rows = (_served(each) for each in overview.served)
        yield from paint.table(_ENDPOINTS, rows, indent="  ", colours=_COLOURS)
    for title, is_serving in (("no traffic", False), ("not changed", True)):
        told = (u for u in overview.unserved if u.is_serving == is_serving)
        for subjects, said in folded((f"{u.backend} in {u.cluster}", _said(u)) for u in told):
            yield f"  {paint(title, YELLOW)}  {subjects}: {said}"
    for trouble in overview.troubles:
        title = f"{trouble.subject}, {trouble.condition}"
        yield f"  {paint(title, BOLD)}: {trouble.message} {paint(f'({trouble.reason})', DIM)}"


def _served(served: Served) -> tuple[str, ...]:
    weight = "-" if served.weight is None else str(served.weight)
    return (
        served.backend,
        served.cluster,
        served.target or "-",
        weight,
        f"{served.share:.1%}",
        served.monitor_status or "-",
    )


def _said(unserved: Unserved) -> str:
    return f"{unserved.message} ({unserved.reason})" if unserved.message else unserved.reason


def _entry(overview: Overview) -> dict[str, Any]:
    return {
        "namespace": overview.key.namespace,
        "name": overview.key.name,
        "exists": overview.is_there,
        "dnsName": overview.dns_name,
        "programmed": overview.programmed,
        "healthy": overview.healthy,
        "endpoints": [_served_entry(served) for served in overview.served],
        "rejected": [
            {
                "backend": u.backend,
                "cluster": u.cluster,
                "reason": u.reason,
                "message": u.message,
                "serving": u.is_serving,
            }
            for u in overview.unserved
        ],
        "troubles": [_trouble_entry(trouble) for trouble in overview.troubles],
    }


def _served_entry(served: Served) -> dict[str, Any]:
    return {
        "backend": served.backend,
        "cluster": served.cluster,
        "target": served.target,
        "weight": served.weight,
        "sharePercent": round(served.share * 100, 1),
        "monitorStatus": served.monitor_status,
    }


def _trouble_entry(trouble: Trouble) -> dict[str, Any]:
    return {
        "subject": trouble.subject,
        "condition": trouble.condition,
        "reason": trouble.reason,
        "message": trouble.message,
    }

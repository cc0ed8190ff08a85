"""`fleetdns explain NS/NAME`: per cluster the first thing that is missing until it serves, and what to do about it.

It reads the hub alone. Exit code 0 whenever the question was answered, whatever the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from fleetdns import log
from fleetdns.api.meta import ObjectKey
from fleetdns.app.reading import open_hub
from fleetdns.commands.patience import patience
from fleetdns.commands.terminal import BOLD, DIM, GREEN, RED, YELLOW, Paint, note, paint, printed, printed_json
from fleetdns.controllers.question import question, services_called
from fleetdns.controllers.snapshot import as_reader
from fleetdns.core.explain import NO_BACKEND, NOT_EXPORTED, SERVES, explain
from fleetdns.core.finding import Explanation, Finding
from fleetdns.errors import UsageError
from fleetdns.settings.reports import JSON, HubReport


def explained(report: HubReport, key: ObjectKey) -> int:
    """Print it; returns the exit code. Raises UsageError and FleetDNSError, with nothing printed."""
    log.configure("error", None)
    found, refused = asyncio.run(_read(report, key))
    for plural in refused:
        note(f"the hub does not let you list {plural}: clusters that do not export may be left out")
    if report.output == JSON:
        printed_json({"explanations": [_entry(explanation) for explanation in found]})
    else:
        printed(lines(found, paint(is_plain=report.is_plain)))
    return 0


async def _read(report: HubReport, key: ObjectKey) -> tuple[tuple[Explanation, ...], tuple[str, ...]]:
    async with open_hub(report, None) as hub:
        with patience()(hub.server):
            caches, refused = await as_reader(hub.sources)
    services = services_called(key, caches)
    if not services:
        raise UsageError(
            f"the hub knows no {key}: no cluster exports a Service of that name, and no TrafficManagerBackend or "
            "TrafficManagerProfile with a backend is called so"
        )
    return tuple(found for service in services for found in explain(question(service, caches))), refused


def lines(found: tuple[Explanation, ...], paint: Paint) -> Iterator[str]:
    """One paragraph for each backend of each service."""
    for number, explanation in enumerate(found):
        if number:
            yield ""
        yield from _paragraph(explanation, paint)


def _paragraph(explanation: Explanation, paint: Paint) -> Iterator[str]:
    yield paint(f"Service {explanation.service}", BOLD) + paint(f"  {_way(explanation)}", DIM)
    for remark in explanation.remarks:
        yield f"  {remark}"
    if not explanation.findings:
        yield "  no member cluster is known"
    width = max((len(finding.cluster) for finding in explanation.findings), default=0)
    for finding in explanation.findings:
        verdict = paint(finding.verdict, _colour(finding))
        yield f"  {finding.cluster.ljust(width)}   {verdict}{_share(finding)}: {finding.because}"
        if finding.todo:
            yield f"  {' ' * width}   {paint('->', BOLD)} {finding.todo}"


def _way(explanation: Explanation) -> str:
    if explanation.backend is None:
        return "no TrafficManagerBackend"
    name = explanation.profile.name if explanation.profile is not None else ""
    return f"backend {explanation.backend}, profile {name}, {explanation.dns_name or 'no DNS name yet'}"


def _share(finding: Finding) -> str:
    if finding.weight is None or finding.share is None:
        return ""
    return f", weight {finding.weight}, {finding.share:.1%} of the traffic"


def _colour(finding: Finding) -> str:
    if finding.verdict in SERVES:
        return GREEN
    return YELLOW if finding.verdict in (NOT_EXPORTED, NO_BACKEND) else RED


def _entry(explanation: Explanation) -> dict[str, Any]:
    return {
        "service": str(explanation.service),
        "backend": explanation.backend,
        "profile": explanation.profile.name if explanation.profile is not None else None,
        "dnsName": explanation.dns_name,
        "remarks": list(explanation.remarks),
        "clusters": [
            {
                "cluster": finding.cluster,
                "verdict": finding.verdict,
                "because": finding.because,
                "todo": finding.todo or None,
                "weight": finding.weight,
                "sharePercent": None if finding.share is None else round(finding.share * 100, 1),
            }
            for finding in explanation.findings
        ],
    }

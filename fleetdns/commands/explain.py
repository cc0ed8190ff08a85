"""`fleetdns explain NS/NAME`: per cluster the first thing that is missing until it serves, and what to do about it.

It reads the hub alone. Exit code 0 whenever the question was answered, whatever the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from fleetdns import log
from fleetdns.api.meta import ObjectKey
from fleetdns.app.reading import open_hub
from fleetdns.commands.patience import patience
from fleetdns.commands.terminal import BOLD, DIM, GREEN, RED, YELLOW, Paint, note, paint, printed, printed_json
from fleetdns.controllers.question import bare_profile_called, question, services_called
from fleetdns.controllers.snapshot import as_reader
from fleetdns.core.explain import NO_BACKEND, NOT_EXPORTED, SERVES, explain, not_exported_by_many
from fleetdns.core.finding import BareProfile, Explanation, Finding
from fleetdns.errors import UsageError
from fleetdns.settings.reports import JSON, HubReport

_UNNAMED = "no DNS name yet"
_FEW = 3  # clusters that are named in front of their answer


def explained(report: HubReport, key: ObjectKey) -> int:
    """Print it; returns the exit code. Raises UsageError and FleetDNSError, with nothing printed."""
    log.configure("error", None)
    found = asyncio.run(_read(report, key))
    for plural in found.refused:
        note(f"the hub does not let you list {plural}: clusters that do not export may be left out")
    if report.output == JSON:
        printed_json(document(found))
    else:
        printed(lines(found, paint(is_plain=report.is_plain)))
    return 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found; `bare`: a profile of that name without a backend, `refused`: the kinds that may not be listed."""

    explanations: tuple[Explanation, ...]
    bare: BareProfile | None
    refused: tuple[str, ...]


async def _read(report: HubReport, key: ObjectKey) -> Answer:
    async with open_hub(report, None) as hub:
        with patience()(hub.server):
            caches, refused = await as_reader(hub.sources)
    services, bare = services_called(key, caches), bare_profile_called(key, caches)
    if not services and bare is None:
        raise UsageError(
            f"the hub knows no {key}: no cluster exports a Service of that name, and no TrafficManagerBackend or "
            "TrafficManagerProfile is called so"
        )
    found = tuple(found for service in services for found in explain(question(service, caches)))
    return Answer(found, bare, refused)


def lines(found: Answer, paint: Paint) -> Iterator[str]:
    """One paragraph for each backend of each service, and one for a profile that has none."""
    paragraphs = [_service(explanation, paint) for explanation in found.explanations]
    paragraphs += [_bare(found.bare, paint)] if found.bare is not None else []
    for number, paragraph in enumerate(paragraphs):
        if number:
            yield ""
        yield from paragraph


def _bare(profile: BareProfile, paint: Paint) -> Iterator[str]:
    yield paint(f"TrafficManagerProfile {profile.key}", BOLD) + paint(f"  {profile.dns_name or _UNNAMED}", DIM)
    yield f"  {profile.because}"
    for remark in profile.remarks:
        yield f"  {remark}"
    yield f"  {paint('->', BOLD)} {profile.todo}"


def _service(explanation: Explanation, paint: Paint) -> Iterator[str]:
    yield paint(f"Service {explanation.service}", BOLD) + paint(f"  {_way(explanation)}", DIM)
    for remark in explanation.remarks:
        yield f"  {remark}"
    if not explanation.findings:
        yield "  no member cluster is known"
    rows = tuple(_gathered(explanation))
    width = max((len(_title(clusters)) for clusters, _ in rows), default=0)
    for clusters, finding in rows:
        verdict = paint(finding.verdict, _colour(finding))
        yield f"  {_title(clusters).ljust(width)}   {verdict}{_share(finding)}: {finding.because}"
        if finding.todo:
            yield f"  {' ' * width}   {paint('->', BOLD)} {finding.todo}"
        if len(clusters) > _FEW:
            yield f"  {' ' * width}   {', '.join(clusters)}"


def _gathered(explanation: Explanation) -> Iterator[tuple[tuple[str, ...], Finding]]:
    """The clusters of each answer, and the answer: in a large fleet most clusters may have the same. Each that has a
    share of the traffic is told by itself; those that export nothing come last, where they are many.
    """
    absent = tuple(finding.cluster for finding in explanation.findings if finding.verdict == NOT_EXPORTED)
    by_answer: dict[Finding, list[str]] = {}
    for finding in explanation.findings:
        if finding.verdict != NOT_EXPORTED or len(absent) <= _FEW:
            answer = finding if finding.share is not None else replace(finding, cluster="")
            by_answer.setdefault(answer, []).append(finding.cluster)
    for answer, clusters in by_answer.items():
        yield tuple(clusters), answer
    if len(absent) > _FEW:
        yield absent, not_exported_by_many(explanation.service)


def _title(clusters: tuple[str, ...]) -> str:
    """Of many the number: their names stand beneath, where somebody who looks for one finds it."""
    return ", ".join(clusters) if len(clusters) <= _FEW else f"{len(clusters)} clusters"


def _way(explanation: Explanation) -> str:
    if explanation.backend is None:
        return "no TrafficManagerBackend"
    name = explanation.profile.name if explanation.profile is not None else ""
    return f"backend {explanation.backend}, profile {name}, {explanation.dns_name or _UNNAMED}"


def _share(finding: Finding) -> str:
    if finding.weight is None or finding.share is None:
        return ""
    return f", weight {finding.weight}, {finding.share:.1%} of the traffic"


def _colour(finding: Finding) -> str:
    if finding.verdict in SERVES:
        return GREEN
    return YELLOW if finding.verdict in (NOT_EXPORTED, NO_BACKEND) else RED


def document(found: Answer) -> dict[str, Any]:
    """All of it, for programs."""
    return {
        "explanations": [_entry(explanation) for explanation in found.explanations],
        "profile": _bare_entry(found.bare) if found.bare is not None else None,
    }


def _bare_entry(profile: BareProfile) -> dict[str, Any]:
    return {
        "namespace": profile.key.namespace,
        "name": profile.key.name,
        "dnsName": profile.dns_name,
        "because": profile.because,
        "todo": profile.todo,
        "remarks": list(profile.remarks),
    }


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

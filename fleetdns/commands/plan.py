"""`fleetdns plan`: the calls that a freshly started controller would make in Azure now; makes none of them.

Exit code 0 where there are none, 3 where there are some.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from fleetdns import log
from fleetdns.app.reading import Planned, planned
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
from fleetdns.core.calls import Call, DeleteEndpoint, DeleteProfile, PatchProfile, PutEndpoint, PutProfile
from fleetdns.core.changes import Change, Create, Delete, subject_name
from fleetdns.core.naming import parse_endpoint_name
from fleetdns.core.preview import Kept, ProfilePreview, Step
from fleetdns.core.trafficmanager import Endpoint, Profile
from fleetdns.settings.reports import JSON, AzureReport

NO_CHANGES, CHANGES = 0, 3


def plan(report: AzureReport) -> int:
    """Print it; returns the exit code. Raises UsageError and FleetDNSError, with nothing printed."""
    log.configure("error", None)
    found = asyncio.run(planned(report.run, patience()))
    for sentence in _notes(found):
        note(sentence)
    if report.output == JSON:
        printed_json(document(found))
    else:
        printed(lines(found, paint(is_plain=report.is_plain)))
    return CHANGES if any(profile.steps for profile in found.profiles) else NO_CHANGES


def _notes(found: Planned) -> Iterator[str]:
    if found.seen.shortfall is not None:
        yield found.seen.shortfall
    for group, because in found.seen.refused:
        yield f"resource group {group} may not be read, and what it holds was not looked at: {because}"
    if not found.knows_overrides:
        yield (
            "the hub does not say whether KubeFleet places workloads there, so ResourceOverrides were left out; "
            "--resource-overrides=on or off needs no answer"
        )


# For people


def lines(found: Planned, paint: Paint) -> Iterator[str]:
    """Each profile with something to do, or something that is kept from being done, and a summary."""
    for profile in found.profiles:
        if profile.steps or profile.kept or profile.problem:
            yield from _profile(profile, paint)
            yield ""
    yield _summary(found)


def _profile(profile: ProfilePreview, paint: Paint) -> Iterator[str]:
    where = f"  {profile.ref.name} in {profile.ref.resource_group}, {profile.fqdn}" if profile.ref else ""
    yield paint(str(profile.key), BOLD) + paint(where, DIM)
    if profile.problem:
        yield f"  {paint('left alone', YELLOW)}  {profile.problem}"
    then = ""
    for step in profile.steps:
        if step.then != then:
            then = step.then
            yield f"  {then}:"
        yield f"  {paint(_title(step.call), _colour(step.call))}  {step.call.because}"
        for change in step.changes:
            yield f"    {_change(change, paint)}"
    asked = {step.call.endpoint.folded for step in profile.steps if isinstance(step.call, PutEndpoint)}
    kept = ((_kept(k), (_kept_title(k, asked), k.message, k.reason)) for k in profile.kept)
    rejected = ((f"{r.backend.name} in {r.cluster}", ("no endpoint", r.message, r.reason)) for r in profile.rejected)
    for subjects, (title, message, reason) in folded((*kept, *rejected)):
        yield f"  {paint(title, YELLOW)}  {subjects}: {message} ({reason})"


def _kept(kept: Kept) -> str:
    return f"{_called(kept.subject)} ({kept.change})" if kept.change else _called(kept.subject)


def _kept_title(kept: Kept, asked: set[str]) -> str:
    return "refused before" if kept.subject in asked else "held"


def _title(call: Call) -> str:
    match call:
        case PutProfile():
            return "PUT profile"
        case PatchProfile():
            return "PATCH profile"
        case DeleteProfile():
            return "DELETE profile"
        case PutEndpoint():
            return f"PUT endpoint {_called(call.endpoint.name)}"
        case DeleteEndpoint():
            return f"DELETE endpoint {_called(call.endpoint.name)}"


def _colour(call: Call) -> str:
    return RED if isinstance(call, DeleteProfile | DeleteEndpoint) else GREEN


def _change(change: Change, paint: Paint) -> str:
    subject = _called(subject_name(change))
    match change:
        case Create(subject=Endpoint() as endpoint):
            target = (endpoint.target_resource_id or "").rpartition("/")[2]
            return f"{paint('+', GREEN)} {subject}, weight {endpoint.weight}, public IP {target}"
        case Create(subject=Profile() as created):
            return f"{paint('+', GREEN)} {subject}, DNS name {created.relative_name}, TTL {created.ttl} s"
        case Delete():
            return f"{paint('-', RED)} {subject}: {change.because}"
        case _:
            return f"{paint('~', YELLOW)} {subject}: {change.because}"


def _called(name: str) -> str:
    """An endpoint as people call it: its service and cluster."""
    if not name:
        return "settings"
    owner = parse_endpoint_name(name)
    return f"{owner.service} in {owner.cluster}" if owner else name


def _summary(found: Planned) -> str:
    steps = sum(len(profile.steps) for profile in found.profiles)
    total = len(found.profiles)
    if not total:
        return f"No call: there is no TrafficManagerProfile{within(found.namespace)} on {found.host}."
    whole = f"of {total} {'profile' if total == 1 else 'profiles'}{within(found.namespace)}"
    if not steps:
        return f"No call: Azure holds what {found.host} asks for, {_left_alone(found)}{whole}."
    touched = sum(bool(profile.steps) for profile in found.profiles)
    return f"{steps} {'call' if steps == 1 else 'calls'} for {touched} {whole} on {found.host}."


def _left_alone(found: Planned) -> str:
    held = sum(bool(profile.kept or profile.problem) for profile in found.profiles)
    return f"but for what is held or left alone above, in {held} " if held else "in all "


# For programs


def document(found: Planned) -> dict[str, Any]:
    """All of it, whatever the lines leave out."""
    return {
        "hub": found.hub_id,
        "calls": sum(len(profile.steps) for profile in found.profiles),
        "profiles": [_entry(profile) for profile in found.profiles],
    }


def _entry(profile: ProfilePreview) -> dict[str, Any]:
    return {
        "namespace": profile.key.namespace,
        "name": profile.key.name,
        "resourceID": profile.ref.resource_id if profile.ref else None,
        "dnsName": profile.fqdn,
        "problem": profile.problem,
        "calls": [_step(step) for step in profile.steps],
        "held": [
            {"endpoint": k.subject or None, "reason": k.reason, "message": k.message, "change": k.change or None}
            for k in profile.kept
        ],
        "rejected": [
            {"backend": r.backend.name, "cluster": r.cluster, "reason": r.reason, "message": r.message}
            for r in profile.rejected
        ],
    }


def _step(step: Step) -> dict[str, Any]:
    call = step.call
    return {
        "method": _title(call).partition(" ")[0],
        "profile": call.ref.name,
        "endpoint": call.endpoint.folded if isinstance(call, PutEndpoint | DeleteEndpoint) else None,
        "because": call.because,
        "then": step.then or None,
        "changes": [_change_entry(change) for change in step.changes],
    }


def _change_entry(change: Change) -> dict[str, Any]:
    subject = change.subject
    return {
        "does": type(change).__name__.lower(),
        "endpoint": subject_name(change) or None,
        "weight": subject.weight if isinstance(subject, Endpoint) else None,
        "fields": [] if isinstance(change, Create | Delete) else list(change.fields),
        "because": change.because,
    }

"""The difference between desired and observed, as a sorted list of changes that each say which fields and why.

observed             desired       change
no profile           present       Create(profile)
setting differs      present       Patch(profile)
missing              present       Create(endpoint)
weight 10            weight 25     Patch(endpoint, weight)
ours, present        missing       Delete(endpoint)
not ours             -             none: never touched
ours, Disabled       present       status stays: somebody pulled the emergency brake
ours                 renamed       Delete and Create with its status and with what is not ours: an emergency brake and
                                   settings of somebody else's are about the target, not the name
target 1             target 2,     Delete and Create: nobody asks for target 1 any more, and target 2 is somebody else's
                     a foreign's   for as long as it is
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from msgspec import json, structs

from fleetdns.core.trafficmanager import Endpoint, Monitor, Profile


@dataclass(frozen=True, slots=True)
class Create:
    """`subject` is not in Azure and ought to be."""

    subject: Profile | Endpoint
    because: str


@dataclass(frozen=True, slots=True)
class Patch:
    """`subject`, as it ought to be with all that is not ours carried along; `fields` are what differs.

    `removed`: a field Azure holds has to go, which a merging PATCH cannot say.
    """

    subject: Profile | Endpoint
    fields: tuple[str, ...]
    because: str
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """`subject` is in Azure, is ours, and ought not to be."""

    subject: Endpoint
    because: str


Change = Create | Patch | Delete

_SETTINGS: tuple[tuple[str, Callable[[Profile], object]], ...] = (
    ("dnsConfig.ttl", lambda p: p.ttl),
    ("monitorConfig.protocol", lambda p: _folded(p.monitor.protocol)),
    ("monitorConfig.port", lambda p: p.monitor.port),
    ("monitorConfig.path", lambda p: p.monitor.path),
    ("monitorConfig.intervalInSeconds", lambda p: p.monitor.interval),
    ("monitorConfig.timeoutInSeconds", lambda p: p.monitor.timeout),
    ("monitorConfig.toleratedNumberOfFailures", lambda p: p.monitor.tolerated_failures),
    ("monitorConfig.customHeaders", lambda p: _headers(p.monitor)),
    ("profileStatus", lambda p: _folded(p.status)),
    ("trafficRoutingMethod", lambda p: _folded(p.routing_method)),
)
_OF_HTTP = "expectedStatusCodeRanges"
_DROPPED = f", monitorConfig.{_OF_HTTP} dropped: probes by TCP see no status code"
_ENDPOINT_FIELDS: tuple[tuple[str, Callable[[Endpoint], object]], ...] = (
    ("type", lambda e: _folded(e.kind)),
    ("targetResourceId", lambda e: e.folded_target),
    ("weight", lambda e: e.weight),
)


def diff(desired: Profile, observed: Profile | None) -> tuple[Change, ...]:
    """Every change that makes `observed` what `desired` says: the profile first, then endpoints by name."""
    if observed is None:
        created = (Create(endpoint, "not in Azure") for endpoint in desired.endpoints)
        return (Create(replace(desired, endpoints=()), "not in Azure"), *created)
    return (*_settings_changes(desired, observed), *_endpoint_changes(desired, observed))


def subject_name(change: Change) -> str:
    """What a change is about: an endpoint's folded name, or "" for the profile itself."""
    return change.subject.folded if isinstance(change.subject, Endpoint) else ""


def claimed_target(change: Change) -> str | None:
    """The folded target that an endpoint is about to get; None where it has it already, or none."""
    if isinstance(change, Delete) or not isinstance(change.subject, Endpoint) or is_retyped(change):
        return None
    is_claim = isinstance(change, Create) or "targetResourceId" in change.fields
    return change.subject.folded_target if is_claim else None


def is_retyped(change: Change) -> bool:
    """A type is a segment of an endpoint's address: another type is another resource, so the profile is written."""
    return isinstance(change, Patch) and "type" in change.fields


def _settings_changes(desired: Profile, observed: Profile) -> Iterator[Change]:
    differing = [
        (name, field(desired), field(observed)) for name, field in _SETTINGS if field(desired) != field(observed)
    ]
    differing += [
        (f"tags.{name}", value, observed.tag(name)) for name, value in desired.tags if observed.tag(name) != value
    ]
    if differing:
        merged = _settings_merged(desired, observed)
        drops = merged.monitor.unmanaged != observed.monitor.unmanaged
        yield Patch(
            subject=merged,
            fields=tuple(name for name, _, _ in differing),
            because=_because(differing) + (_DROPPED if drops else ""),
            removed=drops or any(value is None or value == () for _, value, _ in differing),
        )


def _settings_merged(desired: Profile, observed: Profile) -> Profile:
    ours = {name.lower() for name, _ in desired.tags}
    foreign_tags = tuple((name, value) for name, value in observed.tags if name.lower() not in ours)
    return replace(
        observed,
        ttl=desired.ttl,
        monitor=_monitor_merged(desired.monitor, observed.monitor),
        status=desired.status,
        routing_method=desired.routing_method,
        tags=tuple(sorted((*foreign_tags, *desired.tags))),
    )


def _monitor_merged(desired: Monitor, observed: Monitor) -> Monitor:
    """What others have set travels along, but for what would get the whole write refused: TCP has no status codes."""
    kept = observed.unmanaged
    if kept and _folded(desired.protocol) == "tcp":
        settings = {name: value for name, value in json.decode(kept).items() if name != _OF_HTTP}
        kept = json.encode(settings, order="deterministic") if settings else b""
    return replace(desired, unmanaged=kept)


def _endpoint_changes(desired: Profile, observed: Profile) -> Iterator[Change]:
    wanted = {endpoint.folded: endpoint for endpoint in desired.endpoints}
    there = {
        endpoint.folded: endpoint for endpoint in observed.endpoints if endpoint.owner or endpoint.folded in wanted
    }
    leaving = {e.folded_target: e for e in there.values() if e.folded not in wanted}
    foreign = {e.folded_target for e in observed.endpoints if e.folded not in there} - {None}
    for name in sorted(wanted.keys() | there.keys()):
        desired_endpoint, observed_endpoint = wanted.get(name), there.get(name)
        if desired_endpoint and observed_endpoint and _has_lost(desired_endpoint, observed_endpoint, foreign):
            yield Delete(observed_endpoint, "its cluster has another address now, which is a foreign endpoint's target")
            observed_endpoint = None
        elif desired_endpoint is not None and observed_endpoint is None:
            desired_endpoint = _taking_over(desired_endpoint, leaving.get(desired_endpoint.folded_target))
        change = _endpoint_change(desired_endpoint, observed_endpoint)
        if change:
            yield change


def _taking_over(desired: Endpoint, leaving: Endpoint | None) -> Endpoint:
    """A new endpoint with what others have set at the one that had its target under another name."""
    if leaving is None:
        return desired
    status = leaving.status if leaving.is_disabled else desired.status
    return structs.replace(desired, status=status, unmanaged=leaving.unmanaged)


def _has_lost(desired: Endpoint, observed: Endpoint, foreign: AbstractSet[str | None]) -> bool:
    """Whether it cannot move to its new target, and ought not to answer with the old one. One that is disabled answers
    with nothing, and would forget that it is.
    """
    return (
        desired.folded_target in foreign
        and desired.folded_target != observed.folded_target
        and not observed.is_disabled
    )


def _endpoint_change(desired: Endpoint | None, observed: Endpoint | None) -> Change | None:
    if desired is None:
        return Delete(observed, "no longer desired") if observed else None
    if observed is None:
        return Create(desired, "not in Azure")
    if _are_spelled_alike(desired, observed):
        return None
    differing = [
        (name, asked, there)
        for name, field in _ENDPOINT_FIELDS
        if (asked := field(desired)) != (there := field(observed))
    ]
    if not differing:
        return None
    merged = structs.replace(
        observed, kind=desired.kind, target_resource_id=desired.target_resource_id, weight=desired.weight
    )
    return Patch(merged, tuple(name for name, _, _ in differing), _because(differing))


def _are_spelled_alike(one: Endpoint, other: Endpoint) -> bool:
    """Nothing that is compared differs, not even in case: so it is with all but a few, and folding them would cost."""
    return one.weight == other.weight and one.target_resource_id == other.target_resource_id and one.kind == other.kind


def _because(differing: list[tuple[str, object, object]]) -> str:
    return ", ".join(f"{name} {_turned(_shown(observed), _shown(desired))}" for name, desired, observed in differing)


def _turned(before: str, after: str) -> str:
    return f"{before} -> {after}" if before != after else f"{before} -> {after} with other values"


def _shown(value: object) -> str:
    """Of headers the names only: a value may be a key, and logs and events are read by more people than the spec."""
    if value is None or value == ():
        return "nothing"
    if isinstance(value, tuple):
        return "{" + ", ".join(name for name, _ in value) + "}"
    return str(value)


def _headers(monitor: Monitor) -> tuple[tuple[str, str], ...]:
    """HTTP ignores case in the names of headers, so a server may give them back in another."""
    return tuple(sorted((name.lower(), value) for name, value in monitor.headers))


def _folded(value: str | None) -> str | None:
    return value.lower() if value else None

"""All that decides whether a change may be made now, gathered from the hub and from what Azure holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from fleetdns.api.conditions import is_true
from fleetdns.api.exports import CONFLICT, EXCLUDED, WITHDRAWN
from fleetdns.api.meta import ObjectKey, is_marked
from fleetdns.core.aggregate import Aggregate, Unreadable
from fleetdns.core.drain import Drain, Pair
from fleetdns.core.naming import EndpointName
from fleetdns.core.trafficmanager import Profile


@dataclass(frozen=True, slots=True)
class Circumstances:
    """All that decides whether a change may be made; `refused`: endpoints that do not come, with what Azure said to
    them; `unguarded` are those of them that must not be made, since the hub does not take their backend's finalizer.
    """

    is_paused: bool
    is_dry_run: bool
    allow_empty: bool
    live: Mapping[str, str]  # uid -> service of the backends that are not being deleted
    leaving: frozenset[str]  # uids of backends that are being deleted
    unreadable: Unreadable
    key: ObjectKey
    foreign_targets: Mapping[str, str]  # folded target -> name of the foreign endpoint that has it
    refused: Mapping[str, str]  # folded endpoint name -> message
    weightless: frozenset[str] = frozenset()  # uids of the live backends whose weight is 0
    unresolved: frozenset[tuple[str, str]] = frozenset()  # folded (service, cluster) whose export awaits its import
    standstill: str | None = None  # why nothing may be written at all
    kept_targets: Mapping[str, str] = field(default_factory=dict)  # folded target -> endpoint of ours that is kept
    heirs: Mapping[str, EndpointName] = field(default_factory=dict)  # folded target -> who asks for it and is refused
    told: frozenset[Pair] = frozenset()  # exports that are there, or said that they would go
    drain: Drain = field(default_factory=Drain)
    slowed: Mapping[str, str] = field(default_factory=dict)  # folded endpoint name or "" -> why its repair waits
    unguarded: frozenset[str] = frozenset()  # folded endpoint names


def circumstances(
    aggregate: Aggregate,
    observed: Profile | None,
    *,
    is_paused: bool,
    is_dry_run: bool,
    allow_empty: bool,
    refused: Mapping[str, str],
    drain: Drain,
    standstill: str | None = None,
    unguarded: Mapping[str, str] | None = None,
) -> Circumstances:
    """The circumstances of one aggregate against what Azure holds. By folded endpoint name: `refused` by Azure, and
    `unguarded`, with what is told of it.
    """
    unguarded = unguarded or {}
    refused = {**refused, **unguarded}
    foreign = [endpoint for endpoint in (observed.endpoints if observed else ()) if endpoint.owner is None]
    return Circumstances(
        is_paused=is_paused,
        is_dry_run=is_dry_run,
        allow_empty=allow_empty,
        live={b.metadata.uid.lower(): b.spec.backend.name.lower() for b in aggregate.live_backends},
        leaving=frozenset(b.metadata.uid.lower() for b in aggregate.leaving_backends),
        unreadable=aggregate.unreadable,
        key=aggregate.key,
        foreign_targets={e.folded_target: e.name for e in foreign if e.folded_target},
        refused=refused,
        weightless=frozenset(b.metadata.uid.lower() for b in aggregate.live_backends if b.weight == 0),
        unresolved=frozenset(_unresolved_exports(aggregate)),
        standstill=standstill,
        told=aggregate.told if refused else frozenset(),
        drain=drain,
        unguarded=frozenset(unguarded),
    )


def unmade(desired: Profile, observed: Profile | None, told: Mapping[str, str]) -> Mapping[str, str]:
    """By folded name the endpoints that must not be made, with what is `told` of their backends (by folded uid)."""
    missing = (e for e in desired.endpoints if observed is None or observed.endpoint(e.name) is None) if told else ()
    return {e.folded: told[e.owner.uid] for e in missing if e.owner is not None and e.owner.uid in told}


def _unresolved_exports(aggregate: Aggregate) -> Iterator[tuple[str, str]]:
    """Exports that take traffic and about which their ServiceImport says nothing yet, neither yes nor no."""
    accepted = {(i.metadata.key, ref.cluster) for i in aggregate.imports for ref in i.status.clusters}
    for export in aggregate.exports:
        is_loser = is_true(export.status.conditions, CONFLICT)
        is_going = export.metadata.is_deleting or is_marked(export.metadata, WITHDRAWN)
        is_meant = export.weight <= 0 or is_marked(export.metadata, EXCLUDED)
        is_offer = export.is_from_own_namespace and not is_going and not is_meant
        if is_offer and not is_loser and (export.service_key, export.cluster) not in accepted:
            yield (export.service_key.name.lower(), export.cluster.lower())

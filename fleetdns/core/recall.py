"""What earlier looks at a profile learned, as this look may use it; after a restart, what status still tells of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from msgspec import structs

from fleetdns.api.backend import EndpointStatus, TrafficManagerBackend
from fleetdns.api.conditions import TRUE, find, is_true
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.core.contest import DRIFTING, SWEEPS, Contest
from fleetdns.core.desired import Desired
from fleetdns.core.drift import unasked, with_endpoints
from fleetdns.core.health import Told
from fleetdns.core.memory import Memory
from fleetdns.core.naming import HUB_TAG, PROFILE_TAG
from fleetdns.core.refusals import refusals_by_status, still_refused
from fleetdns.core.status import PROGRAMMED
from fleetdns.core.trafficmanager import DEGRADED, Endpoint, Profile


def recalled(
    memory: Memory,
    desired: Desired,
    profile: TrafficManagerProfile,
    *,
    observed: Profile | None,
    backends: Iterable[TrafficManagerBackend],
    sweep: float,
    now: float,
) -> Memory:
    """`backends`: those that are not being deleted; `sweep`: seconds from one to the next."""
    if memory.refusals is not None:
        return replace(memory, refusals=still_refused(memory.refusals, desired.profile, observed))
    backends = tuple(backends)
    return replace(
        memory,
        refusals=refusals_by_status(desired, backends, now=now),
        settled=settled_by_status(desired.profile, observed, profile=profile, backends=backends),
        contest=contest_by_status(profile, until=now + SWEEPS * sweep),
        health=Told(frozenset(e.name for b in backends for e in b.status.endpoints if e.monitor_status == DEGRADED)),
    )


def settled_by_status(
    desired: Profile,
    observed: Profile | None,
    *,
    profile: TrafficManagerProfile,
    backends: Iterable[TrafficManagerBackend],
) -> Profile | None:
    """What status says was true of `desired` when it was last written: its settings, and the endpoints it lists.

    What Azure holds of ours and nobody asks for counts as known: a user may have taken it back while nobody looked.
    """
    programmed = find(profile.status.conditions, PROGRAMMED)
    is_current = profile.status.observed_generation == profile.metadata.generation
    if programmed is None or programmed.status != TRUE or not is_current:
        return None
    listed = {e.name: e for backend in backends for e in backend.status.endpoints}
    pairs = ((endpoint, listed.get(endpoint.folded)) for endpoint in desired.endpoints)
    present = {endpoint.folded: endpoint for endpoint in observed.endpoints} if observed is not None else {}
    true = [
        _as_listed(endpoint, told, present.get(endpoint.folded))
        for endpoint, told in pairs
        if told is not None and told.weight == endpoint.weight
    ]
    settings = replace(desired, tags=_tags_as_found(desired, observed)) if observed is not None else desired
    return with_endpoints(settings, [*true, *unasked(desired, observed)])


def _tags_as_found(desired: Profile, observed: Profile) -> tuple[tuple[str, str], ...]:
    """Status does not tell which tags the administrator asked for: what differs in them is the new flag's doing."""
    own = tuple((name, value) for name, value in desired.tags if name in (PROFILE_TAG, HUB_TAG))
    found = ((name, observed.tag(name)) for name, _ in desired.tags if name not in (PROFILE_TAG, HUB_TAG))
    return tuple(sorted((*own, *((name, value) for name, value in found if value is not None))))


def _as_listed(desired: Endpoint, told: EndpointStatus, present: Endpoint | None) -> Endpoint:
    """The endpoint with the target it had. Status has only the name that Azure found for that: while the name is the
    same nobody has changed the target in Azure, and what differs is the hub's wish.
    """
    if present is None or told.target is None or present.target != told.target:
        return desired
    return structs.replace(desired, target_resource_id=present.target_resource_id)


def contest_by_status(profile: TrafficManagerProfile, *, until: float) -> Contest:
    """Nothing of a contest is remembered, but what status says of it stands until then."""
    return Contest(told_until=until if is_true(profile.status.conditions, DRIFTING) else None)

"""Finds what a person asks about: an exported service by its own name, or by that of a backend or profile."""

from __future__ import annotations

from collections.abc import Iterator

from fleetdns.api.conditions import is_true
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.controllers.caches import BY_PROFILE, BY_SERVICE, Caches
from fleetdns.core.abandoned import bare_profile, held_services
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.finding import BareProfile, Question
from fleetdns.core.guard import GUARDED


def services_called(key: ObjectKey, caches: Caches) -> tuple[ObjectKey, ...]:
    """The services meant, sorted: the one of that name, else that of the backend, else those of the profile."""
    if caches.backends.by_index(BY_SERVICE, key) or caches.exports_of(key) or key in caches.imports:
        return (key,)
    backend = caches.backends.get(key)
    if backend is not None:
        return (backend.service_key,)
    backends = caches.backends.by_index(BY_PROFILE, key)
    if not backends and any(key.name.lower() in held_services(p).names for p in _guarded(key.namespace, caches)):
        return (key,)
    return tuple(sorted({backend.service_key for backend in backends}))


def bare_profile_called(key: ObjectKey, caches: Caches) -> BareProfile | None:
    """The profile of that name, where it is there and no backend is part of it."""
    profile = caches.profiles.get(key)
    return bare_profile(profile) if profile is not None and not caches.backends.by_index(BY_PROFILE, key) else None


def question(service: ObjectKey, caches: Caches) -> Question:
    """Everything that is known of a service."""
    profiles = sorted({backend.profile_key for backend in caches.backends.by_index(BY_SERVICE, service)})
    service_import = caches.imports.get(service)
    bare = Aggregate(
        key=service,
        profile=None,
        imports=(service_import,) if service_import is not None else (),
        exports=caches.exports_of(service),
        unreadable=caches.unreadable(),
        drained=caches.drained(),
    )
    return Question(
        service=service,
        aggregates=tuple(caches.aggregate(profile) for profile in profiles),
        bare=bare,
        clusters=frozenset(_clusters(caches)),
        guarded=tuple(_guarded(service.namespace, caches)),
    )


def _guarded(namespace: str, caches: Caches) -> Iterator[TrafficManagerProfile]:
    for profile in caches.profiles.values():
        if profile.metadata.namespace == namespace and is_true(profile.status.conditions, GUARDED):
            yield profile


def _clusters(caches: Caches) -> Iterator[str]:
    yield from (member.cluster for member in caches.members.values())
    yield from (found.cluster for found in caches.namespaces.values() if found.cluster is not None)

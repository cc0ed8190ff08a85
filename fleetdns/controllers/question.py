"""Finds what a person asks about: an exported service by its own name, or by that of a backend or profile."""

from __future__ import annotations

from collections.abc import Iterator

from fleetdns.api.conditions import is_true
from fleetdns.api.meta import ObjectKey
from fleetdns.controllers.caches import BY_PROFILE, BY_SERVICE, Caches
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.finding import Question
from fleetdns.core.guard import GUARDED


def services_called(key: ObjectKey, caches: Caches) -> tuple[ObjectKey, ...]:
    """The services meant, sorted: the one of that name, else that of the backend, else those of the profile."""
    if caches.backends.by_index(BY_SERVICE, key) or caches.exports_of(key) or key in caches.imports:
        return (key,)
    backend = caches.backends.get(key)
    if backend is not None:
        return (backend.service_key,)
    return tuple(sorted({backend.service_key for backend in caches.backends.by_index(BY_PROFILE, key)}))


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
        guarded=tuple(
            profile
            for profile in caches.profiles.values()
            if profile.metadata.namespace == service.namespace and is_true(profile.status.conditions, GUARDED)
        ),
    )


def _clusters(caches: Caches) -> Iterator[str]:
    yield from (member.cluster for member in caches.members.values())
    yield from (found.cluster for found in caches.namespaces.values() if found.cluster is not None)

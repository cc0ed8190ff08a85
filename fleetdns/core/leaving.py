"""What an object that is being deleted waits for, as its finalizers and its status tell: (because, what to do)."""

from __future__ import annotations

from fleetdns.api.backend import CLEANUP_FINALIZER as BACKEND_FINALIZER
from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.conditions import Condition, find
from fleetdns.api.meta import FLEET_METRICS_FINALIZER, ObjectMeta
from fleetdns.api.profile import CLEANUP_FINALIZER as PROFILE_FINALIZER
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.core import remedies
from fleetdns.core.backendstatus import REMOVAL_WAITS
from fleetdns.core.status import ACCEPTED, DELETION_WAITS, PROGRAMMED


def profile_waits(profile: TrafficManagerProfile) -> tuple[str, str]:
    """A profile goes when Azure's is gone."""
    told = _told(find(profile.status.conditions, PROGRAMMED), DELETION_WAITS)
    name = f"TrafficManagerProfile {profile.metadata.key}"
    because, todo = _waits(name, profile.metadata, PROFILE_FINALIZER, told)
    return because, f"{todo}; {remedies.once_gone()}"


def backend_waits(backend: TrafficManagerBackend, profile: TrafficManagerProfile | None) -> tuple[str, str]:
    """A backend goes when its endpoints are gone, and so with its profile where that is being deleted too."""
    told = _told(find(backend.status.conditions, ACCEPTED), REMOVAL_WAITS)
    name = f"TrafficManagerBackend {backend.metadata.key}"
    is_ours = BACKEND_FINALIZER in backend.metadata.finalizers
    if is_ours and told is None and profile is not None and profile.metadata.is_deleting:
        because, todo = profile_waits(profile)
        return f"{name} is being deleted, and so is its profile: {because}", todo
    because, todo = _waits(name, backend.metadata, BACKEND_FINALIZER, told)
    return because, f"{todo}; {remedies.once_gone()}"


def _told(condition: Condition | None, beginning: str) -> str | None:
    """Why the deletion waits, if the condition says so: it may be from before."""
    if condition is None or not condition.message.startswith(beginning):
        return None
    return condition.message.removeprefix(beginning)


def _waits(name: str, metadata: ObjectMeta, own: str, told: str | None) -> tuple[str, str]:
    is_going = f"{name} is being deleted"
    if own in metadata.finalizers:
        if told is not None:
            return f"{is_going}, and what it has in Azure is still to be removed: {told}", remedies.wait()
        return f"{is_going}, and fleetdns has not said yet what it waits for", remedies.does_it_run()
    others = sorted(set(metadata.finalizers) - {FLEET_METRICS_FINALIZER})
    if others:
        return f"{is_going}; it waits for whoever put {', '.join(others)} on it", remedies.finalizers()
    return is_going, remedies.wait()

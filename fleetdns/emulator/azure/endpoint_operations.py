"""GET, PUT, PATCH and DELETE of one endpoint. Each write is a write of its profile."""

from dataclasses import replace

from fleetdns.emulator.azure.endpoints import endpoint_from
from fleetdns.emulator.azure.errors import (
    endpoint_not_found,
    invalid_content,
    parent_not_found,
    profile_not_found,
    refuse,
    scope_locked,
)
from fleetdns.emulator.azure.exchange import Reply
from fleetdns.emulator.azure.fields import without_nulls
from fleetdns.emulator.azure.profiles import continued
from fleetdns.emulator.azure.resources import Endpoint, Profile
from fleetdns.emulator.azure.targets import resolved
from fleetdns.emulator.azure.validation import profile_problems, with_priorities
from fleetdns.emulator.azure.world import Inbound, World


def get(world: World, inbound: Inbound) -> Reply:
    profile = world.profile(inbound)
    endpoint = _stored_endpoint(profile, inbound)
    return Reply(200, world.view(inbound.now, inbound.version).endpoint(profile, endpoint))


def put(world: World, inbound: Inbound) -> Reply:
    profile = world.store.get(inbound.key, inbound.now)
    if profile is None:
        raise parent_not_found(inbound.route.profile)
    existed = profile.endpoint(inbound.route.kind, inbound.route.endpoint) is not None
    status = world.behaviour.endpoint_update_status if existed else 201
    return _written(world, inbound, profile, body=dict(inbound.body()), status=status)


def patch(world: World, inbound: Inbound) -> Reply:
    """Fields merge into the stored endpoint; what it had is kept, its priority included."""
    profile = world.profile(inbound)
    endpoint = _stored_endpoint(profile, inbound)
    changes = without_nulls(inbound.body()).get("properties", {})
    if not isinstance(changes, dict):
        raise invalid_content("properties is not an object")
    shown = without_nulls(world.canonical_view(inbound.now).endpoint(profile, endpoint))["properties"]
    return _written(world, inbound, profile, body={"properties": {**shown, **changes}}, status=200)


def delete(world: World, inbound: Inbound) -> Reply:
    """With another type than the endpoint has, the real service answers 200 and deletes nothing."""
    world.store.refuse_overlap(inbound.key, inbound.now)
    profile = world.store.get(inbound.key, inbound.now)
    if profile is None:
        raise profile_not_found(inbound.route.profile, inbound.route.group)
    endpoint = profile.endpoint(inbound.route.kind, inbound.route.endpoint)
    if endpoint is None:
        has_other_type = any(item.is_named(inbound.route.endpoint) for item in profile.endpoints)
        return answered_delete(world) if has_other_type else Reply(world.behaviour.missing_delete_status)
    scope = f"{profile.id}/{endpoint.kind}/{endpoint.name}"
    lock = world.lock_on(scope)
    if lock is not None:
        raise scope_locked(scope, lock)
    left = tuple(item for item in profile.endpoints if item is not endpoint)
    return answered_delete(world, delay=world.write(inbound, replace(profile, endpoints=left)))


def answered_delete(world: World, *, delay: float = 0.0) -> Reply:
    """Recorded answers have no body, the specification shows an empty object."""
    return Reply(200, {} if world.behaviour.delete_body == "object" else None, delay)


def _written(world: World, inbound: Inbound, profile: Profile, *, body: dict[str, object], status: int) -> Reply:
    now, route = inbound.now, inbound.route
    world.store.refuse_overlap(inbound.key, now)
    before = profile.endpoint(route.kind, route.endpoint)
    problems: list[str] = []
    asked = endpoint_from(
        body, name=before.name if before else route.endpoint, kind=route.kind, now=now, problems=problems
    )
    endpoint = continued(resolved(asked, world.directory(now), problems), among=profile.endpoints)
    candidate = replace(profile, endpoints=_placed(profile.endpoints, before, endpoint))
    limit = world.behaviour.endpoint_limit
    refuse([*problems, *profile_problems(candidate, world.store.profiles(now), endpoint_limit=limit)])
    delay = world.write(inbound, candidate)
    stored = candidate.endpoint(endpoint.kind, endpoint.name) or endpoint
    return Reply(status, world.view(now, inbound.version).endpoint(candidate, stored), delay)


def _placed(endpoints: tuple[Endpoint, ...], before: Endpoint | None, after: Endpoint) -> tuple[Endpoint, ...]:
    """A new endpoint goes to the end, a replaced one stays where it was. Its priority, if not given, is a free one."""
    if before is None:
        return with_priorities((*endpoints, after))
    return with_priorities(after if item is before else item for item in endpoints)


def _stored_endpoint(profile: Profile, inbound: Inbound) -> Endpoint:
    endpoint = profile.endpoint(inbound.route.kind, inbound.route.endpoint)
    if endpoint is None:
        raise endpoint_not_found(inbound.route.endpoint, profile.name)
    return endpoint

"""GET, LIST, PUT, PATCH and DELETE of profiles."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fleetdns.emulator.azure.endpoint_operations import answered_delete
from fleetdns.emulator.azure.errors import PATCH_HAS_ENDPOINTS, bad_request, invalid_content, refuse, scope_locked
from fleetdns.emulator.azure.exchange import Reply
from fleetdns.emulator.azure.fields import without_nulls
from fleetdns.emulator.azure.paging import following
from fleetdns.emulator.azure.profiles import continued, inline_endpoints, merged, profile_from, refuse_location
from fleetdns.emulator.azure.resources import Endpoint, Profile
from fleetdns.emulator.azure.targets import resolved
from fleetdns.emulator.azure.validation import mixed_priorities, profile_problems, with_priorities
from fleetdns.emulator.azure.world import Inbound, World


def get(world: World, inbound: Inbound) -> Reply:
    profile = world.profile(inbound)
    return Reply(200, world.view(inbound.now, inbound.version).profile(profile))


def put(world: World, inbound: Inbound) -> Reply:
    body = inbound.body()
    refuse_location(body)
    world.store.refuse_overlap(inbound.key, inbound.now)
    stored = world.store.get(inbound.key, inbound.now)
    problems: list[str] = []
    candidate = _parsed(inbound, body, stored, problems)
    endpoints = _endpoints(world, inbound, stored, problems)
    return _stored(world, inbound, replace(candidate, endpoints=endpoints), before=stored, problems=problems)


def patch(world: World, inbound: Inbound) -> Reply:
    body = inbound.body()
    stored = world.profile(inbound)
    world.store.refuse_overlap(inbound.key, inbound.now)
    properties = without_nulls(body).get("properties", {})
    if not isinstance(properties, dict):
        raise invalid_content("properties is not an object")
    if "endpoints" in properties:
        raise bad_request(PATCH_HAS_ENDPOINTS)
    shown = without_nulls(world.canonical_view(inbound.now).profile(stored))
    whole = merged(shown, body, replaces_groups=world.behaviour.patch_replaces_groups)
    problems: list[str] = []
    candidate = replace(_parsed(inbound, whole, stored, problems), endpoints=stored.endpoints)
    return _stored(world, inbound, candidate, before=stored, problems=problems)


def delete(world: World, inbound: Inbound) -> Reply:
    world.store.refuse_overlap(inbound.key, inbound.now)
    stored = world.store.get(inbound.key, inbound.now)
    if stored is None:
        return Reply(world.behaviour.missing_delete_status)
    lock = world.lock_on(stored.id)
    if lock is not None:
        raise scope_locked(stored.id, lock)
    return answered_delete(world, delay=world.write(inbound, None))


def listed(world: World, inbound: Inbound) -> Reply:
    """Of a group, or of the subscription when the path names no group; in pages when the page size is set."""
    route = inbound.route
    view = world.view(inbound.now, inbound.version)
    profiles = [
        (key, profile)
        for key, profile in sorted(world.store.profiles(inbound.now).items())
        if key.subscription == route.subscription.casefold()
        and (not route.group or key.group == route.group.casefold())
    ]
    # Joined so that texts sort as the keys do.
    keys = ["\0".join(key) for key, _ in profiles]
    page, more = following(keys, inbound, page_size=world.behaviour.page_size)
    return Reply(200, {"value": [view.profile(profile, in_list=True) for _, profile in profiles[page]], **more})


def _parsed(inbound: Inbound, body: Mapping[str, Any], stored: Profile | None, problems: list[str]) -> Profile:
    """Names keep the spelling of the first PUT."""
    route = inbound.route
    return profile_from(
        body,
        subscription=stored.subscription if stored else route.subscription,
        group=stored.group if stored else route.group,
        name=stored.name if stored else route.profile,
        problems=problems,
    )


def _endpoints(world: World, inbound: Inbound, stored: Profile | None, problems: list[str]) -> tuple[Endpoint, ...]:
    before = stored.endpoints if stored else ()
    given = inline_endpoints(inbound.body(), now=inbound.now, problems=problems)
    if given is None:
        return before if world.behaviour.keeps_absent_endpoints else ()
    if world.behaviour.refuses_mixed_priorities:
        problems.extend(mixed_priorities(given))
    directory = world.directory(inbound.now)
    targets = tuple(resolved(item, directory, problems) for item in given)
    return tuple(continued(item, among=before) for item in with_priorities(targets))


def _stored(
    world: World, inbound: Inbound, candidate: Profile, *, before: Profile | None, problems: list[str]
) -> Reply:
    """Check the candidate as a whole and write it."""
    behaviour, now = world.behaviour, inbound.now
    if before is not None:
        problems.extend(_change_problems(before, candidate, may_rename=behaviour.relative_name_may_change))
    elif world.store.count(candidate.subscription, now) >= behaviour.profile_limit:
        problems.append(f"A subscription cannot have more than {behaviour.profile_limit} profiles.")
    problems.extend(profile_problems(candidate, world.store.profiles(now), endpoint_limit=behaviour.endpoint_limit))
    refuse(problems)
    world.names.refuse_taken(candidate.relative_name, now, owner=inbound.key)
    delay = world.write(inbound, candidate)
    body = world.view(now, inbound.version).profile(candidate)
    return Reply(201 if before is None else 200, body, delay)


def _change_problems(before: Profile, after: Profile, *, may_rename: bool) -> list[str]:
    problems = []
    if before.relative_name.casefold() != after.relative_name.casefold() and not may_rename:
        problems.append("The relativeName of an existing profile cannot be changed.")
    if before.record_type is not None and after.record_type != before.record_type:
        problems.append("The recordType of a profile cannot be changed once it is set.")
    return problems

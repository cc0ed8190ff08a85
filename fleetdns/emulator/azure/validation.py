"""The rules that concern a profile as a whole: unique names, targets and priorities, limits, routing methods, nesting.

Each rule gives sentences; they are concatenated in the answer. Texts marked verbatim are the real ones.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from fleetdns.emulator.azure.health import address_version, child_profile
from fleetdns.emulator.azure.resources import Endpoint, Profile, ProfileKey

_DEEPEST_NESTING = 10


def profile_problems(profile: Profile, profiles: Mapping[ProfileKey, Profile], *, endpoint_limit: int) -> list[str]:
    """Everything that is wrong with the profile and its endpoints taken together."""
    endpoints = profile.endpoints
    problems = [
        *_duplicate_names(endpoints),
        *_duplicate_targets(endpoints),
        *_duplicate_priorities(endpoints),
        *_routing_problems(profile),
        *_nesting_problems(profile, profiles),
    ]
    if len(endpoints) > endpoint_limit:
        problems.append(f"A profile cannot have more than {endpoint_limit} endpoints.")
    return problems


def with_priorities(endpoints: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
    """Endpoints without a priority get the lowest free numbers, in their order."""
    given = tuple(endpoints)
    taken = {item.priority for item in given}
    free = (number for number in range(1, 1001 + len(given)) if number not in taken)
    return tuple(item if item.priority is not None else replace(item, priority=next(free)) for item in given)


def mixed_priorities(endpoints: Iterable[Endpoint]) -> list[str]:
    """Documented: given for one endpoint, a priority has to be given for all."""
    if len({item.priority is None for item in endpoints}) < 2:
        return []
    return ["If a priority is specified, it must be specified on all endpoints of the profile."]


def _duplicate_names(endpoints: tuple[Endpoint, ...]) -> list[str]:
    counts = Counter(item.name.casefold() for item in endpoints)
    names = [item.name for item in endpoints if counts.pop(item.name.casefold(), 1) > 1]
    if not names:
        return []
    # verbatim
    return [
        "There are duplicates in the list of endpoints. "
        f"The following endpoint(s) appear more than once: {', '.join(names)}."
    ]


def _duplicate_targets(endpoints: tuple[Endpoint, ...]) -> list[str]:
    seen: set[str] = set()
    problems = []
    for item in endpoints:
        if seen & item.target_keys:
            # verbatim
            problems.append(
                "Endpoint target must be unique in the profile. "
                f"The following endpoint target already exists: {item.resource_id or item.target}."
            )
        seen |= item.target_keys
    return problems


def _duplicate_priorities(endpoints: tuple[Endpoint, ...]) -> list[str]:
    counts = Counter(item.priority for item in endpoints if item.priority is not None)
    return [
        f"Endpoint priority must be unique in the profile. The following priority appears more than once: {number}."
        for number, count in counts.items()
        if count > 1
    ]


def _routing_problems(profile: Profile) -> list[str]:
    match profile.routing_method:
        case "Performance":
            return [
                f"Endpoint '{item.name}' needs an endpointLocation with the routing method Performance."
                for item in profile.endpoints
                if item.kind != "azureEndpoints" and not item.location
            ] + _mixed_addressing(profile)
        case "Geographic":
            return _geographic_problems(profile.endpoints) + _mixed_addressing(profile)
        case "MultiValue":
            return [
                f"Endpoint '{item.name}' must be an external endpoint with an IP address as target "
                "with the routing method MultiValue."
                for item in profile.endpoints
                if item.kind != "externalEndpoints" or address_version(item.target) is None
            ]
        case _:
            return _mixed_addressing(profile)


def _geographic_problems(endpoints: tuple[Endpoint, ...]) -> list[str]:
    problems = [
        f"Endpoint '{item.name}' needs a geoMapping with the routing method Geographic."
        for item in endpoints
        if not item.geo_mapping
    ]
    counts = Counter(code.casefold() for item in endpoints for code in item.geo_mapping)
    twice = sorted(code.upper() for code, count in counts.items() if count > 1)
    if twice:
        problems.append(f"A region can be mapped to one endpoint only: {', '.join(twice)}.")
    return problems


def _mixed_addressing(profile: Profile) -> list[str]:
    if len({address_version(item.target) for item in profile.endpoints}) < 2:
        return []
    return ["Endpoints of different addressing types (DNS name, IPv4, IPv6) cannot be mixed in one profile."]


def _nesting_problems(profile: Profile, profiles: Mapping[ProfileKey, Profile]) -> list[str]:
    """Depth and loops, walking from this profile down to its children as they would be with it stored."""
    world = {**profiles, profile.key: profile}
    level, depth = {profile.key}, 0
    while level:
        depth += 1
        if depth > _DEEPEST_NESTING:
            return [f"Nested profiles must not be deeper than {_DEEPEST_NESTING} levels."]
        children = {
            child.key
            for key in level
            for item in world[key].endpoints
            if item.kind == "nestedEndpoints" and (child := child_profile(item, world.values()))
        }
        if profile.key in children:
            return ["Nested profiles must not form a loop."]
        level = children
    return []

"""What a PUT or PATCH of a profile makes of it.

PUT replaces everything, tags and endpoints included. PATCH merges into what is stored and never touches endpoints.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fleetdns.emulator.azure.endpoints import inline_endpoint
from fleetdns.emulator.azure.errors import ArmError
from fleetdns.emulator.azure.fields import Fields, without_nulls
from fleetdns.emulator.azure.monitor import monitor_from
from fleetdns.emulator.azure.resources import Endpoint, Profile

ROUTING_METHODS = ("Performance", "Priority", "Weighted", "Geographic", "MultiValue", "Subnet")
RECORD_TYPES = ("A", "AAAA", "CNAME")
ADDRESSING = ("DomainName", "IPv4Address", "IPv6Address", "Any")
_SWITCH = ("Enabled", "Disabled")
_LONGEST_TTL = 2_147_483_647
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_RELATIVE_NAME = re.compile(rf"(?=.{{1,230}}\Z){_LABEL}(?:\.{_LABEL})*")
_PROFILE_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,61}[A-Za-z0-9])?")
_NOT_IN_TAG_NAMES = re.compile(r"[<>%&\\?/\x00-\x1f]")
_MOST_TAGS, _LONGEST_TAG_NAME, _LONGEST_TAG_VALUE = 50, 512, 256


def profile_from(body: Mapping[str, Any], *, subscription: str, group: str, name: str, problems: list[str]) -> Profile:
    """The profile a body describes, without endpoints. Raises ArmError for tags, which ARM itself checks."""
    given = Fields(without_nulls(body), problems, where="")
    tags = _tags(given)
    properties = given.group("properties")
    dns = properties.group("dnsConfig")
    relative_name, ttl = dns.text("relativeName") or "", dns.integer("ttl", 0, _LONGEST_TTL)
    routing_method = properties.choice("trafficRoutingMethod", ROUTING_METHODS)
    for fields, required in ((properties, "trafficRoutingMethod"), (dns, "relativeName"), (dns, "ttl")):
        fields.required(required)
    if not _PROFILE_NAME.fullmatch(name):
        problems.append(f"The profile name '{name}' is invalid.")
    if relative_name and not _RELATIVE_NAME.fullmatch(relative_name):
        dns.refuse("relativeName", "must be a DNS name with labels of at most 63 letters, digits and hyphens")
    max_return = properties.integer("maxReturn", 1, 8)
    return Profile(
        subscription=subscription,
        group=group,
        name=name,
        tags=tags,
        status=properties.choice("profileStatus", _SWITCH) or "Enabled",
        routing_method=routing_method or "Weighted",
        relative_name=relative_name,
        ttl=ttl or 0,
        monitor=monitor_from(properties.group("monitorConfig")),
        traffic_view=properties.choice("trafficViewEnrollmentStatus", _SWITCH) or "Disabled",
        allowed_record_types=_addressing(properties),
        max_return=2 if routing_method == "MultiValue" and max_return is None else max_return,
        record_type=properties.choice("recordType", RECORD_TYPES),
    )


def inline_endpoints(body: Mapping[str, Any], *, now: float, problems: list[str]) -> tuple[Endpoint, ...] | None:
    """The endpoints of a profile PUT, not yet resolved; None when the key is absent."""
    properties = without_nulls(body).get("properties", {})
    items = properties.get("endpoints") if isinstance(properties, Mapping) else None
    if items is None:
        return None
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        problems.append("The property 'properties.endpoints' must be a list of objects.")
        return ()
    return tuple(inline_endpoint(item, now=now, problems=problems) for item in items)


def continued(endpoint: Endpoint, *, among: tuple[Endpoint, ...]) -> Endpoint:
    """The endpoint with the start of probing of the stored one that it replaces, if the target is the same."""
    before = next((item for item in among if item.kind == endpoint.kind and item.is_named(endpoint.name)), None)
    same_target = before is not None and bool(before.target_keys & endpoint.target_keys)
    return replace(endpoint, since=before.since) if before is not None and same_target else endpoint


def merged(stored: Mapping[str, Any], patch: Mapping[str, Any], *, replaces_groups: bool) -> dict[str, Any]:
    """The body a PATCH amounts to. Tags are replaced when given; groups of properties merge, or are replaced."""
    given = without_nulls(patch)
    properties = dict(stored["properties"])
    changes = given.get("properties", {})
    for name, value in changes.items() if isinstance(changes, Mapping) else ():
        before = properties.get(name)
        merges = not replaces_groups and isinstance(before, Mapping) and isinstance(value, Mapping)
        properties[name] = {**before, **value} if merges and before is not None else value
    return {**stored, "tags": given.get("tags", stored["tags"]), "properties": properties}


def refuse_location(body: Mapping[str, Any]) -> None:
    """Raises ArmError 400 unless the location is global: Traffic Manager belongs to no region."""
    location = body.get("location")
    if not location:
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    if not isinstance(location, str) or location.casefold() != "global":
        raise ArmError(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{location}' is not available for resource type "
            "'Microsoft.Network/trafficManagerProfiles'. List of available regions for the resource type is 'global'.",
        )


def _tags(given: Fields) -> tuple[tuple[str, str], ...]:
    tags = given.group("tags").strings()
    if len(tags) > _MOST_TAGS:
        raise ArmError(400, "TooManyTags", f"A resource cannot have more than {_MOST_TAGS} tags.")
    for name, value in tags:
        if _NOT_IN_TAG_NAMES.search(name) or not name:
            raise ArmError(400, "InvalidTagNameCharacters", f"The tag name '{name}' has reserved characters.")
        if len(name) > _LONGEST_TAG_NAME or len(value) > _LONGEST_TAG_VALUE:
            raise ArmError(400, "InvalidTagLength", f"The tag '{name}' or its value is too long.")
    return tags


def _addressing(properties: Fields) -> tuple[str, ...]:
    given = properties.texts("allowedEndpointRecordTypes")
    canonical = {item.casefold(): item for item in ADDRESSING}
    if any(item.casefold() not in canonical for item in given):
        properties.refuse("allowedEndpointRecordTypes", f"takes {', '.join(ADDRESSING)}")
    return tuple(canonical.get(item.casefold(), item) for item in given)

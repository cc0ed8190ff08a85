"""What a request says about one endpoint: its fields, their ranges and defaults.

Read-only input (id, name, type, endpointMonitorStatus, and target beside targetResourceId) is ignored, because clients
send back what they read.
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from fleetdns.emulator.azure.fields import Fields, without_nulls
from fleetdns.emulator.azure.headers import custom_headers
from fleetdns.emulator.azure.resources import KINDS, PROFILE_TYPE, Endpoint, Subnet, endpoint_kind

_NOT_IN_NAMES = re.compile(r"[<>*%$:\\?+/]")
_LONGEST_NAME = 260
_SWITCH = ("Enabled", "Disabled")


def endpoint_from(body: Mapping[str, Any], *, name: str, kind: str, now: float, problems: list[str]) -> Endpoint:
    """The endpoint of a PUT, not yet resolved: the target of an azureEndpoint is unknown, the priority may be None."""
    problems.extend(name_problems(name))
    fields = Fields(without_nulls(body), problems, where=f"endpoints['{name}'].").group("properties")
    has_resource = kind != "externalEndpoints" and "targetResourceId" in fields
    return Endpoint(
        name=name,
        kind=kind,
        status=fields.choice("endpointStatus", _SWITCH) or "Enabled",
        weight=fields.integer("weight", 1, 1000) or 1,
        since=now,
        target=None if has_resource or kind == "azureEndpoints" else fields.text("target"),
        resource_id=fields.text("targetResourceId") if has_resource else None,
        priority=fields.integer("priority", 1, 1000),
        location=fields.text("endpointLocation"),
        min_children=_min_children(fields, kind),
        min_children_ipv4=fields.integer("minChildEndpointsIPv4", 0, 1000) if kind == "nestedEndpoints" else None,
        min_children_ipv6=fields.integer("minChildEndpointsIPv6", 0, 1000) if kind == "nestedEndpoints" else None,
        geo_mapping=fields.texts("geoMapping"),
        subnets=tuple(_subnet(item) for item in fields.objects("subnets")),
        headers=custom_headers(fields),
        always_serve=fields.choice("alwaysServe", _SWITCH),
    )


def inline_endpoint(body: Mapping[str, Any], *, now: float, problems: list[str]) -> Endpoint:
    """An endpoint inside a profile PUT: there, name and type are input and have to be given."""
    given = without_nulls(body)
    name, written = given.get("name"), given.get("type")
    kind = endpoint_kind(written) if isinstance(written, str) and "/" in written else None
    endpoint = endpoint_from(
        given, name=name if isinstance(name, str) else "", kind=kind or "externalEndpoints", now=now, problems=problems
    )
    if kind is None:
        valid = ", ".join(f"'{PROFILE_TYPE}/{item}'" for item in KINDS)
        problems.append(
            f"The type '{written or '<null>'}' specified for endpoint '{name or '<null>'}' is invalid. "
            f"Valid endpoint types are: {valid}."
        )
    return endpoint


def name_problems(name: str) -> list[str]:
    if name.strip() and len(name) <= _LONGEST_NAME and not _NOT_IN_NAMES.search(name):
        return []
    return [
        f"Endpoint name '{name}' is invalid. Endpoint names cannot be empty or all whitespace, and must be up to "
        f"{_LONGEST_NAME} alphanumeric characters long."
    ]


def _min_children(fields: Fields, kind: str) -> int | None:
    if kind != "nestedEndpoints":
        return None
    given = fields.integer("minChildEndpoints", 0, 1000)
    return 1 if given is None else given


def _subnet(fields: Fields) -> Subnet:
    first, last = fields.text("first"), fields.text("last")
    scope = fields.integer("scope", 0, 128)
    try:
        start = ipaddress.ip_address(first or "")
        if last is not None and ipaddress.ip_address(last).version != start.version:
            fields.refuse("last", "must be an address of the same family as first")
    except ValueError:
        fields.refuse("first", "and last must be IP addresses")
    if last is not None and scope is not None:
        fields.refuse("scope", "cannot be given together with last")
    return Subnet(first or "", last, scope)

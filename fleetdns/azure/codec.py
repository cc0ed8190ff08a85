"""Traffic Manager's JSON as values, and values as the bodies of calls.

Whatever Azure varies without meaning it is made equal here: case of types and words, null against absent, order. What
fleetdns does not manage is kept as canonical JSON and put back by every write; what only Azure says is never sent.
"""

from __future__ import annotations

import sys
from codecs import BOM_UTF8
from collections.abc import Mapping
from typing import Any, NoReturn

import msgspec

from fleetdns.azure.errors import misreading
from fleetdns.azure.schema import DNSConfig, EndpointProperties, MonitorConfig, ProfileProperties, Resource
from fleetdns.core.calls import PatchProfile
from fleetdns.core.trafficmanager import (
    AZURE_ENDPOINTS,
    CHECKING,
    DEGRADED,
    DISABLED,
    ENABLED,
    ONLINE,
    TYPE,
    WEIGHTED,
    Endpoint,
    Monitor,
    Profile,
    ProfileRef,
    parse_profile_id,
)

_EXTERNAL_ENDPOINTS = "externalEndpoints"
_NESTED_ENDPOINTS = "nestedEndpoints"

_WORDS = {
    word.lower(): word
    for word in (
        *(ENABLED, DISABLED),
        *(ONLINE, DEGRADED, CHECKING, "Inactive", "Stopped", "Unmonitored"),
        *(WEIGHTED, "Performance", "Priority", "Geographic", "MultiValue", "Subnet"),
        *("HTTP", "HTTPS", "TCP"),
        *(AZURE_ENDPOINTS, _EXTERNAL_ENDPOINTS, _NESTED_ENDPOINTS),
    )
}


class Undecodable(Exception):
    """An answer that is not what Traffic Manager's API says. `name`: whose, as far as that could be read."""

    def __init__(self, because: str, *, name: str = "") -> None:
        super().__init__(because)
        self.because = because
        self.name = name


def decode_profile(raw: bytes, ref: ProfileRef) -> Profile:
    """The answer to a call about `ref`. Raises Undecodable."""
    return _profile(_resource(_decoded(raw, dict[str, Any], ref.name)), ref)


def decode_listed(raw: bytes, *, subscription: str, resource_group: str | None = None) -> Profile:
    """One profile of a list. Raises Undecodable.

    `subscription` and `resource_group`: what was listed, for a profile that comes without an id.
    """
    resource = _resource(_decoded(raw, dict[str, Any], ""))
    ref = parse_profile_id(resource.id or "")
    if ref is None and resource_group and resource.name:
        ref = ProfileRef(subscription, resource_group, resource.name)
    if ref is None:
        raise Undecodable(
            "neither id nor name says which profile it is", name=resource.name or (resource.id or "").split("/")[-1]
        )
    return _profile(resource, ref)


def decode_endpoint(raw: bytes) -> Endpoint:
    """The answer to a call about one endpoint. Raises Undecodable."""
    return _endpoint(_decoded(raw, dict[str, Any], ""))


def decode_availability(raw: bytes) -> bool:
    """Whether the DNS name is free, from the answer to a name check. Raises Undecodable."""
    answer = _decoded(raw, dict[str, Any], "")
    if not isinstance(answer.get("nameAvailable"), bool):
        raise Undecodable("the answer does not say whether the name is available")
    return bool(answer["nameAvailable"])


def encode_profile(profile: Profile) -> dict[str, Any]:
    """The body of a PUT: everything the profile is to be, endpoints included."""
    properties = _unpacked(profile.unmanaged) | _present(
        profileStatus=profile.status,
        trafficRoutingMethod=profile.routing_method,
        dnsConfig=_encode_dns(profile),
        monitorConfig=_encode_monitor(profile.monitor),
        endpoints=[encode_endpoint(endpoint) for endpoint in profile.endpoints],
    )
    return {"location": "global", "tags": dict(profile.tags), "properties": properties}


def encode_patch(call: PatchProfile) -> dict[str, Any]:
    """The body of a PATCH: whole groups, because a merge inside a group is promised nowhere."""
    body: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    for group in call.groups:
        match group:
            case "tags":
                body["tags"] = dict(call.profile.tags)
            case "dnsConfig":
                properties[group] = _encode_dns(call.profile)
            case "monitorConfig":
                properties[group] = _encode_monitor(call.profile.monitor)
            case "profileStatus":
                properties[group] = call.profile.status
            case "trafficRoutingMethod":
                properties[group] = call.profile.routing_method
            case _:
                raise ValueError(f"a profile has no group of settings called {group!r}")
    return body | ({"properties": properties} if properties else {})


def encode_endpoint(endpoint: Endpoint) -> dict[str, Any]:
    """The body of an endpoint PUT, and an endpoint's place in a profile's."""
    properties = _unpacked(endpoint.unmanaged) | _present(
        targetResourceId=endpoint.target_resource_id,
        target=endpoint.target if _is_target_input(endpoint) else None,
        endpointStatus=endpoint.status,
        weight=endpoint.weight,
        priority=endpoint.priority,
    )
    return {"name": endpoint.name, "type": f"{TYPE}/{endpoint.kind}", "properties": properties}


def _is_target_input(endpoint: Endpoint) -> bool:
    """Azure derives the target of whatever has a resource id; elsewhere it is what somebody entered."""
    if endpoint.kind == AZURE_ENDPOINTS:
        return False
    return endpoint.kind == _EXTERNAL_ENDPOINTS or endpoint.target_resource_id is None


def _profile(resource: Resource, ref: ProfileRef) -> Profile:
    body = resource.properties or {}
    properties = _converted(body, ProfileProperties, ref.name)
    dns = _converted(properties.dns_config or {}, DNSConfig, ref.name)
    if not dns.relative_name:
        # Without it nothing can be written back: better unknown than a profile that looks empty.
        raise Undecodable("dnsConfig.relativeName is missing", name=ref.name)
    endpoints = [_endpoint(endpoint) for endpoint in properties.endpoints or ()]
    return Profile(
        ref=parse_profile_id(resource.id or "") or ref,
        relative_name=dns.relative_name,
        ttl=dns.ttl,
        monitor=_monitor(properties.monitor_config or {}, ref.name),
        tags=tuple(sorted((name, value or "") for name, value in (resource.tags or {}).items())),
        endpoints=tuple(sorted(endpoints, key=lambda endpoint: (endpoint.folded, endpoint.kind))),
        status=_word(properties.profile_status) or ENABLED,
        routing_method=_word(properties.traffic_routing_method),
        fqdn=dns.fqdn or None,
        unmanaged=_leftover(body, ProfileProperties),
        unmanaged_dns=_leftover(properties.dns_config or {}, DNSConfig),
    )


def _monitor(body: dict[str, Any], name: str) -> Monitor:
    config = _converted(body, MonitorConfig, name)
    return Monitor(
        protocol=_word(config.protocol),
        port=config.port,
        path=config.path or None,
        interval=config.interval_in_seconds,
        timeout=config.timeout_in_seconds,
        tolerated_failures=config.tolerated_number_of_failures,
        headers=tuple(sorted((header.name or "", header.value or "") for header in config.custom_headers or ())),
        unmanaged=_leftover(body, MonitorConfig),
    )


def _endpoint(body: dict[str, Any]) -> Endpoint:
    resource = _resource(body)
    segments = (resource.id or "").split("/")
    name = resource.name or segments[-1]
    kind = (resource.type or "").split("/")[-1] or (segments[-2] if len(segments) > 1 else "")
    if not name or not kind:
        raise Undecodable("an endpoint has no name or no type", name=name)
    properties = _converted(resource.properties or {}, EndpointProperties, name)
    # Neither text is stored once more: exports hold the target's, and what is settled the name.
    return Endpoint(
        name=sys.intern(name),
        kind=_word(kind) or kind,
        target_resource_id=sys.intern(properties.target_resource_id) if properties.target_resource_id else None,
        weight=properties.weight,
        status=_word(properties.endpoint_status) or ENABLED,
        priority=properties.priority,
        target=properties.target or None,
        monitor_status=_word(properties.endpoint_monitor_status),
        unmanaged=_leftover(resource.properties or {}, EndpointProperties),
    )


def _encode_dns(profile: Profile) -> dict[str, Any]:
    return _unpacked(profile.unmanaged_dns) | _present(relativeName=profile.relative_name, ttl=profile.ttl)


def _encode_monitor(monitor: Monitor) -> dict[str, Any]:
    return _unpacked(monitor.unmanaged) | _present(
        protocol=monitor.protocol,
        port=monitor.port,
        path=monitor.path,
        intervalInSeconds=monitor.interval,
        timeoutInSeconds=monitor.timeout,
        toleratedNumberOfFailures=monitor.tolerated_failures,
        customHeaders=[{"name": name, "value": value} for name, value in monitor.headers] or None,
    )


def _decoded(raw: bytes, kind: Any, name: str) -> Any:
    try:
        return msgspec.json.decode(raw.removeprefix(BOM_UTF8), type=kind)
    except ValueError as error:  # msgspec's errors, and UnicodeDecodeError
        _fail(error, name)


def _converted(body: dict[str, Any], kind: Any, name: str) -> Any:
    try:
        return msgspec.convert(body, kind, strict=False)  # numbers sometimes come as text
    except msgspec.ValidationError as error:
        _fail(error, name)


def _resource(body: dict[str, Any]) -> Resource:
    name = body.get("name") or body.get("id")
    resource: Resource = _converted(body, Resource, name.split("/")[-1] if isinstance(name, str) else "")
    return resource


def _fail(error: Exception, name: str) -> NoReturn:
    raise Undecodable(misreading(error), name=name) from error


def _word(text: str | None) -> str | None:
    """A word of Azure's in its canonical case; one that is not known stays as it is."""
    return _WORDS.get(text.lower(), text) if text else None


def _leftover(body: Mapping[str, Any], managed: type[msgspec.Struct]) -> bytes:
    """What is in `body` beside the fields of `managed`, as canonical JSON."""
    rest = {name: value for name, value in body.items() if name not in managed.__struct_encode_fields__}
    pruned = _pruned(rest)
    return msgspec.json.encode(pruned, order="deterministic") if pruned else b""


def _pruned(value: Any) -> Any:
    """`value` without nulls: Azure spells absent either way."""
    if isinstance(value, dict):
        return {name: _pruned(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_pruned(inner) for inner in value]
    return value


def _unpacked(unmanaged: bytes) -> dict[str, Any]:
    return msgspec.json.decode(unmanaged, type=dict[str, Any]) if unmanaged else {}


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}

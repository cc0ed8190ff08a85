"""Profiles and endpoints as JSON: the order of the keys and the nulls are those of recorded answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fleetdns.emulator.azure.health import Health
from fleetdns.emulator.azure.publicips import PublicIPs
from fleetdns.emulator.azure.resources import PROFILE_TYPE, Endpoint, Header, Monitor, Profile
from fleetdns.emulator.azure.targets import current_target
from fleetdns.emulator.azure.versions import NEWEST, has_record_type

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class View:
    """How to show what is stored: with the states of one moment, in one api-version, ids as they are or folded."""

    health: Health
    public_ips: PublicIPs
    version: str = NEWEST
    lowercase_ids: bool = False

    def profile(self, profile: Profile, *, in_list: bool = False) -> Body:
        """A profile with its endpoints. In a list the real service leaves the profile's own monitor state null."""
        state = None if in_list else self.health.profile(profile)
        properties: Body = {
            "profileStatus": profile.status,
            "trafficRoutingMethod": profile.routing_method,
            "dnsConfig": {"relativeName": profile.relative_name, "fqdn": profile.fqdn, "ttl": profile.ttl},
            "monitorConfig": {"profileMonitorStatus": state, **monitor_body(profile.monitor)},
            "endpoints": [self.endpoint(profile, item) for item in profile.endpoints],
            "trafficViewEnrollmentStatus": profile.traffic_view,
            "maxReturn": profile.max_return,
        }
        if profile.allowed_record_types:
            properties["allowedEndpointRecordTypes"] = list(profile.allowed_record_types)
        if has_record_type(self.version):
            properties["recordType"] = profile.record_type
        return {
            "id": self._id(profile.id),
            "name": profile.name,
            "type": PROFILE_TYPE,
            "location": "global",
            "tags": dict(profile.tags),
            "properties": properties,
        }

    def endpoint(self, profile: Profile, endpoint: Endpoint) -> Body:
        properties: Body = {
            "endpointStatus": endpoint.status,
            "endpointMonitorStatus": self.health.endpoint(profile, endpoint),
            "targetResourceId": endpoint.resource_id and self._id(endpoint.resource_id),
            "target": current_target(endpoint, self.public_ips),
            "weight": endpoint.weight,
            "priority": endpoint.priority,
            "endpointLocation": endpoint.location,
            "minChildEndpoints": endpoint.min_children,
            "minChildEndpointsIPv4": endpoint.min_children_ipv4,
            "minChildEndpointsIPv6": endpoint.min_children_ipv6,
            **_given(
                geoMapping=list(endpoint.geo_mapping),
                subnets=[_given(first=item.first, last=item.last, scope=item.scope) for item in endpoint.subnets],
                customHeaders=_headers(endpoint.headers),
                alwaysServe=endpoint.always_serve,
            ),
        }
        return {
            "id": self._id(f"{profile.id}/{endpoint.kind}/{endpoint.name}"),
            "name": endpoint.name,
            "type": f"{PROFILE_TYPE}/{endpoint.kind}",
            "properties": properties,
        }

    def _id(self, text: str) -> str:
        return text.lower() if self.lowercase_ids else text


def monitor_body(monitor: Monitor) -> Body:
    return {
        "protocol": monitor.protocol,
        "port": monitor.port,
        "path": monitor.path,
        "intervalInSeconds": monitor.interval,
        "toleratedNumberOfFailures": monitor.tolerated_failures,
        "timeoutInSeconds": monitor.timeout,
        **_given(
            customHeaders=_headers(monitor.headers),
            expectedStatusCodeRanges=[{"min": item.low, "max": item.high} for item in monitor.expected],
        ),
    }


def _headers(headers: Iterable[Header]) -> list[Mapping[str, str]]:
    return [{"name": header.name, "value": header.value} for header in headers]


def _given(**values: object) -> Body:
    """Only those that were set; scope 0 is one."""
    return {name: value for name, value in values.items() if value is not None and value != []}

"""The service's smaller operations: name check, geography, heat map, user metrics key, public IPs, registration."""

from datetime import UTC, datetime
from typing import Any

from fleetdns.emulator.azure.errors import ArmError, resource_not_found
from fleetdns.emulator.azure.exchange import Reply
from fleetdns.emulator.azure.paging import following
from fleetdns.emulator.azure.publicips import public_ip_body
from fleetdns.emulator.azure.world import Inbound, World

_HEAT_MAP_SPAN = 7 * 86_400


def check_name(world: World, inbound: Inbound) -> Reply:
    return Reply(200, world.names.availability(inbound.body(), inbound.now))


def geography(_world: World, _inbound: Inbound) -> Reply:
    """A small part of the real hierarchy: the groups, and a few countries and states to map to."""
    resource = "trafficManagerGeographicHierarchies"
    return Reply(200, _default(resource, {"geographicHierarchy": _HIERARCHY}))


def heat_map(world: World, inbound: Inbound) -> Reply:
    """A profile that nobody asked for yet: the week, no traffic."""
    profile = world.profile(inbound)
    end = max(inbound.now, _HEAT_MAP_SPAN)
    begin = end - _HEAT_MAP_SPAN
    properties = {
        "startTime": datetime.fromtimestamp(begin, UTC).isoformat(),
        "endTime": datetime.fromtimestamp(end, UTC).isoformat(),
        "endpoints": [],
        "trafficFlows": [],
    }
    return Reply(
        200,
        {
            "id": f"{profile.id}/heatMaps/default",
            "name": "default",
            "type": "Microsoft.Network/trafficManagerProfiles/heatMaps",
            "properties": properties,
        },
    )


def get_metrics_key(world: World, inbound: Inbound) -> Reply:
    key = world.metrics_keys.get(inbound.route.subscription.casefold())
    if key is None:
        raise ArmError(404, "NotFound", "The subscription has no user metrics key.")
    return Reply(200, _metrics_key(key))


def put_metrics_key(world: World, inbound: Inbound) -> Reply:
    key = world.metrics_keys.setdefault(inbound.route.subscription.casefold(), world.hex_key())
    return Reply(201, _metrics_key(key))


def delete_metrics_key(world: World, inbound: Inbound) -> Reply:
    world.metrics_keys.pop(inbound.route.subscription.casefold(), None)
    return Reply(200, {})


def get_public_ip(world: World, inbound: Inbound) -> Reply:
    route = inbound.route
    found = world.public_ips.get(
        f"/subscriptions/{route.subscription}/resourceGroups/{route.group}"
        f"/providers/Microsoft.Network/publicIPAddresses/{route.name}"
    )
    if found is None:
        raise resource_not_found(f"Microsoft.Network/publicIPAddresses/{route.name}", route.group)
    return Reply(200, public_ip_body(found))


def list_public_ips(world: World, inbound: Inbound) -> Reply:
    """Of a group, or of the subscription when the path names no group; in pages when the page size is set."""
    found = world.public_ips.listed(inbound.route.subscription, inbound.route.group)
    keys = [ip.id.casefold() for ip in found]
    page, more = following(keys, inbound, page_size=world.behaviour.page_size)
    return Reply(200, {"value": [public_ip_body(item) for item in found[page]], **more})


def get_provider(world: World, inbound: Inbound) -> Reply:
    """Registering takes effect at once, so the state is one of two."""
    subscription = inbound.route.subscription
    is_registered = subscription.casefold() not in world.unregistered
    return Reply(
        200,
        {
            "id": f"/subscriptions/{subscription}/providers/Microsoft.Network",
            "namespace": "Microsoft.Network",
            "registrationState": "Registered" if is_registered else "NotRegistered",
        },
    )


def register_provider(world: World, inbound: Inbound) -> Reply:
    world.unregistered.discard(inbound.route.subscription.casefold())
    return get_provider(world, inbound)


def _default(resource: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"/providers/Microsoft.Network/{resource}/default",
        "name": "default",
        "type": f"Microsoft.Network/{resource}",
        "properties": properties,
    }


def _metrics_key(key: str) -> dict[str, Any]:
    return _default("trafficManagerUserMetricsKeys", {"key": key})


def _region(code: str, name: str, *regions: dict[str, Any]) -> dict[str, Any]:
    return {"code": code, "name": name, "regions": list(regions)}


_HIERARCHY = _region(
    "WORLD",
    "World",
    _region("GEO-EU", "Europe", _region("AD", "Andorra"), _region("DE", "Germany"), _region("FR", "France")),
    _region("GEO-ME", "Middle East", _region("AE", "United Arab Emirates")),
    _region(
        "GEO-NA",
        "North America / Central America / Caribbean",
        _region("CA", "Canada", _region("CA-AB", "Alberta")),
        _region("US", "United States", _region("US-AK", "Alaska")),
    ),
    _region("GEO-AS", "Asia", _region("JP", "Japan")),
    _region("GEO-AF", "Africa", _region("ZA", "South Africa")),
    _region("GEO-SA", "South America", _region("BR", "Brazil")),
    _region("GEO-AP", "Australia / Pacific", _region("AU", "Australia")),
)

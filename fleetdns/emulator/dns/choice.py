"""Which endpoint a routing method picks for one query.

Endpoints that are Online, CheckingEndpoint or Unmonitored take part; if there are none, all that are Degraded do.
Disabled, Inactive and Stopped ones never do.

method      | picks
Weighted    | at random, in proportion to the weights
Priority    | the lowest number
Performance | one at random in the client's region; without any there, in the first region by name
Geographic  | the one mapped to the client's narrowest place, whether it is healthy or not
Subnet      | the one whose range holds the client, else one without ranges
MultiValue  | one at random (the answer asks for several itself)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from fleetdns.emulator.dns.zone import Address, Endpoint, Profile, Zone

_AVAILABLE = frozenset({"Online", "CheckingEndpoint", "Unmonitored"})
_DEEPEST_NESTING = 10


@dataclass(frozen=True, slots=True)
class Client:
    """Where a query comes from. `places` are Geographic codes, the narrowest first."""

    address: Address | None = None
    region: str = ""
    places: tuple[str, ...] = ("WORLD",)


def candidates(profile: Profile) -> tuple[Endpoint, ...]:
    """The endpoints that take part."""
    available = tuple(item for item in profile.endpoints if item.state in _AVAILABLE)
    return available or tuple(item for item in profile.endpoints if item.state == "Degraded")


def chosen(profile: Profile, zone: Zone, random: Random, *, client: Client, depth: int = 0) -> Endpoint | None:
    """The endpoint for this query, nested profiles walked to their end; None when there is none to give."""
    endpoint = _picked(profile, random, client)
    if endpoint is None or endpoint.child is None:
        return endpoint
    child = zone.profiles.get(endpoint.child)
    if child is None or not child.is_enabled or depth >= _DEEPEST_NESTING:
        return None
    return chosen(child, zone, random, client=client, depth=depth + 1)


def _picked(profile: Profile, random: Random, client: Client) -> Endpoint | None:
    if profile.method == "Geographic":
        return _in_place(profile.endpoints, client)
    able = candidates(profile)
    match profile.method:
        case "Priority":
            return min(able, key=lambda item: item.priority, default=None)
        case "Performance":
            return _any(_nearest(able, client), random)
        case "Subnet":
            return _any(_in_subnet(able, client), random)
        case "MultiValue":
            return _any(able, random)
        case _:
            return random.choices(able, weights=[item.weight for item in able])[0] if able else None


def _any(endpoints: Sequence[Endpoint], random: Random) -> Endpoint | None:
    return random.choice(endpoints) if endpoints else None


def _nearest(endpoints: Sequence[Endpoint], client: Client) -> tuple[Endpoint, ...]:
    """There is no map of latencies here: any region but the client's own is as far as the next."""
    regions = {item.region for item in endpoints}
    own = client.region.casefold().replace(" ", "")
    region = own if own in regions else min(regions, default="")
    return tuple(item for item in endpoints if item.region == region)


def _in_subnet(endpoints: Sequence[Endpoint], client: Client) -> tuple[Endpoint, ...]:
    address = client.address
    mapped = tuple(
        item for item in endpoints if address is not None and any(range_.contains(address) for range_ in item.subnets)
    )
    return mapped or tuple(item for item in endpoints if not item.subnets)


def _in_place(endpoints: Sequence[Endpoint], client: Client) -> Endpoint | None:
    serving = [item for item in endpoints if item.state in _AVAILABLE or item.state == "Degraded"]
    for place in (*client.places, "WORLD"):
        for item in endpoints:
            if place.casefold() in item.geo_mapping:
                # The narrowest mapping decides, even when its endpoint cannot answer.
                return item if item in serving else None
    return None

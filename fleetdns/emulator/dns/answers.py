"""What the zone answers to one question.

target of the picked endpoint | A     | AAAA  | CNAME  | ANY    | other types
a DNS name                    | CNAME | CNAME | CNAME  | CNAME  | CNAME
an IPv4 address               | A     | -     | -      | A      | -
an IPv6 address               | -     | AAAA  | -      | AAAA   | -

"-" is NODATA. MultiValue gives up to maxReturn addresses of the type asked for. A profile that is disabled, or has
only disabled endpoints, does not exist: NXDOMAIN. Both carry the zone's SOA.
"""

from dataclasses import dataclass
from random import Random

from fleetdns.emulator.dns.choice import Client, candidates, chosen
from fleetdns.emulator.dns.zone import Endpoint, Profile, Zone

_SOA_TTL = 30
_NS_TTL = 172_800


@dataclass(frozen=True, slots=True)
class Record:
    """`name` and, in `text`, the data as in a zone file."""

    name: str
    ttl: int
    type: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """`rcode` is NOERROR, NXDOMAIN or REFUSED. NOERROR without records is NODATA."""

    rcode: str
    records: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()


def answer(zone: Zone, name: str, rdtype: str, random: Random, *, client: Client | None = None) -> Answer:
    """The answer for a name in any case, with or without a last dot. Records keep the spelling of the question."""
    folded = name.casefold().rstrip(".")
    if folded == zone.origin:
        return _apex(zone, rdtype)
    if not folded.endswith(f".{zone.origin}"):
        return Answer("REFUSED")
    profile = zone.profiles.get(folded)
    if profile is None or not _exists(profile):
        return _none(zone, "NOERROR" if zone.has_names_below(folded) else "NXDOMAIN")
    picked = _picked(profile, zone, rdtype, random, client=client or Client())
    records = tuple(record for item in picked if (record := _record(item, name, rdtype, ttl=profile.ttl)) is not None)
    return Answer("NOERROR", records) if records else _none(zone, "NOERROR")


def _exists(profile: Profile) -> bool:
    return profile.is_enabled and any(item.state != "Disabled" for item in profile.endpoints)


def _picked(profile: Profile, zone: Zone, rdtype: str, random: Random, *, client: Client) -> tuple[Endpoint, ...]:
    if profile.method != "MultiValue":
        endpoint = chosen(profile, zone, random, client=client)
        return () if endpoint is None else (endpoint,)
    fitting = [item for item in candidates(profile) if rdtype in ("ANY", _address_type(item))]
    return tuple(random.sample(fitting, min(profile.max_return, len(fitting))))


def _record(endpoint: Endpoint, name: str, rdtype: str, *, ttl: int) -> Record | None:
    address_type = _address_type(endpoint)
    if address_type is None:
        return Record(name, ttl, "CNAME", f"{endpoint.target}.") if endpoint.target else None
    return Record(name, ttl, address_type, endpoint.target) if rdtype in ("ANY", address_type) else None


def _address_type(endpoint: Endpoint) -> str | None:
    if endpoint.address is None:
        return None
    return "A" if endpoint.address.version == 4 else "AAAA"


def _apex(zone: Zone, rdtype: str) -> Answer:
    records = tuple(record for record in (_soa(zone), _ns(zone)) if rdtype in (record.type, "ANY"))
    return Answer("NOERROR", records) if records else _none(zone, "NOERROR")


def _none(zone: Zone, rcode: str) -> Answer:
    return Answer(rcode, (), (_soa(zone),))


def _soa(zone: Zone) -> Record:
    numbers = f"1 900 300 2419200 {_SOA_TTL}"
    return Record(f"{zone.origin}.", _SOA_TTL, "SOA", f"ns1.{zone.origin}. hostmaster.{zone.origin}. {numbers}")


def _ns(zone: Zone) -> Record:
    return Record(f"{zone.origin}.", _NS_TTL, "NS", f"ns1.{zone.origin}.")

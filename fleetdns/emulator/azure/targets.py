"""What an endpoint's target is, and whether the service takes it.

kind              | given                                | target
azureEndpoints    | public IP address                    | the name of its DNS label; without one: refused
azureEndpoints    | web app, cloud service               | <name>.azurewebsites.net, <name>.cloudapp.net
externalEndpoints | a DNS name or a public IP address    | the same
nestedEndpoints   | id or DNS name of an existing child  | the child's DNS name
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from fleetdns.emulator.azure.health import child_profile
from fleetdns.emulator.azure.publicips import PublicIPs, resource_id
from fleetdns.emulator.azure.resources import Endpoint, Profile, ProfileKey

_SUFFIXES = {
    "microsoft.web/sites": "azurewebsites.net",
    "microsoft.classiccompute/domainnames": "cloudapp.net",
}
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\.?")
_RELAY_ANYCAST = ipaddress.ip_network("192.88.99.0/24")  # RFC 3068


@dataclass(frozen=True, slots=True)
class Directory:
    """Everything a target can point at."""

    public_ips: PublicIPs
    profiles: Mapping[ProfileKey, Profile]
    strict: bool


def resolved(endpoint: Endpoint, directory: Directory, problems: list[str]) -> Endpoint:
    """The endpoint with its target, or as it is with a sentence more in `problems`."""
    match endpoint.kind:
        case "azureEndpoints":
            return _azure(endpoint, directory, problems)
        case "nestedEndpoints":
            return _nested(endpoint, directory, problems)
        case _:
            problems.extend(_external_problems(endpoint))
            return endpoint


def current_target(endpoint: Endpoint, public_ips: PublicIPs) -> str | None:
    """Endpoints follow their resource: a public IP that got another label answers with that one."""
    registered = public_ips.get(endpoint.resource_id or "")
    return registered.fqdn if registered and registered.fqdn else endpoint.target


def _azure(endpoint: Endpoint, directory: Directory, problems: list[str]) -> Endpoint:
    parsed = resource_id(endpoint.resource_id or "")
    if endpoint.resource_id is None or parsed is None:
        problems.append(f"The targetResourceId '{endpoint.resource_id}' of endpoint '{endpoint.name}' is not valid.")
        return endpoint
    if not parsed.is_public_ip:
        suffix = _SUFFIXES.get(parsed.type.casefold())
        if suffix is None:
            problems.append(f"Endpoint '{endpoint.name}' cannot point at a resource of type '{parsed.type}'.")
        return replace(endpoint, target=f"{parsed.name.casefold()}.{suffix}")
    fqdn = directory.public_ips.fqdn(endpoint.resource_id, strict=directory.strict)
    if fqdn is None:
        problems.append(
            f"The public IP address '{endpoint.resource_id}' of endpoint '{endpoint.name}' does not exist "
            "or has no DNS name assigned."
        )
    return replace(endpoint, target=fqdn)


def _nested(endpoint: Endpoint, directory: Directory, problems: list[str]) -> Endpoint:
    child = child_profile(endpoint, directory.profiles.values())
    if child is None:
        problems.append(f"The nested profile of endpoint '{endpoint.name}' was not found.")
        return endpoint
    return replace(endpoint, target=child.fqdn)


def _external_problems(endpoint: Endpoint) -> list[str]:
    target = endpoint.target
    if not target:
        return [f"Endpoint '{endpoint.name}' needs a target."]
    try:
        address = ipaddress.ip_address(target)
    except ValueError:
        # A name of digits and dots only was meant as an address.
        is_name = _NAME.fullmatch(target) and not re.fullmatch(r"[0-9.]+", target)
        return [] if is_name else [f"The target '{target}' of endpoint '{endpoint.name}' is not a DNS name."]
    if address.is_global and not address.is_multicast and address not in _RELAY_ANYCAST:
        return []
    return [f"The target '{target}' of endpoint '{endpoint.name}' is in a private or reserved range."]

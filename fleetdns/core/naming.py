"""How things are called in Azure: names made from UIDs, so that a crash or a second controller finds the same ones.

The names, the tag and the separator are those of Azure Kubernetes Fleet Manager, so that either finds the other's work.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import lru_cache

from fleetdns.api.meta import GROUP, ObjectKey

PROFILE_TAG = f"{GROUP}.trafficManagerProfile"
HUB_TAG = "fleetdns.hub"

_ENDPOINT = re.compile(
    r"fleet-(?P<uid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})#(?P<service>[^#]+)#(?P<cluster>[^#]+)"
)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE | re.ASCII)
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
MAX_LABEL = 63


@dataclass(frozen=True, slots=True)
class EndpointName:
    """The three facts in the name of an endpoint of ours."""

    uid: str
    service: str
    cluster: str

    def __str__(self) -> str:
        return sys.intern(f"fleet-{self.uid}#{self.service}#{self.cluster}".lower())  # Azure's lists hold it, too


@lru_cache(maxsize=4096)  # one look at a profile of 200 endpoints asks for each name hundreds of times
def parse_endpoint_name(name: str) -> EndpointName | None:
    """The parts of a name that fleetdns gives, whatever the uid in it; None for somebody else's endpoint."""
    match = _ENDPOINT.fullmatch(name.lower())
    return EndpointName(match["uid"], match["service"], match["cluster"]) if match else None


def azure_profile_name(uid: str) -> str:
    """The Azure resource name of the profile made for a TrafficManagerProfile with this uid."""
    return f"fleet-{uid}"


def profile_tag(key: ObjectKey) -> str:
    """The value of Fleet's tag for one TrafficManagerProfile."""
    return str(key)


def relative_name(template: str, key: ObjectKey) -> str:
    """The DNS prefix that `--dns-name-template` gives an object."""
    return template.replace("{namespace}", key.namespace).replace("{name}", key.name)


def unknown_placeholders(template: str) -> tuple[str, ...]:
    """What a template asks for that fleetdns cannot fill in."""
    return tuple(p for p in _PLACEHOLDER.findall(template) if p not in ("{name}", "{namespace}"))


def dns_name_problem(name: str) -> str | None:
    """Why a DNS prefix cannot be one, as the end of a sentence; None when it can."""
    for label in name.split("."):
        if len(label) > MAX_LABEL:
            return f"the label {label!r} has {len(label)} characters and DNS allows {MAX_LABEL}"
        if not _LABEL.fullmatch(label):
            return f"the label {label!r} is not made of letters, digits and inner hyphens"
    return None

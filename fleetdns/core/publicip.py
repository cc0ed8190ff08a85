"""Public IP addresses: what Azure tells of one, and what is known of the one that a Service listens on."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class PublicIP:
    """A public IP resource. `address` is folded; `label`: its DNS label, None without one."""

    id: str
    address: str
    label: str | None = None


@dataclass(frozen=True, slots=True)
class NotThere:
    """Azure was asked, and no public IP of that address is in the resource group where it was looked for."""

    message: str
    resource_group: str


@dataclass(frozen=True, slots=True)
class Untold:
    """Azure could not be asked: nothing is known of the address, and nothing of its absence.

    `message` None: it has not been asked yet, and will be in a moment.
    """

    message: str | None


Finding: TypeAlias = PublicIP | NotThere | Untold


def folded_address(text: str) -> str:
    """One spelling for each address: IPv6 has many. What is no address stays as it is."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text


def group_of(resource_id: str) -> str | None:
    """The folded resource group of an Azure resource; None for what is no id of one."""
    segments = resource_id.lower().split("/")
    return segments[4] if segments[:1] == [""] and segments[3:4] == ["resourcegroups"] and len(segments) > 4 else None

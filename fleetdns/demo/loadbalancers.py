"""What a Service asks of the Azure cloud provider, by its type and its annotations."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fleetdns.demo.kubernetes import Manifest

_PREFIX = "service.beta.kubernetes.io/azure-"
_INTERNAL = f"{_PREFIX}load-balancer-internal"
_GROUP = f"{_PREFIX}load-balancer-resource-group"
_LABEL = f"{_PREFIX}dns-label-name"
_LABEL_RULE = "^[a-z][a-z0-9-]{1,61}[a-z0-9]$"


class LabelInvalid(Exception):
    """No DNS label can be called so."""


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """What a Service has if it is to have one.

    name: of its public IP. group: where that lies, None is the cluster's own.
    label: the DNS label, "" for none, None to leave it as it is.
    """

    is_wanted: bool
    name: str
    is_internal: bool
    group: str | None
    label: str | None


def load_balancer(service: Manifest) -> LoadBalancer:
    metadata, spec = service["metadata"], service.get("spec") or {}
    is_ours = spec.get("type") == "LoadBalancer" and not spec.get("loadBalancerClass")
    annotations = metadata.get("annotations") or {}
    uid = str(metadata["uid"]).replace("-", "")
    return LoadBalancer(
        is_wanted=is_ours and not metadata.get("deletionTimestamp"),
        name=f"kubernetes-a{uid[:31]}",
        is_internal=annotations.get(_INTERNAL) == "true",
        group=annotations.get(_GROUP, "").strip() or None,
        label=annotations.get(_LABEL),
    )


def address_of(service: Manifest) -> str | None:
    """The address in the Service's status."""
    places = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    return str(places[0]["ip"]) if places and places[0].get("ip") else None


def refuse_invalid(label: str) -> None:
    """Raises LabelInvalid."""
    if not re.fullmatch(_LABEL_RULE, label):
        raise LabelInvalid(
            f"The domain name label {label} is invalid. It must conform to the following regular expression: "
            f"{_LABEL_RULE}."
        )

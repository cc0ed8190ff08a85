"""Who sets the DNS label of a Service: its user, who always wins, or the agent, for a ResourceOverride on the hub.

An export that is made anew asks for the label that is claimed already, until the hub says otherwise: a name that went
for a moment would take the endpoint along, and might be somebody else's by the time it is asked for again.

label wanted   on the Service    claimed by us    what the agent does
none           any               no               nothing
none           any               yes              gives its claim up
not known yet  any               any              nothing: there is no export that could tell
a              a                 yes, or no       nothing
a              none              any              claims a
a              another           any              claims a; refused where a user wrote the other
"""

from __future__ import annotations

from dataclasses import dataclass

from fleetdns.api.exports import DNS_LABEL
from fleetdns.api.offer import Offer
from fleetdns.api.service import LABEL_ANNOTATION, LOAD_BALANCER, Service

CLAIM = DNS_LABEL  # on the Service, beside the label and with the same value, while the agent claims it


@dataclass(frozen=True, slots=True)
class Claim:
    """The agent wants this label on the Service; None: it wants no say any more."""

    label: str | None


def label_claim(service: Service, offer: Offer | None) -> Claim | None:
    """What the agent has to say about the Service's label; None: nothing that it has not said already."""
    if offer is None:
        return None
    wanted = offer.metadata.annotations.get(DNS_LABEL)
    annotations = service.metadata.annotations
    claimed, label = annotations.get(CLAIM), annotations.get(LABEL_ANNOTATION)
    if not wanted or service.spec.type != LOAD_BALANCER:
        return Claim(None) if claimed is not None else None
    return None if label == wanted and claimed in (None, wanted) else Claim(wanted)


def carried_annotations(service: Service) -> dict[str, str]:
    """What an export that is made anew says of the label that the agent claims on its Service."""
    claimed = service.metadata.annotations.get(CLAIM)
    return {DNS_LABEL: claimed} if claimed else {}

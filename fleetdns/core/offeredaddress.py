"""What an export tells of the address behind it: whether it is public, which public IP, and whether it has a DNS name.

the Service                       the public IP          told                              looked at again
not of type LoadBalancer          -                      nothing                           -
annotated as internal             -                      internal                          -
no address yet                    -                      nothing                           - (an event comes)
an address                        cannot be asked for    what was told before, and why     yes
                                                         where that is not all
an address                        not there, and what    what was told before, and why:    yes
                                  was told is elsewhere  nobody looked where that lies
an address                        not there              nothing, and why                  yes
an address                        there                  its id, and whether it has a      when a label is on its way
                                                         label that is not on its way out
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fleetdns.api.offer import OfferSpec
from fleetdns.api.service import INTERNAL_ANNOTATION, LABEL_ANNOTATION, LOAD_BALANCER, Service
from fleetdns.core.publicip import Finding, NotThere, PublicIP, Untold, group_of


@dataclass(frozen=True, slots=True)
class OfferedAddress:
    """`message`: why the public IP cannot be told; `looks_again`: Azure knows more later, and nobody will say so."""

    is_internal: bool = False
    public_ip_id: str | None = None
    has_label: bool = False
    message: str | None = None
    looks_again: bool = False


def is_internal(service: Service) -> bool:
    """Whether the load balancer is reached from inside its network only. The cloud provider takes no other spelling."""
    return service.metadata.annotations.get(INTERNAL_ANNOTATION) == "true"


def public_address(service: Service) -> str | None:
    """The address whose public IP is to be found; None where there is none, or none yet."""
    return service.address if service.spec.type == LOAD_BALANCER and not is_internal(service) else None


def offered_address(service: Service, finding: Finding | None, before: OfferSpec | None) -> OfferedAddress:
    """`finding` None: not asked for; `before`: what is on the hub now."""
    if service.spec.type != LOAD_BALANCER:
        return OfferedAddress()
    if is_internal(service):
        return OfferedAddress(is_internal=True)
    match finding:
        case PublicIP():
            return _found(service, finding)
        case NotThere(message, group) if _lay_elsewhere(before, group):
            return replace(_as_before(service, before, message), message=message)
        case NotThere(message):
            return OfferedAddress(message=message, looks_again=True)
        case Untold(message):
            return _as_before(service, before, message)
        case None:
            return OfferedAddress()


def is_settled(service: Service, ip: PublicIP) -> bool:
    """Whether nothing that the Service asks for is still on its way to the public IP."""
    label = service.metadata.annotations.get(LABEL_ANNOTATION)
    return label is None or (label == "") == (ip.label is None)


def _found(service: Service, ip: PublicIP) -> OfferedAddress:
    # Present and empty is not absent: the label is about to be taken away. Where another label than the one asked for
    # is on the resource, the address has a name, and traffic goes on while the name changes.
    is_leaving = service.metadata.annotations.get(LABEL_ANNOTATION) == ""
    return OfferedAddress(
        public_ip_id=ip.id,
        has_label=ip.label is not None and not is_leaving,
        looks_again=not is_settled(service, ip),
    )


def _lay_elsewhere(before: OfferSpec | None, resource_group: str) -> bool:
    """What was told lies in another group than the one that was asked about: that it is gone is not proven."""
    known = before.public_ip_resource_id if before is not None else None
    return known is not None and group_of(known) != resource_group.lower()


def _as_before(service: Service, before: OfferSpec | None, message: str | None) -> OfferedAddress:
    """An outage of Azure's takes nothing away that was true when it was last heard."""
    if before is None or before.public_ip_resource_id is None:
        return OfferedAddress(message=message, looks_again=True)
    label = service.metadata.annotations.get(LABEL_ANNOTATION)
    is_waiting = bool(label) and not before.is_dns_label_configured
    return OfferedAddress(
        public_ip_id=before.public_ip_resource_id,
        has_label=before.is_dns_label_configured and label != "",
        message=message if is_waiting else None,
        looks_again=True,
    )

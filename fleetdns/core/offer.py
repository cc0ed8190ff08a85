"""What a member cluster offers the fleet of one Service: the rules from a ServiceExport to an InternalServiceExport.

the Service                               the export on the hub    Valid
missing, or being deleted                 withdrawn                False  ServiceNotFound
type ExternalName, or headless            withdrawn                False  ServiceIneligible
another one has its name on the hub       not ours: untouched      False  ServiceIneligible
a weight that is none                     stays as it is           False  ServiceExportInvalidWeightAnnotation
weight 0                                  withdrawn                True   ServiceIsValid
weight 0 by a ResourceOverride            weight 0: it carries     True   ServiceIsValid
                                          the instruction
another uid than the one on the hub       replaced                 True   ServiceIsValid
any other                                 made or brought up       True   ServiceIsValid
                                          to date
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from fleetdns.api.conditions import FALSE, TRUE, Condition
from fleetdns.api.exports import EXCLUDED, MAX_WEIGHT, OVERRIDE_WEIGHT, whole_weight
from fleetdns.api.meta import ObjectKey, ObjectMeta, is_marked
from fleetdns.api.offer import Offer, OfferedService, OfferSpec
from fleetdns.api.service import EXTERNAL_NAME, HEADLESS, WEIGHT, Service, ServiceExport
from fleetdns.core.label import carried_annotations
from fleetdns.core.offeredaddress import OfferedAddress, offered_address
from fleetdns.core.publicip import Finding

VALID = "Valid"
SERVICE_IS_VALID = "ServiceIsValid"
SERVICE_NOT_FOUND = "ServiceNotFound"
SERVICE_INELIGIBLE = "ServiceIneligible"
INVALID_WEIGHT = "ServiceExportInvalidWeightAnnotation"

_INSTEAD = "export one of type LoadBalancer"


@dataclass(frozen=True, slots=True)
class Member:
    """Which cluster this is, and its namespace on the hub."""

    cluster: str
    hub_namespace: str

    def offer_key(self, service: ObjectKey) -> ObjectKey:
        """What the export of a Service is called on the hub; two Services may share one name (a-b/c and a/b-c)."""
        return ObjectKey(self.hub_namespace, f"{service.namespace}-{service.name}")


@dataclass(frozen=True, slots=True)
class Situation:
    """All that is known when one ServiceExport is judged. `finding` None: no public IP is asked for.

    `first_exported`: when this very Service (its uid) was offered before, where that is remembered; `now`: RFC 3339.
    """

    member: Member
    export: ServiceExport
    service: Service | None
    offer: Offer | None
    finding: Finding | None
    first_exported: str | None
    now: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The export on the hub, where there is one, is marked and deleted."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Whatever is on the hub stays as it is."""


@dataclass(frozen=True, slots=True)
class Replace:
    """The export on the hub is of a Service that is gone: deleted, and made anew once it is gone.

    `is_contested`: ours was there already, and somebody has put another one in its place.
    """

    offer: Offer
    is_contested: bool = False


@dataclass(frozen=True, slots=True)
class Give:
    """The export on the hub ought to be this one; its annotations are for one that is made anew.

    `azure_message`: why its public IP cannot be told.
    """

    offer: Offer
    azure_message: str | None


Wish: TypeAlias = Withdraw | Keep | Replace | Give


@dataclass(frozen=True, slots=True)
class Judgement:
    """What ought to be on the hub, and what the ServiceExport is told. `looks_again`: Azure may know more later."""

    wish: Wish
    valid: Condition
    looks_again: bool = False


def judge(situation: Situation) -> Judgement:
    """The first rule that applies decides."""
    service = situation.service
    if not is_ours(situation.offer, situation.export.metadata.key):
        return Judgement(Keep(), _ambiguous(situation))
    for objection in (_missing, _ineligible):
        reason = objection(service)
        if reason is not None:
            return Judgement(Withdraw(), _invalid(*reason))
    if service is None:
        raise AssertionError("a missing Service was objected to")
    return _weighed(situation, service)


def is_ours(offer: Offer | None, service: ObjectKey) -> bool:
    """Whether an object of that name on the hub stands for this Service; also where there is none."""
    return offer is None or offer.service_key == service


def _weighed(situation: Situation, service: Service) -> Judgement:
    overridden, asked = _override_weight(situation.offer), _asked_weight(situation.export)
    if overridden is None and asked is None:
        return Judgement(Keep(), _invalid(INVALID_WEIGHT, _weight_message(situation.export)))
    if overridden is None and asked == 0:
        return Judgement(Withdraw(), _valid("the weight is 0: the cluster takes no traffic, and nothing is exported"))
    weight = overridden if overridden is not None else asked
    offer = situation.offer
    if offer is not None and _is_another(offer, situation, service):
        return _replaced(situation, offer)
    address = offered_address(service, situation.finding, offer.spec if offer is not None else None)
    return Judgement(
        Give(_offer(situation, service, address, weight=weight), address.message),
        _valid(_valid_message(weight, address, offer)),
        looks_again=address.looks_again,
    )


def _replaced(situation: Situation, offer: Offer) -> Judgement:
    if situation.first_exported is None:
        return Judgement(
            Replace(offer), _valid("the Service was made anew; its export is made anew as soon as the former is gone")
        )
    cluster = situation.member.cluster
    return Judgement(
        Replace(offer, is_contested=True),
        _valid(
            f"somebody else exports another Service of this name as cluster {cluster}, and the two take each other's "
            "place on the hub; give each cluster's agent a --cluster-name of its own"
        ),
    )


def _offer(situation: Situation, service: Service, address: OfferedAddress, *, weight: int | None) -> Offer:
    key = situation.member.offer_key(service.metadata.key)
    present = situation.offer.spec.service_reference if situation.offer is not None else None
    metadata = service.metadata
    return Offer(
        metadata=ObjectMeta(name=key.name, namespace=key.namespace, annotations=carried_annotations(service)),
        spec=OfferSpec(
            service_reference=OfferedService(
                cluster_id=situation.member.cluster,
                namespace=metadata.namespace,
                name=metadata.name,
                # It decides conflicts, so what was said first stands.
                exported_since=(present.exported_since if present is not None else "")
                or situation.first_exported
                or situation.now,
                api_version=service.resource.api_version,
                kind=service.resource.kind,
                resource_version=metadata.resource_version,
                generation=metadata.generation,
                uid=metadata.uid,
                namespaced_name=str(metadata.key),
            ),
            ports=service.spec.ports,
            type=service.spec.type,
            is_dns_label_configured=address.has_label,
            is_internal_load_balancer=address.is_internal,
            public_ip_resource_id=address.public_ip_id,
            weight=weight,
        ),
    )


def _is_another(offer: Offer, situation: Situation, service: Service) -> bool:
    """What cannot be changed in an export differs: it stands for a Service, or a cluster, that is no more."""
    reference = offer.spec.service_reference
    return (reference.uid, reference.cluster_id) != (service.metadata.uid, situation.member.cluster)


Objection: TypeAlias = tuple[str, str]


def _missing(service: Service | None) -> Objection | None:
    if service is None:
        return SERVICE_NOT_FOUND, "there is no Service of this name beside the ServiceExport; create it"
    if service.metadata.is_deleting:
        return SERVICE_NOT_FOUND, "the Service is being deleted"
    return None


def _ineligible(service: Service | None) -> Objection | None:
    if service is not None and service.spec.type == EXTERNAL_NAME:
        return SERVICE_INELIGIBLE, f"a Service of type ExternalName cannot be exported: it has no address; {_INSTEAD}"
    if service is not None and service.spec.cluster_ip == HEADLESS:
        return (
            SERVICE_INELIGIBLE,
            f"a headless Service (clusterIP None) cannot be exported: it has no address; {_INSTEAD}",
        )
    return None


def _ambiguous(situation: Situation) -> Condition:
    offer = situation.offer
    other = offer.service_key if offer is not None else ""
    name = situation.member.offer_key(situation.export.metadata.key).name
    return _invalid(
        SERVICE_INELIGIBLE,
        f"on the hub this export would be called {name}, as the one of Service {other} already is; "
        "rename one of the two Services, or its namespace",
    )


def _override_weight(offer: Offer | None) -> int | None:
    return whole_weight(offer.metadata.annotations.get(OVERRIDE_WEIGHT, "")) if offer is not None else None


def _asked_weight(export: ServiceExport) -> int | None:
    """The weight that the ServiceExport asks for, 1 where it says nothing; None where it says nonsense."""
    text = export.metadata.annotations.get(WEIGHT)
    return 1 if text is None else whole_weight(text.strip())


def _weight_message(export: ServiceExport) -> str:
    text = export.metadata.annotations.get(WEIGHT, "")
    return (
        f"annotation {WEIGHT} is {text[:40]!r}; give a whole number from 0 to {MAX_WEIGHT}. "
        "Until then the export stays as it was"
    )


def _valid_message(weight: int | None, address: OfferedAddress, offer: Offer | None) -> str:
    parts = ["the Service is exported"]
    if offer is not None and is_marked(offer.metadata, EXCLUDED):
        parts.append("a ResourceOverride on the hub leaves this cluster out")
    elif weight == 0:
        parts.append("a ResourceOverride on the hub gives it weight 0: it takes no traffic")
    if address.message is not None:
        parts.append(address.message)
    return "; ".join(parts)


def _valid(message: str) -> Condition:
    return Condition(VALID, TRUE, SERVICE_IS_VALID, message)


def _invalid(reason: str, message: str) -> Condition:
    return Condition(VALID, FALSE, reason, message)

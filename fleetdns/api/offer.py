"""InternalServiceExport as its author sees it: with everything that the hub's controllers have no use for."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from fleetdns.api.exports import (
    ConditionsStatus,
    InternalServiceExport,
    InternalServiceExportSpec,
    ServiceReference,
)
from fleetdns.api.meta import ObjectKey, ObjectMeta, Resource


class OfferedService(ServiceReference, frozen=True, rename="camel", kw_only=True):
    """The whole reference. `cluster_id`, `uid` and `namespaced_name` cannot change once written."""

    api_version: str = ""
    kind: str
    resource_version: str
    generation: int
    uid: str
    namespaced_name: str


class OfferSpec(InternalServiceExportSpec, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """The whole spec."""

    service_reference: OfferedService


class Offer(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """An InternalServiceExport, whole."""

    resource: ClassVar[Resource] = InternalServiceExport.resource

    metadata: ObjectMeta
    spec: OfferSpec
    status: ConditionsStatus = ConditionsStatus()

    @property
    def service_key(self) -> ObjectKey:
        reference = self.spec.service_reference
        return ObjectKey(reference.namespace, reference.name)

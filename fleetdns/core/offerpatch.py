"""What is written of an export on the hub: all of it at first, then what it lacks, as a merge patch."""

from __future__ import annotations

from typing import Any

import msgspec

from fleetdns.api.exports import AZURE_MESSAGE, WITHDRAWN
from fleetdns.api.offer import Offer, OfferSpec

# They change with every status of the Service, and tell nothing by themselves: they go along with what does.
_ALONG = {"resource_version": "", "generation": 0}


def first_offer(desired: Offer, azure_message: str | None) -> Offer:
    """The export as it is created."""
    if azure_message is None:
        return desired
    annotations = {**desired.metadata.annotations, AZURE_MESSAGE: azure_message}
    return msgspec.structs.replace(desired, metadata=msgspec.structs.replace(desired.metadata, annotations=annotations))


def offer_patch(present: Offer, desired: Offer, azure_message: str | None) -> dict[str, Any] | None:
    """The patch; None where nothing is lacking. Annotations of others stay as they are."""
    patch: dict[str, Any] = {}
    spec = _spec_patch(present.spec, desired.spec)
    if spec:
        patch["spec"] = spec
    annotations = _annotations_patch(present, azure_message)
    if annotations:
        patch["metadata"] = {"annotations": annotations}
    return patch or None


def _spec_patch(present: OfferSpec, desired: OfferSpec) -> dict[str, Any]:
    if _telling(present) == _telling(desired):
        return {}
    before, after = msgspec.to_builtins(present), msgspec.to_builtins(desired)
    gone: dict[str, Any] = dict.fromkeys(before.keys() - after.keys())
    return gone | {name: value for name, value in after.items() if before.get(name) != value}


def _telling(spec: OfferSpec) -> OfferSpec:
    reference = msgspec.structs.replace(spec.service_reference, **_ALONG)
    return msgspec.structs.replace(spec, service_reference=reference)


def _annotations_patch(present: Offer, azure_message: str | None) -> dict[str, str | None]:
    # A mark that was left by a withdrawal that did not come to its end would let the hub take the endpoint away.
    wanted: dict[str, str | None] = {AZURE_MESSAGE: azure_message, WITHDRAWN: None}
    return {name: value for name, value in wanted.items() if present.metadata.annotations.get(name) != value}

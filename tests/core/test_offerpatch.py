"""What an export on the hub lacks, and that nothing is written twice."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetdns.api.exports import AZURE_MESSAGE, DNS_LABEL, OVERRIDE_WEIGHT, WITHDRAWN, ServicePort
from fleetdns.api.offer import Offer
from fleetdns.core.offerpatch import first_offer, offer_patch
from tests.controllers.fake_hub import merge_patched
from tests.core.builders import uid_of
from tests.core.memberbuilders import ip_id, make_offer

THEIRS = {"example.com/owner": "somebody", DNS_LABEL: "app-one", OVERRIDE_WEIGHT: "3"}


def patched(present: Offer, patch: dict[str, Any] | None) -> Offer:
    """The export after the patch, as an API server stores it."""
    return msgspec.convert(merge_patched(msgspec.to_builtins(present), patch or {}), Offer)


def restamped(offer: Offer, **changes: Any) -> Offer:
    reference = msgspec.structs.replace(offer.spec.service_reference, **changes)
    return msgspec.structs.replace(offer, spec=msgspec.structs.replace(offer.spec, service_reference=reference))


@pytest.mark.parametrize(
    ("desired", "patch"),
    [
        pytest.param(make_offer(), None, id="nothing differs"),
        pytest.param(make_offer(weight=7), {"spec": {"weight": 7}}, id="the weight"),
        pytest.param(make_offer(weight=0), {"spec": {"weight": 0}}, id="the weight 0 of an override"),
        pytest.param(make_offer(target=None), {"spec": {"publicIPResourceID": None}}, id="no public IP any more"),
        pytest.param(make_offer(has_label=False), {"spec": {"isDNSLabelConfigured": None}}, id="no label any more"),
        pytest.param(make_offer(is_internal=True), {"spec": {"isInternalLoadBalancer": True}}, id="internal now"),
        pytest.param(make_offer(service_type="NodePort"), {"spec": {"type": "NodePort"}}, id="the type"),
        pytest.param(
            make_offer(ports=(ServicePort(443, app_protocol="https", target_port="tls"),)),
            {"spec": {"ports": [{"port": 443, "appProtocol": "https", "targetPort": "tls"}]}},
            id="the ports, whole",
        ),
    ],
)
def test_only_what_differs_is_written(desired: Offer, patch: dict[str, Any] | None) -> None:
    found = offer_patch(make_offer(), desired, None)
    assert msgspec.json.decode(msgspec.json.encode(found)) == patch


def test_a_new_version_of_the_service_alone_is_worth_no_write() -> None:
    desired = restamped(make_offer(), resource_version="99", generation=7)
    assert offer_patch(make_offer(), desired, None) is None


def test_the_version_goes_along_with_what_is_worth_a_write() -> None:
    desired = restamped(make_offer(weight=7), resource_version="99", generation=7)
    stored = patched(make_offer(), offer_patch(make_offer(), desired, None))
    assert stored.spec == desired.spec


def test_ports_in_another_order_are_what_the_service_says_now() -> None:
    one, two = ServicePort(80), ServicePort(443)
    assert offer_patch(make_offer(ports=(one, two)), make_offer(ports=(two, one)), None) is not None


def test_a_mark_that_an_unfinished_withdrawal_left_is_taken_off() -> None:
    present = make_offer(annotations={WITHDRAWN: "true", **THEIRS})
    assert offer_patch(present, make_offer(), None) == {"metadata": {"annotations": {WITHDRAWN: None}}}


@pytest.mark.parametrize(
    ("before", "message", "annotations"),
    [
        pytest.param(None, None, None, id="nothing to say"),
        pytest.param(None, "throttled", {AZURE_MESSAGE: "throttled"}, id="a reason"),
        pytest.param("throttled", "throttled", None, id="the same reason"),
        pytest.param("throttled", "forbidden", {AZURE_MESSAGE: "forbidden"}, id="another reason"),
        pytest.param("throttled", None, {AZURE_MESSAGE: None}, id="found since"),
    ],
)
def test_why_the_public_ip_cannot_be_told_comes_and_goes(
    before: str | None, message: str | None, annotations: dict[str, Any] | None
) -> None:
    present = make_offer(annotations=THEIRS if before is None else {AZURE_MESSAGE: before, **THEIRS})
    patch = offer_patch(present, make_offer(), message)
    assert patch == (None if annotations is None else {"metadata": {"annotations": annotations}})


@pytest.mark.parametrize("message", [None, "throttled"])
def test_what_is_created_lacks_nothing(message: str | None) -> None:
    created = first_offer(make_offer(annotations={DNS_LABEL: "app-one"}), message)
    assert offer_patch(created, make_offer(), message) is None
    assert created.metadata.annotations[DNS_LABEL] == "app-one"


ports = st.lists(
    st.builds(
        ServicePort,
        st.integers(1, 65535),
        st.sampled_from(["TCP", "UDP", "SCTP"]),
        st.none() | st.sampled_from(["http", "dns"]),
        st.none() | st.sampled_from(["https", "kubernetes.io/h2c"]),
        st.none() | st.integers(1, 65535) | st.sampled_from(["web", "8080"]),
    ),
    max_size=3,
).map(tuple)
offers = st.builds(
    make_offer,
    uid=st.just(uid_of("the Service")),
    exported_since=st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]),
    ports=ports,
    service_type=st.sampled_from(["LoadBalancer", "ClusterIP"]),
    target=st.none() | st.sampled_from(["", ip_id("other")]),
    has_label=st.booleans(),
    is_internal=st.booleans(),
    weight=st.none() | st.integers(0, 1000),
    annotations=st.dictionaries(
        st.sampled_from([WITHDRAWN, AZURE_MESSAGE, *THEIRS]), st.sampled_from(["true", "", "3"])
    ),
)
messages = st.none() | st.sampled_from(["throttled", "forbidden"])


@settings(deadline=None)
@given(offers, offers, messages)
def test_one_patch_is_enough_and_a_second_look_writes_nothing(
    present: Offer, desired: Offer, message: str | None
) -> None:
    stored = patched(present, offer_patch(present, desired, message))
    assert offer_patch(stored, desired, message) is None
    assert stored.spec == desired.spec
    assert stored.metadata.annotations.get(AZURE_MESSAGE) == message
    assert WITHDRAWN not in stored.metadata.annotations


@settings(deadline=None)
@given(offers, offers, messages)
def test_annotations_of_others_stay(present: Offer, desired: Offer, message: str | None) -> None:
    stored = patched(present, offer_patch(present, desired, message))
    for name in THEIRS:
        assert stored.metadata.annotations.get(name) == present.metadata.annotations.get(name)

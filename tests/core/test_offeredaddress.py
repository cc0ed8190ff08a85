"""What an export tells of the address behind it: the table of the module, line by line."""

from __future__ import annotations

import pytest

from fleetdns.api.offer import OfferSpec
from fleetdns.api.service import INTERNAL_ANNOTATION, LABEL_ANNOTATION
from fleetdns.core.offeredaddress import OfferedAddress, is_internal, is_settled, offered_address, public_address
from fleetdns.core.publicip import Finding, NotThere, PublicIP, Untold, folded_address
from tests.core.memberbuilders import ADDRESS, GROUP, make_ip, make_offer, make_service

LABELLED, BARE = make_ip(), make_ip(label=None)
GONE, AWAY, SOON = NotThere("not there", GROUP), Untold("throttled"), Untold(None)
KNOWN = make_offer().spec
UNLABELLED = make_offer(has_label=False).spec
NOTHING = make_offer(target=None, has_label=False).spec


@pytest.mark.parametrize("finding", [None, LABELLED, GONE, AWAY], ids=["not asked", "found", "not there", "untold"])
@pytest.mark.parametrize("service_type", ["ClusterIP", "NodePort"])
def test_a_service_that_is_no_load_balancer_tells_nothing(service_type: str, finding: Finding | None) -> None:
    service = make_service(service_type=service_type, annotations={INTERNAL_ANNOTATION: "true"})
    assert public_address(service) is None
    assert offered_address(service, finding, KNOWN) == OfferedAddress()


def test_an_internal_load_balancer_is_only_that() -> None:
    service = make_service(annotations={INTERNAL_ANNOTATION: "true", LABEL_ANNOTATION: "a"})
    assert public_address(service) is None
    assert offered_address(service, None, KNOWN) == OfferedAddress(is_internal=True)


@pytest.mark.parametrize("text", ["True", "TRUE", " true", "1", "yes", "false", ""])
def test_internal_is_spelled_true_and_in_no_other_way(text: str) -> None:
    service = make_service(annotations={INTERNAL_ANNOTATION: text})
    assert not is_internal(service)
    assert public_address(service) == ADDRESS


@pytest.mark.parametrize("before", [None, KNOWN], ids=["nothing told", "told before"])
def test_without_an_address_nothing_is_told_and_the_event_of_its_coming_is_waited_for(before: OfferSpec | None) -> None:
    service = make_service(address=None)
    assert public_address(service) is None
    assert offered_address(service, None, before) == OfferedAddress()


def test_an_address_that_is_a_name_is_none() -> None:
    assert public_address(make_service(address="")) is None


@pytest.mark.parametrize("before", [None, KNOWN, NOTHING], ids=["nothing told", "told before", "none known before"])
def test_an_address_that_is_not_there_takes_back_what_was_told(before: OfferSpec | None) -> None:
    told = offered_address(make_service(), GONE, before)
    assert told == OfferedAddress(message="not there", looks_again=True)


def test_what_lies_in_another_group_than_the_one_asked_about_is_not_taken_back() -> None:
    """A setting that names a wrong group must not take a serving endpoint out of DNS."""
    told = offered_address(make_service(), NotThere("not there", "mc-typo"), KNOWN)
    assert told == OfferedAddress(
        public_ip_id=KNOWN.public_ip_resource_id, has_label=True, message="not there", looks_again=True
    )


@pytest.mark.parametrize(
    ("label", "before", "told"),
    [
        pytest.param(None, None, OfferedAddress(message="throttled", looks_again=True), id="nothing told"),
        pytest.param(None, NOTHING, OfferedAddress(message="throttled", looks_again=True), id="no address known"),
        pytest.param(
            None, KNOWN, OfferedAddress(public_ip_id=LABELLED.id, has_label=True, looks_again=True), id="all known"
        ),
        pytest.param(
            None, UNLABELLED, OfferedAddress(public_ip_id=LABELLED.id, looks_again=True), id="known without a label"
        ),
        pytest.param(
            "app-one",
            UNLABELLED,
            OfferedAddress(public_ip_id=LABELLED.id, message="throttled", looks_again=True),
            id="a label is on its way, and it cannot be seen whether it has come",
        ),
        pytest.param(
            "", KNOWN, OfferedAddress(public_ip_id=LABELLED.id, looks_again=True), id="the label is on its way out"
        ),
    ],
)
def test_while_azure_cannot_be_asked_what_was_told_stands(
    label: str | None, before: OfferSpec | None, told: OfferedAddress
) -> None:
    service = make_service(annotations={} if label is None else {LABEL_ANNOTATION: label})
    assert offered_address(service, AWAY, before) == told


def test_what_will_be_asked_in_a_moment_is_worth_no_message() -> None:
    assert offered_address(make_service(), SOON, None) == OfferedAddress(looks_again=True)
    known = offered_address(make_service(), SOON, KNOWN)
    assert known == OfferedAddress(public_ip_id=LABELLED.id, has_label=True, looks_again=True)


@pytest.mark.parametrize(
    ("annotation", "ip", "has_label", "looks_again"),
    [
        pytest.param(None, BARE, False, False, id="no label wanted, none there"),
        pytest.param(None, LABELLED, True, False, id="no label wanted here, one set in Azure"),
        pytest.param("app-one", LABELLED, True, False, id="wanted and there"),
        pytest.param("another", LABELLED, True, False, id="another one there: the address has a name all the same"),
        pytest.param("app-one", BARE, False, True, id="wanted and on its way"),
        pytest.param("", BARE, False, False, id="empty and gone"),
        pytest.param("", LABELLED, False, True, id="empty is not absent: on its way out"),
    ],
)
def test_a_public_ip_that_is_found(annotation: str | None, ip: PublicIP, has_label: bool, looks_again: bool) -> None:
    service = make_service(annotations={} if annotation is None else {LABEL_ANNOTATION: annotation})
    for before in (None, KNOWN, NOTHING):
        told = offered_address(service, ip, before)
        assert told == OfferedAddress(public_ip_id=ip.id, has_label=has_label, looks_again=looks_again)
    assert is_settled(service, ip) is not looks_again


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("20.0.0.1", "20.0.0.1"),
        ("2603:1030:0:0:0:0:0:1", "2603:1030::1"),
        ("2603:1030:0000::0001", "2603:1030::1"),
        ("2603:1030::ABCD", "2603:1030::abcd"),
        ("example.org", "example.org"),
        ("020.0.0.1", "020.0.0.1"),
        ("", ""),
    ],
)
def test_an_address_has_one_spelling(text: str, folded: str) -> None:
    assert folded_address(text) == folded
    assert folded_address(folded) == folded

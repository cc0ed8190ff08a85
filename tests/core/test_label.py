"""Who sets the DNS label of a Service: the table of the module, line by line."""

from __future__ import annotations

import pytest

from fleetdns.api.offer import Offer
from fleetdns.api.service import LABEL_ANNOTATION
from fleetdns.core.label import CLAIM, Claim, carried_annotations, label_claim
from tests.core.memberbuilders import make_offer, make_service

GIVE_UP = Claim(None)


def asking(label: str | None) -> Offer:
    return make_offer(annotations={} if label is None else {CLAIM: label})


@pytest.mark.parametrize(
    ("wanted", "label", "claimed", "claim"),
    [
        pytest.param(None, None, None, None, id="no label anywhere"),
        pytest.param(None, "a", None, None, id="a user's label is the user's business"),
        pytest.param(None, "", None, None, id="a user's empty label too"),
        pytest.param(None, "a", "a", GIVE_UP, id="ours, and not asked for any more"),
        pytest.param(None, "b", "a", GIVE_UP, id="a user's over ours, and ours not asked for any more"),
        pytest.param(None, None, "a", GIVE_UP, id="our claim without its label"),
        pytest.param("", "a", "a", GIVE_UP, id="an empty wish is none"),
        pytest.param("a", None, None, Claim("a"), id="asked for and not there"),
        pytest.param("a", "", None, Claim("a"), id="asked for where a user emptied it: the server decides"),
        pytest.param("a", "b", None, Claim("a"), id="asked for where a user wrote another: the server decides"),
        pytest.param("a", "a", "a", None, id="ours and there"),
        pytest.param("a", "a", None, None, id="a user wrote the same"),
        pytest.param("b", "a", "a", Claim("b"), id="asked for another than ours"),
        pytest.param("a", "a", "b", Claim("a"), id="a claim that says another"),
        pytest.param("a", None, "a", Claim("a"), id="somebody took ours away"),
    ],
)
def test_a_claim(wanted: str | None, label: str | None, claimed: str | None, claim: Claim | None) -> None:
    given = {LABEL_ANNOTATION: label, CLAIM: claimed}
    service = make_service(annotations={name: text for name, text in given.items() if text is not None})
    assert label_claim(service, asking(wanted)) == claim


@pytest.mark.parametrize("claimed", [None, "a"])
def test_nothing_is_said_while_nothing_is_on_the_hub_that_could_ask(claimed: str | None) -> None:
    annotations = {} if claimed is None else {LABEL_ANNOTATION: claimed, CLAIM: claimed}
    assert label_claim(make_service(annotations=annotations), None) is None


def test_a_service_that_is_no_load_balancer_gets_no_label_and_gives_back_ours() -> None:
    bare = make_service(service_type="ClusterIP")
    ours = make_service(service_type="ClusterIP", annotations={LABEL_ANNOTATION: "a", CLAIM: "a"})
    assert label_claim(bare, asking("a")) is None
    assert label_claim(ours, asking("a")) == GIVE_UP


def test_an_export_that_is_made_anew_asks_for_the_label_that_is_claimed_until_the_hub_says_otherwise() -> None:
    assert carried_annotations(make_service(annotations={LABEL_ANNOTATION: "a", CLAIM: "a"})) == {CLAIM: "a"}
    assert carried_annotations(make_service(annotations={LABEL_ANNOTATION: "a"})) == {}

"""The rules from a ServiceExport and its Service to the export on the hub, one by one."""

from __future__ import annotations

import msgspec
import pytest

from fleetdns.api.conditions import FALSE, TRUE
from fleetdns.api.exports import EXCLUDED, OVERRIDE_WEIGHT, ServicePort
from fleetdns.api.offer import Offer
from fleetdns.api.service import Service
from fleetdns.core.offer import (
    INVALID_WEIGHT,
    SERVICE_INELIGIBLE,
    SERVICE_IS_VALID,
    SERVICE_NOT_FOUND,
    Give,
    Judgement,
    Keep,
    Replace,
    Withdraw,
    is_ours,
    judge,
)
from fleetdns.core.publicip import NotThere
from tests.core.builders import CREATED, LATER, NOW
from tests.core.memberbuilders import (
    GROUP,
    HUB_NAMESPACE,
    make_ip,
    make_offer,
    make_service,
    make_service_export,
    situation,
)


def given(judgement: Judgement) -> Give:
    assert isinstance(judgement.wish, Give), judgement
    return judgement.wish


def verdict(judgement: Judgement) -> tuple[str, str]:
    return judgement.valid.status, judgement.valid.reason


# 2 and 3: whether it can be exported at all


@pytest.mark.parametrize("offer", [None, make_offer()], ids=["nothing on the hub", "exported so far"])
@pytest.mark.parametrize(
    ("service", "reason"),
    [
        pytest.param(None, SERVICE_NOT_FOUND, id="a Service that is missing"),
        pytest.param(make_service(is_deleting=True), SERVICE_NOT_FOUND, id="a Service that is being deleted"),
        pytest.param(make_service(service_type="ExternalName"), SERVICE_INELIGIBLE, id="an ExternalName"),
        pytest.param(
            make_service(service_type="ClusterIP", cluster_ip="None"), SERVICE_INELIGIBLE, id="a headless Service"
        ),
    ],
)
def test_what_cannot_be_exported_is_withdrawn(service: Service | None, reason: str, offer: Offer | None) -> None:
    judgement = judge(situation(service=service, offer=offer))
    assert judgement.wish == Withdraw()
    assert verdict(judgement) == (FALSE, reason)


@pytest.mark.parametrize(
    "service",
    [make_service(service_type="ExternalName"), make_service(service_type="ClusterIP", cluster_ip="None")],
    ids=["an ExternalName", "a headless Service"],
)
def test_who_exports_what_cannot_be_exported_is_told_what_can(service: Service) -> None:
    assert "export one of type LoadBalancer" in judge(situation(service=service)).valid.message


def test_a_service_that_goes_is_withdrawn_whatever_its_weight_says() -> None:
    export = make_service_export(weight="nonsense")
    assert judge(situation(export=export, service=None, offer=make_offer())).wish == Withdraw()


@pytest.mark.parametrize("service_type", ["ClusterIP", "NodePort", "LoadBalancer"])
def test_every_other_type_of_service_is_exported_as_what_it_is(service_type: str) -> None:
    wish = given(judge(situation(service=make_service(service_type=service_type), finding=make_ip())))
    assert wish.offer.spec.type == service_type


# 4: weights


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        pytest.param(None, 1, id="none is 1"),
        pytest.param("1", 1, id="1"),
        pytest.param(" 50 ", 50, id="blanks around it"),
        pytest.param("50\n", 50, id="a line end, as a file brings it"),
        pytest.param("007", 7, id="zeros before it"),
        pytest.param("1000", 1000, id="the largest"),
    ],
)
def test_a_weight_is_a_whole_number_up_to_1000_and_1_where_there_is_none(text: str | None, weight: int) -> None:
    judgement = judge(situation(export=make_service_export(weight=text), service=make_service(), finding=make_ip()))
    assert given(judgement).offer.spec.weight == weight
    assert verdict(judgement) == (TRUE, SERVICE_IS_VALID)


NONSENSE = ["", " ", "1001", "-1", "+1", "1e2", "0x1", "1.0", "1_0", "٣", "²", "\uff15", "1 0", "one", "9" * 5000]


@pytest.mark.parametrize("text", NONSENSE, ids=lambda text: repr(text[:8]))
@pytest.mark.parametrize("offer", [None, make_offer(weight=50)], ids=["nothing on the hub", "exported so far"])
def test_a_weight_that_is_none_cuts_no_traffic(text: str, offer: Offer | None) -> None:
    judgement = judge(situation(export=make_service_export(weight=text), service=make_service(), offer=offer))
    assert judgement.wish == Keep()
    assert verdict(judgement) == (FALSE, INVALID_WEIGHT)
    assert len(judgement.valid.message) < 300


def test_another_wrong_weight_is_another_message_because_no_generation_tells_them_apart() -> None:
    first, second = (
        judge(situation(export=make_service_export(weight=text), service=make_service())) for text in ("ten", "eleven")
    )
    assert first.valid.message != second.valid.message


@pytest.mark.parametrize("text", ["0", " 0 ", "000"])
def test_weight_0_withdraws_and_is_valid_and_the_message_says_so(text: str) -> None:
    export = make_service_export(weight=text)
    judgement = judge(situation(export=export, service=make_service(), offer=make_offer()))
    assert judgement.wish == Withdraw()
    assert verdict(judgement) == (TRUE, SERVICE_IS_VALID)
    assert "weight is 0" in judgement.valid.message


@pytest.mark.parametrize("asked", [None, "7", "0", "nonsense"])
@pytest.mark.parametrize("overridden", [0, 1, 1000])
def test_an_overrides_weight_counts_before_the_annotation_and_0_keeps_the_export_that_carries_it(
    asked: str | None, overridden: int
) -> None:
    offer = make_offer(annotations={OVERRIDE_WEIGHT: str(overridden)})
    export = make_service_export(weight=asked)
    judgement = judge(situation(export=export, service=make_service(), offer=offer, finding=make_ip()))
    assert given(judgement).offer.spec.weight == overridden
    assert verdict(judgement) == (TRUE, SERVICE_IS_VALID)
    assert ("weight 0" in judgement.valid.message) == (overridden == 0)


@pytest.mark.parametrize("text", ["", "1001", "many"])
def test_an_overrides_weight_that_is_none_is_no_override(text: str) -> None:
    offer = make_offer(annotations={OVERRIDE_WEIGHT: text})
    export = make_service_export(weight="7")
    wish = given(judge(situation(export=export, service=make_service(), offer=offer, finding=make_ip())))
    assert wish.offer.spec.weight == 7


def test_an_excluded_export_stays_and_its_status_says_that_the_cluster_is_left_out() -> None:
    offer = make_offer(annotations={EXCLUDED: "true"})
    judgement = judge(situation(service=make_service(), offer=offer, finding=make_ip()))
    assert given(judgement).offer.spec == offer.spec
    assert "leaves this cluster out" in judgement.valid.message


def test_an_exclusion_with_a_typo_is_none() -> None:
    offer = make_offer(annotations={EXCLUDED: "True"})
    message = judge(situation(service=make_service(), offer=offer, finding=make_ip())).valid.message
    assert "leaves" not in message


# 5: what is written


def test_the_export_is_the_service_with_its_identity_ports_and_public_ip() -> None:
    ports = (
        ServicePort(80, name="http", app_protocol="kubernetes.io/h2c", target_port="web"),
        ServicePort(53, "UDP", name="dns", target_port=5353),
        ServicePort(53, "TCP", name="dns-tcp"),
    )
    service = make_service(ports=ports)
    offer = given(judge(situation(service=service, finding=make_ip()))).offer
    assert offer == msgspec.structs.replace(make_offer(ports=ports, exported_since=NOW), metadata=offer.metadata)
    assert (offer.metadata.namespace, offer.metadata.name) == (HUB_NAMESPACE, "work-app")


@pytest.mark.parametrize(
    ("present", "remembered", "since"),
    [
        pytest.param(None, None, NOW, id="now, the first time"),
        pytest.param(None, CREATED, CREATED, id="as remembered, where somebody deleted it"),
        pytest.param(CREATED, None, CREATED, id="as stored, after a restart"),
        pytest.param(CREATED, LATER, CREATED, id="as stored, whatever is remembered"),
        pytest.param("", CREATED, CREATED, id="as remembered, where what is stored says nothing"),
        pytest.param("", None, NOW, id="now, where nobody knows"),
    ],
)
def test_exported_since_is_when_this_service_was_first_exported(
    present: str | None, remembered: str | None, since: str
) -> None:
    offer = None if present is None else make_offer(exported_since=present)
    judged = judge(situation(service=make_service(), offer=offer, finding=make_ip(), first_exported=remembered))
    assert given(judged).offer.spec.service_reference.exported_since == since


@pytest.mark.parametrize(
    "former",
    [
        pytest.param(make_offer(uid="former"), id="the Service was deleted and made again"),
        pytest.param(make_offer(cluster="member-9"), id="the cluster was called something else"),
    ],
)
def test_what_cannot_be_changed_is_replaced(former: Offer) -> None:
    judgement = judge(situation(service=make_service(), offer=former))
    assert judgement.wish == Replace(former)
    assert verdict(judgement) == (TRUE, SERVICE_IS_VALID)


@pytest.mark.parametrize("weight", [None, "0", "nonsense"])
@pytest.mark.parametrize("service", [None, make_service("c", namespace="a-b")], ids=["missing", "there"])
def test_two_services_of_one_name_never_touch_each_others_export(service: Service | None, weight: str | None) -> None:
    export = make_service_export("c", namespace="a-b", weight=weight)
    others = make_offer("b-c", namespace="a")
    assert others.metadata.name == "a-b-c"
    judgement = judge(situation(export=export, service=service, offer=others))
    assert judgement.wish == Keep()
    assert judgement.valid.status == FALSE
    assert "a-b-c" in judgement.valid.message
    assert "a/b-c" in judgement.valid.message


def test_an_export_is_ours_by_the_service_it_names_and_not_by_its_own_name() -> None:
    others = make_offer("b-c", namespace="a")
    assert is_ours(others, make_service("b-c", namespace="a").metadata.key)
    assert not is_ours(others, make_service("c", namespace="a-b").metadata.key)
    assert is_ours(None, make_service().metadata.key)


# 6: what of it is asked for again


def test_a_public_ip_that_is_not_there_is_looked_for_again_and_the_status_says_why() -> None:
    finding = NotThere("no such address", GROUP)
    judgement = judge(situation(service=make_service(), finding=finding))
    assert judgement.looks_again
    assert given(judgement).azure_message == "no such address"
    assert "no such address" in judgement.valid.message


def test_what_is_whole_is_not_looked_at_again() -> None:
    judgement = judge(situation(service=make_service(), finding=make_ip()))
    assert not judgement.looks_again
    assert given(judgement).azure_message is None

"""The difference between desired and observed: each change with its fields and the reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from fleetdns.core.changes import Create, Delete, Patch, diff, subject_name
from fleetdns.core.naming import PROFILE_TAG
from fleetdns.core.trafficmanager import Endpoint, Profile
from tests.core.builders import (
    endpoint_name,
    make_aggregate,
    make_desired,
    make_export,
    make_foreign_endpoint,
    make_profile,
    public_ip,
    uid_of,
)

DESIRED = make_desired(make_aggregate(exports=[make_export("a"), make_export("b")])).profile
FOREIGN = make_foreign_endpoint(priority=9)
OBSERVED = replace(
    DESIRED,
    fqdn="myatm.trafficmanager.net",
    endpoints=(
        FOREIGN,
        *(
            structs.replace(e, priority=n, target="x.cloudapp.azure.com", monitor_status="Online", unmanaged=b'{"a":1}')
            for n, e in enumerate(DESIRED.endpoints, 1)
        ),
    ),
    unmanaged=b'{"properties":{"maxReturn":1}}',
    unmanaged_dns=b'{"b":2}',
)
A, B = endpoint_name("a"), endpoint_name("b")


def with_endpoint(which: str, **fields: Any) -> Profile:
    endpoint = OBSERVED.endpoint(which)
    assert endpoint is not None
    return OBSERVED.with_endpoint(structs.replace(endpoint, **fields))


def with_monitor(**fields: Any) -> Profile:
    return replace(OBSERVED, monitor=replace(OBSERVED.monitor, **fields))


OTHER_TAGS = tuple((name, "work/other" if name == PROFILE_TAG else value) for name, value in OBSERVED.tags)


@pytest.mark.parametrize(
    "observed",
    [
        pytest.param(OBSERVED, id="foreign endpoints, findings and unmanaged bytes"),
        pytest.param(replace(OBSERVED, endpoints=OBSERVED.endpoints[::-1]), id="another order of endpoints"),
        pytest.param(with_endpoint(A, name=A.upper()), id="an endpoint's name in another case"),
        pytest.param(with_endpoint(A, target_resource_id=public_ip("a-app").upper()), id="a target in another case"),
        pytest.param(with_endpoint(A, kind="AzureEndpoints"), id="a type in another case"),
        pytest.param(with_endpoint(A, priority=77), id="another priority"),
        pytest.param(with_endpoint(A, status="disabled"), id="the emergency brake"),
        pytest.param(with_endpoint(A, monitor_status="Degraded", target=None), id="Azure's own findings"),
        pytest.param(replace(OBSERVED, status="enabled"), id="the profile's status in another case"),
        pytest.param(replace(OBSERVED, routing_method="WEIGHTED"), id="the routing method in another case"),
        pytest.param(with_monitor(protocol="http"), id="the protocol in another case"),
        pytest.param(replace(OBSERVED, tags=(*OBSERVED.tags, ("team", "blue"))), id="a tag of somebody else"),
        pytest.param(
            replace(OBSERVED, tags=tuple((n.upper(), v) for n, v in OBSERVED.tags)), id="tag names in upper case"
        ),
        pytest.param(replace(OBSERVED, relative_name="older"), id="another DNS name, which is never changed"),
        pytest.param(replace(OBSERVED, fqdn=None), id="a name that Azure does not tell"),
    ],
)
def test_what_azure_is_free_to_vary_is_no_change(observed: Profile) -> None:
    assert diff(DESIRED, observed) == ()


@pytest.mark.parametrize(
    ("observed", "fields"),
    [
        pytest.param(replace(OBSERVED, ttl=30), ("dnsConfig.ttl",), id="ttl"),
        pytest.param(replace(OBSERVED, ttl=None), ("dnsConfig.ttl",), id="no ttl"),
        pytest.param(with_monitor(port=81), ("monitorConfig.port",), id="port"),
        pytest.param(with_monitor(path="/x"), ("monitorConfig.path",), id="path"),
        pytest.param(with_monitor(interval=10), ("monitorConfig.intervalInSeconds",), id="interval"),
        pytest.param(with_monitor(timeout=9), ("monitorConfig.timeoutInSeconds",), id="timeout"),
        pytest.param(
            with_monitor(tolerated_failures=None), ("monitorConfig.toleratedNumberOfFailures",), id="tolerated failures"
        ),
        pytest.param(replace(OBSERVED, status="Disabled"), ("profileStatus",), id="a disabled profile"),
        pytest.param(replace(OBSERVED, routing_method="Priority"), ("trafficRoutingMethod",), id="another method"),
        pytest.param(replace(OBSERVED, tags=OTHER_TAGS), (f"tags.{PROFILE_TAG}",), id="a tag with another value"),
        pytest.param(
            replace(OBSERVED, tags=(), ttl=1),
            ("dnsConfig.ttl", "tags.fleetdns.hub", f"tags.{PROFILE_TAG}"),
            id="several at once, in a fixed order",
        ),
    ],
)
def test_a_setting_that_differs_is_one_patch_of_the_profile(observed: Profile, fields: tuple[str, ...]) -> None:
    (change,) = diff(DESIRED, observed)
    assert isinstance(change, Patch)
    assert subject_name(change) == ""
    assert change.fields == fields
    assert not change.removed
    assert isinstance(change.subject, Profile)
    assert diff(DESIRED, change.subject) == ()
    assert (change.subject.endpoints, change.subject.unmanaged) == (observed.endpoints, observed.unmanaged)


@pytest.mark.parametrize(
    ("observed", "removed"),
    [
        pytest.param(with_monitor(headers=(("X", "1"),)), True, id="a header that has to go"),
        pytest.param(with_monitor(port=1), False, id="a value that turns into another"),
    ],
)
def test_what_has_to_go_is_told_from_what_turns(observed: Profile, removed: bool) -> None:
    (change,) = diff(DESIRED, observed)
    assert isinstance(change, Patch)
    assert change.removed is removed


def test_the_path_has_to_go_when_the_protocol_becomes_tcp() -> None:
    desired = replace(DESIRED, monitor=replace(DESIRED.monitor, protocol="TCP", path=None))
    (change,) = diff(desired, OBSERVED)
    assert isinstance(change, Patch)
    assert change.removed
    assert change.fields == ("monitorConfig.protocol", "monitorConfig.path")


@pytest.mark.parametrize(
    ("protocol", "before", "after"),
    [
        pytest.param("TCP", b'{"expectedStatusCodeRanges":[{"max":299,"min":200}]}', b"", id="they go with TCP"),
        pytest.param(
            "TCP", b'{"expectedStatusCodeRanges":[],"newer":{"b":1}}', b'{"newer":{"b":1}}', id="nothing else does"
        ),
        pytest.param(
            "HTTPS", b'{"expectedStatusCodeRanges":[]}', b'{"expectedStatusCodeRanges":[]}', id="nor elsewhere"
        ),
    ],
)
def test_status_codes_that_somebody_expects_go_with_the_protocol_that_has_them(
    protocol: str, before: bytes, after: bytes
) -> None:
    desired = replace(DESIRED, monitor=replace(DESIRED.monitor, protocol=protocol, port=8443))
    (change,) = diff(desired, with_monitor(unmanaged=before, path=DESIRED.monitor.path))
    assert isinstance(change, Patch)
    assert isinstance(change.subject, Profile)
    assert change.subject.monitor.unmanaged == after
    assert change.removed is (after != before)
    assert ("expectedStatusCodeRanges dropped" in change.because) is (after != before)
    assert change.fields == ("monitorConfig.protocol", "monitorConfig.port")


@pytest.mark.parametrize(
    ("desired", "observed", "differs"),
    [
        pytest.param((("A", "1"), ("B", "2")), (("B", "2"), ("A", "1")), False, id="another order"),
        pytest.param((("Host", "x"),), (("host", "x"),), False, id="a name in another case"),
        pytest.param((("Host", "x"),), (("Host", "X"),), True, id="a value in another case"),
        pytest.param((), (), False, id="none"),
    ],
)
def test_headers(desired: tuple[tuple[str, str], ...], observed: tuple[tuple[str, str], ...], differs: bool) -> None:
    wanted = replace(DESIRED, monitor=replace(DESIRED.monitor, headers=desired))
    assert bool(diff(wanted, with_monitor(headers=observed))) is differs


@pytest.mark.parametrize(
    ("observed", "fields"),
    [
        pytest.param(with_endpoint(A, weight=51), ("weight",), id="weight"),
        pytest.param(with_endpoint(A, weight=None), ("weight",), id="no weight"),
        pytest.param(with_endpoint(A, target_resource_id=public_ip("x")), ("targetResourceId",), id="target"),
        pytest.param(with_endpoint(A, target_resource_id=None), ("targetResourceId",), id="no target"),
        pytest.param(with_endpoint(A, kind="externalEndpoints"), ("type",), id="type"),
        pytest.param(
            with_endpoint(A, kind="externalEndpoints", weight=1, status="Disabled"),
            ("type", "weight"),
            id="two of them",
        ),
    ],
)
def test_a_field_that_differs_is_one_patch_of_the_endpoint(observed: Profile, fields: tuple[str, ...]) -> None:
    (change,) = diff(DESIRED, observed)
    assert isinstance(change, Patch)
    assert (subject_name(change), change.fields) == (A, fields)
    before = observed.endpoint(A)
    assert before is not None
    assert isinstance(change.subject, Endpoint)
    kept = (before.status, before.priority, before.unmanaged, before.name)
    assert (change.subject.status, change.subject.priority, change.subject.unmanaged, change.subject.name) == kept


def test_a_missing_endpoint_is_created_and_a_surplus_one_deleted_in_order_of_name() -> None:
    surplus = Endpoint(endpoint_name("zz"), target_resource_id=public_ip("zz"), weight=1, priority=8)
    changes = diff(DESIRED, OBSERVED.without_endpoint(A).with_endpoint(surplus))
    assert [type(change) for change in changes] == [Create, Delete]
    assert [subject_name(change) for change in changes] == [A, surplus.folded]


def test_a_profile_that_is_not_there_is_created_with_its_endpoints() -> None:
    changes = diff(DESIRED, None)
    assert [subject_name(change) for change in changes] == ["", A, B]
    assert all(isinstance(change, Create) for change in changes)


@pytest.mark.parametrize(
    ("status", "carried"),
    [
        pytest.param("Disabled", "Disabled", id="a brake that was pulled stays pulled"),
        pytest.param("Enabled", "Enabled", id="no brake"),
    ],
)
def test_an_endpoint_renamed_after_a_restore_keeps_the_emergency_brake(status: str, carried: str) -> None:
    old = structs.replace(DESIRED.endpoints[0], name=f"fleet-{uid_of('old')}#app#a", status=status, priority=1)
    changes = diff(DESIRED, replace(OBSERVED, endpoints=(old, DESIRED.endpoints[1])))
    assert {type(change) for change in changes} == {Create, Delete}
    (created,) = (c.subject for c in changes if isinstance(c, Create))
    assert isinstance(created, Endpoint)
    assert created.status == carried


def test_an_endpoint_renamed_after_a_restore_keeps_what_others_have_set_at_it() -> None:
    theirs = b'{"endpointLocation":"West Europe"}'
    old = structs.replace(DESIRED.endpoints[0], name=f"fleet-{uid_of('old')}#app#a", unmanaged=theirs)
    changes = diff(DESIRED, replace(OBSERVED, endpoints=(old, DESIRED.endpoints[1])))
    (created,) = (c.subject for c in changes if isinstance(c, Create))
    assert isinstance(created, Endpoint)
    assert created.unmanaged == theirs


@pytest.mark.parametrize(
    ("status", "kinds"),
    [
        pytest.param("Enabled", [Delete, Create], id="it leaves, and comes back when it may"),
        pytest.param("Disabled", [Patch], id="the emergency brake stays with it"),
    ],
)
def test_an_endpoint_whose_new_target_a_foreign_one_has_does_not_answer_with_the_old_one(
    status: str, kinds: list[type]
) -> None:
    holder = structs.replace(FOREIGN, target_resource_id=public_ip("MOVED"))
    observed = with_endpoint(A, status=status)
    observed = replace(observed, endpoints=(holder, *observed.endpoints[1:]))
    moved = make_desired(
        make_aggregate(exports=[make_export("a", target=public_ip("moved")), make_export("b")])
    ).profile
    changes = diff(moved, observed)
    assert [type(change) for change in changes] == kinds
    assert {subject_name(change) for change in changes} == {A}


def test_a_change_says_from_what_to_what() -> None:
    (change,) = diff(
        make_desired(make_aggregate(make_profile(ttl=5), exports=[])).profile, replace(OBSERVED, endpoints=())
    )
    assert change.because == "dnsConfig.ttl 60 -> 5"
    (change,) = diff(DESIRED, with_monitor(headers=(("X", "1"),)))
    assert change.because == "monitorConfig.customHeaders {x} -> nothing"


def test_a_change_keeps_the_value_of_a_header_to_itself() -> None:
    """It may be a key to the service, and events and logs are read by more people than the spec."""
    observed = with_monitor(headers=(("X-Api-Key", "old-secret"), ("Host", "a")))
    desired = replace(DESIRED, monitor=replace(DESIRED.monitor, headers=(("X-Api-Key", "new-secret"), ("Host", "a"))))
    (change,) = diff(desired, observed)
    assert change.because == "monitorConfig.customHeaders {host, x-api-key} -> {host, x-api-key} with other values"

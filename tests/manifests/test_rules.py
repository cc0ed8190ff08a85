"""Every rule of the CRDs, kept and broken: limits, defaults, and what may change once it is set."""

from typing import Any

import pytest

from tests.manifests.definitions import GROUP, SCHEMAS

PROFILE, BACKEND = "TrafficManagerProfile", "TrafficManagerBackend"


def made(kind: str, spec: Any, status: Any = None, name: str = "shop") -> dict[str, Any]:
    obj = {
        "apiVersion": f"{GROUP}/v1beta1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "work"},
        "spec": spec,
    }
    defaulted: dict[str, Any] = SCHEMAS[kind].default({**obj, "status": status} if status else obj)
    return defaulted


def causes(kind: str, new: dict[str, Any], old: dict[str, Any] | None = None) -> list[tuple[str, str]]:
    return [(error.field, error.message) for error in SCHEMAS[kind].validate(new, old)]


def test_defaults_are_filled_in_where_their_object_is_there() -> None:
    spec = made(PROFILE, {"monitorConfig": {}, "dnsConfig": {}})["spec"]

    assert spec == {
        "monitorConfig": {
            "intervalInSeconds": 30,
            "toleratedNumberOfFailures": 3,
            "protocol": "HTTP",
            "port": 80,
            "path": "/",
        },
        "dnsConfig": {"ttl": 60},
        "deletionPolicy": "Delete",
    }


def test_an_empty_profile_only_gets_the_deletion_policy() -> None:
    assert made(PROFILE, {})["spec"] == {"deletionPolicy": "Delete"}


def test_a_backends_weight_is_one_by_default() -> None:
    assert made(BACKEND, {"profile": {"name": "a"}, "backend": {"name": "b"}})["spec"]["weight"] == 1


def monitor(**settings: Any) -> dict[str, Any]:
    return {"monitorConfig": settings}


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(monitor(intervalInSeconds=10, timeoutInSeconds=9), id="9 s of timeout fit in 10 s"),
        pytest.param(monitor(intervalInSeconds=10), id="10 s without a timeout"),
        pytest.param(monitor(intervalInSeconds=30, timeoutInSeconds=10), id="10 s of timeout fit in 30 s"),
        pytest.param(monitor(timeoutInSeconds=10), id="10 s of timeout fit in the default interval"),
        pytest.param(monitor(toleratedNumberOfFailures=0), id="no failure tolerated"),
        pytest.param(monitor(protocol="TCP"), id="TCP with the default path"),
        pytest.param(monitor(protocol="TCP", path="/"), id="TCP with the root path"),
        pytest.param(monitor(protocol="HTTPS", path="/healthz?deep=1"), id="HTTPS with a path"),
        pytest.param(monitor(port=65535), id="the highest port"),
        pytest.param(monitor(customHeaders=[{"name": f"x{n}", "value": "1"} for n in range(8)]), id="eight headers"),
        pytest.param({"resourceGroup": "r" * 90}, id="a resource group of 90 characters"),
        pytest.param({"dnsConfig": {"relativeName": f"{'a' * 63}.{'b' * 63}"}}, id="two labels of 63 characters"),
        pytest.param({"dnsConfig": {"ttl": 0}}, id="answers that nobody may keep"),
        pytest.param({"dnsConfig": {"ttl": 2147483647}}, id="answers kept for ever"),
        pytest.param({"deletionPolicy": "Retain"}, id="a profile that stays in Azure"),
    ],
)
def test_a_profile_is_accepted_with(spec: dict[str, Any]) -> None:
    assert causes(PROFILE, made(PROFILE, spec)) == []


UNCHECKED = (
    "<nil>",
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param(
            monitor(intervalInSeconds=10, timeoutInSeconds=10),
            [
                (
                    "spec.monitorConfig",
                    "Invalid value: timeoutInSeconds must be between 5 and 9 when intervalInSeconds is 10",
                )
            ],
            id="a timeout as long as the interval",
        ),
        pytest.param(
            monitor(protocol="TCP", path="/healthz"),
            [("spec.monitorConfig", "Invalid value: path must not be set when protocol is TCP")],
            id="TCP with a path",
        ),
        pytest.param(
            monitor(intervalInSeconds=15),
            [
                ("spec.monitorConfig.intervalInSeconds", 'Unsupported value: 15: supported values: "10", "30"'),
                UNCHECKED,
            ],
            id="an interval of 15 s",
        ),
        pytest.param(
            monitor(timeoutInSeconds=4),
            [
                (
                    "spec.monitorConfig.timeoutInSeconds",
                    "Invalid value: 4: spec.monitorConfig.timeoutInSeconds in body should be "
                    "greater than or equal to 5",
                )
            ],
            id="a timeout of 4 s",
        ),
        pytest.param(
            monitor(timeoutInSeconds=11),
            [
                (
                    "spec.monitorConfig.timeoutInSeconds",
                    "Invalid value: 11: spec.monitorConfig.timeoutInSeconds in body should be less than or equal to 10",
                )
            ],
            id="a timeout of 11 s",
        ),
        pytest.param(
            monitor(toleratedNumberOfFailures=10),
            [
                (
                    "spec.monitorConfig.toleratedNumberOfFailures",
                    "Invalid value: 10: spec.monitorConfig.toleratedNumberOfFailures in body should be "
                    "less than or equal to 9",
                )
            ],
            id="ten failures tolerated",
        ),
        pytest.param(
            monitor(port=0),
            [
                (
                    "spec.monitorConfig.port",
                    "Invalid value: 0: spec.monitorConfig.port in body should be greater than or equal to 1",
                )
            ],
            id="port 0",
        ),
        pytest.param(
            monitor(port="http"),
            [
                (
                    "spec.monitorConfig.port",
                    'Invalid value: "string": spec.monitorConfig.port in body must be of type integer: "string"',
                ),
                UNCHECKED,
            ],
            id="a port by name",
        ),
        pytest.param(
            monitor(customHeaders=[{"name": f"x{n}", "value": "1"} for n in range(9)]),
            [("spec.monitorConfig.customHeaders", "Too many: 9: must have at most 8 items"), UNCHECKED],
            id="nine headers",
        ),
        pytest.param(
            monitor(customHeaders=[{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]),
            [("spec.monitorConfig.customHeaders[1]", 'Duplicate value: {"name":"a"}')],
            id="the same header twice",
        ),
        pytest.param(
            monitor(customHeaders=[{"name": "a"}]),
            [("spec.monitorConfig.customHeaders[0].value", "Required value"), UNCHECKED],
            id="a header without a value",
        ),
        pytest.param(
            {"resourceGroup": ""},
            [
                (
                    "spec.resourceGroup",
                    'Invalid value: "": spec.resourceGroup in body should be at least 1 chars long',
                )
            ],
            id="an empty resource group",
        ),
        pytest.param(
            {"resourceGroup": "r" * 91},
            [("spec.resourceGroup", "Too long: may not be more than 90 bytes"), UNCHECKED],
            id="a resource group of 91 characters",
        ),
        pytest.param(
            {"deletionPolicy": "Orphan"},
            [("spec.deletionPolicy", 'Unsupported value: "Orphan": supported values: "Delete", "Retain"'), UNCHECKED],
            id="an unknown deletion policy",
        ),
        pytest.param(
            {"dnsConfig": {"ttl": -1}},
            [
                (
                    "spec.dnsConfig.ttl",
                    "Invalid value: -1: spec.dnsConfig.ttl in body should be greater than or equal to 0",
                )
            ],
            id="a negative lifetime",
        ),
    ],
)
def test_a_profile_is_refused_with(spec: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert causes(PROFILE, made(PROFILE, spec)) == expected


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("a" * 64, id="a label of 64 characters"),
        pytest.param("-shop", id="a hyphen in front"),
        pytest.param("shop-", id="a hyphen at the end"),
        pytest.param("shop..west", id="an empty label"),
        pytest.param("shop.", id="a dot at the end"),
        pytest.param("Shop", id="a capital letter"),
        pytest.param("shop_1", id="an underscore"),
    ],
)
def test_a_relative_name_is_a_path_of_dns_labels_and_not(name: str) -> None:
    new = made(PROFILE, {"dnsConfig": {"relativeName": name}})

    (field, message) = causes(PROFILE, new)[0]

    assert field == "spec.dnsConfig.relativeName"
    assert message.startswith(f'Invalid value: "{name}": spec.dnsConfig.relativeName in body should match ')


@pytest.mark.parametrize("kind", [PROFILE, BACKEND, "ServiceExport", "ServiceImport"])
def test_a_name_has_at_most_63_characters(kind: str) -> None:
    spec = {"profile": {"name": "a"}, "backend": {"name": "b"}} if kind == BACKEND else {}

    assert causes(kind, made(kind, spec, name="a" * 63)) == []
    assert causes(kind, made(kind, spec, name="a" * 64)) == [("<nil>", "Invalid value: metadata.name max length is 63")]


def test_an_internal_export_may_have_a_longer_name() -> None:
    reference = dict.fromkeys(
        ("clusterId", "kind", "name", "namespace", "namespacedName", "resourceVersion", "uid"), "x"
    )
    spec = {"ports": [], "serviceReference": {**reference, "generation": 1}}

    assert causes("InternalServiceExport", made("InternalServiceExport", spec, name="a" * 100)) == []


IN_AZURE = {"resourceID": "/subscriptions/s/resourceGroups/rg/x", "dnsName": "shop.trafficmanager.net"}


@pytest.mark.parametrize(
    ("before", "status", "after", "expected"),
    [
        pytest.param("rg", None, "rg", [], id="the resource group stays"),
        pytest.param(
            "rg",
            None,
            "rg-south",
            [("spec.resourceGroup", 'Invalid value: "rg-south": resourceGroup is immutable')],
            id="the resource group changes",
        ),
        pytest.param(
            "rg",
            None,
            None,
            [("spec.resourceGroup", "Invalid value: resourceGroup is immutable and cannot be removed")],
            id="the resource group goes",
        ),
        pytest.param(None, None, "rg", [], id="a resource group comes before there is anything in Azure"),
        pytest.param(None, {"resourceID": ""}, "rg", [], id="a resource group comes while the id is empty"),
        pytest.param(None, {"dnsName": "shop.x"}, "rg", [], id="a resource group comes while there is no id"),
        pytest.param(
            None,
            IN_AZURE,
            "rg",
            [("spec.resourceGroup", "Invalid value: resourceGroup cannot be added once status.resourceID is set")],
            id="a resource group comes too late",
        ),
        pytest.param(None, IN_AZURE, None, [], id="there is none and stays none"),
    ],
)
def test_the_resource_group_once_given_stays(before: Any, status: Any, after: Any, expected: Any) -> None:
    old = made(PROFILE, {"resourceGroup": before} if before else {}, status)
    new = made(PROFILE, {"resourceGroup": after} if after else {}, status)

    assert causes(PROFILE, new, old) == expected


TOO_LATE = [
    (
        "spec.dnsConfig.relativeName",
        "Invalid value: dnsConfig.relativeName is immutable once status.dnsName is set",
    )
]


@pytest.mark.parametrize(
    ("before", "status", "after", "expected"),
    [
        pytest.param({"relativeName": "a"}, None, {"relativeName": "b"}, [], id="before there is a DNS name"),
        pytest.param(
            {"relativeName": "a"}, {"dnsName": ""}, {"relativeName": "b"}, [], id="while the DNS name is empty"
        ),
        pytest.param({"relativeName": "a"}, IN_AZURE, {"relativeName": "b"}, TOO_LATE, id="once there is a DNS name"),
        pytest.param({"relativeName": "a"}, IN_AZURE, {}, TOO_LATE, id="by going away once there is a DNS name"),
        pytest.param({"relativeName": "a"}, IN_AZURE, None, TOO_LATE, id="with all of dnsConfig"),
        pytest.param(None, IN_AZURE, {"relativeName": "b"}, TOO_LATE, id="by coming once there is a DNS name"),
        pytest.param(
            {"relativeName": "a"}, IN_AZURE, {"relativeName": "a", "ttl": 5}, [], id="not by another lifetime"
        ),
        pytest.param(None, IN_AZURE, {"ttl": 5}, [], id="not by a lifetime alone"),
    ],
)
def test_the_relative_name_changes(before: Any, status: Any, after: Any, expected: Any) -> None:
    old = made(PROFILE, {"dnsConfig": before} if before is not None else {}, status)
    new = made(PROFILE, {"dnsConfig": after} if after is not None else {}, status)

    assert causes(PROFILE, new, old) == expected


@pytest.mark.parametrize("part", ["profile", "backend"])
def test_what_a_backend_connects_never_changes(part: str) -> None:
    spec = {"profile": {"name": "a"}, "backend": {"name": "b"}}
    old = made(BACKEND, spec)

    assert causes(BACKEND, made(BACKEND, {**spec, "weight": 7}), old) == []
    assert causes(BACKEND, made(BACKEND, {**spec, part: {"name": "other"}}), old) == [
        (f"spec.{part}", f"Invalid value: spec.{part} is immutable")
    ]


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        pytest.param(0, [], id="none"),
        pytest.param(1000, [], id="all"),
        pytest.param(
            -1,
            [("spec.weight", "Invalid value: -1: spec.weight in body should be greater than or equal to 0")],
            id="less than none",
        ),
        pytest.param(
            1001,
            [("spec.weight", "Invalid value: 1001: spec.weight in body should be less than or equal to 1000")],
            id="more than all",
        ),
    ],
)
def test_a_backends_weight_is_a_share(weight: int, expected: list[tuple[str, str]]) -> None:
    spec = {"profile": {"name": "a"}, "backend": {"name": "b"}, "weight": weight}

    assert causes(BACKEND, made(BACKEND, spec)) == expected


@pytest.mark.parametrize("missing", ["profile", "backend"])
def test_a_backend_names_both_sides(missing: str) -> None:
    spec = {"profile": {"name": "a"}, "backend": {"name": "b"}}
    del spec[missing]

    assert causes(BACKEND, made(BACKEND, spec)) == [(f"spec.{missing}", "Required value"), UNCHECKED]


def test_an_object_of_fleets_looser_schema_keeps_accepting_other_changes() -> None:
    """Fleet allowed TCP with a path: the object stays editable, with a warning, as long as that part is left alone."""
    old = made(PROFILE, monitor(protocol="TCP", path="/old"))
    new = {**old, "metadata": {**old["metadata"], "labels": {"a": "b"}}}

    judgement = SCHEMAS[PROFILE].judge(new, old)

    assert judgement.errors == ()
    assert [error.field for error in judgement.warnings] == ["spec.monitorConfig"]


def test_a_status_of_another_kind_of_condition_is_refused_by_its_own_path() -> None:
    finding = {
        "type": "Programmed",
        "status": "True",
        "reason": "not one word",
        "message": "",
        "lastTransitionTime": "x",
    }
    old = made(PROFILE, {})
    new = {**old, "status": {"conditions": [finding]}}

    errors = SCHEMAS[PROFILE].validate(new, old, subresource="status")

    texts = {error.field: error.message for error in errors}
    assert texts["status.conditions[0].reason"] == (
        'Invalid value: "not one word": conditions[0].reason in body should match '
        "'^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$'"
    )
    assert texts["status.conditions[0].lastTransitionTime"] == (
        'Invalid value: "x": conditions[0].lastTransitionTime in body must be of type date-time: "x"'
    )

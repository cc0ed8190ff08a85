"""Our definitions on a server: their defaults and their refusals, word by word."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.client import API
from tests.contract.samples import BACKENDS, EXPORTS, GROUP, PROFILES, SHOP, backend, condition, profile

STATUS = f"{SHOP}/status"
UNCHECKED = (
    "<nil>",
    "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing "
    "errors to complete validation",
)
Cause = tuple[str, str]


def monitor(**fields: Any) -> dict[str, Any]:
    return {"monitorConfig": fields}


def dns(**fields: Any) -> dict[str, Any]:
    return {"dnsConfig": fields}


async def test_defaults_fill_what_is_there_and_add_no_objects(api: API) -> None:
    assert (await api.create(PROFILES, profile("bare"))).body["spec"] == {"deletionPolicy": "Delete"}
    body = (await api.create(PROFILES, profile(monitorConfig={"port": 8080}, dnsConfig={}))).body
    assert body["spec"] == {
        "deletionPolicy": "Delete",
        "dnsConfig": {"ttl": 60},
        "monitorConfig": {
            "intervalInSeconds": 30,
            "path": "/",
            "port": 8080,
            "protocol": "HTTP",
            "toleratedNumberOfFailures": 3,
        },
    }
    assert (await api.create(BACKENDS, backend())).body["spec"]["weight"] == 1


@pytest.mark.parametrize(
    ("spec", "stored"),
    [
        pytest.param({"deletionPolicy": None}, {"deletionPolicy": "Delete"}, id="null takes the default"),
        pytest.param({"resourceGroup": None}, {"deletionPolicy": "Delete"}, id="null without a default is dropped"),
        pytest.param({"monitorConfig": None}, {"deletionPolicy": "Delete"}, id="a null object is dropped"),
        pytest.param(
            {"dnsConfig": {"ttl": 80.0}}, {"deletionPolicy": "Delete", "dnsConfig": {"ttl": 80}}, id="80.0 is 80"
        ),
        pytest.param({"colour": "red"}, {"deletionPolicy": "Delete"}, id="an unknown field is pruned"),
    ],
)
async def test_what_is_stored_is_what_the_schema_knows(api: API, spec: dict[str, Any], stored: dict[str, Any]) -> None:
    reply = await api.create(PROFILES, profile(**spec))
    assert (reply.code, reply.body["spec"]) == (201, stored)


REFUSED = [
    pytest.param(
        monitor(intervalInSeconds=15),
        [("spec.monitorConfig.intervalInSeconds", 'Unsupported value: 15: supported values: "10", "30"'), UNCHECKED],
        id="an interval of 15 s",
    ),
    pytest.param(
        monitor(timeoutInSeconds=11),
        [
            (
                "spec.monitorConfig.timeoutInSeconds",
                "Invalid value: 11: spec.monitorConfig.timeoutInSeconds in body should be less than or equal to 10",
            )
        ],
        id="a time-out of 11 s",
    ),
    pytest.param(
        monitor(protocol="UDP"),
        [
            (
                "spec.monitorConfig.protocol",
                'Unsupported value: "UDP": supported values: "HTTP", "HTTPS", "TCP"',
            ),
            UNCHECKED,
        ],
        id="a protocol that is none",
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
        monitor(port="80"),
        [
            (
                "spec.monitorConfig.port",
                'Invalid value: "string": spec.monitorConfig.port in body must be of type integer: "string"',
            ),
            UNCHECKED,
        ],
        id="a port that is a text",
    ),
    pytest.param(
        monitor(customHeaders=[{"name": str(number), "value": "v"} for number in range(9)]),
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
        {"resourceGroup": "x" * 91},
        [("spec.resourceGroup", "Too long: may not be more than 90 bytes"), UNCHECKED],
        id="a resource group of 91 characters",
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
        dns(relativeName="Shop"),
        [
            (
                "spec.dnsConfig.relativeName",
                'Invalid value: "Shop": spec.dnsConfig.relativeName in body should match '
                r"'^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$'",
            )
        ],
        id="a DNS name with a capital letter",
    ),
    pytest.param(
        dns(ttl=-1),
        [
            (
                "spec.dnsConfig.ttl",
                "Invalid value: -1: spec.dnsConfig.ttl in body should be greater than or equal to 0",
            )
        ],
        id="a negative ttl",
    ),
    pytest.param(
        {"deletionPolicy": "Keep"},
        [("spec.deletionPolicy", 'Unsupported value: "Keep": supported values: "Delete", "Retain"'), UNCHECKED],
        id="an unknown deletion policy",
    ),
]


@pytest.mark.parametrize(("spec", "causes"), REFUSED)
async def test_a_profile_is_refused_in_these_words(api: API, spec: dict[str, Any], causes: list[Cause]) -> None:
    reply = await api.create(PROFILES, profile(**spec))
    assert (reply.code, reply.causes) == (422, causes)
    assert (reply.body["reason"], reply.body["details"]["kind"]) == ("Invalid", "TrafficManagerProfile")
    listed = ", ".join(f"{field}: {message}" for field, message in causes)
    whole = listed if len(causes) == 1 else f"[{listed}]"
    assert reply.body["message"] == f'TrafficManagerProfile.{GROUP} "shop" is invalid: {whole}'


async def test_invalid_comes_before_already_exists(api: API) -> None:
    await api.create(PROFILES, profile())
    assert (await api.create(PROFILES, profile(deletionPolicy="Keep"))).code == 422


async def test_an_export_needs_to_say_whose_service_it_is(api: API) -> None:
    body = {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "InternalServiceExport",
        "metadata": {"name": "work-app"},
        "spec": {"ports": [{"port": 80}]},
    }
    reply = await api.create(EXPORTS, body)
    assert reply.code == 422
    assert ("spec.serviceReference", "Required value") in reply.causes


class TestStatus:
    @pytest.mark.parametrize(
        ("status", "causes"),
        [
            pytest.param(
                {"conditions": [condition(reason="no good!")]},
                [
                    (
                        "status.conditions[0].reason",
                        'Invalid value: "no good!": conditions[0].reason in body should match '
                        "'^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$'",
                    )
                ],
                id="a reason of two words",
            ),
            pytest.param(
                {"conditions": [condition(), condition()]},
                [("status.conditions[1]", 'Duplicate value: {"type":"Programmed"}')],
                id="a condition twice",
            ),
        ],
    )
    async def test_a_status_is_refused_in_these_words(
        self, api: API, status: dict[str, Any], causes: list[Cause]
    ) -> None:
        await api.create(PROFILES, profile())
        reply = await api.merge(STATUS, {"status": status})
        assert (reply.code, reply.causes) == (422, causes)

    async def test_a_time_that_is_none_is_refused(self, api: API) -> None:
        await api.create(PROFILES, profile())
        reply = await api.merge(STATUS, {"status": {"conditions": [condition(lastTransitionTime="yesterday")]}})
        assert (reply.code, [field for field, _ in reply.causes][:1]) == (
            422,
            ["status.conditions[0].lastTransitionTime"],
        )

    async def test_an_object_that_was_valid_keeps_what_did_not_change(self, api: API) -> None:
        await api.create(PROFILES, profile(resourceGroup="rg"))
        reply = await api.merge(STATUS, {"status": {"conditions": [condition(observedGeneration=1)]}})
        assert (reply.code, reply.body["spec"]["resourceGroup"]) == (200, "rg")

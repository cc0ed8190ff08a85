"""The CEL rules of our definitions, in every version: what they refuse in which words, and what they let pass."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.client import API, JSON_PATCH
from tests.contract.samples import GROUP, minimal, path_of, served_versions

Cause = tuple[str, str]
Spec = dict[str, Any]

PROFILES, BACKENDS = "trafficmanagerprofiles", "trafficmanagerbackends"
# An InternalServiceExport is named by the agent, of parts that may be longer.
LIMITED = [found for found in served_versions() if found[0] != "internalserviceexports"]
HELD_BY_AZURE = {"resourceID": "id", "dnsName": "a.example"}


@pytest.fixture(params=["v1alpha1", "v1beta1"])
def version(request: pytest.FixtureRequest) -> str:
    """Profiles and backends are served in both."""
    return str(request.param)


def with_spec(plural: str, version: str, spec: Spec, name: str = "one") -> dict[str, Any]:
    made = minimal(plural, version, name)
    return made | {"spec": made["spec"] | spec}


def relative(name: str) -> Spec:
    return {"dnsConfig": {"relativeName": name}}


def monitor(**fields: Any) -> Spec:
    return {"monitorConfig": fields}


@pytest.mark.parametrize(("plural", "version"), LIMITED)
async def test_a_name_of_64_characters_is_refused(api: API, plural: str, version: str) -> None:
    path = path_of(plural, version)
    reply = await api.create(path, minimal(plural, version, "a" * 64))
    assert (reply.code, reply.causes) == (422, [("<nil>", "Invalid value: metadata.name max length is 63")])
    assert (await api.create(path, minimal(plural, version, "a" * 63))).code == 201


TIMEOUT = "Invalid value: timeoutInSeconds must be between 5 and 9 when intervalInSeconds is 10"
TCP_PATH = "Invalid value: path must not be set when protocol is TCP"


@pytest.mark.parametrize(
    ("spec", "messages"),
    [
        pytest.param(monitor(intervalInSeconds=10, timeoutInSeconds=10), [TIMEOUT], id="as long as the interval"),
        pytest.param(monitor(intervalInSeconds=10, timeoutInSeconds=9), [], id="shorter than the interval"),
        pytest.param(monitor(timeoutInSeconds=10), [], id="within the default interval"),
        pytest.param(monitor(protocol="TCP", path="/x"), [TCP_PATH], id="TCP with a path"),
        pytest.param(monitor(protocol="TCP"), [], id="TCP with the default path"),
        pytest.param(
            monitor(intervalInSeconds=10, timeoutInSeconds=10, protocol="TCP", path="/x"),
            [TIMEOUT, TCP_PATH],
            id="both at once",
        ),
    ],
)
async def test_probes_must_fit_together(api: API, version: str, spec: Spec, messages: list[str]) -> None:
    reply = await api.create(path_of(PROFILES, version), with_spec(PROFILES, version, spec))
    if not messages:
        assert reply.code == 201, reply.text
        return
    assert (reply.code, reply.causes) == (422, [("spec.monitorConfig", message) for message in messages])
    listed = ", ".join(f"spec.monitorConfig: {message}" for message in messages)
    whole = listed if len(messages) == 1 else f"[{listed}]"
    assert reply.body["message"] == f'TrafficManagerProfile.{GROUP} "one" is invalid: {whole}'


CHANGED = ("spec.resourceGroup", 'Invalid value: "b": resourceGroup is immutable')
REMOVED = ("spec.resourceGroup", "Invalid value: resourceGroup is immutable and cannot be removed")
LATE = ("spec.resourceGroup", "Invalid value: resourceGroup cannot be added once status.resourceID is set")
NAMED = ("spec.dnsConfig.relativeName", "Invalid value: dnsConfig.relativeName is immutable once status.dnsName is set")


@pytest.mark.parametrize(
    ("before", "patch", "cause"),
    [
        pytest.param({"resourceGroup": "a"}, {"resourceGroup": "b"}, CHANGED, id="the resource group changes"),
        pytest.param({"resourceGroup": "a"}, {"resourceGroup": None}, REMOVED, id="the resource group goes"),
        pytest.param({}, {"resourceGroup": "late"}, LATE, id="a resource group comes late"),
        pytest.param(relative("a"), relative("b"), NAMED, id="the DNS name changes"),
        pytest.param(relative("a"), {"dnsConfig": None}, NAMED, id="the DNS name goes"),
        pytest.param({}, relative("late"), NAMED, id="a DNS name comes late"),
    ],
)
async def test_what_azure_holds_cannot_be_moved(
    api: API, version: str, before: Spec, patch: Spec, cause: Cause
) -> None:
    one = f"{path_of(PROFILES, version)}/one"
    await api.create(path_of(PROFILES, version), with_spec(PROFILES, version, before))
    await api.merge(f"{one}/status", {"status": HELD_BY_AZURE})
    reply = await api.merge(one, {"spec": patch})
    assert (reply.code, reply.causes) == (422, [cause])
    # The other version knows the same rules.
    other = one.replace(version, "v1alpha1" if version == "v1beta1" else "v1beta1")
    assert (await api.merge(other, {"spec": patch})).causes == [cause]


@pytest.mark.parametrize(
    ("before", "patch", "causes"),
    [
        pytest.param({}, {"resourceGroup": "late"} | relative("b"), [], id="both may come"),
        pytest.param(relative("a"), relative("b"), [], id="the DNS name may change"),
        pytest.param({"resourceGroup": "a"}, {"resourceGroup": "b"}, [CHANGED], id="the resource group may not change"),
        pytest.param({"resourceGroup": "a"}, {"resourceGroup": None}, [REMOVED], id="nor go"),
    ],
)
async def test_before_azure_holds_anything(
    api: API, version: str, before: Spec, patch: Spec, causes: list[Cause]
) -> None:
    await api.create(path_of(PROFILES, version), with_spec(PROFILES, version, before))
    reply = await api.merge(f"{path_of(PROFILES, version)}/one", {"spec": patch})
    assert (reply.code, reply.causes if causes else []) == (422 if causes else 200, causes)


@pytest.mark.parametrize("field", ["profile", "backend"])
async def test_a_backend_keeps_what_it_points_to(api: API, version: str, field: str) -> None:
    path = path_of(BACKENDS, version)
    await api.create(path, minimal(BACKENDS, version))
    refused = [(f"spec.{field}", f"Invalid value: spec.{field} is immutable")]
    assert (await api.merge(f"{path}/one", {"spec": {field: {"name": "other"}}})).causes == refused
    replaced = [{"op": "replace", "path": f"/spec/{field}/name", "value": "other"}]
    assert (await api.call("PATCH", f"{path}/one", replaced, content_type=JSON_PATCH)).causes == refused
    applied = with_spec(BACKENDS, version, {field: {"name": "other"}})
    assert (await api.apply(f"{path}/one", applied, manager="test", force=True)).causes == refused
    live = (await api.get(f"{path}/one")).body
    assert (await api.update(f"{path}/one", live | {"spec": live["spec"] | {field: {"name": "other"}}})).code == 422
    assert (await api.merge(f"{path}/one", {"spec": {"weight": 5}})).code == 200


async def test_a_status_is_judged_by_the_rules_of_the_whole(api: API, version: str) -> None:
    path = path_of(PROFILES, version)
    await api.create(path, with_spec(PROFILES, version, relative("a")))
    # Rules compare with what was there before: a write of the status does not touch the spec, whatever it brings.
    body = {"spec": relative("b"), "status": HELD_BY_AZURE}
    reply = await api.merge(f"{path}/one/status", body)
    assert (reply.code, reply.body["spec"]["dnsConfig"]["relativeName"]) == (200, "a")

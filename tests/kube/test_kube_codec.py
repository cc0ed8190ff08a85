"""Objects of the hub as values for the cache."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetdns.api.exports import InternalServiceExport
from fleetdns.api.meta import ObjectKey
from fleetdns.api.overrides import ResourceOverride
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.kube.codec import StructCodec
from fleetdns.kube.sharing import Sharing
from fleetdns.runtime.listwatch import Undecodable


def profile(**body: Any) -> dict[str, Any]:
    return {
        "apiVersion": "networking.fleet.azure.com/v1beta1",
        "kind": "TrafficManagerProfile",
        "metadata": {
            "name": "myatm",
            "namespace": "work",
            "uid": "u1",
            "resourceVersion": "7",
            "managedFields": [{"manager": "kubectl"}],
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "x" * 1000,
                "fleetdns.io/paused": "true",
            },
        },
        "spec": {"resourceGroup": "rg"},
        "status": {
            "conditions": [{"type": "Ready", "status": "True", "reason": "Programmed", "message": "", "unheard": 1}]
        },
    } | body


def wire(body: Any) -> bytes:
    return json.dumps(body).encode()


@pytest.mark.parametrize("form", [bytes, memoryview])
def test_an_object_comes_with_its_key_uid_and_version(form: type) -> None:
    entry = StructCodec(TrafficManagerProfile).decode(form(wire(profile())))
    assert (entry.key, entry.uid, entry.version) == (ObjectKey("work", "myatm"), "u1", "7")
    assert entry.value.spec.resource_group == "rg"


def test_the_copy_that_kubectl_leaves_in_an_annotation_is_not_kept() -> None:
    entry = StructCodec(TrafficManagerProfile).decode(wire(profile()))
    assert entry.value.metadata.annotations == {"fleetdns.io/paused": "true"}


def test_strings_that_repeat_are_stored_once() -> None:
    codec = StructCodec(TrafficManagerProfile)
    first, second = (codec.decode(wire(profile())).value for _ in range(2))
    assert first.metadata.namespace is second.metadata.namespace
    assert first.status.conditions[0].reason is second.status.conditions[0].reason
    assert first.metadata.annotations["fleetdns.io/paused"] is second.metadata.annotations["fleetdns.io/paused"]
    assert first == second


@pytest.mark.parametrize(
    ("body", "key", "uid"),
    [
        pytest.param(profile(spec={"resourceGroup": 5}), ObjectKey("work", "myatm"), "u1", id="a wrong type inside"),
        pytest.param(profile(metadata={"namespace": "work"}), None, None, id="no name"),
        pytest.param(profile(metadata=None), None, None, id="no metadata"),
        pytest.param({"kind": "Status"}, None, None, id="something else"),
        pytest.param([], None, None, id="a list"),
    ],
)
def test_what_is_not_understood_keeps_as_much_identity_as_it_has(
    body: Any, key: ObjectKey | None, uid: str | None
) -> None:
    with pytest.raises(Undecodable) as problem:
        StructCodec(TrafficManagerProfile).decode(wire(body))
    assert (problem.value.key, problem.value.uid) == (key, uid)
    assert problem.value.because


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b'{"metadata":{"name":"\xff"}}'])
def test_bytes_that_are_no_json_are_undecodable(raw: bytes) -> None:
    with pytest.raises(Undecodable) as problem:
        StructCodec(TrafficManagerProfile).decode(raw)
    assert problem.value.key is None


def test_a_required_part_that_is_missing_is_undecodable_with_its_key() -> None:
    with pytest.raises(Undecodable) as problem:
        StructCodec(InternalServiceExport).decode(wire(profile(spec={})))
    assert problem.value.key == ObjectKey("work", "myatm")


@settings(max_examples=50)
@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3), st.text(max_size=5))
def test_sharing_strings_changes_no_value(labels: dict[str, str], group: str) -> None:
    body = profile(spec={"resourceGroup": group})
    body["metadata"]["labels"] = labels
    value = StructCodec(TrafficManagerProfile).decode(wire(body)).value
    assert (value.metadata.labels, value.spec.resource_group) == (labels, group)


def export(**spec: Any) -> bytes:
    reference = {"clusterId": "member-1", "namespace": "work", "name": "app"}
    body = {"ports": [{"port": 80, "targetPort": 8080}, {"port": 443}], "serviceReference": reference} | spec
    return wire({"metadata": {"name": "work-app", "finalizers": ["one", "two"]}, "spec": body})


def test_ports_and_finalizers_that_repeat_are_stored_once() -> None:
    codec = StructCodec(InternalServiceExport)
    first, other, second = (codec.decode(raw).value for raw in (export(), export(ports=[{"port": 81}]), export()))
    assert first.spec.ports is second.spec.ports
    assert first.metadata.finalizers is second.metadata.finalizers
    assert [port.port for port in other.spec.ports] == [81]


@pytest.mark.parametrize("ports", [[{"port": 80, "targetPort": "80"}], [{"port": 80, "targetPort": 80}], []])
def test_ports_that_only_look_alike_are_not_shared(ports: list[Any]) -> None:
    codec = StructCodec(InternalServiceExport)
    for other in ([{"port": 80, "targetPort": "80"}], [{"port": 80, "targetPort": 80}], []):
        codec.decode(export(ports=other))
    alone = StructCodec(InternalServiceExport).decode(export(ports=ports)).value
    assert [type(port.target_port) for port in codec.decode(export(ports=ports)).value.spec.ports] == [
        type(port.target_port) for port in alone.spec.ports
    ]


@pytest.mark.parametrize(
    "values", [[1, True, 1.0, "1"], [0, False, None, ""], [[1], [True]]], ids=["one", "nothing", "in a list"]
)
def test_values_that_python_holds_for_equal_stay_what_they_are(values: list[Any]) -> None:
    codec = StructCodec(ResourceOverride)
    for value in values:
        patch = {"op": "add", "path": "/p", "value": value}
        rule = {"jsonPatchOverrides": [patch]}
        body = {"metadata": {"name": "o", "namespace": "work"}, "spec": {"policy": {"overrideRules": [rule]}}}
        policy = codec.decode(wire(body)).value.spec.policy
        assert policy is not None
        assert repr(policy.override_rules[0].json_patch_overrides[0].value) == repr(value)


def test_what_never_repeats_is_not_remembered_for_ever() -> None:
    sharing, most = Sharing(InternalServiceExport), 0
    for number in range(30_000):
        value = msgspec.json.decode(export(type=str(number), ports=[{"port": number}]), type=InternalServiceExport)
        sharing.share(value)
        most = max(most, len(sharing))
    assert 1000 < most < 12_000

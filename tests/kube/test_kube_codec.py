"""Objects of the hub as values for the cache."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetdns.api.exports import InternalServiceExport
from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.kube.codec import StructCodec
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

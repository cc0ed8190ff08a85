"""The documents that kubectl reads for explain and to learn what the server validates."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from fleetdns.emulator.hub.openapi import Kind, builtin_kinds, openapi_v3
from tests.manifests.definitions import DEFINITIONS, GROUP, openapi

GVK = "x-kubernetes-group-version-kind"


def custom(kind: str, version: str) -> Kind:
    names = DEFINITIONS[kind]["spec"]["names"]
    verbs = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
    return Kind(
        group=GROUP,
        version=version,
        plural=names["plural"],
        singular=names["singular"],
        kind=kind,
        namespaced=True,
        verbs=verbs,
        schema=openapi(kind, version),
        subresources=("status",),
    )


DOCUMENTS = openapi_v3(
    [*builtin_kinds(), custom("TrafficManagerProfile", "v1beta1"), custom("ServiceExport", "v1beta1")]
)
OURS = DOCUMENTS[f"apis/{GROUP}/v1beta1"]
PROFILE = "com.azure.fleet.networking.v1beta1.TrafficManagerProfile"


def test_there_is_a_document_per_group_and_version() -> None:
    assert sorted(DOCUMENTS) == [
        "api/v1",
        "apis/apiextensions.k8s.io/v1",
        "apis/apps/v1",
        "apis/coordination.k8s.io/v1",
        f"apis/{GROUP}/v1beta1",
        "apis/networking.k8s.io/v1",
        "apis/policy/v1",
        "apis/rbac.authorization.k8s.io/v1",
    ]


def test_the_built_in_kinds_are_those_the_hub_needs() -> None:
    assert {(kind.api_version, kind.kind, kind.namespaced) for kind in builtin_kinds()} == {
        ("v1", "ConfigMap", True),
        ("v1", "Event", True),
        ("v1", "Namespace", False),
        ("v1", "Secret", True),
        ("v1", "Service", True),
        ("v1", "ServiceAccount", True),
        ("coordination.k8s.io/v1", "Lease", True),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition", False),
        ("apps/v1", "Deployment", True),
        ("networking.k8s.io/v1", "NetworkPolicy", True),
        ("policy/v1", "PodDisruptionBudget", True),
        ("rbac.authorization.k8s.io/v1", "Role", True),
        ("rbac.authorization.k8s.io/v1", "RoleBinding", True),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", False),
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", False),
    }


def test_a_kind_is_found_by_its_group_version_and_kind() -> None:
    schemas = OURS["components"]["schemas"]

    assert schemas[PROFILE][GVK] == [{"group": GROUP, "version": "v1beta1", "kind": "TrafficManagerProfile"}]
    assert schemas[f"{PROFILE}List"][GVK] == [
        {"group": GROUP, "version": "v1beta1", "kind": "TrafficManagerProfileList"}
    ]


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        (f"/apis/{GROUP}/v1beta1/trafficmanagerprofiles", {"get"}),
        (f"/apis/{GROUP}/v1beta1/namespaces/{{namespace}}/trafficmanagerprofiles", {"get", "post", "delete"}),
        (
            f"/apis/{GROUP}/v1beta1/namespaces/{{namespace}}/trafficmanagerprofiles/{{name}}",
            {"get", "put", "patch", "delete"},
        ),
        (
            f"/apis/{GROUP}/v1beta1/namespaces/{{namespace}}/trafficmanagerprofiles/{{name}}/status",
            {"get", "put", "patch"},
        ),
    ],
)
def test_a_kind_has_its_paths(path: str, methods: set[str]) -> None:
    assert set(OURS["paths"][path]) - {"parameters"} == methods


def test_a_namespace_has_no_collection_to_delete() -> None:
    assert set(DOCUMENTS["api/v1"]["paths"]["/api/v1/namespaces"]) == {"get", "post"}


@pytest.mark.parametrize(("method", "action"), [("patch", "patch"), ("put", "put")])
def test_kubectl_learns_that_the_server_validates_fields(method: str, action: str) -> None:
    path = f"/apis/{GROUP}/v1beta1/namespaces/{{namespace}}/trafficmanagerprofiles/{{name}}"
    operation = OURS["paths"][path][method]

    assert operation["x-kubernetes-action"] == action
    assert operation[GVK] == {"group": GROUP, "version": "v1beta1", "kind": "TrafficManagerProfile"}
    assert {"fieldValidation", "dryRun", "fieldManager"} <= {parameter["name"] for parameter in operation["parameters"]}


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    if isinstance(value, list):
        for item in value:
            yield from references(item)


@pytest.mark.parametrize("where", DOCUMENTS)
def test_every_reference_leads_somewhere(where: str) -> None:
    known = {f"#/components/schemas/{name}" for name in DOCUMENTS[where]["components"]["schemas"]}

    assert set(references(DOCUMENTS[where])) <= known


def undescribed(schema: Any, path: str) -> Iterator[str]:
    for name, below in schema.get("properties", {}).items():
        if not below.get("description"):
            yield f"{path}.{name}"
        yield from undescribed(below, f"{path}.{name}")
    if isinstance(schema.get("items"), dict):
        yield from undescribed(schema["items"], f"{path}[]")


@pytest.mark.parametrize("where", DOCUMENTS)
def test_kubectl_can_explain_every_field(where: str) -> None:
    schemas = DOCUMENTS[where]["components"]["schemas"]

    assert [path for name, schema in schemas.items() for path in undescribed(schema, name)] == []
    assert all(schema["description"] for schema in schemas.values())


def test_documents_are_json_and_the_same_in_any_order() -> None:
    kinds = [*builtin_kinds(), custom("TrafficManagerProfile", "v1beta1")]

    assert json.dumps(openapi_v3(kinds)) == json.dumps(openapi_v3(kinds[::-1]))

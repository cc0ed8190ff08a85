"""How a client finds out which kinds there are, and what nobody serves."""

from __future__ import annotations

import pytest

from tests.contract.client import API
from tests.contract.samples import BETA, CONFIG_MAPS, EXPORTS, GROUP, PROFILES

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


async def test_aggregated_discovery_repeats_its_media_type_and_names_our_kinds(api: API) -> None:
    reply = await api.get("/apis", Accept=AGGREGATED)
    assert reply.headers["Content-Type"] == AGGREGATED
    (group,) = (item for item in reply.body["items"] if item["metadata"]["name"] == GROUP)
    versions = {version["version"]: version["resources"] for version in group["versions"]}
    assert list(versions) == ["v1beta1", "v1alpha1"]
    assert {kind["resource"] for kind in versions["v1alpha1"]} > {kind["resource"] for kind in versions["v1beta1"]}
    (kind,) = (kind for kind in versions["v1beta1"] if kind["resource"] == "trafficmanagerprofiles")
    assert (kind["scope"], kind["shortNames"], kind["categories"]) == ("Namespaced", ["tmp"], ["fleet-networking"])
    assert kind["responseKind"] == {"group": GROUP, "version": "v1beta1", "kind": "TrafficManagerProfile"}
    assert sorted(kind["verbs"]) == sorted(
        ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
    )
    assert [part["subresource"] for part in kind["subresources"]] == ["status"]


async def test_aggregated_discovery_of_the_core_group(api: API) -> None:
    reply = await api.get("/api", Accept=AGGREGATED)
    (core,) = reply.body["items"]
    resources = {kind["resource"] for version in core["versions"] for kind in version["resources"]}
    assert {"namespaces", "configmaps", "secrets", "events", "serviceaccounts", "services"} <= resources


async def test_legacy_discovery_says_the_same(api: API) -> None:
    groups = (await api.get("/apis")).body["groups"]
    (ours,) = (group for group in groups if group["name"] == GROUP)
    assert ours["preferredVersion"] == {"groupVersion": f"{GROUP}/v1beta1", "version": "v1beta1"}
    alone = (await api.get(f"/apis/{GROUP}")).body
    assert (alone["kind"], alone["versions"]) == ("APIGroup", ours["versions"])
    resources = (await api.get(BETA)).body["resources"]
    assert {"trafficmanagerprofiles", "trafficmanagerprofiles/status"} <= {entry["name"] for entry in resources}


async def test_openapi_documents_are_named_by_their_hash(api: API) -> None:
    index = await api.get("/openapi/v3")
    assert index.headers["Content-Type"] == "text/plain; charset=utf-8"
    url = index.body["paths"][f"apis/{GROUP}/v1beta1"]["serverRelativeURL"]
    document = await api.get(url)
    assert document.headers["Cache-Control"] == "public, immutable"
    schemas = document.body["components"]["schemas"]
    (ours,) = (schema for name, schema in schemas.items() if name.endswith(".v1beta1.TrafficManagerProfile"))
    assert ours["x-kubernetes-group-version-kind"] == [
        {"group": GROUP, "kind": "TrafficManagerProfile", "version": "v1beta1"}
    ]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/nowhere", id="a page that nobody serves"),
        pytest.param("/apis/none.example", id="an unknown group"),
        pytest.param(f"/apis/{GROUP}/v9", id="an unknown version"),
        pytest.param(f"{BETA}/barns", id="an unknown plural of a custom group"),
        pytest.param(EXPORTS.replace("v1alpha1", "v1beta1"), id="a kind in a version it is not served in"),
        pytest.param(f"{BETA}/trafficmanagerprofiles/shop", id="a namespaced object without its namespace"),
    ],
)
async def test_what_nobody_serves_is_a_plain_page(api: API, path: str) -> None:
    reply = await api.get(path)
    assert (reply.code, reply.text) == (404, "404 page not found\n")
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"


async def test_an_unknown_core_kind_is_a_status(api: API) -> None:
    reply = await api.get("/api/v1/barns")
    assert (reply.code, reply.body["details"]) == (404, {})
    assert reply.body["message"] == "the server could not find the requested resource"


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        pytest.param(PROFILES, "text/html", id="no such form"),
        pytest.param(f"{PROFILES}?watch=1", "application/yaml", id="a watch in YAML"),
        pytest.param("/apis", "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList", id="beta"),
    ],
)
async def test_what_cannot_be_given_is_a_406(api: API, path: str, accept: str) -> None:
    assert (await api.get(path, Accept=accept)).code == 406


@pytest.mark.parametrize(("path", "code"), [(PROFILES, 200), (CONFIG_MAPS, 405)])
async def test_only_custom_kinds_answer_a_head(api: API, path: str, code: int) -> None:
    reply = await api.call("HEAD", path)
    assert (reply.code, reply.text) == (code, "")


@pytest.mark.parametrize("authorization", ["", "Bearer "])
async def test_without_a_token_lists_are_forbidden_and_health_is_open(api: API, authorization: str) -> None:
    reply = await api.get(PROFILES, Authorization=authorization)
    assert (reply.code, reply.body["message"]) == (
        403,
        f'trafficmanagerprofiles.{GROUP} is forbidden: User "system:anonymous" cannot list resource '
        f'"trafficmanagerprofiles" in API group "{GROUP}" in the namespace "{api.namespace}"',
    )
    assert (await api.get("/healthz", Authorization=authorization)).text == "ok"


@pytest.mark.parametrize("path", [PROFILES, CONFIG_MAPS, "/healthz", "/version"])
async def test_a_wrong_token_is_unauthorized_everywhere(api: API, path: str) -> None:
    reply = await api.get(path, Authorization="Bearer wrong")
    assert (reply.code, reply.body["message"], "details" in reply.body) == (401, "Unauthorized", False)

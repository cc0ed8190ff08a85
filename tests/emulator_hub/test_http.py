"""The hub over HTTPS: codes, media types, access, and what hostile clients get."""

from __future__ import annotations

import json

import aiohttp
import pytest

from tests.emulator_hub.conftest import Client
from tests.emulator_hub.shops import shop

ROOT = "/apis/ex.io/v1beta1"
SHOPS = f"{ROOT}/namespaces/default/shops"
CORNER = f"{SHOPS}/corner"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


class TestAccess:
    @pytest.mark.parametrize("authorization", ["", "Basic YTpi", "Bearer ", "Bearer"])
    async def test_without_a_token_nearly_everything_is_forbidden(self, client: Client, authorization: str) -> None:
        reply = await client.call("GET", SHOPS, Authorization=authorization)
        assert (reply.code, reply.body["reason"]) == (403, "Forbidden")
        assert reply.body["message"] == (
            'shops.ex.io is forbidden: User "system:anonymous" cannot list resource "shops" in API group "ex.io" in '
            'the namespace "default"'
        )
        assert (await client.call("GET", "/apis", Authorization=authorization)).code == 403
        for page in ("/healthz", "/version", "/livez", "/readyz?verbose"):
            assert (await client.call("GET", page, Authorization=authorization)).code == 200

    @pytest.mark.parametrize("path", [SHOPS, "/healthz", "/nowhere"])
    async def test_a_wrong_token_is_unauthorized_everywhere(self, client: Client, path: str) -> None:
        reply = await client.call("GET", path, Authorization="Bearer wrong")
        assert (reply.code, reply.body["message"]) == (401, "Unauthorized")
        assert "details" not in reply.body
        assert "WWW-Authenticate" not in reply.headers

    async def test_bearer_may_be_written_small(self, client: Client) -> None:
        reply = await client.call("GET", SHOPS, Authorization=f"bearer {client.server.token}")
        assert reply.code == 200

    async def test_the_certificate_is_checked_against_its_own_authority(self, client: Client) -> None:
        async with aiohttp.ClientSession() as stranger:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await stranger.get(client.server.url + "/healthz")

    async def test_who_am_i_and_what_may_i(self, client: Client) -> None:
        asked = {"spec": {"resourceAttributes": {"verb": "create", "resource": "shops"}}}
        reply = await client.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", asked)
        assert (reply.code, reply.body["status"]["allowed"]) == (201, True)
        reply = await client.call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
        assert reply.body["status"]["userInfo"]["username"] == "fleetdns-admin"


class TestPaths:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/nowhere"),
            ("GET", "/apis/none.io"),
            ("GET", "/apis/none.io/v1"),
            ("GET", "/apis/ex.io/v9"),
            ("GET", f"{ROOT}/barns"),
            ("GET", f"{ROOT}/shops/corner"),
            ("POST", f"{ROOT}/shops"),
            ("DELETE", f"{ROOT}/shops"),
            ("GET", "/openapi/v2"),
            ("GET", "/openapi/v3/apis/none.io/v1"),
        ],
    )
    async def test_what_nobody_serves_is_a_plain_page(self, client: Client, method: str, path: str) -> None:
        reply = await client.call(method, path, shop() if method == "POST" else None)
        assert (reply.code, reply.text) == (404, "404 page not found\n")
        assert reply.headers["Content-Type"].startswith("text/plain")

    async def test_an_unknown_core_kind_is_a_status(self, client: Client) -> None:
        reply = await client.call("GET", "/api/v1/barns")
        assert (reply.code, reply.body["details"]) == (404, {})
        assert reply.body["message"] == "the server could not find the requested resource"

    @pytest.mark.parametrize(
        ("method", "path", "code", "message"),
        [
            ("GET", f"{CORNER}/scale", 404, 'shops.ex.io "corner" not found'),
            ("GET", f"{SHOPS}/none/status", 404, 'shops.ex.io "none" not found'),
            ("PUT", SHOPS, 400, "name must be provided"),
            ("PATCH", SHOPS, 400, "name must be provided"),
            ("POST", f"{CORNER}/status", 405, 'create is not supported on resources of kind "shops.ex.io"'),
            ("DELETE", f"{CORNER}/status", 405, 'delete is not supported on resources of kind "shops.ex.io"'),
            ("PUT", CONFIG_MAPS, 405, "the server does not allow this method on the requested resource"),
            ("DELETE", "/api/v1/namespaces", 405, "the server does not allow this method on the requested resource"),
            ("OPTIONS", CONFIG_MAPS, 405, "the server does not allow this method on the requested resource"),
        ],
    )
    async def test_a_verb_in_the_wrong_place(
        self, client: Client, method: str, path: str, code: int, message: str
    ) -> None:
        await client.call("POST", SHOPS, shop())
        reply = await client.call(method, path, shop(), Content_Type="application/json")
        assert (reply.code, reply.body["message"]) == (code, message)

    async def test_a_post_to_a_name_is_a_create(self, client: Client) -> None:
        assert (await client.call("POST", CORNER, shop())).code == 201

    async def test_head_has_no_body(self, client: Client) -> None:
        reply = await client.call("HEAD", f"{SHOPS}?watch=1")
        assert (reply.code, reply.text) == (200, "")

    async def test_watch_on_one_object_does_not_watch(self, client: Client) -> None:
        await client.call("POST", SHOPS, shop())
        reply = await client.call("GET", f"{CORNER}?watch=1")
        assert reply.body["kind"] == "Shop"


class TestMediaTypes:
    async def test_a_post_takes_json_yaml_and_no_type(self, client: Client) -> None:
        text = "apiVersion: ex.io/v1beta1\nkind: Shop\nmetadata: {name: yam, annotations: {when: 2026-01-02}}\n"
        assert (await client.call("POST", SHOPS, shop("bare"))).code == 201
        assert (
            await client.call("POST", SHOPS, shop("json"), Content_Type="application/json; charset=utf-8")
        ).code == 201
        reply = await client.call("POST", SHOPS, text, Content_Type="application/yaml")
        assert (reply.code, reply.body["metadata"]["annotations"]) == (201, {"when": "2026-01-02"})

    @pytest.mark.parametrize("media_type", ["text/plain", "application/vnd.kubernetes.protobuf", "application/xml"])
    async def test_a_post_of_anything_else_is_a_415(self, client: Client, media_type: str) -> None:
        reply = await client.call("POST", SHOPS, shop(), Content_Type=media_type)
        assert (reply.code, reply.body["reason"]) == (415, "UnsupportedMediaType")
        assert reply.body["message"] == (
            "the body of the request was in an unknown format - accepted media types include: application/json, "
            "application/yaml, application/vnd.kubernetes.protobuf"
        )

    async def test_a_plain_json_patch_is_a_415(self, client: Client) -> None:
        reply = await client.call("PATCH", CORNER, {}, Content_Type="application/json")
        assert reply.code == 415

    @pytest.mark.parametrize(
        ("path", "accept"),
        [
            (SHOPS, "text/html"),
            (f"{SHOPS}?watch=1", "application/yaml"),
            (f"{SHOPS}?watch=1", "application/vnd.kubernetes.protobuf"),
            ("/apis", "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"),
        ],
    )
    async def test_what_cannot_be_given_is_a_406(self, client: Client, path: str, accept: str) -> None:
        reply = await client.call("GET", path, Accept=accept)
        assert (reply.code, reply.body["reason"]) == (406, "NotAcceptable")
        assert reply.body["message"].startswith("only the following media types are accepted: ")

    async def test_yaml_is_given_to_who_wants_it(self, client: Client) -> None:
        reply = await client.call("GET", SHOPS, Accept="application/yaml")
        assert reply.text.startswith("apiVersion: ex.io/v1beta1\n")

    async def test_metadata_alone(self, client: Client) -> None:
        await client.call("POST", SHOPS, shop())
        accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
        reply = await client.call("GET", SHOPS, Accept=accept)
        assert reply.body["kind"] == "PartialObjectMetadataList"
        assert reply.body["items"][0].keys() == {"kind", "apiVersion", "metadata"}

    async def test_only_large_answers_are_compressed(self, client: Client) -> None:
        note = {"note": "x" * 2000}
        small = await client.call("GET", SHOPS, Accept_Encoding="gzip")
        assert "Content-Encoding" not in small.headers
        for number in range(80):
            made = shop(f"shop-{number}")
            made["metadata"]["annotations"] = note
            await client.call("POST", SHOPS, made)
        large = await client.call("GET", SHOPS, Accept_Encoding="gzip")
        assert (large.headers["Content-Encoding"], large.headers["Vary"]) == ("gzip", "Accept-Encoding")
        assert len(large.body["items"]) == 80
        assert "Content-Encoding" not in (await client.call("GET", SHOPS, Accept_Encoding="identity")).headers


class TestQueries:
    async def test_created_changed_and_applied_have_their_codes(self, client: Client) -> None:
        apply = {"Content_Type": "application/apply-patch+yaml"}
        assert (await client.call("POST", SHOPS, shop())).code == 201
        merge = await client.call("PATCH", CORNER, {"spec": {"weight": 2}}, Content_Type="application/merge-patch+json")
        assert merge.code == 200
        path = f"{SHOPS}/new?fieldManager=one&force=perhaps"
        assert (await client.call("PATCH", path, shop("new"), **apply)).code == 201
        assert (await client.call("PATCH", path, shop("new", weight=4), **apply)).code == 200
        assert (await client.call("DELETE", CORNER)).body["status"] == "Success"

    async def test_the_manager_is_the_client_if_it_does_not_say(self, client: Client) -> None:
        reply = await client.call("POST", SHOPS, shop(weight=2), User_Agent="tester/1.0 (linux)")
        assert reply.body["metadata"]["managedFields"][0]["manager"] == "tester"

    async def test_unknown_fields_are_warned_of_in_a_header(self, client: Client) -> None:
        reply = await client.call("POST", SHOPS, json.dumps(shop(colour=1))[:-1] + ', "kind": "Shop"}')
        assert reply.code == 201
        assert reply.headers.getall("Warning") == [
            '299 - "duplicate field \\"kind\\""',
            '299 - "unknown field \\"spec.colour\\""',
        ]

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            (
                "dryRun=Some",
                'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"',
            ),
            (
                "fieldValidation=Loose",
                'CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Loose": supported '
                'values: "", "Ignore", "Strict", "Warn"',
            ),
            (
                f"fieldManager={'m' * 129}",
                'CreateOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes',
            ),
        ],
    )
    async def test_options_that_make_no_sense(self, client: Client, query: str, message: str) -> None:
        reply = await client.call("POST", f"{SHOPS}?{query}", shop())
        assert (reply.code, reply.body["message"]) == (422, message)

    @pytest.mark.parametrize("query", ["limit=", "limit=few", "limit=1.5", "watch=1&timeoutSeconds=soon"])
    async def test_numbers_that_are_none(self, client: Client, query: str) -> None:
        assert (await client.call("GET", f"{SHOPS}?{query}")).code == 400

    async def test_initial_events_are_for_watches(self, client: Client) -> None:
        reply = await client.call("GET", f"{SHOPS}?sendInitialEvents=true&resourceVersionMatch=NotOlderThan")
        assert reply.code == 422
        assert "sendInitialEvents is forbidden for list" in reply.body["message"]

    async def test_deletions_take_options_from_body_or_query(self, client: Client) -> None:
        for name in ("a", "b", "c"):
            await client.call("POST", SHOPS, shop(name))
        reply = await client.call("DELETE", f"{SHOPS}/a", {"preconditions": {"uid": "x"}})
        assert (reply.code, reply.body["details"]["kind"]) == (409, "Shop")
        reply = await client.call("DELETE", f"{SHOPS}/a?propagationPolicy=Foreground")
        assert reply.body["metadata"]["finalizers"] == ["foregroundDeletion"]
        assert (await client.call("DELETE", f"{SHOPS}/b", {"dryRun": ["All"]})).code == 200
        assert (await client.call("DELETE", f"{SHOPS}/b", {"propagationPolicy": "Now"})).code == 422
        reply = await client.call("DELETE", f"{SHOPS}?limit=1&fieldSelector=metadata.name!=a")
        assert [item["metadata"]["name"] for item in reply.body["items"]] == ["b"]
        assert len((await client.call("GET", SHOPS)).body["items"]) == 2


class TestDiscovery:
    async def test_the_aggregated_form_repeats_its_media_type(self, client: Client) -> None:
        reply = await client.call("GET", "/apis", Accept=f"{DISCOVERY},application/json")
        assert reply.headers["Content-Type"] == DISCOVERY
        group = next(item for item in reply.body["items"] if item["metadata"]["name"] == "ex.io")
        assert [version["version"] for version in group["versions"]] == ["v1beta1", "v1alpha1"]
        (kind,) = group["versions"][0]["resources"]
        assert (kind["resource"], kind["scope"], kind["shortNames"]) == ("shops", "Namespaced", ["sh"])
        assert kind["subresources"][0]["subresource"] == "status"

    async def test_the_older_form(self, client: Client) -> None:
        groups = (await client.call("GET", "/apis")).body["groups"]
        assert "ex.io" in [group["name"] for group in groups]
        assert (await client.call("GET", "/api")).body["versions"] == ["v1"]
        assert (await client.call("GET", "/apis/ex.io")).body["preferredVersion"]["version"] == "v1beta1"
        resources = (await client.call("GET", ROOT)).body["resources"]
        assert [entry["name"] for entry in resources] == ["shops", "shops/status"]

    async def test_openapi_documents_are_named_by_their_hash(self, client: Client) -> None:
        index = await client.call("GET", "/openapi/v3")
        assert index.headers["Content-Type"] == "text/plain; charset=utf-8"
        url = index.body["paths"]["apis/ex.io/v1beta1"]["serverRelativeURL"]
        document = await client.call("GET", url)
        assert document.headers["Cache-Control"] == "public, immutable"
        assert "io.ex.v1beta1.Shop" in document.body["components"]["schemas"]
        wrong = f"{client.server.url}/openapi/v3/apis/ex.io/v1beta1?hash=OLD"
        headers = {"Authorization": f"Bearer {client.server.token}"}
        async with client.session.get(wrong, headers=headers, allow_redirects=False) as moved:
            assert (moved.status, moved.headers["Location"]) == (301, url)

    async def test_the_version_is_a_recent_one(self, client: Client) -> None:
        assert (await client.call("GET", "/version")).body["gitVersion"].startswith("v1.35.")


class TestTables:
    async def test_a_list_as_a_table(self, client: Client) -> None:
        await client.call("POST", SHOPS, shop(weight=4, owner="ann"))
        table = (await client.call("GET", SHOPS, Accept=TABLE)).body
        assert table["kind"] == "Table"
        assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Weight", "Ready", "Owner", "Age"]
        (row,) = table["rows"]
        assert row["cells"][:4] == ["corner", 4, None, "ann"]
        assert row["object"].keys() == {"kind", "apiVersion", "metadata"}
        whole = (await client.call("GET", f"{SHOPS}?includeObject=Object", Accept=TABLE)).body
        assert whole["rows"][0]["object"]["spec"]["weight"] == 4
        none = (await client.call("GET", f"{SHOPS}?includeObject=None", Accept=TABLE)).body
        assert none["rows"][0]["object"] is None

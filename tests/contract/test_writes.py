"""Creating and changing: what the server fills in, what it keeps to itself, and which versions it counts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.client import API, JSON_PATCH, MERGE, Reply
from tests.contract.samples import (
    CONFIG_MAPS,
    GROUP,
    LEASES,
    OLD_PROFILES,
    PROFILES,
    SHOP,
    TRANSITION,
    condition,
    config_map,
    profile,
)

STATUS = f"{SHOP}/status"
MODIFIED = (
    f'Operation cannot be fulfilled on trafficmanagerprofiles.{GROUP} "shop": the object has been modified; please '
    "apply your changes to the latest version and try again"
)


async def created(api: API, body: Any = None) -> dict[str, Any]:
    reply = await api.create(PROFILES, body or profile())
    assert reply.code == 201, reply.text
    return dict(reply.body)


def generation(reply: Reply) -> int:
    return int(reply.body["metadata"]["generation"])


class TestCreate:
    async def test_identity_time_and_generation_are_the_servers(self, api: API) -> None:
        sent = profile()
        sent["metadata"] |= {"uid": "mine", "generation": 7, "creationTimestamp": "2001-01-01T00:00:00Z"}
        metadata = (await created(api, sent))["metadata"]
        assert (metadata["generation"], metadata["namespace"]) == (1, api.namespace)
        assert metadata["uid"] != "mine"
        assert metadata["creationTimestamp"] > "2026"

    async def test_status_is_not_taken_from_a_create(self, api: API) -> None:
        assert "status" not in await created(api, profile() | {"status": {"dnsName": "mine"}})

    async def test_twice_is_a_409(self, api: API) -> None:
        await created(api)
        reply = await api.create(PROFILES, profile())
        assert (reply.code, reply.body["reason"]) == (409, "AlreadyExists")
        assert reply.body["message"] == f'trafficmanagerprofiles.{GROUP} "shop" already exists'

    async def test_a_resource_version_is_refused_but_zero_is_none(self, api: API) -> None:
        body = profile()
        body["metadata"]["resourceVersion"] = "12"
        reply = await api.create(PROFILES, body)
        assert (reply.code, reply.body["message"]) == (
            500,
            "resourceVersion should not be set on objects to be created",
        )
        body["metadata"]["resourceVersion"] = "0"
        assert (await api.create(PROFILES, body)).code == 201

    async def test_a_generated_name_is_five_letters_longer(self, api: API) -> None:
        body = profile()
        body["metadata"] = {"generateName": "shop-"}
        name = (await created(api, body))["metadata"]["name"]
        assert (name[:5], len(name)) == ("shop-", 10)

    async def test_a_dry_run_answers_and_stores_nothing(self, api: API) -> None:
        assert (await api.create(f"{PROFILES}?dryRun=All", profile())).code == 201
        assert (await api.get(SHOP)).code == 404

    @pytest.mark.parametrize(
        ("sent", "code", "message"),
        [
            pytest.param(
                {"apiVersion": f"{GROUP}/v1"},
                400,
                f"the API version in the data ({GROUP}/v1) does not match the expected API version ({GROUP}/v1beta1)",
                id="another version",
            ),
            pytest.param(
                {"metadata": {"name": "shop", "namespace": "other"}},
                400,
                "the namespace of the provided object does not match the namespace sent on the request",
                id="another namespace",
            ),
        ],
    )
    async def test_a_body_that_contradicts_its_url_is_refused(
        self, api: API, sent: dict[str, Any], code: int, message: str
    ) -> None:
        reply = await api.create(PROFILES, profile() | sent)
        assert (reply.code, reply.body["message"]) == (code, message)

    @pytest.mark.parametrize("kind", ["Shop", "TrafficManagerBackend"])
    async def test_another_kind_is_refused_by_its_own_name(self, api: API, kind: str) -> None:
        reply = await api.create(PROFILES, profile() | {"kind": kind})
        assert (reply.code, reply.body["details"]["kind"]) == (422, kind)
        assert reply.causes == [("kind", f'Invalid value: "{kind}": must be TrafficManagerProfile')]

    async def test_only_one_owner_is_in_control(self, api: API) -> None:
        body = profile()
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "uid": "u", "controller": True}
        body["metadata"]["ownerReferences"] = [owner | {"name": "a"}, owner | {"name": "b"}]
        reply = await api.create(PROFILES, body)
        assert (reply.code, [field for field, _ in reply.causes]) == (422, ["metadata.ownerReferences"])

    async def test_a_missing_namespace_is_named(self, api: API) -> None:
        reply = await api.create(PROFILES.replace("{ns}", "{ns}-nowhere"), profile())
        assert (reply.code, reply.body["message"]) == (404, f'namespaces "{api.namespace}-nowhere" not found')


class TestGeneration:
    async def test_spec_counts_labels_and_status_do_not(self, api: API) -> None:
        await created(api)
        assert generation(await api.merge(SHOP, {"metadata": {"labels": {"a": "b"}}})) == 1
        assert generation(await api.merge(STATUS, {"status": {"dnsName": "x"}})) == 1
        assert generation(await api.merge(SHOP, {"spec": {"deletionPolicy": "Retain"}})) == 2

    async def test_a_version_counts_over_all_kinds(self, api: API) -> None:
        first = int((await created(api))["metadata"]["resourceVersion"])
        second = int((await api.create(CONFIG_MAPS, config_map())).version)
        third = int((await api.merge(SHOP, {"metadata": {"labels": {"a": "b"}}})).version)
        assert first < second < third

    async def test_what_changes_nothing_keeps_the_version(self, api: API) -> None:
        made = await created(api, profile(deletionPolicy="Retain", monitorConfig={"port": 80}))
        version = made["metadata"]["resourceVersion"]
        assert (await api.merge(SHOP, {"spec": {"deletionPolicy": "Retain"}})).version == version
        assert (await api.update(SHOP, made)).version == version

    async def test_an_empty_status_is_a_change_where_there_was_none(self, api: API) -> None:
        version = (await created(api))["metadata"]["resourceVersion"]
        once = await api.merge(STATUS, {"status": {}})
        assert once.version != version
        assert (await api.merge(STATUS, {"status": {}})).version == once.version


class TestSubresource:
    async def test_the_object_does_not_write_status(self, api: API) -> None:
        made = await created(api)
        reply = await api.update(SHOP, made | {"status": {"dnsName": "x"}})
        assert "status" not in reply.body
        assert "status" not in (await api.merge(SHOP, {"status": {"dnsName": "x"}})).body

    async def test_status_writes_nothing_else(self, api: API) -> None:
        made = await created(api)
        patch = {
            "status": {"dnsName": "x"},
            "spec": {"deletionPolicy": "Retain"},
            "metadata": {"labels": {"a": "b"}, "annotations": {"a": "b"}, "finalizers": ["a.b/c"]},
        }
        body = (await api.merge(STATUS, patch)).body
        assert body["status"] == {"dnsName": "x"}
        assert body["spec"] == made["spec"]
        assert body["metadata"].keys() == made["metadata"].keys()

    async def test_an_unknown_subresource_is_a_404_of_the_object(self, api: API) -> None:
        await created(api)
        reply = await api.get(f"{SHOP}/scale")
        assert (reply.code, reply.body["message"]) == (404, f'trafficmanagerprofiles.{GROUP} "shop" not found')

    async def test_explicit_nulls_clear_what_was_there(self, api: API) -> None:
        await created(api)
        await api.merge(STATUS, {"status": {"dnsName": "x", "conditions": [condition()]}})
        cleared = await api.merge(STATUS, {"status": {"dnsName": None, "resourceID": "id"}})
        assert cleared.body["status"] == {"conditions": [condition()], "resourceID": "id"}


class TestVersions:
    async def test_a_stale_update_is_a_conflict(self, api: API) -> None:
        made = await created(api)
        await api.merge(SHOP, {"metadata": {"labels": {"a": "b"}}})
        reply = await api.update(SHOP, made)
        assert (reply.code, reply.body["reason"], reply.body["message"]) == (409, "Conflict", MODIFIED)
        details = {"group": GROUP, "kind": "trafficmanagerprofiles", "name": "shop"}
        assert reply.body["details"] == details

    async def test_a_stale_patch_is_a_conflict_where_it_names_a_version(self, api: API) -> None:
        old = (await created(api))["metadata"]["resourceVersion"]
        await api.merge(SHOP, {"metadata": {"labels": {"a": "b"}}})
        patch = {"metadata": {"resourceVersion": old, "finalizers": ["a.b/c"]}}
        assert (await api.merge(SHOP, patch)).body["message"] == MODIFIED
        patch["metadata"]["resourceVersion"] = (await api.get(SHOP)).version
        assert (await api.merge(SHOP, patch)).code == 200

    async def test_a_custom_update_needs_a_version_a_config_map_does_not(self, api: API) -> None:
        await created(api)
        reply = await api.update(SHOP, profile())
        assert reply.code == 422
        assert reply.causes == [("metadata.resourceVersion", "Invalid value: 0: must be specified for an update")]
        await api.create(CONFIG_MAPS, config_map())
        assert (await api.update(f"{CONFIG_MAPS}/notes", config_map(data={"a": "b"}))).code == 200

    async def test_an_update_of_nothing_is_a_404_but_makes_a_lease(self, api: API) -> None:
        reply = await api.update(SHOP, profile())
        assert (reply.code, reply.body["reason"]) == (404, "NotFound")
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "leader"},
            "spec": {"holderIdentity": "one", "renewTime": TRANSITION.replace("Z", ".000000Z")},
        }
        assert (await api.update(f"{LEASES}/leader", lease)).code == 201
        assert (await api.update(f"{LEASES}/leader", lease)).code == 422

    async def test_another_uid_is_a_conflict_in_an_update_and_invalid_in_a_patch(self, api: API) -> None:
        made = await created(api)
        made["metadata"]["uid"] = "11111111-2222-3333-4444-555555555555"
        assert (await api.update(SHOP, made)).code == 409
        reply = await api.merge(SHOP, {"metadata": {"uid": "other"}})
        assert (reply.code, reply.causes) == (422, [("metadata.uid", 'Invalid value: "other": field is immutable')] * 2)


class TestSealed:
    """Contents that their owner has declared immutable."""

    @pytest.mark.parametrize("plural", ["configmaps", "secrets"])
    async def test_they_stay_and_so_does_the_seal(self, api: API, plural: str) -> None:
        path = f"/api/v1/namespaces/{{ns}}/{plural}"
        await api.create(path, {"metadata": {"name": "one"}, "data": {"a": "Yg=="}})
        assert (await api.merge(f"{path}/one", {"data": {"a": "Yw=="}, "immutable": True})).code == 200
        why = "Forbidden: field is immutable when `immutable` is set"
        for patch in ({"data": {"a": "ZA=="}}, {"data": {"b": "ZA=="}}, {"immutable": False}, {"immutable": None}):
            reply = await api.merge(f"{path}/one", patch)
            assert (reply.code, reply.causes) == (422, [(next(iter(patch)), why)])
        labelled = await api.merge(f"{path}/one", {"metadata": {"labels": {"a": "b"}}, "data": {"a": "Yw=="}})
        assert labelled.code == 200

    async def test_what_a_secret_is_for_never_changes(self, api: API) -> None:
        path = "/api/v1/namespaces/{ns}/secrets"
        await api.create(path, {"metadata": {"name": "one"}})
        reply = await api.merge(f"{path}/one", {"type": "example.com/other"})
        assert reply.causes == [("type", 'Invalid value: "example.com/other": field is immutable')]


class TestPatches:
    @pytest.mark.parametrize(
        ("patch", "port"),
        [
            pytest.param({"spec": {"monitorConfig": {"port": 8080}}}, 8080, id="sets what it names"),
            pytest.param({"spec": {"monitorConfig": {"port": None}}}, 80, id="null takes a field away, then defaults"),
            pytest.param({}, 81, id="nothing changes nothing"),
        ],
    )
    async def test_merge(self, api: API, patch: dict[str, Any], port: int) -> None:
        await created(api, profile(monitorConfig={"port": 81, "path": "/x"}))
        config = (await api.merge(SHOP, patch)).body["spec"]["monitorConfig"]
        assert (config["port"], config["path"]) == (port, "/x")

    async def test_json_patch_changes_in_order(self, api: API) -> None:
        await created(api, profile(labels={"a": "b"}))
        patch = [
            {"op": "test", "path": "/metadata/labels/a", "value": "b"},
            {"op": "move", "from": "/metadata/labels/a", "path": "/metadata/labels/x~1y"},
            {"op": "add", "path": "/spec/deletionPolicy", "value": "Retain"},
            {"op": "replace", "path": "/spec/resourceGroup", "value": "new"},
        ]
        body = (await api.call("PATCH", SHOP, patch, content_type=JSON_PATCH)).body
        assert body["metadata"]["labels"] == {"x/y": "b"}
        assert body["spec"] == {"deletionPolicy": "Retain", "resourceGroup": "new"}

    @pytest.mark.parametrize(
        "operation",
        [
            pytest.param({"op": "test", "path": "/spec/deletionPolicy", "value": "Retain"}, id="a test that fails"),
            pytest.param({"op": "remove", "path": "/spec/none"}, id="a removal of nothing"),
        ],
    )
    async def test_a_json_patch_that_fails_is_a_422_without_details(self, api: API, operation: dict[str, Any]) -> None:
        await created(api)
        reply = await api.call("PATCH", SHOP, [operation], content_type=JSON_PATCH)
        assert (reply.code, reply.body["details"]) == (422, {})
        assert reply.body["message"] == "the server rejected our request due to an error in our request"

    @pytest.mark.parametrize("content_type", ["application/json", "application/strategic-merge-patch+json"])
    async def test_a_custom_kind_takes_no_other_patch(self, api: API, content_type: str) -> None:
        await created(api)
        reply = await api.call("PATCH", SHOP, {}, content_type=content_type)
        assert (reply.code, reply.body["reason"]) == (415, "UnsupportedMediaType")

    async def test_a_config_map_takes_a_strategic_one(self, api: API) -> None:
        await api.create(CONFIG_MAPS, config_map(data={"a": "b"}))
        reply = await api.call(
            "PATCH",
            f"{CONFIG_MAPS}/notes",
            {"data": {"c": "d"}},
            content_type="application/strategic-merge-patch+json",
        )
        assert reply.body["data"] == {"a": "b", "c": "d"}

    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    async def test_a_collection_is_neither_replaced_nor_patched(self, api: API, method: str) -> None:
        reply = await api.call(method, PROFILES, profile(), content_type=MERGE if method == "PATCH" else "")
        assert (reply.code, reply.body["message"]) == (400, "name must be provided")

    async def test_both_versions_show_one_object(self, api: API) -> None:
        await api.create(OLD_PROFILES, profile(version="v1alpha1", monitorConfig={"port": 8080}))
        assert (await api.get(SHOP)).body["spec"]["monitorConfig"]["port"] == 8080
        patched = await api.merge(f"{OLD_PROFILES}/shop", {"spec": {"deletionPolicy": "Retain"}})
        assert patched.body["apiVersion"] == f"{GROUP}/v1alpha1"
        assert (await api.get(SHOP)).version == patched.version

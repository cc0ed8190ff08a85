"""Taking objects away: finalizers, preconditions, propagation, collections, namespaces."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.client import API, JSON_PATCH, Reply
from tests.contract.samples import CONFIG_MAPS, GROUP, LEASES, PROFILES, SHOP, TRANSITION, config_map, profile

NAMESPACES = "/api/v1/namespaces"
CORE = f"{NAMESPACES}/{{ns}}"


async def held(api: API, *finalizers: str) -> Reply:
    body = profile()
    body["metadata"]["finalizers"] = list(finalizers)
    return await api.create(PROFILES, body)


async def test_without_finalizers_it_goes_at_once(api: API) -> None:
    uid = (await api.create(PROFILES, profile())).body["metadata"]["uid"]
    reply = await api.delete(SHOP)
    assert (reply.body["kind"], reply.body["status"]) == ("Status", "Success")
    assert reply.body["details"] == {"group": GROUP, "kind": "trafficmanagerprofiles", "name": "shop", "uid": uid}
    assert (await api.get(SHOP)).code == 404
    assert (await api.delete(SHOP)).code == 404


async def test_a_finalizer_holds_it_marked_one_generation_later(api: API) -> None:
    await held(api, "a.b/c")
    marked = await api.delete(SHOP)
    metadata = marked.body["metadata"]
    assert (marked.code, metadata["generation"], metadata["deletionGracePeriodSeconds"]) == (200, 2, 0)
    assert metadata["deletionTimestamp"]
    assert (await api.delete(SHOP)).version == marked.version


async def test_the_last_finalizer_takes_it_away(api: API) -> None:
    await held(api, "a.b/c", "a.b/d")
    marked = await api.delete(SHOP)
    fewer = await api.merge(SHOP, {"metadata": {"finalizers": ["a.b/d"]}})
    assert fewer.version != marked.version
    last = await api.merge(SHOP, {"metadata": {"finalizers": None}})
    assert (last.code, last.version) == (200, fewer.version)
    assert (await api.get(SHOP)).code == 404


async def test_finalizers_are_removed_by_a_tested_json_patch(api: API) -> None:
    await held(api, "a.b/c")
    await api.delete(SHOP)
    remove = {"op": "remove", "path": "/metadata/finalizers"}
    wrong = [{"op": "test", "path": "/metadata/finalizers", "value": ["a.b/d"]}, remove]
    assert (await api.call("PATCH", SHOP, wrong, content_type=JSON_PATCH)).code == 422
    right = [{"op": "test", "path": "/metadata/finalizers", "value": ["a.b/c"]}, remove]
    assert (await api.call("PATCH", SHOP, right, content_type=JSON_PATCH)).code == 200
    assert (await api.get(SHOP)).code == 404


async def test_while_it_goes_spec_still_counts_and_no_finalizer_may_come(api: API) -> None:
    await held(api, "a.b/c")
    await api.delete(SHOP)
    changed = await api.merge(SHOP, {"spec": {"deletionPolicy": "Retain"}})
    assert changed.body["metadata"]["generation"] == 3
    rule = "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers "
    reply = await api.merge(SHOP, {"metadata": {"finalizers": ["a.b/c", "a.b/d"]}})
    assert (reply.code, reply.causes) == (422, [("metadata.finalizers", rule + '[]string{"a.b/d"}')] * 2)


async def test_while_it_goes_its_name_is_taken(api: API) -> None:
    await held(api, "a.b/c")
    await api.delete(SHOP)
    reply = await api.create(PROFILES, profile())
    assert (reply.code, reply.body["message"]) == (
        409,
        f'object is being deleted: trafficmanagerprofiles.{GROUP} "shop" already exists',
    )


async def test_while_it_goes_status_can_be_written(api: API) -> None:
    await held(api, "a.b/c")
    await api.delete(SHOP)
    assert (await api.merge(f"{SHOP}/status", {"status": {"dnsName": "x"}})).body["status"] == {"dnsName": "x"}


async def test_a_finalizer_without_a_domain_is_warned_of(api: API) -> None:
    reply = await held(api, "plain")
    assert reply.code == 201
    assert reply.headers["Warning"] == (
        '299 - "metadata.finalizers: \\"plain\\": prefer a domain-qualified finalizer name to avoid accidental '
        'conflicts with other finalizer writers"'
    )


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        pytest.param(CONFIG_MAPS, {}, "Status", id="a config map"),
        pytest.param(f"{CORE}/serviceaccounts", {}, "ServiceAccount", id="a service account"),
        pytest.param(f"{CORE}/services", {"spec": {"ports": [{"port": 80}]}}, "Service", id="a service"),
        pytest.param(LEASES, {}, "Status", id="a lease"),
    ],
)
async def test_what_is_gone_is_shown_or_confirmed(api: API, path: str, body: dict[str, Any], kind: str) -> None:
    await api.create(path, {"metadata": {"name": "one"}} | body)
    reply = await api.delete(f"{path}/one")
    assert (reply.code, reply.body["kind"]) == (200, kind)
    assert (await api.get(f"{path}/one")).code == 404


@pytest.mark.parametrize(
    ("path", "field"),
    [
        pytest.param(CONFIG_MAPS, "metadata.finalizers[0]", id="a config map's"),
        pytest.param(f"{CORE}/serviceaccounts", "metadata.finalizers[0]", id="a service account's"),
        pytest.param(LEASES, "", id="a lease's"),
    ],
)
async def test_the_core_kinds_are_strict_about_finalizers(api: API, path: str, field: str) -> None:
    reply = await api.create(path, {"metadata": {"name": "one", "finalizers": ["plain"]}})
    if not field:
        assert reply.code == 201
        return
    why = 'Invalid value: "plain": name is neither a standard finalizer name nor is it fully qualified'
    assert (reply.code, reply.causes) == (422, [(field, why)])


class TestPreconditions:
    async def test_another_uid_is_a_conflict(self, api: API) -> None:
        uid = (await api.create(PROFILES, profile())).body["metadata"]["uid"]
        reply = await api.delete(SHOP, {"preconditions": {"uid": "other"}})
        assert (reply.code, reply.body["details"]["kind"]) == (409, "TrafficManagerProfile")
        assert reply.body["message"] == (
            f'Operation cannot be fulfilled on TrafficManagerProfile.{GROUP} "shop": the UID in the precondition '
            f"(other) does not match the UID in record ({uid}). The object might have been deleted and then recreated"
        )

    async def test_an_old_version_is_a_conflict_the_right_one_deletes(self, api: API) -> None:
        made = await api.create(PROFILES, profile())
        metadata = made.body["metadata"]
        assert (await api.delete(SHOP, {"preconditions": {"resourceVersion": "1"}})).code == 409
        right = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        assert (await api.delete(SHOP, {"preconditions": right})).code == 200

    async def test_a_lease_is_released_only_by_its_holder(self, api: API) -> None:
        spec = {"holderIdentity": "one", "renewTime": TRANSITION.replace("Z", ".000000Z")}
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "leader"},
            "spec": spec,
        }
        made = (await api.create(LEASES, lease)).body
        taken = (await api.update(f"{LEASES}/leader", made | {"spec": spec | {"holderIdentity": "two"}})).body
        reply = await api.update(f"{LEASES}/leader", made | {"spec": spec | {"holderIdentity": ""}})
        assert (reply.code, reply.body["details"]["kind"]) == (409, "leases")
        assert (await api.get(f"{LEASES}/leader")).body["spec"] == taken["spec"]


class TestPropagation:
    @pytest.mark.parametrize(
        ("policy", "finalizer"),
        [
            pytest.param("Foreground", "foregroundDeletion", id="waiting for dependents"),
            pytest.param("Orphan", "orphan", id="leaving dependents"),
        ],
    )
    async def test_some_policies_wait_for_the_garbage_collector(self, api: API, policy: str, finalizer: str) -> None:
        await api.create(PROFILES, profile())
        reply = await api.delete(f"{SHOP}?propagationPolicy={policy}")
        assert reply.body["metadata"]["finalizers"] == [finalizer]

    async def test_in_the_background_it_goes_at_once_even_while_waiting(self, api: API) -> None:
        await api.create(PROFILES, profile())
        await api.delete(SHOP, {"propagationPolicy": "Foreground"})
        reply = await api.delete(SHOP, {"propagationPolicy": "Background"})
        assert reply.body["status"] == "Success"
        assert (await api.get(SHOP)).code == 404

    async def test_nobody_waits_for_an_event(self, api: API) -> None:
        about = {"kind": "ConfigMap", "namespace": api.namespace, "name": "notes"}
        await api.create(f"{CORE}/events", {"metadata": {"name": "Odd_Name"}, "involvedObject": about})
        reply = await api.delete(f"{CORE}/events/Odd_Name?propagationPolicy=Foreground")
        assert (reply.code, reply.body["kind"]) == (200, "Status")

    async def test_an_unknown_policy_is_refused(self, api: API) -> None:
        await api.create(PROFILES, profile())
        reply = await api.delete(SHOP, {"propagationPolicy": "Now"})
        assert (reply.code, reply.body["details"]["kind"]) == (422, "DeleteOptions")

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param({"kind": "Foo", "apiVersion": "v1"}, id="another kind"),
            pytest.param(["propagationPolicy"], id="a list"),
            pytest.param("{", id="half a document"),
        ],
    )
    @pytest.mark.parametrize("path", [PROFILES, CONFIG_MAPS])
    async def test_options_that_are_none_are_a_400(self, api: API, path: str, body: Any) -> None:
        await api.create(path, profile() if path == PROFILES else config_map("shop"))
        assert (await api.delete(f"{path}/shop", body)).code == 400
        assert (await api.get(f"{path}/shop")).code == 200

    async def test_a_dry_run_deletes_nothing(self, api: API) -> None:
        await api.create(PROFILES, profile())
        assert (await api.delete(SHOP, {"dryRun": ["All"]})).code == 200
        assert (await api.get(SHOP)).code == 200


class TestCollections:
    async def test_what_the_selector_takes_goes_and_is_shown_as_it_was(self, api: API) -> None:
        for name, labels in (("a", {"x": "1"}), ("b", {"x": "1"}), ("c", {"x": "2"})):
            await api.create(PROFILES, profile(name, labels=labels))
        reply = await api.delete(f"{PROFILES}?labelSelector=x=1")
        assert (reply.code, reply.names) == (200, ["a", "b"])
        assert all("deletionTimestamp" not in item["metadata"] for item in reply.body["items"])
        assert (await api.get(PROFILES)).names == ["c"]

    async def test_a_limit_takes_a_page(self, api: API) -> None:
        for name in ("a", "b", "c"):
            await api.create(PROFILES, profile(name))
        reply = await api.delete(f"{PROFILES}?limit=2")
        assert reply.names == ["a", "b"]
        assert (await api.get(PROFILES)).names == ["c"]


async def test_a_namespace_goes_slowly_and_takes_nothing_new(api: API) -> None:
    name = f"{api.namespace}-gone"
    body: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    await api.create(NAMESPACES, body)
    reply = await api.delete(f"{NAMESPACES}/{name}")
    assert (reply.code, reply.body["status"]["phase"]) == (200, "Terminating")
    assert (await api.delete(f"{NAMESPACES}/{name}?propagationPolicy=Foreground")).version == reply.version
    reply = await api.create(PROFILES.replace("{ns}", name), profile())
    assert (reply.code, reply.body["reason"]) == (403, "Forbidden")
    assert reply.body["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    assert reply.body["message"].endswith(
        f"unable to create new content in namespace {name} because it is being terminated"
    )

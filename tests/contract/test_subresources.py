"""Spec and status are written apart, in every version of every kind of ours; what counts as which kind of change."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.client import API, JSON_PATCH, Reply
from tests.contract.samples import CONFIG_MAPS, GROUP, LEASES, PROFILES, minimal, path_of, profile, served_versions

CORE = "/api/v1/namespaces/{ns}"
CHANGES: dict[str, dict[str, Any]] = {
    "trafficmanagerprofiles": {"deletionPolicy": "Retain"},
    "trafficmanagerbackends": {"weight": 5},
    "internalserviceexports": {"weight": 5},
}
CONDITION = {"type": "Seen", "status": "True", "reason": "Seen", "message": "", "lastTransitionTime": None}
STATUS = {"conditions": [CONDITION | {"lastTransitionTime": "2026-01-02T03:04:05Z"}]}
WITH_SPEC = [found for found in served_versions() if found[0] in CHANGES]
WITH_CONDITIONS = [found for found in served_versions() if found[0] != "serviceimports"]
BUILT_IN = {
    CONFIG_MAPS: {"data": {"a": "b"}},
    f"{CORE}/secrets": {"stringData": {"a": "b"}},
    f"{CORE}/serviceaccounts": {"automountServiceAccountToken": False},
    LEASES: {"spec": {"holderIdentity": "one"}},
}


def generation(reply: Reply) -> int:
    assert reply.code < 300, reply.text
    return int(reply.body["metadata"]["generation"])


@pytest.mark.parametrize(("plural", "version"), WITH_SPEC)
async def test_the_spec_counts_generations_and_nothing_else_does(api: API, plural: str, version: str) -> None:
    path = path_of(plural, version)
    assert generation(await api.create(path, minimal(plural, version))) == 1
    assert generation(await api.merge(f"{path}/one", {"metadata": {"labels": {"a": "b"}}})) == 1
    assert generation(await api.merge(f"{path}/one/status", {"status": STATUS})) == 1
    changed = await api.merge(f"{path}/one", {"spec": CHANGES[plural]})
    assert generation(changed) == 2
    again = await api.merge(f"{path}/one", {"spec": CHANGES[plural]})
    assert (generation(again), again.version) == (2, changed.version)


@pytest.mark.parametrize("path", BUILT_IN, ids=lambda path: str(path).rpartition("/")[2])
async def test_built_in_kinds_count_no_generations(api: API, path: str) -> None:
    made = await api.create(path, {"metadata": {"name": "one"}})
    changed = await api.merge(f"{path}/one", BUILT_IN[path])
    assert (made.code, changed.code) == (201, 200)
    assert int(changed.version) > int(made.version)
    assert "generation" not in changed.body["metadata"]


@pytest.mark.parametrize(("plural", "version"), WITH_CONDITIONS)
async def test_the_object_does_not_write_status(api: API, plural: str, version: str) -> None:
    path = path_of(plural, version)
    assert "status" not in (await api.create(path, minimal(plural, version) | {"status": STATUS})).body
    live = (await api.get(f"{path}/one")).body
    for reply in (
        await api.merge(f"{path}/one", {"status": STATUS}),
        await api.update(f"{path}/one", live | {"status": STATUS}),
        await api.call(
            "PATCH", f"{path}/one", [{"op": "add", "path": "/status", "value": STATUS}], content_type=JSON_PATCH
        ),
    ):
        assert (reply.code, "status" in reply.body, reply.version) == (200, False, live["metadata"]["resourceVersion"])


@pytest.mark.parametrize(("plural", "version"), WITH_SPEC)
async def test_status_does_not_write_the_object(api: API, plural: str, version: str) -> None:
    path = path_of(plural, version)
    live = (await api.create(path, minimal(plural, version))).body
    body = {"spec": CHANGES[plural], "status": STATUS}
    merged = await api.merge(f"{path}/one/status", body | {"metadata": {"annotations": {"a": "b"}}})
    written = await api.update(f"{path}/one/status", merged.body | {"spec": live["spec"] | CHANGES[plural]})
    name, value = next(iter(CHANGES[plural].items()))
    operations = [{"op": "add", "path": f"/spec/{name}", "value": value}, {"op": "remove", "path": "/status"}]
    removed = await api.call("PATCH", f"{path}/one/status", operations, content_type=JSON_PATCH)
    for reply, status in ((merged, STATUS), (written, STATUS), (removed, None)):
        assert (reply.code, reply.body["spec"], reply.body.get("status")) == (200, live["spec"], status)
        assert "annotations" not in reply.body["metadata"]


@pytest.mark.parametrize(("plural", "version"), WITH_CONDITIONS)
async def test_the_status_can_be_read_alone_and_is_the_whole_object(api: API, plural: str, version: str) -> None:
    path = path_of(plural, version)
    await api.create(path, minimal(plural, version))
    assert (await api.get(f"{path}/one/status")).body == (await api.get(f"{path}/one")).body


class TestJSONPatch:
    @pytest.fixture
    async def status(self, api: API) -> str:
        await api.create(PROFILES, profile())
        await api.merge(f"{PROFILES}/shop/status", {"status": STATUS | {"dnsName": "a.example"}})
        return f"{PROFILES}/shop/status"

    async def patched(self, api: API, path: str, *operations: dict[str, Any]) -> Reply:
        return await api.call("PATCH", path, list(operations), content_type=JSON_PATCH)

    async def test_a_condition_is_reached_by_its_place(self, api: API, status: str) -> None:
        at = "/status/conditions/0"
        right = {"op": "test", "path": f"{at}/type", "value": "Seen"}
        reply = await self.patched(api, status, right, {"op": "replace", "path": f"{at}/status", "value": "False"})
        assert reply.body["status"]["conditions"][0]["status"] == "False"
        added = {"op": "add", "path": "/status/conditions/-", "value": STATUS["conditions"][0] | {"type": "Heard"}}
        reply = await self.patched(api, status, added)
        assert [one["type"] for one in reply.body["status"]["conditions"]] == ["Seen", "Heard"]

    async def test_a_test_may_look_at_the_spec_and_at_the_version(self, api: API, status: str) -> None:
        change = {"op": "replace", "path": "/status/dnsName", "value": "b.example"}
        wrong = {"op": "test", "path": "/metadata/resourceVersion", "value": "1"}
        assert (await self.patched(api, status, wrong, change)).code == 422
        right = {"op": "test", "path": "/spec/deletionPolicy", "value": "Delete"}
        assert (await self.patched(api, status, right, change)).body["status"]["dnsName"] == "b.example"

    async def test_a_version_that_is_written_is_compared(self, api: API, status: str) -> None:
        stale = {"op": "replace", "path": "/metadata/resourceVersion", "value": "1"}
        reply = await self.patched(api, status, stale, {"op": "remove", "path": "/status/dnsName"})
        assert (reply.code, reply.body["reason"]) == (409, "Conflict")

    async def test_a_status_that_is_invalid_is_refused(self, api: API, status: str) -> None:
        reply = await self.patched(api, status, {"op": "replace", "path": "/status/dnsName", "value": 5})
        assert (reply.code, reply.causes[0][0]) == (422, "status.dnsName")


class TestVersions:
    async def test_a_stale_status_is_a_conflict_in_every_form(self, api: API) -> None:
        made = (await api.create(PROFILES, profile())).body
        await api.merge(f"{PROFILES}/shop", {"metadata": {"labels": {"a": "b"}}})
        path, stale = f"{PROFILES}/shop/status", made["metadata"]["resourceVersion"]
        status = {"status": {"dnsName": "x"}}
        applied = profile() | status
        applied["metadata"]["resourceVersion"] = stale
        for reply in (
            await api.update(path, made | status),
            await api.merge(path, status | {"metadata": {"resourceVersion": stale}}),
            await api.apply(path, applied, manager="test"),
        ):
            assert (reply.code, reply.body["reason"]) == (409, "Conflict")
            assert reply.body["details"] == {"group": GROUP, "kind": "trafficmanagerprofiles", "name": "shop"}

    async def test_a_status_needs_a_version_to_be_replaced(self, api: API) -> None:
        await api.create(PROFILES, profile())
        reply = await api.update(f"{PROFILES}/shop/status", profile() | {"status": {"dnsName": "x"}})
        assert (reply.code, reply.causes[0][0]) == (422, "metadata.resourceVersion")

    async def test_every_change_has_a_version_of_its_own_and_a_refusal_none(self, api: API) -> None:
        versions = [
            int(reply.version)
            for reply in (
                await api.create(PROFILES, profile()),
                await api.merge(f"{PROFILES}/shop", {"metadata": {"labels": {"a": "b"}}}),
                await api.merge(f"{PROFILES}/shop/status", {"status": STATUS}),
                await api.merge(f"{PROFILES}/shop", {"spec": {"deletionPolicy": "Retain"}}),
            )
        ]
        assert versions == sorted(set(versions))
        assert (await api.merge(f"{PROFILES}/shop", {"spec": {"deletionPolicy": "Keep"}})).code == 422
        assert (await api.merge(f"{PROFILES}/shop?dryRun=All", {"spec": {"deletionPolicy": "Delete"}})).code == 200
        assert int((await api.get(f"{PROFILES}/shop")).version) == versions[-1]

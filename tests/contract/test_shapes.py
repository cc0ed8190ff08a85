"""Answers as Tables and as metadata alone: of one object, of lists and pages, of writes, and in watches."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.client import API, MERGE
from tests.contract.samples import (
    BACKENDS,
    BETA,
    CONFIG_MAPS,
    LEASES,
    OLD_PROFILES,
    PROFILES,
    SHOP,
    backend,
    config_map,
    profile,
)

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
CORE = "/api/v1/namespaces/{ns}"
INITIAL = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
COLUMNS = {
    f"{BETA}/namespaces/{{ns}}/trafficmanagerprofiles": [
        "Name",
        "DNS-Name",
        "Is-Programmed",
        "Healthy",
        "Endpoints",
        "Age",
    ],
    f"{BETA}/namespaces/{{ns}}/trafficmanagerbackends": [
        "Name",
        "Profile",
        "Backend",
        "Is-Accepted",
        "Endpoints",
        "Age",
    ],
    f"{BETA}/namespaces/{{ns}}/serviceexports": ["Name", "Is-Valid", "Is-Conflicted", "Age"],
    "/api/v1/namespaces": ["Name", "Status", "Age"],
    CONFIG_MAPS: ["Name", "Data", "Age"],
    f"{CORE}/secrets": ["Name", "Type", "Data", "Age"],
    f"{CORE}/serviceaccounts": ["Name", "Age"],
    f"{CORE}/services": ["Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "Selector"],
    f"{CORE}/events": [
        "Last Seen",
        "Type",
        "Reason",
        "Object",
        "Subobject",
        "Source",
        "Message",
        "First Seen",
        "Count",
        "Name",
    ],
    LEASES: ["Name", "Holder", "Age"],
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions": ["Name", "Created At"],
}


async def version_of(api: API) -> str:
    return (await api.get(PROFILES)).version


def cells(table: dict[str, Any]) -> list[Any]:
    """The first cell of every row: the names."""
    return [row["cells"][0] for row in table["rows"]]


class TestTables:
    @pytest.mark.parametrize("path", COLUMNS, ids=lambda path: str(path).rpartition("/")[2])
    async def test_each_kind_has_its_columns(self, api: API, path: str) -> None:
        table = (await api.get(path, Accept=TABLE)).body
        assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
        assert [column["name"] for column in table["columnDefinitions"]] == COLUMNS[path]

    async def test_a_row_holds_the_cells_and_the_metadata(self, api: API) -> None:
        await api.create(PROFILES, profile())
        await api.merge(f"{SHOP}/status", {"status": {"dnsName": "shop.example", "endpoints": {"total": 3}}})
        (row,) = (await api.get(PROFILES, Accept=TABLE)).body["rows"]
        assert row["cells"][:5] == ["shop", "shop.example", None, None, 3]
        assert row["cells"][5].endswith("s")
        assert (row["object"]["kind"], "spec" in row["object"]) == ("PartialObjectMetadata", False)

    async def test_a_row_can_hold_the_whole_object_or_none(self, api: API) -> None:
        await api.create(BACKENDS, backend())
        (row,) = (await api.get(f"{BACKENDS}?includeObject=Object", Accept=TABLE)).body["rows"]
        assert row["object"]["spec"]["profile"] == {"name": "shop"}
        (row,) = (await api.get(f"{BACKENDS}?includeObject=None", Accept=TABLE)).body["rows"]
        assert row["object"] is None

    @pytest.mark.parametrize("query", ["", "&watch=1&timeoutSeconds=1"])
    async def test_a_row_holds_nothing_else(self, api: API, query: str) -> None:
        reply = await api.get(f"{PROFILES}?includeObject=Half{query}", Accept=TABLE)
        why = "includeObject: Invalid value: \"Half\": must be 'Metadata', 'Object', 'None', or empty"
        assert (reply.code, reply.body["message"]) == (400, f"Unable to convert to Table as requested: {why}")

    async def test_one_object_and_its_status_are_tables_of_one_row(self, api: API) -> None:
        await api.create(PROFILES, profile())
        for path in (SHOP, f"{SHOP}/status"):
            table = (await api.get(path, Accept=TABLE)).body
            assert cells(table) == ["shop"]
            assert table["metadata"]["resourceVersion"] == table["rows"][0]["object"]["metadata"]["resourceVersion"]

    async def test_a_page_says_what_remains(self, api: API) -> None:
        for name in "abc":
            await api.create(PROFILES, profile(name))
        first = (await api.get(f"{PROFILES}?limit=2", Accept=TABLE)).body
        assert (cells(first), first["metadata"]["remainingItemCount"]) == (["a", "b"], 1)
        token = first["metadata"]["continue"]
        last = (await api.get(f"{PROFILES}?limit=2&continue={token}", Accept=TABLE)).body
        assert (cells(last), "continue" in last["metadata"]) == (["c"], False)

    async def test_writes_are_answered_as_asked_but_success_is_a_status(self, api: API) -> None:
        body = profile()
        body["metadata"]["finalizers"] = ["a.b/c"]
        patch = {"metadata": {"labels": {"a": "b"}}}
        made = await api.call("POST", PROFILES, body, Accept=TABLE)
        changed = await api.call("PATCH", SHOP, patch, content_type=MERGE, Accept=TABLE)
        marked = await api.call("DELETE", SHOP, Accept=TABLE)
        assert [(reply.code, cells(reply.body)) for reply in (made, changed, marked)] == [
            (201, ["shop"]),
            (200, ["shop"]),
            (200, ["shop"]),
        ]
        await api.merge(SHOP, {"metadata": {"finalizers": None}})
        await api.create(PROFILES, profile())
        assert (await api.call("DELETE", SHOP, Accept=TABLE)).body["kind"] == "Status"

    async def test_only_the_first_event_says_what_the_columns_are(self, api: API) -> None:
        since = await version_of(api)
        async with api.watch(f"{PROFILES}?watch=1&resourceVersion={since}", Accept=TABLE) as events:
            await api.create(PROFILES, profile("a"))
            await api.create(PROFILES, profile("b"))
            await api.delete(f"{PROFILES}/a")
            seen = [await events.next() for _ in range(3)]
        assert [(event["type"], cells(event["object"])) for event in seen] == [
            ("ADDED", ["a"]),
            ("ADDED", ["b"]),
            ("DELETED", ["a"]),
        ]
        assert seen[0]["object"]["columnDefinitions"][0]["name"] == "Name"
        assert [event["object"]["columnDefinitions"] for event in seen[1:]] == [None, None]

    async def test_the_end_of_the_initial_events_is_a_row_without_cells(self, api: API) -> None:
        await api.create(PROFILES, profile())
        async with api.watch(f"{PROFILES}?{INITIAL}", Accept=TABLE) as events:
            first, end = await events.next(), await events.next()
        assert (cells(first["object"]), end["type"], end["object"]["kind"]) == (["shop"], "BOOKMARK", "Table")
        (row,) = end["object"]["rows"]
        assert set(row["cells"]) == {"", None}
        assert row["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


class TestMetadata:
    async def test_an_object_a_list_and_a_page(self, api: API) -> None:
        for name in "ab":
            await api.create(PROFILES, profile(name))
        one = (await api.get(f"{PROFILES}/a", Accept=METADATA)).body
        assert (one["kind"], one.keys()) == ("PartialObjectMetadata", {"kind", "apiVersion", "metadata"})
        listed = (await api.get(f"{PROFILES}?limit=1", Accept=METADATA_LIST)).body
        assert (listed["kind"], listed["items"]) == ("PartialObjectMetadataList", [one])
        assert (listed["metadata"]["remainingItemCount"], bool(listed["metadata"]["continue"])) == (1, True)

    async def test_of_built_in_kinds_and_of_both_versions(self, api: API) -> None:
        await api.create(CONFIG_MAPS, config_map())
        await api.create(PROFILES, profile())
        for path in (CONFIG_MAPS, PROFILES, OLD_PROFILES):
            (one,) = (await api.get(path, Accept=METADATA_LIST)).body["items"]
            assert (one["kind"], one["apiVersion"]) == ("PartialObjectMetadata", "meta.k8s.io/v1")

    @pytest.mark.parametrize(
        ("path", "list_type"),
        [
            pytest.param(PROFILES, "*unstructured.UnstructuredList", id="a custom kind"),
            pytest.param(CONFIG_MAPS, "*core.ConfigMapList", id="a built-in kind"),
            pytest.param(LEASES, "*coordination.LeaseList", id="a kind of another group"),
        ],
    )
    async def test_a_list_is_no_object(self, api: API, path: str, list_type: str) -> None:
        reply = await api.get(path, Accept=METADATA)
        why = f"you requested PartialObjectMetadata, but the requested object is a list ({list_type})"
        assert (reply.code, reply.body["message"]) == (406, why)

    async def test_an_object_is_no_list(self, api: API) -> None:
        await api.create(PROFILES, profile())
        await api.create(CONFIG_MAPS, config_map())
        assert (await api.get(SHOP, Accept=METADATA_LIST)).code == 500
        reply = await api.get(f"{CONFIG_MAPS}/notes", Accept=METADATA_LIST)
        why = "you requested PartialObjectMetadataList, but the requested object is not a list (*core.ConfigMap)"
        assert (reply.code, reply.body["message"]) == (406, why)

    async def test_in_a_watch_with_its_bookmarks(self, api: API) -> None:
        await api.create(PROFILES, profile())
        async with api.watch(f"{PROFILES}?{INITIAL}", Accept=METADATA) as events:
            first, end = await events.next(), await events.next()
        assert (first["type"], first["object"]["kind"], "spec" in first["object"]) == (
            "ADDED",
            "PartialObjectMetadata",
            False,
        )
        assert (end["type"], end["object"]["kind"]) == ("BOOKMARK", "PartialObjectMetadata")
        assert end["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}

    async def test_a_watch_of_lists_ends_without_an_event(self, api: API) -> None:
        since = await version_of(api)
        await api.create(PROFILES, profile())
        async with api.watch(f"{PROFILES}?watch=1&resourceVersion={since}", Accept=METADATA_LIST) as events:
            assert events.answer.status == 200
            assert await events.next() is None

    async def test_writes_are_answered_as_asked(self, api: API) -> None:
        made = await api.call("POST", PROFILES, profile(), Accept=METADATA)
        assert (made.code, made.body["kind"], "spec" in made.body) == (201, "PartialObjectMetadata", False)
        assert (await api.call("DELETE", SHOP, Accept=METADATA)).body["kind"] == "Status"

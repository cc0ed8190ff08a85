"""Definitions of kinds: ours are accepted, a new one is served in a while, a faulty one is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fleetdns.emulator.hub.server import HubServer
from tests.contract.client import API, Endpoint, Reply, until_served
from tests.contract.samples import DEFINITIONS, GROUP, definitions
from tests.contract.things import GROUP_OF_TESTS, Things, definition


@pytest.fixture
async def plural(api: API) -> AsyncIterator[str]:
    """A name no other test uses; its definition is taken away again."""
    name = api.namespace.replace("contract-", "things")
    yield name
    await api.delete(f"{DEFINITIONS}/{name}.{GROUP_OF_TESTS}")


@pytest.mark.parametrize("ours", definitions(), ids=lambda ours: str(ours["spec"]["names"]["kind"]))
async def test_ours_are_accepted_and_established(api: API, ours: dict[str, Any]) -> None:
    reply = await api.get(f"{DEFINITIONS}/{ours['metadata']['name']}")
    conditions = {one["type"]: one["status"] for one in reply.body["status"]["conditions"]}
    assert (conditions["NamesAccepted"], conditions["Established"]) == ("True", "True")
    # Nothing a server complains of: no schema that is not structural, no rule too dear.
    assert "NonStructuralSchema" not in conditions
    assert reply.body["status"]["acceptedNames"]["categories"] == ["fleet-networking"]


@pytest.mark.parametrize("ours", definitions(), ids=lambda ours: str(ours["spec"]["names"]["kind"]))
async def test_ours_are_accepted_without_a_warning(api: API, ours: dict[str, Any]) -> None:
    ours["metadata"]["resourceVersion"] = (await api.get(f"{DEFINITIONS}/{ours['metadata']['name']}")).version
    reply = await api.call("PUT", f"{DEFINITIONS}/{ours['metadata']['name']}?dryRun=All&fieldValidation=Strict", ours)
    assert (reply.code, reply.headers.getall("Warning", [])) == (200, [])


async def test_a_new_kind_is_served_after_a_while(api: API, plural: str) -> None:
    collection = f"/apis/{GROUP_OF_TESTS}/v1/namespaces/{{ns}}/{plural}"
    assert (await api.get(collection)).text == "404 page not found\n"
    assert (await api.create(DEFINITIONS, definition(plural))).code == 201
    assert await until_served(api, collection) <= {404, 429}
    body = {"apiVersion": f"{GROUP_OF_TESTS}/v1", "kind": plural.capitalize(), "metadata": {"name": "a"}}
    made = await api.create(collection, body | {"spec": {"size": 1, "colour": "red"}})
    assert (made.code, made.body["spec"]) == (201, {"size": 1})
    assert (await api.get(collection)).names == ["a"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"scope": "Somewhere"}, "spec.scope", id="a scope that is none"),
        pytest.param({"versions": []}, "spec.versions", id="no version"),
        pytest.param({"group": "other.example.com"}, "metadata.name", id="a name that does not fit the group"),
    ],
)
async def test_a_faulty_definition_is_a_422(api: API, plural: str, change: dict[str, Any], field: str) -> None:
    body = definition(plural)
    body["spec"] |= change
    reply = await api.create(DEFINITIONS, body)
    assert reply.code == 422
    assert field in [where for where, _ in reply.causes]


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"properties": {"spec": {"type": "object"}}}, id="no type"),
        pytest.param({"type": "object", "properties": {"spec": {"type": "array"}}}, id="an array of nothing"),
        pytest.param(
            {"type": "object", "properties": {"spec": {"type": "string", "default": 5}}}, id="a default of another type"
        ),
        pytest.param({"type": "object", "x-kubernetes-validations": [{"rule": "self. =="}]}, id="a rule without sense"),
    ],
)
async def test_a_schema_that_is_not_structural_is_a_422(api: API, plural: str, schema: dict[str, Any]) -> None:
    body = definition(plural)
    body["spec"]["versions"][0]["schema"] = {"openAPIV3Schema": schema}
    reply = await api.create(DEFINITIONS, body)
    assert reply.code == 422
    assert all("openAPIV3Schema" in where for where, _ in reply.causes)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"scope": "Cluster"}, "spec.scope", id="scope"),
        pytest.param({"group": "other.example.com"}, "spec.group", id="group"),
        pytest.param({"names": {"plural": "others"}}, "spec.names.plural", id="plural"),
        pytest.param({"names": {"kind": "Other"}}, "spec.names.kind", id="kind"),
    ],
)
async def test_what_a_definition_defines_stays(api: API, change: dict[str, Any], field: str) -> None:
    reply = await api.merge(f"{DEFINITIONS}/trafficmanagerprofiles.{GROUP}", {"spec": change})
    assert (reply.code, [field for field, _ in reply.causes]) == (422, [field])
    assert reply.causes[0][1].endswith("field is immutable")


async def test_at_its_birth_nothing_is_decided_and_the_conditions_are_null(api: API, plural: str) -> None:
    status = (await api.create(DEFINITIONS, definition(plural))).body["status"]
    assert (status["conditions"], status["acceptedNames"], status["storedVersions"]) == (
        None,
        {"kind": "", "plural": ""},
        ["v1"],
    )


async def test_a_version_in_which_objects_may_be_stored_stays(api: API, plural: str) -> None:
    path = f"{DEFINITIONS}/{plural}.{GROUP_OF_TESTS}"
    await api.create(DEFINITIONS, definition(plural))
    await until_served(api, f"/apis/{GROUP_OF_TESTS}/v1/{plural}")
    (only,) = definition(plural)["spec"]["versions"]
    newer = only | {"name": "v2"}
    both = await api.merge(path, {"spec": {"versions": [only | {"storage": False}, newer]}})
    assert both.body["metadata"]["generation"] == 2
    await until_served(api, f"/apis/{GROUP_OF_TESTS}/v2/{plural}")
    alone = await api.merge(path, {"spec": {"versions": [newer]}})
    assert (alone.code, [field for field, _ in alone.causes]) == (422, ["status.storedVersions[0]"])
    await api.merge(f"{path}/status", {"status": {"storedVersions": ["v2"]}})
    assert (await api.merge(path, {"spec": {"versions": [newer]}})).code == 200


async def test_what_is_stored_is_read_by_a_schema_that_came_later(api: API, plural: str) -> None:
    things = Things(api, plural)
    await things.define()
    stored = await api.apply(f"{things.collection}/a", things.one("a", size=1), manager="test")
    (version,) = definition(plural)["spec"]["versions"]
    properties = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    del properties["size"]
    properties["colour"] = {"type": "string", "default": "red"}
    assert (await api.merge(things.path, {"spec": {"versions": [version]}})).code == 200
    await until_read(api, f"{things.collection}/a", {"colour": "red"})
    assert (await api.get(f"{things.collection}/a")).version == stored.version
    await until_served(api, things.collection)  # its storage is made anew for the other schema
    assert [item["spec"] for item in (await api.get(things.collection)).body["items"]] == [{"colour": "red"}]
    async with api.watch(f"{things.collection}?watch=1") as events:
        assert (await events.next())["object"]["spec"] == {"colour": "red"}
    # Nothing was lost as long as nobody wrote.
    assert (await api.merge(things.path, {"spec": definition(plural)["spec"]})).code == 200
    await until_read(api, f"{things.collection}/a", {"size": 1})


async def test_a_write_keeps_only_what_the_schema_of_its_time_knows(api: API, plural: str) -> None:
    things = Things(api, plural)
    await things.define()
    await api.apply(f"{things.collection}/a", things.one("a", size=1), manager="test")
    (version,) = definition(plural)["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"] = {}
    await api.merge(things.path, {"spec": {"versions": [version]}})
    await until_read(api, f"{things.collection}/a", {})
    written = await api.merge(f"{things.collection}/a", {"metadata": {"labels": {"seen": "yes"}}})
    assert (written.code, written.body["metadata"]["generation"]) == (200, 1)
    spec["properties"] = {"size": {"type": "integer"}, "colour": {"type": "string", "default": "red"}}
    await api.merge(things.path, {"spec": {"versions": [version]}})
    await until_read(api, f"{things.collection}/a", {"colour": "red"})


async def until_read(api: API, path: str, spec: dict[str, Any]) -> None:
    """Wait until a changed definition rules, which takes a real server a moment, and 429 meanwhile."""
    async with asyncio.timeout(20):
        while (reply := await api.get(path)).code != 200 or reply.body["spec"] != spec:
            assert reply.code in (200, 404, 429), reply.text
            await asyncio.sleep(0.02)


async def test_while_it_is_set_up_its_kind_is_answered_in_these_words(api: API, server: Endpoint, plural: str) -> None:
    path = f"/apis/{GROUP_OF_TESTS}/v1/namespaces/{{ns}}/{plural}"
    if isinstance(server, HubServer):
        # The hub has nothing to set up: faults stand for it.
        server.faults.missing(plural, times=1)
        server.faults.throttle(plural=plural, times=1)
    before = await api.get(path)  # a server that is quick may have passed this by the time that it is asked again
    await api.create(DEFINITIONS, definition(plural))
    seen = {before.code: before} | await answers_until_served(api, path)
    # The store is made for the first request that comes, and anew for each change of the definition.
    for number in range(20):
        if 429 in seen:
            break
        names = {"shortNames": [f"a{number}{plural}"]}
        assert (await api.merge(f"{DEFINITIONS}/{plural}.{GROUP_OF_TESTS}", {"spec": {"names": names}})).code == 200
        seen |= await answers_until_served(api, path)
    assert seen[404].text == "404 page not found\n"
    assert (seen[429].body["reason"], seen[429].headers["Retry-After"]) == ("TooManyRequests", "1")
    assert seen[429].body["message"] == "storage is (re)initializing"
    assert seen[429].body["details"] == {"retryAfterSeconds": 1}


async def answers_until_served(api: API, path: str) -> dict[int, Reply]:
    """What a list of the kind is answered, by code, until it is answered with a list."""
    seen: dict[int, Reply] = {}
    async with asyncio.timeout(20):
        while 200 not in seen:
            reply = await api.get(path)
            seen[reply.code] = reply
    return seen

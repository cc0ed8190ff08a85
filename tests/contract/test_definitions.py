"""Definitions of kinds: ours are accepted, a new one is served in a while, a faulty one is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.client import API, until_served
from tests.contract.samples import DEFINITIONS, GROUP, definitions
from tests.contract.things import GROUP_OF_TESTS, definition


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


async def test_group_and_scope_of_a_definition_stay(api: API) -> None:
    path = f"{DEFINITIONS}/trafficmanagerprofiles.{GROUP}"
    reply = await api.merge(path, {"spec": {"scope": "Cluster"}})
    assert (reply.code, [field for field, _ in reply.causes]) == (422, ["spec.scope"])

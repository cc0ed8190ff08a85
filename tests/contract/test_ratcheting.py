"""Objects made under a looser schema: they keep what they have, as long as nobody touches it."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.client import API, Reply, until_served
from tests.contract.samples import DEFINITIONS
from tests.contract.things import Things, definition

ITEM = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}, "share": {"type": "integer"}},
}
LOOSE: dict[str, Any] = {
    "size": {"type": "integer"},
    "colour": {"type": "string"},
    "parts": {
        "type": "array",
        "items": ITEM,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
    },
}
SPEC = {"size": 50, "colour": "red", "parts": [{"name": "a", "share": 50}, {"name": "b", "share": 1}]}


def tight() -> dict[str, Any]:
    """Now everything that SPEC has is too much, and one field is missing."""
    fields = copy.deepcopy(LOOSE)
    fields["size"]["maximum"] = 10
    fields["colour"]["enum"] = ["green"]
    fields["parts"]["items"]["properties"]["share"]["maximum"] = 10
    return fields | {"label": {"type": "string"}}


def defined(plural: str, fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = definition(plural)
    schema = body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"] = {"type": "object", "properties": fields} | more
    return body


@pytest.fixture
async def old(api: API) -> AsyncIterator[Things]:
    """A kind with one object that the present schema would not let in."""
    things = Things(api, api.namespace.replace("contract-", "wares"))
    made = await api.create(DEFINITIONS, defined(things.plural, LOOSE))
    assert made.code == 201, made.text
    await until_served(api, things.collection)
    applied = await api.apply(f"{things.collection}/one", things.one("one") | {"spec": SPEC}, manager="test")
    assert applied.code == 201, applied.text
    rule = {"rule": "!has(self.colour) || self.colour != 'red' || self.size < 10", "message": "red is for small ones"}
    strict = defined(things.plural, tight(), **{"x-kubernetes-validations": [rule], "required": ["label"]})
    changed = await api.merge(things.path, {"spec": strict["spec"]})
    assert changed.code == 200, changed.text
    await until_strict(api, things)
    yield things
    await things.clear()


async def until_strict(api: API, things: Things) -> None:
    """The new schema counts once a new object is judged by it."""
    new = things.one("new") | {"spec": SPEC}
    async with asyncio.timeout(20):
        while True:
            await until_served(api, things.collection)
            tried = await api.apply(f"{things.collection}/new", new, manager="test&dryRun=All")
            if tried.code == 422:
                return


@pytest.fixture
def one(old: Things) -> str:
    return f"{old.collection}/one"


async def test_metadata_and_status_may_change(api: API, one: str) -> None:
    assert (await api.merge(one, {"metadata": {"labels": {"a": "b"}, "finalizers": ["a.b/c"]}})).code == 200
    assert (await api.merge(f"{one}/status", {"status": {"seen": 1}})).code == 200
    assert (await api.merge(one, {"metadata": {"finalizers": None}})).body["spec"] == SPEC


async def test_what_is_missing_since_must_be_given_as_soon_as_its_object_changes(api: API, one: str) -> None:
    def missing(reply: Reply) -> bool:
        return reply.code == 422 and ("spec.label", "Required value") in reply.causes

    assert missing(await api.merge(one, {"spec": {"size": 5}}))
    assert (await api.merge(one, {"spec": {"size": 5, "label": "x"}})).code == 200


async def test_fields_that_do_not_change_are_not_judged_those_that_do_are(api: API, one: str) -> None:
    part = {"parts": [{"name": "a", "share": 50}, {"name": "b", "share": 2}]}
    assert (await api.merge(one, {"spec": part | {"size": 5, "label": "x"}})).code == 200
    worse = {"parts": [{"name": "a", "share": 51}, {"name": "b", "share": 2}]}
    reply = await api.merge(one, {"spec": worse})
    assert (reply.code, [field for field, _ in reply.causes]) == (422, ["spec.parts[0].share"])
    assert (await api.merge(one, {"spec": {"colour": "blue"}})).code == 422


async def test_a_rule_is_asked_again_when_its_object_changes(api: API, one: str) -> None:
    await api.merge(one, {"metadata": {"labels": {"a": "b"}}})
    reply = await api.merge(one, {"spec": {"label": "x"}})
    assert (reply.code, reply.causes) == (422, [("spec", "Invalid value: red is for small ones")])

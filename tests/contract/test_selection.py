"""Watching what is selected by labels or fields: objects enter, change, leave and go."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.contract.client import API, Events
from tests.contract.samples import BETA, CONFIG_MAPS, PROFILES, SHOP, config_map, profile

EVERYWHERE = f"{BETA}/trafficmanagerprofiles"


async def version_of(api: API) -> str:
    """The version of the present list."""
    return (await api.get(PROFILES)).version


def labels(value: str | None) -> dict[str, Any]:
    return {"metadata": {"labels": {"on": value}}}


async def told(events: Events, count: int) -> list[tuple[str, str | None]]:
    """Type and label of the next events."""
    seen = [await events.next() for _ in range(count)]
    return [(event["type"], event["object"]["metadata"].get("labels", {}).get("on")) for event in seen]


@pytest.mark.parametrize("selector", ["on", "on in (yes,also)", "on notin (no),on"])
async def test_objects_enter_change_leave_and_go(api: API, selector: str) -> None:
    await api.create(PROFILES, profile())
    since = await version_of(api)
    async with api.watch(f"{PROFILES}?watch=1&labelSelector={quote(selector)}&resourceVersion={since}") as events:
        for value in ("yes", "also", None, "yes"):
            await api.merge(SHOP, labels(value))
        await api.delete(SHOP)
        assert await told(events, 5) == [
            ("ADDED", "yes"),
            ("MODIFIED", "also"),
            ("DELETED", "also"),
            ("ADDED", "yes"),
            ("DELETED", "yes"),
        ]


async def test_what_is_outside_is_not_told_of_whatever_happens_to_it(api: API) -> None:
    await api.create(PROFILES, profile())
    since = await version_of(api)
    async with api.watch(f"{PROFILES}?watch=1&labelSelector=on&resourceVersion={since}") as events:
        await api.merge(SHOP, {"spec": {"deletionPolicy": "Retain"}})
        await api.delete(SHOP)
        await api.create(PROFILES, profile("last", labels={"on": "yes"}))
        assert await events.take(1) == [("ADDED", "last")]


async def test_a_label_that_is_asked_to_be_absent(api: API) -> None:
    since = await version_of(api)
    async with api.watch(f"{PROFILES}?watch=1&labelSelector=!on&resourceVersion={since}") as events:
        await api.create(PROFILES, profile())
        await api.merge(SHOP, labels("yes"))
        await api.merge(SHOP, labels(None))
        assert await told(events, 3) == [("ADDED", None), ("DELETED", None), ("ADDED", None)]


async def test_both_selectors_must_take_it(api: API) -> None:
    since = await version_of(api)
    query = f"labelSelector=on&fieldSelector=metadata.name%21%3Da&resourceVersion={since}"
    async with api.watch(f"{PROFILES}?watch=1&{query}") as events:
        for name, value in (("a", "yes"), ("b", None), ("c", "yes")):
            await api.create(PROFILES, profile(name, labels={"on": value} if value else None))
        assert await events.take(1) == [("ADDED", "c")]


async def test_one_namespace_of_all_can_be_selected(api: API) -> None:
    other = f"{api.namespace}-other"
    await api.create("/api/v1/namespaces", {"metadata": {"name": other}})
    since = await version_of(api)
    field = f"fieldSelector=metadata.namespace={api.namespace}"
    async with api.watch(f"{EVERYWHERE}?watch=1&{field}&resourceVersion={since}") as events:
        await api.create(PROFILES.replace("{ns}", other), profile("there"))
        await api.create(PROFILES, profile("here"))
        assert await events.take(1) == [("ADDED", "here")]


async def test_a_field_that_changes_makes_an_object_leave(api: API) -> None:
    secrets = "/api/v1/namespaces/{ns}/secrets"
    body = {"metadata": {"name": "key"}, "type": "example.com/one"}
    since = (await api.get(secrets)).version
    path = f"{secrets}?watch=1&fieldSelector=type=example.com/one&resourceVersion={since}"
    async with api.watch(path) as events:
        await api.create(secrets, body)
        await api.create(secrets, {"metadata": {"name": "other"}})
        await api.delete(f"{secrets}/key")
        assert await events.take(2) == [("ADDED", "key"), ("DELETED", "key")]


@pytest.mark.parametrize(
    ("path", "selector", "message"),
    [
        pytest.param(PROFILES, "spec.x=1", "field label not supported: spec.x", id="of a custom kind"),
        pytest.param(
            CONFIG_MAPS,
            "data.x=1",
            '"data.x" is not a known field selector: only "metadata.name", "metadata.namespace"',
            id="of a built-in kind without any",
        ),
        pytest.param(
            "/api/v1/namespaces",
            "metadata.namespace=a",
            "field label not supported: metadata.namespace",
            id="of one in none",
        ),
        pytest.param(
            PROFILES, "metadata.name=a=b", "invalid field selector: unescaped character in value: 61", id="unescaped"
        ),
    ],
)
@pytest.mark.parametrize("watching", ["", "watch=1&"])
async def test_a_field_that_cannot_be_selected_is_a_400(
    api: API, path: str, selector: str, message: str, watching: str
) -> None:
    reply = await api.get(f"{path}?{watching}fieldSelector={quote(selector)}")
    assert (reply.code, reply.body["message"]) == (400, message)


async def test_a_comma_in_a_value_is_escaped(api: API) -> None:
    await api.create(CONFIG_MAPS, config_map())
    reply = await api.get(f"{CONFIG_MAPS}?fieldSelector={quote('metadata.name!=a' + chr(92) + ',b')}")
    assert (reply.code, [item["metadata"]["name"] for item in reply.body["items"]][-1]) == (200, "notes")


async def test_entering_and_leaving_look_like_birth_and_death(api: API) -> None:
    await api.create(PROFILES, profile())
    since = await version_of(api)
    async with api.watch(f"{PROFILES}?watch=1&labelSelector=on&resourceVersion={since}") as events:
        await api.merge(SHOP, {"metadata": {"labels": {"on": "yes"}}})
        left = await api.merge(SHOP, {"metadata": {"labels": {"on": None}}})
        assert await events.take(1) == [("ADDED", "shop")]
        gone = await events.next()
    assert gone["type"] == "DELETED"
    metadata = gone["object"]["metadata"]
    assert (metadata["labels"], metadata["resourceVersion"]) == ({"on": "yes"}, left.version)


async def test_one_name_can_be_watched(api: API) -> None:
    since = await version_of(api)
    path = f"{PROFILES}?watch=1&fieldSelector=metadata.name=b&resourceVersion={since}"
    async with api.watch(path) as events:
        for name in "abc":
            await api.create(PROFILES, profile(name))
        assert await events.take(1) == [("ADDED", "b")]


async def test_an_object_with_watch_in_its_query_is_not_watched(api: API) -> None:
    await api.create(PROFILES, profile())
    assert (await api.get(f"{SHOP}?watch=1")).body["kind"] == "TrafficManagerProfile"


@pytest.mark.parametrize(("word", "kind"), [("0", "List"), ("False", "List"), ("", None)])
async def test_any_word_but_0_and_false_watches(api: API, word: str, kind: str | None) -> None:
    reply = await api.get(f"{PROFILES}?watch={word}&timeoutSeconds=1&resourceVersion={await version_of(api)}")
    assert reply.text == "" if kind is None else reply.body["kind"].endswith(kind)

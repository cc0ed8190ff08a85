"""Watching: from where, what comes in which order, and how it ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.contract.client import API, Events
from tests.contract.samples import CONFIG_MAPS, GROUP, OLD_PROFILES, PROFILES, SHOP, config_map, profile

INITIAL = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"


async def version_of(api: API) -> str:
    """The version of the present list."""
    return (await api.get(PROFILES)).version


async def rest(events: Events) -> list[Any]:
    """Every event until the server ends the stream."""
    seen = []
    while (event := await events.next()) is not None:
        seen.append(event)
    return seen


def is_initial_end(event: Any) -> bool:
    marked = event["object"]["metadata"].get("annotations", {}).get("k8s.io/initial-events-end")
    return bool(event["type"] == "BOOKMARK" and marked == "true")


async def test_a_watch_from_a_list_misses_and_repeats_nothing(api: API) -> None:
    await api.create(PROFILES, profile("a"))
    since = await version_of(api)
    await api.create(PROFILES, profile("b"))
    async with api.watch(f"{PROFILES}?watch=1&resourceVersion={since}") as events:
        await api.merge(f"{PROFILES}/b/status", {"status": {"dnsName": "x"}})
        await api.delete(f"{PROFILES}/a")
        assert await events.take(3) == [("ADDED", "b"), ("MODIFIED", "b"), ("DELETED", "a")]


async def test_a_watch_resumes_at_the_last_version_seen(api: API) -> None:
    since = await version_of(api)
    async with api.watch(f"{PROFILES}?watch=1&resourceVersion={since}") as events:
        await api.create(PROFILES, profile("a"))
        await api.create(PROFILES, profile("b"))
        first = await events.next()
    since = first["object"]["metadata"]["resourceVersion"]
    async with api.watch(f"{PROFILES}?watch=1&resourceVersion={since}") as events:
        assert await events.take(1) == [("ADDED", "b")]


async def test_a_deletion_has_a_version_of_its_own(api: API) -> None:
    made = await api.create(PROFILES, profile())
    async with api.watch(f"{PROFILES}?watch=1&resourceVersion={made.version}") as events:
        await api.delete(SHOP)
        gone = await events.next()
    assert gone["type"] == "DELETED"
    assert int(gone["object"]["metadata"]["resourceVersion"]) > int(made.version)


async def test_the_last_finalizer_is_still_on_the_deleted_object(api: API) -> None:
    body = profile()
    body["metadata"]["finalizers"] = ["a.b/c"]
    await api.create(PROFILES, body)
    marked = await api.delete(SHOP)
    async with api.watch(f"{PROFILES}?watch=1&resourceVersion={marked.version}") as events:
        await api.merge(SHOP, {"metadata": {"finalizers": None}})
        gone = await events.next()
    assert (gone["type"], gone["object"]["metadata"]["finalizers"]) == ("DELETED", ["a.b/c"])
    assert int(gone["object"]["metadata"]["resourceVersion"]) > int(marked.version)


class TestInitialEvents:
    async def test_a_watch_list_gives_the_state_its_end_and_what_follows(self, api: API) -> None:
        for name in "ab":
            await api.create(PROFILES, profile(name))
        async with api.watch(f"{PROFILES}?watch=1&{INITIAL}") as events:
            # They come in no order that is promised.
            assert sorted(await events.take(2)) == [("ADDED", "a"), ("ADDED", "b")]
            end = await events.next()
            assert is_initial_end(end)
            assert int(end["object"]["metadata"]["resourceVersion"]) >= int(await version_of(api))
            await api.create(PROFILES, profile("c"))
            assert await events.take(1) == [("ADDED", "c")]

    @pytest.mark.parametrize("known", [True, False], ids=["a version it has seen", "version 0"])
    async def test_a_watch_list_may_start_from_what_is_known(self, api: API, known: bool) -> None:
        await api.create(PROFILES, profile("a"))
        since = await version_of(api) if known else "0"
        await api.create(PROFILES, profile("b"))
        now = await version_of(api)
        async with api.watch(f"{PROFILES}?watch=1&{INITIAL}&resourceVersion={since}") as events:
            # Never older than that; what came since is among the initial events or follows them.
            seen: dict[str, Any] = {}
            while len(seen) < 3:
                event = await events.next()
                seen[event["object"]["metadata"].get("name", "end")] = event
            assert seen.keys() == {"a", "b", "end"}
            assert is_initial_end(seen["end"])
            assert int(seen["end"]["object"]["metadata"]["resourceVersion"]) >= (int(since) if known else 1)
            assert int(now) >= int(seen["b"]["object"]["metadata"]["resourceVersion"])

    async def test_a_watch_list_of_what_is_not_there_is_its_end_alone(self, api: API) -> None:
        await api.create(PROFILES, profile("a", labels={"x": "1"}))
        await api.create(PROFILES, profile("b"))
        for selector, names in (("labelSelector=x=1", ["a"]), ("labelSelector=x=2", [])):
            async with api.watch(f"{PROFILES}?watch=1&{INITIAL}&{selector}") as events:
                assert await events.take(len(names)) == [("ADDED", name) for name in names]
                assert is_initial_end(await events.next())

    async def test_a_watch_list_shows_the_version_it_is_asked_in(self, api: API) -> None:
        await api.create(PROFILES, profile())
        async with api.watch(f"{OLD_PROFILES}?watch=1&{INITIAL}") as events:
            added, end = await events.next(), await events.next()
        assert {event["object"]["apiVersion"] for event in (added, end)} == {f"{GROUP}/v1alpha1"}

    async def test_initial_events_can_be_declined(self, api: API) -> None:
        await api.create(PROFILES, profile())
        declined = "sendInitialEvents=false&resourceVersionMatch=NotOlderThan&timeoutSeconds=1"
        async with api.watch(f"{PROFILES}?watch=1&{declined}") as events:
            assert await rest(events) == []

    async def test_a_bookmark_is_an_empty_object_of_the_kind(self, api: API) -> None:
        async with api.watch(f"{PROFILES}?watch=1&{INITIAL}") as events:
            end = (await events.next())["object"]
        assert (end["kind"], "spec" in end) == ("TrafficManagerProfile", False)
        assert end["metadata"].keys() >= {"resourceVersion", "annotations"}

    async def test_without_a_version_the_state_comes_first_and_its_end_is_marked(self, api: API) -> None:
        await api.create(PROFILES, profile())
        async with api.watch(f"{PROFILES}?watch=1&allowWatchBookmarks=true") as events:
            assert await events.take(1) == [("ADDED", "shop")]
            assert is_initial_end(await events.next())

    async def test_without_bookmarks_there_is_no_mark(self, api: API) -> None:
        await api.create(PROFILES, profile())
        async with api.watch(f"{PROFILES}?watch=1&timeoutSeconds=1") as events:
            assert [event["type"] for event in await rest(events)] == ["ADDED"]

    async def test_built_in_kinds_do_the_same(self, api: API) -> None:
        await api.create(CONFIG_MAPS, config_map())
        async with api.watch(f"{CONFIG_MAPS}?watch=1&{INITIAL}") as events:
            assert (await events.next())["object"]["metadata"]["name"] == "notes"
            assert is_initial_end(await events.next())

    @pytest.mark.parametrize(
        ("query", "cause"),
        [
            pytest.param(
                "sendInitialEvents=true",
                "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                id="without a match",
            ),
            pytest.param(
                "resourceVersionMatch=NotOlderThan",
                "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
                id="a match without initial events",
            ),
            pytest.param(
                "resourceVersion=0&continue=more",
                "Forbidden: resourceVersionMatch is forbidden when continue is provided",
                id="a page of a list",
            ),
        ],
    )
    async def test_contradictions_are_a_422(self, api: API, query: str, cause: str) -> None:
        reply = await api.get(f"{PROFILES}?watch=1&{query}")
        assert (reply.code, reply.causes) == (422, [("resourceVersionMatch", cause)])


class TestResume:
    async def test_what_was_missed_comes_in_its_order(self, api: API) -> None:
        await api.create(PROFILES, profile("a"))
        since = await version_of(api)
        await api.create(PROFILES, profile("b"))
        await api.merge(f"{PROFILES}/a", {"metadata": {"labels": {"x": "1"}}})
        await api.delete(f"{PROFILES}/b")
        await api.create(PROFILES, profile("b"))
        async with api.watch(f"{PROFILES}?watch=1&resourceVersion={since}") as events:
            seen = [await events.next() for _ in range(4)]
        assert [(event["type"], event["object"]["metadata"]["name"]) for event in seen] == [
            ("ADDED", "b"),
            ("MODIFIED", "a"),
            ("DELETED", "b"),
            ("ADDED", "b"),
        ]
        versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in seen]
        assert versions == sorted(set(versions))

    async def test_a_bookmark_is_a_place_to_resume_from(self, api: API) -> None:
        await api.create(PROFILES, profile("a"))
        async with api.watch(f"{PROFILES}?watch=1&{INITIAL}") as events:
            await events.take(1)
            end = await events.next()
        await api.create(PROFILES, profile("b"))
        since = end["object"]["metadata"]["resourceVersion"]
        async with api.watch(f"{PROFILES}?watch=1&resourceVersion={since}") as events:
            assert await events.take(1) == [("ADDED", "b")]

    async def test_a_deleted_object_shows_its_last_state(self, api: API) -> None:
        await api.create(PROFILES, profile(labels={"x": "1"}))
        changed = await api.merge(SHOP, {"metadata": {"labels": {"x": "2"}}, "spec": {"deletionPolicy": "Retain"}})
        await api.delete(SHOP)
        async with api.watch(f"{PROFILES}?watch=1&resourceVersion={changed.version}") as events:
            gone = (await events.next())["object"]
        assert (gone["metadata"]["labels"], gone["spec"]) == ({"x": "2"}, {"deletionPolicy": "Retain"})


class TestEnds:
    async def test_its_time_is_over_without_an_error(self, api: API) -> None:
        since = await version_of(api)
        async with api.watch(f"{PROFILES}?watch=1&resourceVersion={since}&timeoutSeconds=1") as events:
            assert await rest(events) == []

    async def test_a_bookmark_two_seconds_before_tells_who_asked_of_what_was_not_selected(self, api: API) -> None:
        since = await version_of(api)
        path = f"{PROFILES}?watch=1&resourceVersion={since}&timeoutSeconds=3&fieldSelector=metadata.name=shop"
        async with api.watch(f"{path}&allowWatchBookmarks=true") as marked, api.watch(path) as plain:
            other = await api.create(PROFILES, profile("other"))
            seen = await rest(marked)
            assert await rest(plain) == []
        assert {event["type"] for event in seen} == {"BOOKMARK"}
        assert int(seen[-1]["object"]["metadata"]["resourceVersion"]) >= int(other.version)

    async def test_a_version_too_old_is_a_200_an_error_event_and_the_end(self, api: API, compacted: str) -> None:
        async with api.watch(f"{PROFILES}?watch=1&resourceVersion={compacted}") as events:
            assert events.answer.status == 200
            (error,) = await rest(events)
        assert (error["type"], error["object"]["kind"]) == ("ERROR", "Status")
        assert (error["object"]["code"], error["object"]["reason"]) == (410, "Expired")
        assert error["object"]["message"].startswith(f"too old resource version: {compacted} (")

    async def test_a_version_yet_to_come_is_silence(self, api: API) -> None:
        async with api.watch(f"{PROFILES}?watch=1&resourceVersion=100000000&timeoutSeconds=1") as events:
            assert await rest(events) == []

    async def test_a_version_that_is_no_number_is_a_500(self, api: API) -> None:
        assert (await api.get(f"{PROFILES}?watch=1&resourceVersion=abc")).code == 500


async def test_two_watchers_see_the_same_in_the_same_order(api: API) -> None:
    path = f"{PROFILES}?watch=1&resourceVersion={await version_of(api)}"
    async with api.watch(path) as one, api.watch(path) as two:
        async with asyncio.TaskGroup() as group:
            for number in range(20):
                group.create_task(api.create(PROFILES, profile(f"shop-{number}")))
        assert await one.take(20) == await two.take(20)

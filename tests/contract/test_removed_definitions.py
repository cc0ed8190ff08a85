"""A definition that is deleted or changed: what becomes of its objects, of those who watch, and of its name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.client import API, Events, Reply, until_served
from tests.contract.samples import DEFINITIONS
from tests.contract.things import GROUP_OF_TESTS, Things, definition

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
HELD = ["a.b/c"]
# The stages of a deletion: status and reason of the condition Terminating.
PENDING, IN_PROGRESS = ("True", "InstanceDeletionPending"), ("True", "InstanceDeletionInProgress")
COMPLETED = ("False", "InstanceDeletionCompleted")


@pytest.fixture
async def things(api: API) -> AsyncIterator[Things]:
    """A kind no other test uses, not defined yet."""
    found = Things(api, api.namespace.replace("contract-", "goods"))
    yield found
    await found.clear()


def stage(definition: dict[str, Any]) -> tuple[str, str]:
    (found,) = (one for one in definition["status"]["conditions"] if one["type"] == "Terminating")
    return found["status"], found["reason"]


async def version_of(api: API, things: Things) -> str:
    return (await api.get(things.collection)).version


async def expired(events: Events) -> bool:
    """The watch says that its version is too old, and ends."""
    error = await events.next()
    return bool((error["type"], error["object"]["reason"]) == ("ERROR", "Expired") and await events.next() is None)


async def told(events: Events) -> list[tuple[str, tuple[str, str]]]:
    """Type and stage of every event of one definition, until it is gone."""
    seen: list[tuple[str, tuple[str, str]]] = []
    while not seen or seen[-1][0] != "DELETED":
        event = await events.next()
        seen.append((event["type"], stage(event["object"])))
    return seen


async def test_it_is_marked_first_then_its_objects_go_then_itself(api: API, things: Things) -> None:
    await things.define()
    for name in "ab":
        await things.add(name)
    since = await version_of(api, things)
    one = f"fieldSelector=metadata.name={things.name}"
    async with (
        api.watch(f"{DEFINITIONS}?watch=1&{one}&resourceVersion={since}") as definitions,
        api.watch(f"{things.collection}?watch=1&resourceVersion={since}") as objects,
    ):
        marked = (await api.delete(things.path)).body
        assert marked["metadata"].keys() >= {"deletionTimestamp"}
        assert (marked["metadata"]["finalizers"], stage(marked)) == ([CLEANUP], PENDING)
        # A definition does not count its deletion as an intent.
        assert marked["metadata"]["generation"] == 1
        assert "deletionGracePeriodSeconds" not in marked["metadata"]
        assert await objects.take(2) == [("DELETED", "a"), ("DELETED", "b")]
        assert await objects.next() is None
        assert await told(definitions) == [("MODIFIED", PENDING), ("MODIFIED", IN_PROGRESS), ("DELETED", IN_PROGRESS)]
    await things.until_gone()
    assert (await api.get(things.collection)).text == "404 page not found\n"


async def test_a_dry_run_shows_the_mark_and_changes_nothing(api: API, things: Things) -> None:
    await things.define()
    version = (await api.get(things.path)).version
    shown = (await api.delete(f"{things.path}?dryRun=All")).body
    assert (shown["metadata"]["finalizers"], stage(shown)) == ([CLEANUP], PENDING)
    assert (await api.get(things.path)).version == version


async def test_its_preconditions_are_refused_in_words_of_their_own(api: API, things: Things) -> None:
    uid = (await things.define())["metadata"]["uid"]
    reply = await api.delete(things.path, {"preconditions": {"uid": "other"}})
    assert (reply.code, reply.body["details"]["kind"]) == (409, "customresourcedefinitions")
    assert reply.body["message"].endswith(f"Precondition failed: UID in precondition: other, UID in object meta: {uid}")
    assert (await api.delete(things.path, {"preconditions": {"resourceVersion": "1"}})).code == 409


class TestWhileObjectsAreHeld:
    @pytest.fixture
    async def going(self, api: API, things: Things) -> Things:
        """A kind whose definition is being deleted, with one object left that a finalizer holds."""
        await things.define()
        await things.add("free")
        await things.add("held", finalizers=HELD)
        since = await version_of(api, things)
        async with api.watch(f"{things.collection}?watch=1&resourceVersion={since}") as events:
            await api.delete(things.path)
            assert sorted(await events.take(2)) == [("DELETED", "free"), ("MODIFIED", "held")]
        return things

    async def test_they_are_marked_and_can_still_be_read_and_written(self, api: API, going: Things) -> None:
        held = f"{going.collection}/held"
        assert (await api.get(held)).body["metadata"]["deletionTimestamp"]
        assert (await api.get(going.collection)).names == ["held"]
        assert (await api.merge(held, {"spec": {"size": 5}})).body["spec"] == {"size": 5}
        assert (await api.merge(f"{held}/status", {"status": {"seen": 1}})).body["status"] == {"seen": 1}
        applied = going.one("held", finalizers=HELD, size=5)
        assert (await api.apply(held, applied, manager="other")).code == 200

    async def test_nothing_new_is_made(self, api: API, going: Things) -> None:
        why = "create not allowed while custom resource definition is terminating"

        def refuses(reply: Reply, name: str) -> bool:
            forbidden = f'{going.name} "{name}" is forbidden: {why}'
            details = {"name": name, "group": GROUP_OF_TESTS, "kind": going.plural}
            return (reply.code, reply.body["message"], reply.body["details"]) == (403, forbidden, details)

        assert refuses(await api.apply(f"{going.collection}/new", going.one("new"), manager="test"), "new")
        assert refuses(await api.create(f"{going.collection}?dryRun=All", going.one("new")), "new")
        # Before anybody asks whether it is valid, or there already.
        assert refuses(await api.create(going.collection, going.one("new", size="large")), "new")
        assert refuses(await api.create(going.collection, going.one("held")), "held")

    async def test_discovery_offers_no_writes(self, api: API, going: Things) -> None:
        resources = (await api.get(f"/apis/{GROUP_OF_TESTS}/v1")).body["resources"]
        verbs = {entry["name"]: entry["verbs"] for entry in resources}
        assert verbs[going.plural] == ["delete", "deletecollection", "get", "list", "watch"]
        assert verbs[f"{going.plural}/status"] == ["get", "patch", "update"]

    async def test_its_name_is_taken_and_deleting_it_again_changes_who_waits(self, api: API, going: Things) -> None:
        again = await api.create(DEFINITIONS, definition(going.plural))
        assert (again.code, again.body["message"]) == (
            409,
            f'object is being deleted: customresourcedefinitions.apiextensions.k8s.io "{going.name}" already exists',
        )
        orphaned = await api.delete(going.path, {"propagationPolicy": "Orphan"})
        assert orphaned.body["metadata"]["finalizers"] == [CLEANUP, "orphan"]
        assert orphaned.body["metadata"]["deletionGracePeriodSeconds"] == 0
        plain = await api.delete(going.path, {"propagationPolicy": "Background"})
        assert plain.body["metadata"]["finalizers"] == [CLEANUP]
        assert (await api.delete(going.path)).version == plain.version
        assert (await api.merge(going.path, {"metadata": {"labels": {"a": "b"}}})).code == 200

    async def test_the_last_one_takes_it_along_and_the_name_is_free_for_an_empty_kind(
        self, api: API, going: Things
    ) -> None:
        before = (await api.get(going.path)).body["metadata"]["uid"]
        since = await version_of(api, going)
        async with api.watch(f"{going.collection}?watch=1&resourceVersion={since}") as events:
            await api.merge(f"{going.collection}/held", {"metadata": {"finalizers": None}})
            assert await events.take(1) == [("DELETED", "held")]
            assert await events.next() is None
        await going.until_gone()
        made = await going.define()
        assert made["metadata"]["uid"] != before
        assert (await api.get(going.collection)).names == []
        # What was seen of the former kind is no place to start from.
        async with api.watch(f"{going.collection}?watch=1&resourceVersion={since}") as events:
            assert await expired(events)

    async def test_without_the_clean_up_it_goes_at_once_and_its_objects_come_back_with_it(
        self, api: API, going: Things
    ) -> None:
        uid = (await api.get(f"{going.collection}/held")).body["metadata"]["uid"]
        released = await api.merge(going.path, {"metadata": {"finalizers": None}})
        assert (released.code, stage(released.body)) == (200, IN_PROGRESS)
        await going.until_gone()
        await going.define()
        held = (await api.get(f"{going.collection}/held")).body["metadata"]
        assert (held["uid"], "deletionTimestamp" in held) == (uid, True)


async def test_a_definition_that_others_hold_goes_on_serving_once_its_objects_are_gone(
    api: API, things: Things
) -> None:
    await things.define(finalizers=["x.y/z"])
    await things.add("a")
    marked = await api.delete(things.path)
    assert marked.body["metadata"]["finalizers"] == ["x.y/z", CLEANUP]
    await things.until_stage("InstanceDeletionCompleted")
    left = (await api.get(things.path)).body
    assert (left["metadata"]["finalizers"], stage(left)) == (["x.y/z"], COMPLETED)
    assert (await api.get(things.collection)).names == []
    await things.add("late")
    await api.merge(things.path, {"metadata": {"finalizers": None}})
    await things.until_gone()
    await things.define()
    assert (await api.get(things.collection)).names == ["late"]


async def test_a_change_of_its_spec_ends_the_watches_and_begins_their_history_anew(api: API, things: Things) -> None:
    await things.define()
    since = await version_of(api, things)
    async with api.watch(f"{things.collection}?watch=1&resourceVersion={since}") as events:
        # A label is no change of the kind.
        await api.merge(things.path, {"metadata": {"labels": {"a": "b"}}})
        await things.add("a")
        assert await events.take(1) == [("ADDED", "a")]
        since = await version_of(api, things)
        page = (await api.get(f"{things.collection}?resourceVersion={since}&resourceVersionMatch=Exact")).names
        await api.create("/api/v1/namespaces/{ns}/configmaps", {"metadata": {"name": "meanwhile"}})
        changed = await api.merge(things.path, {"spec": {"names": {"shortNames": [f"a{things.plural}"]}}})
        assert changed.code == 200, changed.text
        assert await events.next() is None
    await until_served(api, things.collection)
    async with api.watch(f"{things.collection}?watch=1&resourceVersion={since}") as events:
        assert await expired(events)
    # Lists remember.
    listed = await api.get(f"{things.collection}?resourceVersion={since}&resourceVersionMatch=Exact")
    assert listed.names == page == ["a"]

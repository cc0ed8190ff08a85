"""Watches: what comes first, what follows, in which order, and how they end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetdns.emulator.hub.rest import Hub, Watch
from fleetdns.emulator.hub.status import too_many_requests
from fleetdns.emulator.hub.watches import WatchOptions
from tests.emulator_hub.shops import DEFINITIONS, OLD_SHOPS, SHOPS, Clock, labelled, make_hub, refused, shop, version_of


def _seen(watch: Watch) -> list[tuple[str, str]]:
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in watch.pending()]


def test_without_a_version_the_present_state_comes_first_and_its_end_is_marked(hub: Hub) -> None:
    hub.create(*SHOPS, shop("a"))
    watch = hub.watch(*SHOPS)
    first, mark = watch.pending()
    assert (first["type"], first["object"]["metadata"]["name"]) == ("ADDED", "a")
    assert mark["type"] == "BOOKMARK"
    assert mark["object"]["metadata"] == {
        "resourceVersion": str(hub.store.revision),
        "annotations": {"k8s.io/initial-events-end": "true"},
    }
    assert watch.pending() == []


def test_without_bookmarks_there_is_no_mark(hub: Hub) -> None:
    hub.create(*SHOPS, shop("a"))
    assert _seen(hub.watch(*SHOPS, bookmarks=False, send_initial_events=True)) == [("ADDED", "a")]


def test_with_the_gate_off_nothing_marks_the_end() -> None:
    hub = make_hub(watch_list=False)
    assert hub.watch(*SHOPS).pending() == []
    error = refused(lambda: hub.watch(*SHOPS, send_initial_events=True))
    assert (error.code, error.message) == (
        422,
        'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch '
        "unless the WatchList feature gate is enabled",
    )


def test_initial_events_need_a_match(hub: Hub) -> None:
    served = hub.registry.find(*SHOPS[:3])
    error = refused(lambda: hub.watch_with(served, "default", WatchOptions(send_initial_events=True)))
    assert error.message == (
        'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting '
        "resourceVersionMatch to NotOlderThan"
    )


def test_a_watch_resumes_where_it_was(hub: Hub) -> None:
    made = hub.create(*SHOPS, shop("a"))
    hub.patch(*SHOPS, "a", {"spec": {"weight": 2}})
    hub.delete(*SHOPS, "a")
    watch = hub.watch(*SHOPS, resource_version=str(version_of(made)))
    assert _seen(watch) == [("MODIFIED", "a"), ("DELETED", "a")]
    hub.create(*SHOPS, shop("b"))
    assert _seen(watch) == [("ADDED", "b")]


def test_events_rise_in_version_and_a_deletion_has_its_own(hub: Hub) -> None:
    watch = hub.watch(*SHOPS, bookmarks=False)
    hub.create(*SHOPS, shop("a"))
    hub.patch(*SHOPS, "a", {"spec": {"weight": 2}})
    hub.delete(*SHOPS, "a")
    versions = [version_of(event["object"]) for event in watch.pending()]
    assert versions == sorted(set(versions))
    assert versions[-1] == hub.store.revision


def test_a_version_too_old_is_an_error_event_and_the_end(hub: Hub) -> None:
    hub.create(*SHOPS, shop("a"))
    hub.compact()
    watch = hub.watch(*SHOPS, resource_version="1")
    (event,) = watch.pending()
    assert event["type"] == "ERROR"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
    assert event["object"]["message"] == f"too old resource version: 1 ({hub.store.revision})"
    assert watch.closed


def test_history_is_bounded(clock: Clock) -> None:
    hub = make_hub(clock, history=5)
    since = str(hub.store.revision)
    hub.create(*SHOPS, shop("a"))
    for weight in range(2, 6):
        hub.patch(*SHOPS, "a", {"spec": {"weight": weight}})
    assert len(hub.watch(*SHOPS, resource_version=since).pending()) == 5
    hub.patch(*SHOPS, "a", {"spec": {"weight": 6}})
    assert [event["type"] for event in hub.watch(*SHOPS, resource_version=since).pending()] == ["ERROR"]


def test_a_version_from_the_future_is_silence(hub: Hub) -> None:
    watch = hub.watch(*SHOPS, resource_version=str(hub.store.revision + 2))
    hub.create(*SHOPS, shop("a"))
    hub.create(*SHOPS, shop("b"))
    assert _seen(watch) == []
    hub.create(*SHOPS, shop("c"))
    assert _seen(watch) == [("ADDED", "c")]


def test_a_version_that_is_no_number_is_a_500(hub: Hub) -> None:
    error = refused(lambda: hub.watch(*SHOPS, resource_version="abc"))
    why = 'Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax'
    assert (error.code, error.message) == (500, f"resourceVersion: {why}")


def test_entering_and_leaving_a_selection_looks_like_birth_and_death(hub: Hub) -> None:
    watch = hub.watch(*SHOPS, label_selector="tier=one", bookmarks=False)
    hub.create(*SHOPS, shop("a"))
    hub.patch(*SHOPS, "a", {"metadata": {"labels": {"tier": "one"}}})
    hub.patch(*SHOPS, "a", {"spec": {"weight": 2}})
    hub.patch(*SHOPS, "a", {"metadata": {"labels": {"tier": "two"}}})
    events = watch.pending()
    assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED"]
    gone = events[-1]["object"]
    assert gone["metadata"]["labels"] == {"tier": "one"}
    assert version_of(gone) == hub.store.revision


def test_one_name_can_be_watched(hub: Hub) -> None:
    watch = hub.watch(*SHOPS, field_selector="metadata.name=b", bookmarks=False)
    hub.create(*SHOPS, shop("a"))
    hub.create(*SHOPS, labelled(shop("b"), tier="one"))
    hub.delete(*SHOPS, "b")
    assert _seen(watch) == [("ADDED", "b"), ("DELETED", "b")]


def test_another_version_and_another_namespace_see_their_own(hub: Hub) -> None:
    old, elsewhere = hub.watch(*OLD_SHOPS, bookmarks=False), hub.watch("ex.io", "v1beta1", "shops", "kube-system")
    elsewhere.pending()
    hub.create(*SHOPS, shop("a"))
    (event,) = old.pending()
    assert event["object"]["apiVersion"] == "ex.io/v1alpha1"
    assert elsewhere.pending() == []


def test_bookmarks_come_with_time_and_shortly_before_the_end(hub: Hub, clock: Clock) -> None:
    watch = hub.watch(*SHOPS, resource_version=str(hub.store.revision), timeout=100)
    assert watch.wake_at == clock.now + 60
    clock.now += 60
    hub.create("", "v1", "configmaps", "default", {"metadata": {"name": "other"}})
    (mark,) = watch.pending()
    assert (mark["type"], version_of(mark["object"])) == ("BOOKMARK", hub.store.revision)
    assert watch.wake_at == clock.now + 38
    clock.now += 38
    assert [event["type"] for event in watch.pending()] == ["BOOKMARK"]
    assert watch.wake_at == clock.now + 2
    clock.now += 2
    assert watch.pending() == []
    assert [watch.wake_at] == [None]
    hub.create(*SHOPS, shop())
    assert watch.pending() == []


def test_a_watcher_is_called_when_something_happens(hub: Hub) -> None:
    calls: list[int] = []
    watch = hub.watch(*SHOPS, resource_version=str(hub.store.revision))
    watch.on_event = lambda: calls.append(hub.store.revision)
    made = hub.create(*SHOPS, shop("a"))
    assert calls == [version_of(made)]
    watch.close()
    hub.delete(*SHOPS, "a")
    assert len(calls) == 1


def test_an_error_can_be_put_at_the_end(hub: Hub) -> None:
    watch = hub.watch(*SHOPS, resource_version=str(hub.store.revision))
    watch.fail(too_many_requests(1, "busy"))
    (event,) = watch.pending()
    assert (event["type"], event["object"]["code"]) == ("ERROR", 429)
    assert watch.closed


def test_a_watch_ends_with_its_kind(hub: Hub) -> None:
    hub.create(*SHOPS, shop("a"))
    watch = hub.watch(*SHOPS, resource_version=str(hub.store.revision))
    hub.delete(*DEFINITIONS, "shops.ex.io")
    assert _seen(watch) == [("DELETED", "a")]
    assert watch.closed


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["create", "weigh", "label", "delete", "hold", "release", "list"]), st.sampled_from("abc")
    ),
    max_size=40,
)


def _step(hub: Hub, verb: str, name: str) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "weigh": {"spec": {"weight": (hub.store.revision * 7) % 1000}},
        "label": {"metadata": {"labels": {"tier": "one" if hub.store.revision % 2 else "two"}}},
        "hold": {"metadata": {"finalizers": ["a/b"]}},
        "release": {"metadata": {"finalizers": None}},
    }
    if verb == "create":
        hub.create(*SHOPS, shop(name))
    elif verb == "delete":
        hub.delete(*SHOPS, name)
    else:
        hub.patch(*SHOPS, name, bodies[verb])


def _try_step(hub: Hub, verb: str, name: str) -> None:
    exists = any(item["metadata"]["name"] == name for item in hub.list(*SHOPS)["items"])
    if exists is (verb == "create"):
        return
    if verb == "hold" and "deletionTimestamp" in hub.get(*SHOPS, name)["metadata"]:
        return
    _step(hub, verb, name)


@settings(deadline=None, max_examples=60)
@given(steps=_STEPS, selector=st.sampled_from(["", "tier=one", "!tier"]), history=st.sampled_from([10, 10_000]))
def test_replaying_a_watch_from_any_list_gives_the_present_list(
    steps: list[tuple[str, str]], selector: str, history: int
) -> None:
    hub = make_hub(history=history)
    followers: list[tuple[dict[str, Any], Watch]] = []
    for verb, name in steps:
        if verb != "list":
            _try_step(hub, verb, name)
            continue
        listed = hub.list(*SHOPS, label_selector=selector)
        watch = hub.watch(
            *SHOPS, resource_version=listed["metadata"]["resourceVersion"], bookmarks=False, label_selector=selector
        )
        followers.append(({item["metadata"]["name"]: item for item in listed["items"]}, watch))
    present = {item["metadata"]["name"]: item for item in hub.list(*SHOPS, label_selector=selector)["items"]}
    for state, watch in followers:
        for event in watch.pending():
            name = event["object"]["metadata"]["name"]
            if event["type"] == "DELETED":
                state.pop(name)
            else:
                state[name] = event["object"]
        assert state == present


@pytest.mark.parametrize("watchers", [50])
def test_many_watchers_are_fed(hub: Hub, watchers: int) -> None:
    open_watches = [hub.watch(*SHOPS, bookmarks=False) for _ in range(watchers)]
    hub.create(*SHOPS, shop("a"))
    for weight in range(2, 202):
        hub.patch(*SHOPS, "a", {"spec": {"weight": weight}})
    assert {len(watch.pending_raw()) for watch in open_watches} == {201}

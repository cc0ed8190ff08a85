"""The store by itself: snapshots, compaction, subscriptions."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fleetdns.emulator.hub.store import PENDING_LIMIT, Key, Store

A, B = Key("x", "a"), Key("x", "b")


def _obj(**more: Any) -> dict[str, Any]:
    return {"metadata": {"name": "a"}} | more


def _at(store: Store, revision: int | None = None) -> dict[Key, Any]:
    return {key: version.decoded().get("n") for key, version in store.scan("r", None, revision=revision)}


def test_a_stored_object_cannot_be_changed_from_outside() -> None:
    store, obj = Store(), _obj(spec={"n": 1})
    store.put("r", A, obj)
    obj["spec"]["n"] = 2
    read = store.get("r", A)
    assert read is not None
    read.decoded()["spec"]["n"] = 3
    assert read.decoded()["spec"] == {"n": 1}


def test_removing_what_is_not_there_changes_nothing() -> None:
    store = Store()
    before = store.revision
    assert store.remove("r", A) is None
    assert store.revision == before


def test_compaction_keeps_the_present_and_forgets_the_gone() -> None:
    store = Store()
    store.put("r", A, _obj(n=1))
    store.put("r", A, _obj(n=2))
    store.put("r", B, _obj(n=3))
    store.remove("r", B)
    store.compact()
    assert _at(store) == {A: 2}
    assert _at(store, store.revision) == {A: 2}
    assert store.compacted == store.revision
    store.put("r", B, _obj(n=4))
    assert _at(store) == {A: 2, B: 4}


def test_a_reader_that_never_reads_is_let_go() -> None:
    store = Store(history=10)
    subscription = store.subscribe("r", None, since=store.revision, wake=lambda: None)
    assert subscription is not None
    for number in range(PENDING_LIMIT + 1):
        store.put("r", A, _obj(n=number))
    assert subscription.ended
    assert sum(1 for _ in subscription.take()) == PENDING_LIMIT


_CHANGES = st.lists(st.tuples(st.sampled_from([A, B, Key("y", "a")]), st.integers(0, 3)), max_size=30)


@given(changes=_CHANGES, history=st.integers(1, 40))
def test_every_snapshot_that_is_not_compacted_shows_its_moment(changes: list[tuple[Key, int]], history: int) -> None:
    store = Store(history=history)
    moments: dict[int, dict[Key, int]] = {store.revision: {}}
    present: dict[Key, int] = {}
    for key, number in changes:
        if number:
            store.put("r", key, _obj(n=number))
            present[key] = number
        else:
            store.remove("r", key)
            present.pop(key, None)
        moments[store.revision] = dict(present)
    assert _at(store) == present
    for revision, state in moments.items():
        if revision >= store.compacted:
            assert _at(store, revision) == state
            subscription = store.subscribe("r", None, since=revision, wake=lambda: None)
            assert subscription is not None
            assert [change.revision for change in subscription.take()] == [one for one in moments if one > revision]
        else:
            assert store.subscribe("r", None, since=revision, wake=lambda: None) is None

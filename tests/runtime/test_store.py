"""What the cache shows after each kind of event, and which changes it reports."""

from collections.abc import Sequence

import pytest

from fleetdns.runtime.events import Applied, Deleted, Event, Replaced, Unknown
from fleetdns.runtime.listwatch import Entry
from fleetdns.runtime.store import Change, Store
from tests.runtime.scripted import Thing, entry


def filled(*entries: Entry[str, Thing], version: int = 10) -> Store[str, Thing]:
    store: Store[str, Thing] = Store()
    store.apply(Replaced(entries, (), str(version)))
    return store


def replaced(*entries: Entry[str, Thing], version: int, unknown: Sequence[Unknown[str]] = ()) -> Replaced[str, Thing]:
    return Replaced(entries, unknown, str(version))


def lost(name: str | None, version: int | None = None) -> Unknown[str]:
    return Unknown(name, f"uid-{name}" if version else None, str(version) if version else None, "size is no number")


HELD = entry("a", 5, 1)


@pytest.mark.parametrize(
    ("event", "changes", "after"),
    [
        pytest.param(Applied(entry("b", 11, 7)), [Change(None, Thing(7))], {"a": 1, "b": 7}, id="a new object"),
        pytest.param(Applied(entry("a", 11, 2)), [Change(Thing(1), Thing(2))], {"a": 2}, id="a newer state"),
        pytest.param(Applied(entry("a", 5, 1)), [], {"a": 1}, id="the state we have, once more"),
        pytest.param(Applied(entry("a", 4, 9)), [], {"a": 1}, id="an older state"),
        pytest.param(
            Applied(Entry("a", "uid-a", "x", Thing(9))),
            [Change(Thing(1), Thing(9))],
            {"a": 9},
            id="a version without an order is believed",
        ),
        pytest.param(
            Applied(entry("a", 11, 2, uid="second")),
            [Change(Thing(1), None), Change(None, Thing(2))],
            {"a": 2},
            id="another uid is a delete and an add",
        ),
        pytest.param(Deleted(entry("a", 11, 8)), [Change(Thing(1), None)], {}, id="deleted"),
        pytest.param(Deleted(Entry("a", "", "", None)), [Change(Thing(1), None)], {}, id="deleted without a state"),
        pytest.param(Deleted(entry("b", 11, 8)), [], {"a": 1}, id="deleted what we never had"),
        pytest.param(
            Deleted(entry("a", 4, 1, uid="before")), [], {"a": 1}, id="deleted a former object of the same name"
        ),
        pytest.param(
            Deleted(entry("a", 12, 1, uid="after")), [Change(Thing(1), None)], {}, id="deleted a later one of that name"
        ),
        pytest.param(lost("a", 11), [Change(Thing(1), None)], {}, id="no longer decodable"),
        pytest.param(lost("a", 4), [], {"a": 1}, id="not decodable in an older state"),
        pytest.param(lost("b", 11), [], {"a": 1}, id="a new one that is not decodable"),
        pytest.param(replaced(version=20), [Change(Thing(1), None)], {}, id="missing from a list"),
        pytest.param(replaced(entry("a", 5, 1), version=20), [], {"a": 1}, id="listed as it was"),
        pytest.param(
            replaced(entry("a", 12, 3), entry("b", 13, 4), version=20),
            [Change(Thing(1), Thing(3)), Change(None, Thing(4))],
            {"a": 3, "b": 4},
            id="listed with news",
        ),
        pytest.param(
            replaced(entry("a", 12, 3, uid="second"), version=20),
            [Change(Thing(1), None), Change(None, Thing(3))],
            {"a": 3},
            id="listed with another uid",
        ),
        pytest.param(
            replaced(version=20, unknown=[lost("a", 12)]), [Change(Thing(1), None)], {}, id="listed, not decodable"
        ),
    ],
)
def test_event_on_a_store_that_holds_a_at_version_5(
    event: Event[str, Thing], changes: list[Change[Thing]], after: dict[str, int]
) -> None:
    store = filled(HELD)
    assert store.apply(event) == changes
    assert {key: thing.size for key, thing in store.items()} == after


# Present, unknown


def test_an_undecodable_object_is_neither_readable_nor_absent() -> None:
    store = filled(HELD)
    store.apply(lost("a", 11))
    assert (store.get("a"), "a" in store, len(store)) == (None, False, 0)
    assert store.unknown == {"a": "size is no number"}


def test_what_an_unknown_object_was_last_is_reported_when_it_is_back_or_gone() -> None:
    store = filled(HELD, entry("b", 6, 2))
    store.apply(lost("a", 11))
    store.apply(lost("b", 12))
    assert store.apply(Applied(entry("a", 13, 3))) == [Change(Thing(1), None), Change(None, Thing(3))]
    assert store.apply(Deleted(entry("b", 14, 4))) == [Change(Thing(2), None)]
    assert (store.unknown, store.keys()) == ({}, ("a",))


def test_an_object_that_can_be_read_again_and_is_as_before_comes_anew() -> None:
    """What was made of it meanwhile was made without it."""
    store = filled(HELD)
    store.apply(lost("a", 11))
    assert store.apply(Applied(entry("a", 13, 1))) == [Change(Thing(1), None), Change(None, Thing(1))]


def test_an_older_state_does_not_make_an_unknown_object_known() -> None:
    store = filled(HELD)
    store.apply(lost("a", 11))
    assert store.apply(Applied(entry("a", 10, 3))) == []
    assert list(store.unknown) == ["a"]


def test_an_older_undecodable_state_does_not_open_the_door_to_older_states() -> None:
    store = filled()
    for event in (lost("a", 14), lost("a", 12), Applied(entry("a", 13))):
        assert store.apply(event) == []
    assert list(store.unknown) == ["a"]


def test_an_object_known_only_when_it_is_deleted_is_reported_with_its_final_state() -> None:
    store = filled()
    store.apply(lost("a", 11))
    assert store.apply(Deleted(entry("a", 12, 4))) == [Change(Thing(4), None)]
    store.apply(lost("b", 13))
    assert store.apply(Deleted(Entry("b", "uid-b", "14", None))) == []
    assert store.unknown == {}


def test_an_object_without_a_name_proves_that_nothing_is_absent() -> None:
    store = filled(HELD)
    assert store.apply(replaced(entry("b", 12, 2), version=20, unknown=[lost(None)])) == [Change(None, Thing(2))]
    assert (store.keys(), store.unnamed) == (("a", "b"), 1)
    store.apply(lost(None))
    assert store.unnamed == 2
    assert store.apply(replaced(entry("b", 12, 2), version=30)) == [Change(Thing(1), None)]
    assert store.unnamed == 0


# Our own writes


def test_our_write_is_read_at_once_and_reported_neither_now_nor_when_it_comes_round() -> None:
    store = filled(HELD)
    assert store.written(entry("a", 12, 2))
    assert store.get("a") == Thing(2)
    assert store.apply(Applied(entry("a", 12, 2))) == []
    assert store.apply(Applied(entry("a", 13, 3))) == [Change(Thing(2), Thing(3))]


def test_a_change_by_somebody_else_before_our_write_is_reported_although_readers_are_ahead() -> None:
    store = filled(HELD)
    store.written(entry("a", 12, 3))
    assert store.apply(Applied(entry("a", 11, 2))) == [Change(Thing(1), Thing(2))]
    assert store.get("a") == Thing(3), "readers never go back"
    assert store.apply(Applied(entry("a", 11, 2))) == [], "reported once"
    assert store.apply(Applied(entry("a", 12, 3))) == []


def test_two_writes_of_ours_in_a_row_hide_no_change_before_the_first() -> None:
    store = filled(HELD)
    store.written(entry("a", 12, 3))
    store.written(entry("a", 13, 4))
    assert store.apply(Applied(entry("a", 11, 2))) == [Change(Thing(1), Thing(2))]
    assert store.get("a") == Thing(4)


def test_a_list_that_holds_our_write_may_have_swallowed_a_change_before_it_so_it_is_reported() -> None:
    store = filled(HELD)
    store.written(entry("a", 12, 3))
    assert store.apply(replaced(entry("a", 12, 3), version=12)) == [Change(Thing(1), Thing(3))]
    assert store.apply(replaced(entry("a", 12, 3), version=20)) == []


def test_a_list_older_than_our_write_does_not_take_it_back() -> None:
    store = filled(HELD)
    store.written(entry("a", 30, 3))
    assert store.apply(replaced(entry("a", 11, 2), version=20)) == [Change(Thing(1), Thing(2))]
    assert store.get("a") == Thing(3)
    assert store.apply(Applied(entry("a", 30, 3))) == []


def test_a_list_older_than_our_write_proves_the_object_deleted_all_the_same() -> None:
    store = filled(HELD)
    store.written(entry("a", 30, 3))
    assert store.apply(replaced(version=20)) == [Change(Thing(1), None)]


@pytest.mark.parametrize(
    "ours",
    [
        pytest.param(entry("b", 12), id="an object we do not hold"),
        pytest.param(entry("a", 12, uid="second"), id="another object of the same name"),
        pytest.param(entry("a", 4), id="an older state"),
        pytest.param(entry("a", 5), id="the state we hold"),
        pytest.param(Entry("a", "uid-a", "x", Thing(9)), id="a version without an order"),
    ],
)
def test_our_write_is_not_taken_when_it_is(ours: Entry[str, Thing]) -> None:
    store = filled(HELD)
    assert not store.written(ours)
    assert store.items() == (("a", Thing(1)),)


def test_our_write_never_brings_back_a_deleted_or_unknown_object() -> None:
    store = filled(HELD, entry("b", 6))
    store.apply(Deleted(entry("a", 11)))
    store.apply(lost("b", 11))
    assert not store.written(entry("a", 12))
    assert not store.written(entry("b", 12))
    assert len(store) == 0


# A server restored from a backup


def test_a_list_from_before_what_was_heard_is_believed_whole_because_the_server_was_restored() -> None:
    store = filled(entry("a", 50, 5), entry("b", 60, 6), entry("c", 30, 3), version=70)
    store.written(entry("b", 80, 8))
    changes = store.apply(replaced(entry("a", 40, 4), entry("b", 60, 6), version=45))
    assert changes == [Change(Thing(5), Thing(4)), Change(Thing(6), Thing(6)), Change(Thing(3), None)]
    assert store.items() == (("a", Thing(4)), ("b", Thing(6)))
    assert store.apply(Applied(entry("a", 46, 7))) == [Change(Thing(4), Thing(7))]


def test_the_version_is_the_newest_heard_from_the_server() -> None:
    store: Store[str, Thing] = Store()
    seen = [store.resource_version]
    for event in (replaced(version=10), Applied(entry("a", 12)), Applied(entry("b", 11)), lost("c", 13)):
        store.apply(event)
        seen.append(store.resource_version)
    store.apply(Deleted(entry("a", 14)))
    store.written(entry("b", 99))
    assert [*seen, store.resource_version] == ["", "10", "12", "12", "13", "14"]


# Reading


def test_answers_are_in_the_order_of_the_keys_whatever_the_order_of_the_events() -> None:
    store: Store[str, Thing] = Store({"parity": lambda thing: [thing.size % 2]})
    for name, version in (("c", 11), ("a", 12), ("b", 13)):
        store.apply(Applied(entry(name, version, version)))
    assert store.keys() == ("a", "b", "c")
    assert store.values() == (Thing(12), Thing(13), Thing(11))
    assert store.by_index("parity", 1) == (Thing(13), Thing(11))
    assert store.entry("a") == entry("a", 12, 12)


def test_keys_without_an_order_of_their_own_come_in_a_stable_one_too() -> None:
    for keys in ((1, "x", None), (None, "x", 1)):
        store: Store[object, Thing] = Store({"all": lambda _thing: ["all"]})
        for version, key in enumerate(keys, start=11):
            store.apply(Applied(Entry(key, "uid", str(version), Thing(1))))
        assert store.keys() == ("x", 1, None)


def test_an_object_is_found_under_every_value_of_an_index_and_no_longer_under_former_ones() -> None:
    store: Store[str, Thing] = Store({"divisors": lambda thing: [n for n in (2, 3, 5) if thing.size % n == 0]})
    store.apply(Applied(entry("a", 11, 6)))
    assert [store.by_index("divisors", n) for n in (2, 3, 5)] == [(Thing(6),), (Thing(6),), ()]
    store.apply(Applied(entry("a", 12, 10)))
    assert [store.by_index("divisors", n) for n in (2, 3, 5)] == [(Thing(10),), (), (Thing(10),)]
    with pytest.raises(KeyError):
        store.by_index("no such index", 2)


def test_an_index_function_that_fails_leaves_the_store_as_it_was() -> None:
    store: Store[str, Thing] = Store({"inverse": lambda thing: [100 // thing.size]})
    store.apply(Applied(entry("a", 11, 4)))
    with pytest.raises(ZeroDivisionError):
        store.apply(Applied(entry("a", 12, 0)))
    assert store.by_index("inverse", 25) == (Thing(4),)
    assert store.entry("a") == entry("a", 11, 4)


# A long list, taken over little by little


def test_while_a_list_is_taken_over_nothing_that_is_there_seems_to_be_missing() -> None:
    store = filled(entry("a", 1, 1), entry("b", 2, 2), entry("c", 3, 3), version=5)
    state = replaced(entry("b", 7, 5), entry("c", 3, 3), entry("d", 8, 6), version=10)
    seen = []
    for _ in store.replacing(state):
        seen.append(store.keys())
        assert {"b", "c"} <= set(store.keys())
    assert seen[-1] == store.keys() == ("b", "c", "d")
    assert all("a" in keys for keys in seen[:-1]), "what is gone is taken out when all the rest is in"


def test_while_a_list_is_taken_over_an_object_without_a_name_is_counted() -> None:
    store = filled(entry("a", 1, 1), version=5)
    store.apply(lost(None, 6))
    state = Replaced([entry("a", 1, 1)], [Unknown(None, None, None, "no name")], "10")
    assert [store.unnamed for _ in store.replacing(state)] == [1, 1]
    assert store.unnamed == 1


@pytest.mark.parametrize("after", range(5))
def test_our_own_write_while_a_list_is_taken_over_is_kept_and_told_to_nobody(after: int) -> None:
    store = filled(entry("a", 1, 1), entry("b", 2, 2), entry("c", 3, 3), version=5)
    state = replaced(entry("a", 1, 1), entry("b", 7, 5), entry("c", 3, 3), version=10)
    changes = []
    for number, change in enumerate([None, *store.replacing(state), None]):
        changes += [change] if change is not None else []
        if number == after:
            assert store.written(entry("b", 12, 9))
    assert store.get("b") == Thing(9)
    assert changes == [Change(Thing(2), Thing(5))]
    assert store.apply(Applied(entry("b", 12, 9))) == []

"""What stays is looked at by no collection, and what goes is freed all the same."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from fleetdns.app import garbage


class Kept:
    """Something that could be part of a cycle."""

    other: object = None


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


def is_looked_at(value: object) -> bool:
    return any(found is value for found in gc.get_objects())


def test_what_is_there_is_set_aside_and_what_comes_later_is_not() -> None:
    before = Kept()
    garbage.set_aside()
    after = Kept()
    assert not is_looked_at(before)
    assert is_looked_at(after)


def test_what_is_set_aside_is_freed_when_nobody_has_it_any_more() -> None:
    kept = Kept()
    gone = weakref.ref(kept)
    garbage.set_aside()
    del kept
    assert gone() is None


def test_a_cycle_that_nobody_has_is_freed_before_the_rest_is_set_aside() -> None:
    one, two = Kept(), Kept()
    one.other, two.other = two, one
    gone = weakref.ref(one)
    del one, two
    garbage.set_aside()
    assert gone() is None


def test_while_caches_fill_there_is_no_full_collection_and_then_they_are_set_aside() -> None:
    threshold, full = gc.get_threshold(), gc.get_stats()[2]["collections"]
    with garbage.filling():
        cached = [Kept() for _ in range(200_000)]
    assert gc.get_stats()[2]["collections"] == full
    assert gc.get_threshold() == threshold
    assert not is_looked_at(cached)


def test_a_start_that_fails_leaves_the_collector_as_it_was() -> None:
    threshold = gc.get_threshold()
    with pytest.raises(LookupError), garbage.filling():
        raise LookupError
    assert gc.get_threshold() == threshold


def test_two_controllers_that_start_in_one_process_leave_the_collector_as_it_was() -> None:
    threshold = gc.get_threshold()
    first, second = garbage.filling(), garbage.filling()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    assert gc.get_threshold() == threshold

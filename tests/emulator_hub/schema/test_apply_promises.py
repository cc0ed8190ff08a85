"""What holds for every apply, whatever was applied before."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fleetdns.emulator.hub.managedfields import ApplyConflicts
from tests.emulator_hub.schema.managed import LATER, applied, owners, shop

NAMES = st.sampled_from("abc")
HEADERS: st.SearchStrategy[dict[str, str]] = st.fixed_dictionaries({"name": NAMES}, optional={"value": NAMES})
# No object or keyed list here is empty: as on the API server, one that is applied empty and loses its last field by
# that apply is gone at first, and there after the next.
SPECS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"port": st.integers(1, 2)},
    optional={
        "mode": st.sampled_from(["fast", "slow"]),
        "inner": st.dictionaries(st.sampled_from("ab"), st.integers(1, 2), min_size=1),
        "whole": st.dictionaries(NAMES, st.integers(1, 2)),
        "headers": st.lists(HEADERS, unique_by=lambda item: item["name"], min_size=1),
        "tags": st.lists(NAMES, unique=True, min_size=1),
        "probes": st.lists(st.fixed_dictionaries({"port": st.just(1), "protocol": st.just("UDP")}), max_size=2),
    },
)
MANAGERS = st.sampled_from(["one", "two", "three"])
HISTORY = st.lists(st.tuples(MANAGERS, SPECS), max_size=3)
quickly = settings(max_examples=25, deadline=None)


def lived(history: list[tuple[str, Any]]) -> Any:
    live = None
    for manager, spec in history:
        live = applied(live, shop(spec), manager, force=True)
    return live


@quickly
@given(HISTORY, MANAGERS, SPECS)
def test_applying_twice_is_applying_once(history: Any, manager: str, spec: Any) -> None:
    once = applied(lived(history), shop(spec), manager, force=True)

    assert applied(once, shop(spec), manager, force=False, time=LATER) == once


@quickly
@given(HISTORY, MANAGERS, SPECS)
def test_what_is_applied_is_there_afterwards(history: Any, manager: str, spec: Any) -> None:
    live = applied(lived(history), shop(spec), manager, force=True)

    assert {name: live["spec"].get(name) for name in ("port", "whole", "mode") if name in spec} == {
        name: value for name, value in spec.items() if name in ("port", "whole", "mode")
    }
    assert set(spec.get("tags", ())) <= set(live["spec"].get("tags") or ())


@quickly
@given(HISTORY, SPECS)
def test_what_one_manager_alone_applied_goes_with_its_last_word(history: Any, spec: Any) -> None:
    others = [(manager, wanted) for manager, wanted in history if manager != "three"]
    base = lived(others) or applied(None, shop({}), "one")

    gone = applied(applied(base, shop(spec), "three", force=True), shop(None), "three")

    assert "three" not in owners(gone)


@quickly
@given(HISTORY, MANAGERS, SPECS)
def test_no_field_is_applied_against_another_managers_will(history: Any, manager: str, spec: Any) -> None:
    """Without force, an apply either conflicts or leaves everything the others manage as it was."""
    live = lived(history)
    try:
        new = applied(live, shop(spec), manager)
    except ApplyConflicts:
        return
    before = {name: fields for name, fields in owners(live or shop()).items() if name != manager}
    assert {name: fields for name, fields in owners(new).items() if name != manager} == before

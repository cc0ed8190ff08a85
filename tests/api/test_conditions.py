"""lastTransitionTime moves only with status, and conditions of somebody else are not ours to touch."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetdns.api.conditions import Condition, find, merged

OLD, NEW = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
MANAGED = frozenset({"Ready", "Programmed"})


def condition(kind: str, status: str = "True", *, reason: str = "R", message: str = "m", at: str = OLD) -> Condition:
    return Condition(kind, status, reason, message, 1, at)


@pytest.mark.parametrize(
    ("old", "new", "result"),
    [
        pytest.param([], [], [], id="nothing"),
        pytest.param([], [condition("Ready", at=NEW)], [condition("Ready", at=NEW)], id="the first one"),
        pytest.param(
            [condition("Ready")], [condition("Ready", at=NEW)], [condition("Ready")], id="the same keeps its time"
        ),
        pytest.param(
            [condition("Ready")],
            [condition("Ready", reason="Other", message="n", at=NEW)],
            [condition("Ready", reason="Other", message="n")],
            id="another reason keeps its time",
        ),
        pytest.param(
            [condition("Ready")],
            [condition("Ready", "False", at=NEW)],
            [condition("Ready", "False", at=NEW)],
            id="another status moves it",
        ),
        pytest.param(
            [condition("Ready", at="")],
            [condition("Ready", at=NEW)],
            [condition("Ready", at=NEW)],
            id="one without a time gets one",
        ),
        pytest.param([condition("Ready")], [], [], id="one of ours that does not hold any more goes"),
        pytest.param([condition("Audited")], [], [condition("Audited")], id="somebody else's stays"),
        pytest.param(
            [condition("Audited")],
            [condition("Ready", at=NEW), condition("Programmed", at=NEW)],
            [condition("Audited"), condition("Programmed", at=NEW), condition("Ready", at=NEW)],
            id="sorted by type",
        ),
    ],
)
def test_merged(old: list[Condition], new: list[Condition], result: list[Condition]) -> None:
    assert merged(tuple(old), new, managed=MANAGED) == tuple(result)


CONDITIONS = st.lists(
    st.builds(
        condition,
        st.sampled_from(["Ready", "Programmed", "Audited"]),
        st.sampled_from(["True", "False", "Unknown"]),
        at=st.sampled_from([OLD, ""]),
    ),
    unique_by=lambda c: c.type,
)


@given(CONDITIONS, CONDITIONS)
@settings(max_examples=100, deadline=None)
def test_merging_the_same_again_changes_nothing(old: list[Condition], new: list[Condition]) -> None:
    ours = [Condition(c.type, c.status, c.reason, c.message, 1, NEW) for c in new if c.type in MANAGED]
    once = merged(tuple(old), ours, managed=MANAGED)
    assert merged(once, ours, managed=MANAGED) == once
    assert merged(once, ours[::-1], managed=MANAGED) == once


def test_find() -> None:
    listed = [condition("Ready"), condition("Programmed", "False")]
    assert find(listed, "Programmed") == condition("Programmed", "False")
    assert find(listed, "Healthy") is None
    assert find([], "Ready") is None

"""status.conditions: the type, and the rule that lastTransitionTime moves only when status does."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

TRUE = "True"
FALSE = "False"
UNKNOWN = "Unknown"


class Condition(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """metav1.Condition."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    observed_generation: int = 0
    last_transition_time: str = ""


def find(conditions: Iterable[Condition], kind: str) -> Condition | None:
    """The condition of one type, if it is there."""
    return next((condition for condition in conditions if condition.type == kind), None)


def is_true(conditions: Iterable[Condition], kind: str) -> bool:
    """Whether the condition of one type is there, and True."""
    found = find(conditions, kind)
    return found is not None and found.status == TRUE


def merged(old: tuple[Condition, ...], new: Iterable[Condition], *, managed: frozenset[str]) -> tuple[Condition, ...]:
    """`new` with the transition times of `old`; conditions of types that are not `managed` stay as somebody wrote them.

    Sorted by type, so that the same facts give the same bytes.
    """
    kept = [condition for condition in old if condition.type not in managed]
    return tuple(sorted([*kept, *(_with_transition(find(old, c.type), c) for c in new)], key=lambda c: c.type))


def _with_transition(old: Condition | None, new: Condition) -> Condition:
    if old is None or old.status != new.status or not old.last_transition_time:
        return new
    return msgspec.structs.replace(new, last_transition_time=old.last_transition_time)

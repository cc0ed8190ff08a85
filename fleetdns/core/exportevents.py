"""Which Events a ServiceExport deserves: when what is told of it changed, and only then."""

from __future__ import annotations

from collections.abc import Iterable

from fleetdns.api.conditions import TRUE, Condition, find
from fleetdns.api.exports import CONFLICT, DNS_LABEL
from fleetdns.api.service import LABEL_ANNOTATION, Service
from fleetdns.core.events import AZURE_API_ERROR, NORMAL, WARNING, Event
from fleetdns.core.offer import VALID

LABEL_KEPT = "DNSLabelKept"


def export_events(
    old: Iterable[Condition], new: Iterable[Condition], *, azure_message: str | None
) -> tuple[Event, ...]:
    """`azure_message`: why the public IP cannot be told, where that is what changed."""
    events = []
    valid, conflict = _turned(VALID, old, new), _turned(CONFLICT, old, new)
    if valid is not None and azure_message is not None:
        events.append(Event(WARNING, AZURE_API_ERROR, azure_message))
    elif valid is not None:
        events.append(Event(NORMAL if valid.status == TRUE else WARNING, valid.reason, valid.message))
    if conflict is not None and conflict.status == TRUE:
        events.append(Event(WARNING, conflict.reason, conflict.message))
    return tuple(events)


def label_kept(service: Service, label: str) -> Event:
    """Somebody wrote another label on the Service than a ResourceOverride asks for, and theirs stays."""
    theirs = service.metadata.annotations.get(LABEL_ANNOTATION, "")
    return Event(
        WARNING,
        LABEL_KEPT,
        f"the Service's annotation {LABEL_ANNOTATION} is {theirs!r}, which somebody wrote there, and stays; "
        f"a ResourceOverride on the hub asks for {label!r} ({DNS_LABEL})",
    )


def _turned(kind: str, old: Iterable[Condition], new: Iterable[Condition]) -> Condition | None:
    """The condition, if it does not say what it said before."""
    before, after = find(old, kind), find(new, kind)
    if after is None or (before is not None and _facts(before) == _facts(after)):
        return None
    return after


def _facts(condition: Condition) -> tuple[str, str, str]:
    return (condition.status, condition.reason, condition.message)

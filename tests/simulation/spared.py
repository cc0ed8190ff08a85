"""Endpoints of drained clusters that Azure holds all the same: at most one, where nothing else could answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.simulation.oracle import HubState, Key, Object, is_marked
from tests.simulation.world import is_ours

ALLOW_EMPTY = "fleetdns.io/allow-empty"


def spared(profile: dict[str, Any], hub: HubState) -> frozenset[str]:
    """The folded names of what is there of drained clusters."""
    return frozenset(e["name"].lower() for e in profile["properties"]["endpoints"] if _is_drained(e, hub))


def answers(profile: dict[str, Any]) -> bool:
    """Whether there is an endpoint that nobody switched off."""
    return any(e["properties"]["endpointStatus"] == "Enabled" for e in profile["properties"]["endpoints"])


def may_be_empty(key: Key, hub: HubState) -> bool:
    """Whether somebody said so, on the profile or on a backend of it."""
    return any(is_marked(o, ALLOW_EMPTY) for o in (hub.profiles[key], *hub.backends_of(key)))


def problems(obj: Object, profile: dict[str, Any], hub: HubState) -> Iterator[str]:
    """Those that ought to be gone."""
    held = [e for e in profile["properties"]["endpoints"] if _is_drained(e, hub)]
    others = [e for e in profile["properties"]["endpoints"] if e not in held]
    answers = any(e["properties"]["endpointStatus"] == "Enabled" for e in others)
    for endpoint in held:
        name = endpoint["name"].lower()
        makers = [b for b in hub.backends.values() if b["metadata"]["uid"] == name[6:42]]
        if answers or len(held) > 1 or any(is_marked(o, ALLOW_EMPTY) for o in (obj, *makers)):
            yield f"endpoint {name} is of a drained cluster and ought to be gone: {len(held)} held, {answers=}"


def _is_drained(endpoint: dict[str, Any], hub: HubState) -> bool:
    return is_ours(endpoint) and endpoint["name"].rpartition("#")[2] in hub.drained

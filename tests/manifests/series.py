"""The series that fleetdns serves, and those that an expression of Prometheus asks for."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fleetdns.metrics import Metrics

_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
# What Prometheus and its Operator add to every series of a target.
_TARGET = frozenset({"job", "instance", "namespace", "pod", "service", "endpoint", "container"})
# There in the agent too, without samples or at 0 for ever: it has no profiles and sweeps none.
_CONTROLLER_ONLY = re.compile(
    r"fleet_networking_|fleetdns_(endpoint|rejected_endpoints|drift|sweep|change_to_azure|azure_undecodable|orphaned)"
)
_FUNCTIONS = frozenset(
    {"sum", "max", "min", "count", "rate", "increase", "absent", "time", "vector", "histogram_quantile"}
)
_OPERATORS = frozenset({"and", "or", "unless", "on", "by", "bool", "offset"})
_GROUPING = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"\b([a-z_:][a-z0-9_:]*)\s*(\{[^}]*\})?", re.IGNORECASE)
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_RANGE = re.compile(r"\[\$?\w+\]")


class Matcher(NamedTuple):
    """One condition on a label."""

    label: str
    operator: str
    value: str

    @property
    def values(self) -> tuple[str, ...]:
        """Those it names; an expression by its alternatives."""
        return tuple(self.value.split("|")) if "~" in self.operator else (self.value,)


class Selector(NamedTuple):
    """One series as an expression asks for it."""

    series: str
    matchers: tuple[Matcher, ...]


@functools.cache
def served(*, is_agent: bool = False) -> Mapping[str, frozenset[str]]:
    """Every series of the controller, or of the agent, by name with its labels, and `up`, which Prometheus makes."""
    metrics = Metrics()
    if is_agent:
        metrics.watch_member(tuple, token_ends=lambda: 0.0)
    metrics.watch_budget(lambda: {"lists": 1.0}, refused=dict, closed=tuple)
    registry = metrics.registry
    found: dict[str, frozenset[str]] = {"up": _TARGET}
    for collector in list(registry._collector_to_names):
        own: Any = getattr(collector, "_labelnames", None)
        for family in collector.collect():
            labels = frozenset(own if own is not None else getattr(family, "_labelnames", ())) | _TARGET
            for suffix in _SUFFIXES.get(family.type, ("",)):
                found[family.name + suffix] = labels | ({"le"} if suffix == "_bucket" else frozenset())
    if is_agent:
        found = {name: labels for name, labels in found.items() if not _CONTROLLER_ONLY.match(name)}
    return found


def selectors(expression: str) -> Iterator[Selector]:
    """The series that it asks for."""
    for name, matchers in _SELECTOR.findall(_RANGE.sub("", _GROUPING.sub(" ", expression))):
        if name not in _FUNCTIONS | _OPERATORS:
            yield Selector(name, tuple(Matcher(*found) for found in _MATCHER.findall(matchers)))


def groupings(expression: str) -> frozenset[str]:
    """The labels that it groups by or joins on."""
    return frozenset(label.strip() for group in _GROUPING.findall(expression) for label in group.split(","))

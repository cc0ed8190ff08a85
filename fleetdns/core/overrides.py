"""What ResourceOverrides make of one exported service in each member cluster: a DNS label, a weight, or nothing of it.

Every rule that matches a cluster applies, in order; overrides apply in the order of their names, and the later wins.
What cannot be understood is ignored and remarked; a weight or a label that is none leaves what was there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from fleetdns.api.exports import (
    DNS_LABEL,
    EXCLUDED,
    MAX_WEIGHT,
    OVERRIDE_WEIGHT,
    InternalServiceExport,
    whole_weight,
)
from fleetdns.api.meta import ObjectKey
from fleetdns.api.overrides import CLUSTER_NAME, DELETE, JSON_PATCH, OverrideRule, ResourceOverride
from fleetdns.api.service import LABEL_ANNOTATION, WEIGHT, Service, ServiceExport
from fleetdns.core.annotationpatch import Ignored, Put, Removed, effects
from fleetdns.core.clusterselector import selector_problems, selects
from fleetdns.core.remarks import Remark, Remarks
from fleetdns.core.wording import printable

# Who applies overrides: fleetdns, somebody else, or (auto) whoever places the workloads.
AUTO, ON, OFF = "auto", "on", "off"

# The kinds that an override selects a service by, and the annotation that is read on each.
_READ_ON: Mapping[tuple[str, str], str] = {
    (kind.resource.group, kind.resource.kind): annotation
    for kind, annotation in ((Service, LABEL_ANNOTATION), (ServiceExport, WEIGHT))
}
_CALLED = {LABEL_ANNOTATION: "DNS label", WEIGHT: "weight"}
_DNS_LABEL = re.compile(r"[a-z][a-z0-9-]{1,61}[a-z0-9]")  # what Azure takes for a public IP
_SHOWN = 80  # characters of a value


@dataclass(frozen=True, slots=True)
class Overridden:
    """The outcome in one cluster. `is_excluded`: nothing of the service is wanted there."""

    dns_label: str | None = None
    weight: int | None = None
    is_excluded: bool = False


@dataclass(frozen=True, slots=True)
class Overrides:
    """The outcome in each cluster, and what there is to say of it, sorted."""

    outcomes: Mapping[str, Overridden]
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule as far as it concerns a service."""

    rule: OverrideRule
    is_deleting: bool
    effects: tuple[Put | Removed, ...]


@dataclass(frozen=True, slots=True)
class _Override:
    name: str
    rules: tuple[_Rule, ...]


@dataclass(frozen=True, slots=True)
class _State:
    """What the overrides so far make of a cluster: values by annotation, and the overrides that agree on each."""

    values: Mapping[str, Any] = field(default_factory=dict)
    set_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # has the keys of values
    is_excluded: bool = False


def selected_services(override: ResourceOverride) -> frozenset[ObjectKey]:
    """The services that an override is about, exported or not."""
    namespace = override.metadata.namespace
    return frozenset(
        ObjectKey(namespace, selector.name)
        for selector in override.spec.resource_selectors
        if (selector.group, selector.kind) in _READ_ON
    )


def overridden(
    overrides: Iterable[ResourceOverride], *, service: ObjectKey, clusters: Mapping[str, Mapping[str, str]]
) -> Overrides:
    """`overrides`: of the service's namespace, whatever they select; `clusters`: the labels of each by its name."""
    remarks = Remarks()
    known = [_read(override, service, remarks) for override in sorted(overrides, key=lambda o: o.metadata.name)]
    concerned = [override for override in known if override is not None]
    states = {cluster: _state(concerned, service, cluster, clusters[cluster], remarks) for cluster in sorted(clusters)}
    _remark_shared(states, service, remarks)
    return Overrides({cluster: _outcome(state) for cluster, state in states.items()}, remarks.all())


def annotation_changes(export: InternalServiceExport, outcome: Overridden) -> dict[str, str | None]:
    """The annotations of ours that an export has to get, or (None) to lose, for the outcome in its cluster."""
    wanted = {
        DNS_LABEL: outcome.dns_label,
        OVERRIDE_WEIGHT: None if outcome.weight is None else str(outcome.weight),
        EXCLUDED: "true" if outcome.is_excluded else None,
    }
    held = export.metadata.annotations
    return {name: value for name, value in wanted.items() if held.get(name) != value}


def says_override(export: InternalServiceExport) -> bool:
    """Whether overrides, those of now or former ones, have made something of this export."""
    return not export.metadata.annotations.keys().isdisjoint((DNS_LABEL, OVERRIDE_WEIGHT, EXCLUDED))


def annotated(export: InternalServiceExport, changes: Mapping[str, str | None]) -> InternalServiceExport:
    """The export as it is once these changes are written."""
    merged = {**export.metadata.annotations, **changes}
    kept = {name: value for name, value in merged.items() if value is not None}
    return structs.replace(export, metadata=structs.replace(export.metadata, annotations=kept))


# Reading an override, once for all clusters


def _read(override: ResourceOverride, service: ObjectKey, remarks: Remarks) -> _Override | None:
    """What it says of the service; None: nothing."""
    keys = {
        _READ_ON[selector.group, selector.kind]
        for selector in override.spec.resource_selectors
        if (selector.group, selector.kind) in _READ_ON and selector.name == service.name
    }
    if not keys or override.metadata.is_deleting:
        return None
    name, policy = override.metadata.name, override.spec.policy
    rules = policy.override_rules if policy is not None else ()

    def ignored(because: str) -> None:
        remarks.ignored(name, because)

    if not rules:
        ignored("it has no overrideRules")
    return _Override(name, tuple(_read_rule(rule, keys, ignored) for rule in rules))


def _read_rule(rule: OverrideRule, keys: Iterable[str], ignored: Callable[[str], None]) -> _Rule:
    for problem in selector_problems(rule.cluster_selector):
        ignored(problem)
    if rule.override_type == DELETE:
        if rule.json_patch_overrides:
            ignored("a rule of the overrideType Delete has jsonPatchOverrides, which it cannot have")
        return _Rule(rule, is_deleting=True, effects=())
    if rule.override_type != JSON_PATCH:
        kind = printable(rule.override_type, longest=_SHOWN)
        ignored(f"the overrideType {kind!r} of a rule is neither JSONPatch nor Delete")
        return _Rule(rule, is_deleting=False, effects=())
    if not rule.json_patch_overrides:
        ignored("a rule has no jsonPatchOverrides")
    found = [effect for patch in rule.json_patch_overrides for effect in effects(patch, keys)]
    for effect in found:
        if isinstance(effect, Ignored):
            ignored(effect.because)
    return _Rule(rule, is_deleting=False, effects=tuple(e for e in found if not isinstance(e, Ignored)))


# Applying all of them to one cluster


def _state(
    overrides: Iterable[_Override],
    service: ObjectKey,
    cluster: str,
    labels: Mapping[str, str],
    remarks: Remarks,
) -> _State:
    state = _State()
    for override in overrides:
        before = state
        for rule in override.rules:
            if selects(rule.rule.cluster_selector, labels):
                state = _applied(rule, state, override.name, cluster, remarks)
        _remark_overruled(before, state, override.name, service=service, remarks=remarks)
    return state


def _applied(rule: _Rule, state: _State, name: str, cluster: str, remarks: Remarks) -> _State:
    values, set_by = dict(state.values), dict(state.set_by)
    for effect in rule.effects:
        if isinstance(effect, Removed):
            values.pop(effect.key, None)
            set_by.pop(effect.key, None)
            continue
        value = effect.value.replace(CLUSTER_NAME, cluster) if isinstance(effect.value, str) else effect.value
        usable = _dns_label(value) if effect.key == LABEL_ANNOTATION else _weight(value)
        if usable is None:
            is_same_everywhere = value == effect.value
            remarks.ignored(name, _unusable(effect.key, effect.value), cluster=None if is_same_everywhere else cluster)
            continue
        agreeing = set_by.get(effect.key, ()) if values.get(effect.key) == usable else ()
        set_by[effect.key] = agreeing if name in agreeing else (*agreeing, name)
        values[effect.key] = usable
    return _State(values, set_by, is_excluded=state.is_excluded or rule.is_deleting)


def _remark_overruled(before: _State, after: _State, name: str, *, service: ObjectKey, remarks: Remarks) -> None:
    for key, value in before.values.items():
        if after.values.get(key) != value:
            for loser in before.set_by[key]:
                message = f"the {_CALLED[key]} it gives Service {service} is overruled by ResourceOverride {name}"
                remarks.overruled(loser, f"{message}, whose name is later")


def _remark_shared(states: Mapping[str, _State], service: ObjectKey, remarks: Remarks) -> None:
    """A label that several clusters get: the region is not known here, so that each may have it all the same."""
    having: dict[str, list[str]] = {}
    for cluster, state in states.items():
        if LABEL_ANNOTATION in state.values and not state.is_excluded:
            having.setdefault(state.values[LABEL_ANNOTATION], []).append(cluster)
    for label, clusters in having.items():
        if len(clusters) < 2:
            continue
        others = " and others" if len(clusters) > 2 else ""
        message = (
            f"Service {service} gets the DNS label {label!r} in clusters {clusters[0]} and {clusters[1]}{others}: only "
            f"one in an Azure region can have it; with {CLUSTER_NAME} in it each has its own"
        )
        for name in sorted({name for cluster in clusters for name in states[cluster].set_by[LABEL_ANNOTATION]}):
            remarks.shared(name, message)


def _outcome(state: _State) -> Overridden:
    return Overridden(state.values.get(LABEL_ANNOTATION), state.values.get(WEIGHT), state.is_excluded)


def _dns_label(value: Any) -> str | None:
    return value if isinstance(value, str) and _DNS_LABEL.fullmatch(value) else None


def _weight(value: Any) -> int | None:
    if isinstance(value, str):
        return whole_weight(value)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 <= value <= MAX_WEIGHT else None


def _unusable(key: str, value: Any) -> str:
    shown = repr(value) if not isinstance(value, str) else repr(printable(value, longest=_SHOWN))
    if key == WEIGHT:
        return f"the weight {printable(shown, longest=_SHOWN)} is no whole number from 0 to {MAX_WEIGHT}"
    return (
        f"the DNS label {printable(shown, longest=_SHOWN)} is none: give 3 to 63 small letters, digits and hyphens, a "
        "letter first and no hyphen last"
    )

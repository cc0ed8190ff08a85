"""What roles and bindings have by default, and what is wrong with one: the kinds only, nothing is enforced by them."""

from __future__ import annotations

from collections.abc import Iterator

from fleetdns.emulator.hub.fields import FieldError, forbidden, invalid, not_supported, required
from fleetdns.emulator.hub.resources import Served
from fleetdns.emulator.hub.rights_schemas import GROUP
from fleetdns.emulator.hub.status import Object

ROLES = ("roles", "clusterroles")
BINDINGS = ("rolebindings", "clusterrolebindings")
_SUBJECTS = ("ServiceAccount", "User", "Group")


def prepared(served: Served, obj: Object) -> Object:
    """A role or binding with its defaults."""
    if served.plural in ROLES:
        return obj | {"rules": obj.get("rules") or None}
    subjects = obj.get("subjects")
    if not subjects:
        return {name: value for name, value in obj.items() if name != "subjects"}
    if not isinstance(subjects, list) or not all(isinstance(subject, dict) for subject in subjects):
        return obj  # to be refused
    return obj | {"subjects": [_subject(subject) for subject in subjects]}


def rights_errors(served: Served, obj: Object, old: Object | None) -> Iterator[FieldError]:
    """What is wrong with a role or binding beyond its schema."""
    if served.plural in ROLES:
        for position, rule in enumerate(obj.get("rules") or ()):
            yield from _rule_errors(f"rules[{position}]", rule, everywhere=not served.namespaced)
        return
    reference = obj.get("roleRef") or {}
    if old is not None and reference != old.get("roleRef"):
        told = {name[0].upper() + name[1:]: reference[name] for name in ("kind", "name") if name in reference}
        yield invalid("roleRef", {"APIGroup": reference.get("apiGroup", "")} | told, "cannot change roleRef")
    kinds = ("Role", "ClusterRole") if served.namespaced else ("ClusterRole",)
    if reference.get("kind") not in kinds:
        yield not_supported("roleRef.kind", reference.get("kind", ""), kinds)
    if not reference.get("name"):
        yield required("roleRef.name")
    for position, subject in enumerate(obj.get("subjects") or ()):
        yield from _subject_errors(f"subjects[{position}]", subject, everywhere=not served.namespaced)


def _subject(subject: Object) -> Object:
    group = {} if subject.get("kind") not in ("User", "Group") else {"apiGroup": GROUP}
    return group | subject


def _rule_errors(path: str, rule: Object, *, everywhere: bool) -> Iterator[FieldError]:
    if not rule.get("verbs"):
        yield required(f"{path}.verbs", "verbs must contain at least one value")
    if rule.get("nonResourceURLs"):
        if not everywhere:
            yield invalid(
                f"{path}.nonResourceURLs",
                rule["nonResourceURLs"],
                "namespaced rules cannot apply to non-resource URLs",
            )
        if any(rule.get(name) for name in ("apiGroups", "resources", "resourceNames")):
            yield invalid(
                f"{path}.nonResourceURLs",
                rule["nonResourceURLs"],
                "rules cannot apply to both regular resources and non-resource URLs",
            )
        return
    if not rule.get("apiGroups"):
        yield required(f"{path}.apiGroups", "resource rules must supply at least one api group")
    if not rule.get("resources"):
        yield required(f"{path}.resources", "resource rules must supply at least one resource")


def _subject_errors(path: str, subject: Object, *, everywhere: bool) -> Iterator[FieldError]:
    kind, group = subject.get("kind"), subject.get("apiGroup", "")
    if not subject.get("name"):
        yield required(f"{path}.name")
    if kind not in _SUBJECTS:
        yield not_supported(f"{path}.kind", kind, _SUBJECTS)
        return
    wanted = "" if kind == "ServiceAccount" else GROUP
    if group != wanted:
        yield not_supported(f"{path}.apiGroup", group, (wanted,))
    if kind == "ServiceAccount" and not subject.get("namespace") and everywhere:
        yield required(f"{path}.namespace")
    if kind != "ServiceAccount" and subject.get("namespace"):
        yield forbidden(f"{path}.namespace")

"""Which clusters a ClusterSelector selects, by their labels. A term that cannot be understood selects none.

operator       matches a cluster
In             that has the label, with one of the values
NotIn          that has not the label, or has it with another value
Exists         that has the label
DoesNotExist   that has not
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fleetdns.api.overrides import ClusterSelector, ClusterSelectorTerm, LabelRequirement
from fleetdns.core.wording import printable

_WITH_VALUES = ("In", "NotIn")
_WITHOUT_VALUES = ("Exists", "DoesNotExist")


def selects(selector: ClusterSelector | None, labels: Mapping[str, str]) -> bool:
    """Terms are OR-ed; no selector, or one without terms, selects every cluster."""
    if selector is None or not selector.cluster_selector_terms:
        return True
    return any(_problem(term) is None and _matches(term, labels) for term in selector.cluster_selector_terms)


def selector_problems(selector: ClusterSelector | None) -> Iterator[str]:
    """Why terms select no cluster, whatever its labels, each as a sentence."""
    for term in selector.cluster_selector_terms if selector is not None else ():
        problem = _problem(term)
        if problem is not None:
            yield f"a term of its clusterSelector selects no cluster: {problem}"


def _matches(term: ClusterSelectorTerm, labels: Mapping[str, str]) -> bool:
    selector = term.label_selector
    if selector is None:
        return False
    return all(labels.get(key) == value for key, value in selector.match_labels.items()) and all(
        _meets(requirement, labels) for requirement in selector.match_expressions
    )


def _meets(requirement: LabelRequirement, labels: Mapping[str, str]) -> bool:
    has, value = requirement.key in labels, labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return has and value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return has
    return not has


def _problem(term: ClusterSelectorTerm) -> str | None:
    """Whoever cannot tell which clusters are meant must not take it for all of them."""
    if term.property_selector is not None:
        return "it has a propertySelector, and fleetdns knows no properties of clusters"
    if term.label_selector is None:
        return "it has no labelSelector"
    problems = (_flaw(requirement) for requirement in term.label_selector.match_expressions)
    return next((problem for problem in problems if problem is not None), None)


def _flaw(requirement: LabelRequirement) -> str | None:
    label, operator = printable(requirement.key, longest=80), printable(requirement.operator, longest=80)
    if requirement.operator in _WITH_VALUES:
        return None if requirement.values else f"for the label {label!r}, {operator} has no values"
    if requirement.operator in _WITHOUT_VALUES:
        return f"for the label {label!r}, {operator} has values" if requirement.values else None
    return f"for the label {label!r}, the operator {operator!r} is none of In, NotIn, Exists and DoesNotExist"

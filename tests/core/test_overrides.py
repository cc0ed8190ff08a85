"""What ResourceOverrides make of an exported service: cases by cases, then what holds for all of them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetdns.api.meta import ObjectKey
from fleetdns.api.overrides import ResourceOverride
from fleetdns.core.overrides import Overridden, Overrides, overridden, selected_services
from tests.core.builders import NAMESPACE, SERVICE
from tests.core.override_builders import (
    LABEL_KEY,
    LABEL_PATH,
    WEIGHT_KEY,
    WEIGHT_PATH,
    Rule,
    delete,
    expression,
    label,
    make_override,
    outcome,
    patch,
    rule,
    weight,
)

NOTHING = Overridden()
ANNOTATIONS = "/metadata/annotations"


def in_a(found: Overrides) -> Overridden:
    return found.outcomes["a"]


def said(found: Overrides) -> list[tuple[str, str]]:
    return [(remark.override, remark.reason) for remark in found.remarks]


# Which services, and which clusters


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        pytest.param(make_override("x", label("web"), on=("Service",)), Overridden("web"), id="the Service"),
        pytest.param(
            make_override("x", weight(7), on=("ServiceExport",)), Overridden(weight=7), id="the ServiceExport"
        ),
        pytest.param(make_override("x", label("web"), on=("Deployment",)), NOTHING, id="another kind"),
        pytest.param(make_override("x", label("web"), service="other"), NOTHING, id="another name"),
        pytest.param(make_override("x", label("web"), is_deleting=True), NOTHING, id="one that is being deleted"),
    ],
)
def test_an_override_concerns_the_service_that_it_selects(override: ResourceOverride, expected: Overridden) -> None:
    found = outcome(override)
    assert in_a(found) == expected
    assert found.remarks == ()


def test_a_kind_of_another_group_is_another_kind() -> None:
    foreign = msgspec.convert(
        {
            "metadata": {"name": "x", "namespace": NAMESPACE},
            "spec": {
                "resourceSelectors": [
                    {"group": "serving.knative.dev", "version": "v1", "kind": "Service", "name": "app"}
                ],
                "policy": {"overrideRules": [label("web")]},
            },
        },
        ResourceOverride,
    )
    assert in_a(outcome(foreign)) == NOTHING
    assert selected_services(foreign) == frozenset()


def test_an_override_selects_services_by_either_kind() -> None:
    override = make_override("x", label("web"), on=("Service", "ServiceExport", "Deployment"))
    assert selected_services(override) == {ObjectKey(NAMESPACE, SERVICE)}


EAST = {"region": "east", "env": "prod"}


@pytest.mark.parametrize(
    ("where", "is_selected"),
    [
        pytest.param(None, True, id="no selector"),
        pytest.param([], True, id="no terms"),
        pytest.param([{"labelSelector": {}}], True, id="an empty selector"),
        pytest.param({"region": "east"}, True, id="the label"),
        pytest.param({"region": "west"}, False, id="another value"),
        pytest.param({"zone": "east"}, False, id="another label"),
        pytest.param({"region": "east", "env": "prod"}, True, id="both labels"),
        pytest.param({"region": "east", "env": "test"}, False, id="one label of two"),
        pytest.param([expression("region", "In", "west", "east")], True, id="In"),
        pytest.param([expression("region", "In", "west")], False, id="In, and it is not"),
        pytest.param([expression("zone", "In", "west")], False, id="In, and it has none"),
        pytest.param([expression("region", "NotIn", "west")], True, id="NotIn"),
        pytest.param([expression("region", "NotIn", "east")], False, id="NotIn, and it is"),
        pytest.param([expression("zone", "NotIn", "west")], True, id="NotIn, and it has none"),
        pytest.param([expression("region", "Exists")], True, id="Exists"),
        pytest.param([expression("zone", "Exists")], False, id="Exists, and it does not"),
        pytest.param([expression("zone", "DoesNotExist")], True, id="DoesNotExist"),
        pytest.param([expression("region", "DoesNotExist")], False, id="DoesNotExist, and it does"),
        pytest.param([expression("zone", "Exists"), expression("region", "Exists")], True, id="one term of two"),
        pytest.param([expression("zone", "Exists"), expression("env", "In", "test")], False, id="no term of two"),
        pytest.param(
            [
                {
                    "labelSelector": {
                        "matchLabels": {"region": "east"},
                        "matchExpressions": [{"key": "env", "operator": "In", "values": ["test"]}],
                    }
                }
            ],
            False,
            id="labels, and expressions that do not match",
        ),
    ],
)
def test_a_rule_applies_to_the_clusters_that_it_selects(where: Any, is_selected: bool) -> None:
    found = outcome(make_override("x", label("web", where=where)), a=EAST)
    assert in_a(found) == (Overridden("web") if is_selected else NOTHING)
    assert found.remarks == ()


@pytest.mark.parametrize(
    "term",
    [
        pytest.param({}, id="no labelSelector"),
        pytest.param({"labelSelector": {}, "propertySelector": {"matchExpressions": []}}, id="a propertySelector"),
        pytest.param(expression("region", "Near", "east"), id="an operator that is none"),
        pytest.param(expression("region", "In"), id="In without values"),
        pytest.param(expression("zone", "NotIn"), id="NotIn without values"),
        pytest.param(expression("region", "Exists", "east"), id="Exists with values"),
        pytest.param(expression("zone", "DoesNotExist", "east"), id="DoesNotExist with values"),
    ],
)
def test_a_term_that_cannot_be_understood_selects_no_cluster_and_is_remarked(term: dict[str, Any]) -> None:
    found = outcome(make_override("x", label("web", where=[term])), a=EAST)
    assert in_a(found) == NOTHING
    assert said(found) == [("x", "OverrideIgnored")]
    other = outcome(make_override("x", label("web", where=[term, expression("region", "Exists")])), a=EAST)
    assert in_a(other) == Overridden("web"), "the other terms count all the same"


# What a rule says


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param([label("web")], Overridden("web"), id="a label"),
        pytest.param([rule(patch(LABEL_PATH, "web", "replace"))], Overridden("web"), id="a label replaced"),
        pytest.param([label("app-${MEMBER-CLUSTER-NAME}")], Overridden("app-a"), id="the cluster's name in it"),
        pytest.param([label("${MEMBER-CLUSTER-NAME}-x-${MEMBER-CLUSTER-NAME}")], Overridden("a-x-a"), id="twice"),
        pytest.param([weight("10")], Overridden(weight=10), id="a weight as text"),
        pytest.param([weight(10)], Overridden(weight=10), id="a weight as a number"),
        pytest.param([weight(0)], Overridden(weight=0), id="no traffic"),
        pytest.param([weight("1000")], Overridden(weight=1000), id="the largest weight"),
        pytest.param([label("web"), weight(5)], Overridden("web", 5), id="both, in two rules"),
        pytest.param([rule(patch(LABEL_PATH, "web"), patch(WEIGHT_PATH, 5))], Overridden("web", 5), id="in one"),
        pytest.param([label("web"), label("app")], Overridden("app"), id="the later rule wins"),
        pytest.param([label("web"), rule(patch(LABEL_PATH, op="remove"))], NOTHING, id="a label taken away again"),
        pytest.param([rule(patch(LABEL_PATH, op="remove")), label("web")], Overridden("web"), id="and given after"),
        pytest.param([rule(patch(LABEL_PATH, op="remove"))], NOTHING, id="nothing to take away"),
        pytest.param([label("web"), weight(5), rule(patch(ANNOTATIONS, op="remove"))], NOTHING, id="all taken away"),
        pytest.param([delete()], Overridden(is_excluded=True), id="excluded"),
        pytest.param([delete(), label("web")], Overridden("web", is_excluded=True), id="excluded stays excluded"),
        pytest.param([rule(patch(ANNOTATIONS, {LABEL_KEY: "web"}))], Overridden("web"), id="the whole map"),
        pytest.param(
            [weight(5), rule(patch(ANNOTATIONS, {LABEL_KEY: "app-${MEMBER-CLUSTER-NAME}"}, "replace"))],
            Overridden("app-a", 5),
            id="the whole map, which says nothing of the weight",
        ),
    ],
)
def test_rules_apply_in_order(rules: list[Rule], expected: Overridden) -> None:
    found = outcome(make_override("x", *rules))
    assert in_a(found) == expected
    assert found.remarks == ()


def test_a_patch_is_read_on_the_kind_that_it_is_meant_for() -> None:
    """A weight on a Service, or a label on a ServiceExport, would change nothing in the cluster either."""
    both = (label("web"), weight(5))
    assert in_a(outcome(make_override("x", *both, on=("Service",)))) == Overridden("web")
    assert in_a(outcome(make_override("x", *both, on=("ServiceExport",)))) == Overridden(weight=5)


@pytest.mark.parametrize(
    ("ignored", "kept"),
    [
        pytest.param(rule(patch("/spec/type", "ClusterIP")), None, id="another field"),
        pytest.param(rule(patch(f"{ANNOTATIONS}/other", "x")), None, id="another annotation"),
        pytest.param(rule(patch(f"{LABEL_PATH}/deeper", "x")), None, id="something inside the annotation"),
        pytest.param(rule(patch(LABEL_PATH.replace("~1", "/"), "app")), None, id="an escape forgotten"),
        pytest.param(rule(patch(LABEL_PATH.replace("~1", "~2"), "app")), None, id="an escape that is none"),
        pytest.param(rule(patch(LABEL_PATH[1:], "app")), None, id="no slash at its start"),
        pytest.param(rule(patch(LABEL_PATH, "app", "move")), None, id="an op that is none"),
        pytest.param(rule(patch("/metadata", op="remove")), None, id="all metadata removed"),
        pytest.param(rule(patch("", op="remove")), None, id="everything removed"),
        pytest.param(rule(patch(ANNOTATIONS, "x")), None, id="annotations that are no map"),
        pytest.param(rule(patch("", [])), None, id="an object that is none"),
        pytest.param(rule(patch("", {"metadata": 5})), None, id="metadata that is none"),
        pytest.param(rule(kind="Replace"), None, id="an overrideType that is none"),
        pytest.param(rule(), None, id="no patches"),
        pytest.param(label("App"), None, id="a capital letter"),
        pytest.param(label("ab"), None, id="two characters"),
        pytest.param(label("a" * 64), None, id="64 characters"),
        pytest.param(label("9lives"), None, id="a digit first"),
        pytest.param(label("app-"), None, id="a hyphen last"),
        pytest.param(label("a.b"), None, id="a full stop"),
        pytest.param(label("app\n"), None, id="a line's end"),
        pytest.param(label("äpp"), None, id="an umlaut"),
        pytest.param(label(""), None, id="an empty label"),
        pytest.param(label(5), None, id="a label that is a number"),
        pytest.param(label(None), None, id="a label without a value"),
        pytest.param(label({"a": ["b"]}), None, id="a label that is a map"),
        pytest.param(weight(1001), None, id="a weight too large"),
        pytest.param(weight(-1), None, id="a negative weight"),
        pytest.param(weight("ten"), None, id="a weight in letters"),
        pytest.param(weight("1.5"), None, id="half a weight"),
        pytest.param(weight(1.0), None, id="a weight with a point"),
        pytest.param(weight(True), None, id="a weight that is a truth"),
        pytest.param(weight(None), None, id="a weight without a value"),
        pytest.param(
            rule(patch(ANNOTATIONS, {LABEL_KEY: "other", "x": "y"})),
            Overridden("other", 5),
            id="other annotations of a whole map",
        ),
        pytest.param(
            rule(patch("/metadata", {"annotations": {WEIGHT_KEY: "6"}})),
            Overridden("web", 6),
            id="the rest of all metadata",
        ),
        pytest.param(rule(patch("", {"spec": {}})), None, id="a whole object without annotations"),
        pytest.param(
            rule(patch(LABEL_PATH, "x"), kind="Delete"),
            Overridden("web", 5, is_excluded=True),
            id="patches beside a Delete",
        ),
    ],
)
def test_what_cannot_be_understood_is_ignored_remarked_once_and_leaves_what_is(
    ignored: Rule, kept: Overridden | None
) -> None:
    found = outcome(make_override("x", label("web"), weight(5), ignored, ignored), a={}, b={})
    assert in_a(found) == (kept or Overridden("web", 5))
    ours = [remark for remark in found.remarks if remark.reason == "OverrideIgnored"]
    assert [remark.override for remark in ours] == ["x"]


def test_an_override_without_rules_is_remarked() -> None:
    assert said(outcome(make_override("x"))) == [("x", "OverrideIgnored")]


def test_a_label_that_is_none_in_some_clusters_is_remarked_with_one_of_them() -> None:
    override = make_override("x", label("app-${MEMBER-CLUSTER-NAME}"))
    found = overridden(
        [override], service=ObjectKey(NAMESPACE, SERVICE), clusters={"ok": {}, "b.c": {}, "a.b": {}, "z.z": {}}
    )
    assert {cluster: o.dns_label for cluster, o in found.outcomes.items()} == {
        "ok": "app-ok",
        "a.b": None,
        "b.c": None,
        "z.z": None,
    }
    (remark,) = found.remarks
    assert "a.b and others" in remark.message


def test_what_somebody_wrote_is_shown_on_one_line_of_bounded_length() -> None:
    found = outcome(make_override("x", label("A\n\u202e" + "x" * 10_000), rule(patch("/" + "y" * 10_000, 1))))
    for remark in found.remarks:
        assert remark.message.isprintable()
        assert len(remark.message) < 700


# Several overrides


def test_overrides_apply_in_the_order_of_their_names_and_the_overruled_one_is_told() -> None:
    first, second = make_override("a-first", label("web"), weight(5)), make_override("b-second", label("app"))
    for order in ((first, second), (second, first)):
        found = outcome(*order)
        assert in_a(found) == Overridden("app", 5)
        (remark,) = found.remarks
        assert (remark.override, remark.reason) == ("a-first", "OverrideOverruled")
        assert "b-second" in remark.message
        assert f"{NAMESPACE}/{SERVICE}" in remark.message


@pytest.mark.parametrize(
    ("second", "is_told"),
    [
        pytest.param(label("web"), False, id="the same label"),
        pytest.param(weight(5), False, id="something else"),
        pytest.param(label("app", where={"region": "west"}), False, id="another cluster"),
        pytest.param(label("Nonsense"), False, id="what is ignored"),
        pytest.param(label("app"), True, id="another label"),
        pytest.param(rule(patch(LABEL_PATH, op="remove")), True, id="a label taken away"),
    ],
)
def test_only_a_value_that_changes_is_overruled(second: Rule, is_told: bool) -> None:
    found = outcome(make_override("a", label("web")), make_override("b", second), a=EAST)
    assert (("a", "OverrideOverruled") in said(found)) is is_told


def test_everybody_who_gave_what_is_overruled_is_told() -> None:
    found = outcome(*(make_override(name, label("web")) for name in "ab"), make_override("c", label("app")))
    assert said(found) == [("a", "OverrideOverruled"), ("b", "OverrideOverruled")]


def test_a_rule_that_overrules_one_of_the_same_override_is_no_news() -> None:
    assert said(outcome(make_override("a", label("web"), label("app")))) == []


def test_one_override_excludes_and_no_other_takes_it_back() -> None:
    found = outcome(
        make_override("a", delete(where={"env": "test"})), make_override("b", label("web")), a={}, t={"env": "test"}
    )
    assert found.outcomes == {"a": Overridden("web"), "t": Overridden("web", is_excluded=True)}
    assert found.remarks == (), "the label of a cluster that is left out is nobody's rival"


def test_one_label_for_two_clusters_is_given_to_both_and_remarked_with_both_names() -> None:
    found = outcome(make_override("x", label("web")), east={}, west={}, far={})
    assert {o.dns_label for o in found.outcomes.values()} == {"web"}
    (remark,) = found.remarks
    assert (remark.override, remark.reason) == ("x", "DNSLabelShared")
    assert "clusters east and far and others" in remark.message


def test_one_label_by_two_overrides_is_told_to_both() -> None:
    one = make_override("one", label("web", where={"region": "east"}))
    two = make_override("two", label("web", where={"region": "west"}))
    found = outcome(one, two, a={"region": "east"}, b={"region": "west"})
    assert said(found) == [("one", "DNSLabelShared"), ("two", "DNSLabelShared")]


# What holds for all of them

KEYS = st.sampled_from(["region", "env"])
VALUES = st.sampled_from(["east", "west"])
LABELS = st.dictionaries(KEYS, VALUES)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PATHS = st.sampled_from(["", "/metadata", ANNOTATIONS, LABEL_PATH, WEIGHT_PATH, "/spec", "x", "/~"])
PATCHES = st.builds(
    patch,
    PATHS,
    JSON | st.sampled_from(["web", "app-${MEMBER-CLUSTER-NAME}", "7", 7, {LABEL_KEY: "map"}]),
    st.sampled_from(["add", "replace", "remove", "move", ""]),
)
TERMS = st.builds(
    expression, KEYS, st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist", "Near"]), VALUES
) | st.builds(expression, KEYS, st.sampled_from(["Exists", "DoesNotExist", "In"]))
RULES = st.builds(
    lambda patches, where, kind: rule(*patches, where=where, kind=kind),
    st.lists(PATCHES, max_size=4),
    st.none() | LABELS | st.lists(TERMS, max_size=3),
    st.sampled_from(["JSONPatch", "JSONPatch", "JSONPatch", "Delete", "x"]),
)
ON = st.sampled_from([("Service",), ("ServiceExport",), ("Service", "ServiceExport"), ("Deployment",)])
OVERRIDES = st.lists(st.lists(RULES, max_size=3), max_size=4).flatmap(
    lambda written: st.lists(ON, min_size=len(written), max_size=len(written)).map(
        lambda kinds: [
            make_override(f"o-{number}", *rules, on=on)
            for number, (rules, on) in enumerate(zip(written, kinds, strict=True))
        ]
    )
)
CLUSTERS = st.dictionaries(st.sampled_from(["a", "b-1", "C.d"]), LABELS, max_size=3)


def of(overrides: list[ResourceOverride], clusters: dict[str, dict[str, str]]) -> Overrides:
    return overridden(overrides, service=ObjectKey(NAMESPACE, SERVICE), clusters=clusters)


@pytest.mark.thorough
@given(OVERRIDES, CLUSTERS, st.randoms(use_true_random=False))
def test_the_order_in_which_things_come_makes_no_difference(
    overrides: list[ResourceOverride], clusters: dict[str, dict[str, str]], random: Any
) -> None:
    shuffled, names = list(overrides), list(clusters)
    random.shuffle(shuffled)
    random.shuffle(names)
    turned = {name: dict(reversed(clusters[name].items())) for name in names}
    assert of(shuffled, turned) == of(overrides, clusters)


@pytest.mark.thorough
@given(OVERRIDES, CLUSTERS)
def test_every_cluster_has_an_outcome_that_can_be_used(
    overrides: list[ResourceOverride], clusters: dict[str, dict[str, str]]
) -> None:
    found = of(overrides, clusters)
    assert set(found.outcomes) == set(clusters)
    for made in found.outcomes.values():
        assert made.weight is None or 0 <= made.weight <= 1000
        assert made.dns_label is None or 3 <= len(made.dns_label) <= 63
    assert list(found.remarks) == sorted(set(found.remarks))
    assert {remark.override for remark in found.remarks} <= {override.metadata.name for override in overrides}


@pytest.mark.thorough
@given(OVERRIDES, CLUSTERS)
def test_a_cluster_is_judged_without_a_look_at_the_others(
    overrides: list[ResourceOverride], clusters: dict[str, dict[str, str]]
) -> None:
    together = of(overrides, clusters).outcomes
    alone = {name: of(overrides, {name: labels}).outcomes[name] for name, labels in clusters.items()}
    assert together == alone


def patched(annotations: dict[str, str], written: dict[str, Any]) -> dict[str, str]:
    """An independent reading: what a JSON patch makes of the annotations, "add" and "remove" of one only."""
    key = written["path"].removeprefix(f"{ANNOTATIONS}/").replace("~1", "/")
    kept = {name: value for name, value in annotations.items() if name != key}
    if written["op"] != "remove":
        kept[key] = str(written["value"]).replace("${MEMBER-CLUSTER-NAME}", "a")
    return kept


ONE_BY_ONE = st.builds(
    lambda make, op: make(op),
    st.sampled_from(
        [
            lambda op: patch(LABEL_PATH, "web", op),
            lambda op: patch(LABEL_PATH, "app-${MEMBER-CLUSTER-NAME}", op),
            lambda op: patch(WEIGHT_PATH, "7", op),
            lambda op: patch(WEIGHT_PATH, 0, op),
        ]
    ),
    st.sampled_from(["add", "remove"]),
)


@given(st.lists(ONE_BY_ONE, min_size=1, max_size=8), st.integers(1, 4))
def test_it_agrees_with_the_patch_of_the_objects_themselves(written: list[dict[str, Any]], size: int) -> None:
    chunks = [written[start : start + size] for start in range(0, len(written), size)]
    overrides = [make_override(f"o-{number}", rule(*chunk)) for number, chunk in enumerate(chunks)]
    annotations: dict[str, str] = {}
    for each in written:
        annotations = patched(annotations, each)
    number = annotations.get(WEIGHT_KEY)
    expected = Overridden(annotations.get(LABEL_KEY), int(number) if number is not None else None)
    assert in_a(outcome(*overrides)) == expected

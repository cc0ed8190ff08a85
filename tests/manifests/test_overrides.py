"""The definition of ResourceOverride and the sample: for hubs without KubeFleet, and readable by it later."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import yaml

from fleetdns.api.meta import ObjectKey
from fleetdns.api.overrides import OVERRIDE_GROUP, ResourceOverride
from fleetdns.core.overrides import Overridden, overridden
from fleetdns.emulator.hub.schema import StructuralSchema
from tests.manifests.definitions import MANIFESTS, levels
from tests.manifests.rendered import objects, only

FILE = f"{OVERRIDE_GROUP}_resourceoverrides.yaml"
VERSIONS = ("v1alpha1", "v1beta1", "v1")


def definition() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((MANIFESTS / "overrides" / FILE).read_text())
    return found


def versions() -> dict[str, dict[str, Any]]:
    return {version["name"]: version for version in definition()["spec"]["versions"]}


def openapi() -> dict[str, Any]:
    schema: dict[str, Any] = versions()["v1"]["schema"]["openAPIV3Schema"]
    return schema


SCHEMA = StructuralSchema(openapi())


def sample() -> dict[str, Any]:
    return copy.deepcopy(only("samples/overrides", "ResourceOverride"))


def test_the_definition_is_kubefleets_by_its_names() -> None:
    spec = definition()["spec"]

    assert definition()["metadata"] == {"name": f"resourceoverrides.{OVERRIDE_GROUP}"}
    assert (spec["group"], spec["scope"]) == (OVERRIDE_GROUP, "Namespaced")
    assert spec["conversion"] == {"strategy": "None"}
    assert spec["names"] == {
        "kind": "ResourceOverride",
        "listKind": "ResourceOverrideList",
        "plural": "resourceoverrides",
        "singular": "resourceoverride",
        "categories": ["fleet", "fleet-placement"],
    }


def test_all_three_versions_are_served_with_one_schema_and_the_one_that_every_kubefleet_has_is_stored() -> None:
    assert tuple(versions()) == VERSIONS
    assert all(version["served"] for version in versions().values())
    assert [name for name, version in versions().items() if version["storage"]] == ["v1beta1"]
    for version in versions().values():
        assert version["schema"]["openAPIV3Schema"] == openapi()
        assert [column["name"] for column in version["additionalPrinterColumns"]] == ["Age"]


def test_it_is_applied_by_a_folder_of_its_own_alone() -> None:
    assert objects("overrides").keys() == {("CustomResourceDefinition", f"resourceoverrides.{OVERRIDE_GROUP}")}
    assert FILE not in (MANIFESTS / "crds/kustomization.yaml").read_text()
    for file in (FILE, "kustomization.yaml"):
        assert "KubeFleet" in (MANIFESTS / "overrides" / file).read_text().partition("apiVersion")[0]


def test_every_field_is_described_and_every_list_says_how_it_merges() -> None:
    assert [path for path, level in levels(openapi()) if not level.get("description", "").strip()] == [".metadata"]
    lists = [level for _, level in levels(openapi()) if level.get("type") == "array"]
    assert lists
    assert all(level["x-kubernetes-list-type"] == "atomic" for level in lists)


def test_every_field_that_fleetdns_reads_is_in_the_schema() -> None:
    fields = {path.rpartition(".")[2].partition("[")[0] for path, _ in levels(openapi())}

    assert {"group", "version", "kind", "name", "overrideRules", "clusterSelectorTerms", "labelSelector"} <= fields
    assert {"matchLabels", "matchExpressions", "overrideType", "jsonPatchOverrides", "op", "path", "value"} <= fields


def test_the_sample_is_kept_whole_and_means_a_label_of_its_own_for_every_cluster() -> None:
    kept, unknown = SCHEMA.prune(sample())
    assert (kept, unknown) == (sample(), ())
    assert SCHEMA.validate(SCHEMA.default(kept)) == ()
    read = msgspec.convert(kept, ResourceOverride)
    found = overridden([read], service=ObjectKey("work", "app"), clusters={"aks-1": {}, "aks-2": {"env": "prod"}})
    assert found.outcomes == {"aks-1": Overridden("app-aks-1"), "aks-2": Overridden("app-aks-2")}
    assert found.remarks == ()


def test_defaults_are_a_patch_and_a_placement_of_the_cluster() -> None:
    obj = sample()
    obj["spec"]["placement"] = {"name": "crp"}
    whole = SCHEMA.default(obj)

    assert whole["spec"]["policy"]["overrideRules"][0]["overrideType"] == "JSONPatch"
    assert whole["spec"]["placement"] == {"name": "crp", "scope": "Cluster"}


Change = Callable[[dict[str, Any]], Any]
SELECTOR = {"group": "", "version": "v1", "kind": "Service", "name": "app"}
PATCH = {"op": "remove", "path": "/a"}
RULE = {"jsonPatchOverrides": [PATCH]}
TERM: dict[str, Any] = {"labelSelector": {}}


def rules(spec: dict[str, Any]) -> dict[str, Any]:
    """The first rule."""
    rule: dict[str, Any] = spec["policy"]["overrideRules"][0]
    return rule


def requirement(**more: Any) -> dict[str, Any]:
    return {"clusterSelectorTerms": [{"labelSelector": {"matchExpressions": [{"key": "env", **more}]}}]}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda spec: spec.update(resourceSelectors=[SELECTOR] * 20), id="20 selectors"),
        pytest.param(lambda spec: spec["policy"].update(overrideRules=[RULE] * 20), id="20 rules"),
        pytest.param(lambda spec: rules(spec).update(jsonPatchOverrides=[PATCH] * 20), id="20 patches"),
        pytest.param(
            lambda spec: rules(spec).update(clusterSelector={"clusterSelectorTerms": [TERM] * 10}), id="10 terms"
        ),
        pytest.param(lambda spec: rules(spec).pop("clusterSelector"), id="no clusterSelector"),
        pytest.param(lambda spec: rules(spec).update(overrideType="Delete"), id="Delete"),
        pytest.param(lambda spec: rules(spec).update(clusterSelector=requirement(operator="Exists")), id="an operator"),
        pytest.param(lambda spec: rules(spec)["jsonPatchOverrides"][0].update(value=7), id="a number for a value"),
        pytest.param(lambda spec: rules(spec)["jsonPatchOverrides"][0].update(value={"a": ["b", 1]}), id="a map"),
    ],
)
def test_what_may_be_is_accepted_and_kept(change: Change) -> None:
    obj = sample()
    change(obj["spec"])

    assert SCHEMA.prune(obj) == (obj, ())
    assert SCHEMA.validate(SCHEMA.default(obj)) == ()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param(lambda spec: spec.update(resourceSelectors=[]), "spec.resourceSelectors", id="no selectors"),
        pytest.param(
            lambda spec: spec.update(resourceSelectors=[SELECTOR] * 21), "spec.resourceSelectors", id="21 selectors"
        ),
        pytest.param(
            lambda spec: spec["resourceSelectors"][0].pop("name"),
            "spec.resourceSelectors[0].name",
            id="a selector without a name",
        ),
        pytest.param(lambda spec: spec.pop("policy"), "spec.policy", id="no policy"),
        pytest.param(lambda spec: spec["policy"].update(overrideRules=[]), "spec.policy.overrideRules", id="no rules"),
        pytest.param(
            lambda spec: spec["policy"].update(overrideRules=[RULE] * 21), "spec.policy.overrideRules", id="21 rules"
        ),
        pytest.param(
            lambda spec: rules(spec).update(jsonPatchOverrides=[]),
            "spec.policy.overrideRules[0].jsonPatchOverrides",
            id="no patches",
        ),
        pytest.param(
            lambda spec: rules(spec).update(jsonPatchOverrides=[PATCH] * 21),
            "spec.policy.overrideRules[0].jsonPatchOverrides",
            id="21 patches",
        ),
        pytest.param(
            lambda spec: rules(spec).update(overrideType="Replace"),
            "spec.policy.overrideRules[0].overrideType",
            id="an overrideType that is none",
        ),
        pytest.param(
            lambda spec: rules(spec)["jsonPatchOverrides"][0].update(op="move"),
            "spec.policy.overrideRules[0].jsonPatchOverrides[0].op",
            id="an op that is none",
        ),
        pytest.param(
            lambda spec: rules(spec).update(clusterSelector={"clusterSelectorTerms": [TERM] * 11}),
            "spec.policy.overrideRules[0].clusterSelector.clusterSelectorTerms",
            id="11 terms",
        ),
        pytest.param(
            lambda spec: rules(spec).update(clusterSelector={"clusterSelectorTerms": [{}]}),
            "spec.policy.overrideRules[0].clusterSelector.clusterSelectorTerms[0].labelSelector",
            id="a term that selects by nothing",
        ),
        pytest.param(
            lambda spec: rules(spec).update(clusterSelector=requirement(operator="Near")),
            "spec.policy.overrideRules[0].clusterSelector.clusterSelectorTerms[0].labelSelector"
            ".matchExpressions[0].operator",
            id="an operator that is none",
        ),
    ],
)
def test_what_may_not_be_is_refused_with_its_place(change: Change, field: str) -> None:
    obj = sample()
    change(obj["spec"])

    assert field in [error.field for error in SCHEMA.validate(SCHEMA.default(obj))]

"""Custom kinds come to life with their definition and go with it."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from fleetdns.emulator.hub.rest import Hub
from tests.emulator_hub.shops import (
    DEFINITIONS,
    OLD_SHOPS,
    SHOPS,
    Clock,
    definition,
    labelled,
    make_hub,
    refused,
    shop,
)


@pytest.fixture
def bare() -> Hub:
    return Hub(clock=Clock(), random=random.Random(1))


def test_a_new_hub_knows_its_namespaces_and_no_custom_kind(bare: Hub) -> None:
    names = [item["metadata"]["name"] for item in bare.list("", "v1", "namespaces", None)["items"]]
    assert {"default", "kube-system"} <= set(names)
    assert bare.get("", "v1", "namespaces", None, "kube-system")["metadata"]["uid"]
    assert bare.list(*DEFINITIONS)["items"] == []
    assert refused(lambda: bare.list(*SHOPS)).code == 404


def test_two_hubs_with_the_same_chance_are_the_same(bare: Hub) -> None:
    twin = Hub(clock=Clock(), random=random.Random(1))
    assert twin.list("", "v1", "namespaces", None) == bare.list("", "v1", "namespaces", None)


def test_a_definition_is_established_at_once_and_seen_to_be(bare: Hub) -> None:
    watch = bare.watch(*DEFINITIONS, bookmarks=False)
    made = bare.create(*DEFINITIONS, definition())
    assert made["status"]["conditions"] is None
    status = bare.get(*DEFINITIONS, "shops.ex.io")["status"]
    assert {condition["type"]: condition["status"] for condition in status["conditions"]} == {
        "NamesAccepted": "True",
        "Established": "True",
    }
    assert status["acceptedNames"]["listKind"] == "ShopList"
    assert status["storedVersions"] == ["v1beta1"]
    assert [event["type"] for event in watch.pending()] == ["ADDED", "MODIFIED"]
    assert bare.create(*SHOPS, shop())["spec"] == {"weight": 1}


def test_a_changed_schema_counts_from_then_on(hub: Hub) -> None:
    hub.create(*SHOPS, shop(weight=900))
    changed = copy.deepcopy(definition())
    for version in changed["spec"]["versions"]:
        weight = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["weight"]
        weight["maximum"] = 100
    hub.install(changed)
    assert refused(lambda: hub.create(*SHOPS, shop("other", weight=900))).code == 422
    # What was valid before may stay as long as it is not touched.
    assert hub.update(*SHOPS, "corner", labelled(hub.get(*SHOPS, "corner"), tier="one"))["spec"]["weight"] == 900


def test_what_is_stored_is_read_by_a_schema_that_came_later(hub: Hub) -> None:
    hub.create(*SHOPS, shop(doors=["front"]))
    stored = hub.get(*SHOPS, "corner")
    changed = copy.deepcopy(definition())
    for version in changed["spec"]["versions"]:
        spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
        del spec["doors"]
        spec["sign"] = {"type": "string", "default": "open"}
    hub.install(changed)
    read = hub.get(*SHOPS, "corner")
    assert read["spec"] == {"weight": 1, "sign": "open"}
    assert read["metadata"] == stored["metadata"]
    assert [item["spec"] for item in hub.list(*OLD_SHOPS)["items"]] == [read["spec"]]
    watch = hub.watch(*SHOPS, bookmarks=False)
    assert [event["object"]["spec"] for event in watch.pending()] == [read["spec"]]
    hub.install(definition())
    assert hub.get(*SHOPS, "corner") == stored
    hub.update(*SHOPS, "corner", labelled(stored, tier="one") | {"spec": {"weight": 2}})
    assert hub.get(*SHOPS, "corner")["spec"] == {"weight": 2}


def test_what_was_stored_in_another_version_is_read_in_each(bare: Hub) -> None:
    older = copy.deepcopy(definition())
    for version in older["spec"]["versions"]:
        version["storage"] = version["name"] == "v1alpha1"
    bare.install(older)
    bare.create(*SHOPS, shop())
    bare.install(definition())
    for where in (SHOPS, OLD_SHOPS):
        assert [event["object"]["apiVersion"] for event in bare.watch(*where, bookmarks=False).pending()] == [
            f"{where[0]}/{where[1]}"
        ]
        assert bare.list(*where)["items"][0]["metadata"]["name"] == "corner"


def test_a_version_with_another_schema_shows_what_it_knows(bare: Hub) -> None:
    crd = copy.deepcopy(definition())
    old = next(version for version in crd["spec"]["versions"] if version["name"] == "v1alpha1")
    del old["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["doors"]
    old["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["sign"] = {"type": "string", "default": "open"}
    bare.install(crd)
    bare.create(*SHOPS, shop(doors=["front"]))
    watch = bare.watch(*OLD_SHOPS, bookmarks=False)
    assert bare.get(*OLD_SHOPS, "corner")["spec"] == {"weight": 1, "sign": "open"}
    assert watch.pending()[0]["object"]["spec"] == {"weight": 1, "sign": "open"}
    assert bare.get(*SHOPS, "corner")["spec"] == {"weight": 1, "doors": ["front"]}


def test_deleting_a_definition_deletes_its_objects_and_waits_for_the_held_ones(hub: Hub) -> None:
    hub.create(*SHOPS, shop("free"))
    held = shop("held")
    held["metadata"]["finalizers"] = ["a/b"]
    hub.create(*SHOPS, held)
    going = hub.delete(*DEFINITIONS, "shops.ex.io")
    assert going["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    assert [condition["type"] for condition in going["status"]["conditions"]][-1] == "Terminating"
    assert [item["metadata"]["name"] for item in hub.list(*SHOPS)["items"]] == ["held"]
    error = refused(lambda: hub.create(*SHOPS, shop("late")))
    assert (error.code, error.reason) == (403, "Forbidden")
    hub.patch(*SHOPS, "held", {"metadata": {"finalizers": None}})
    assert refused(lambda: hub.list(*SHOPS)).code == 404
    assert refused(lambda: hub.get(*DEFINITIONS, "shops.ex.io")).code == 404


def test_a_definition_that_is_made_again_starts_empty(hub: Hub) -> None:
    hub.create(*SHOPS, shop())
    hub.delete(*DEFINITIONS, "shops.ex.io")
    hub.create(*DEFINITIONS, definition())
    assert hub.list(*SHOPS)["items"] == []


def _broken(path: str, value: Any) -> dict[str, Any]:
    crd = copy.deepcopy(definition())
    *steps, last = path.split(".")
    place: Any = crd
    for step in steps:
        place = place[int(step)] if step.isdigit() else place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return crd


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        pytest.param("metadata.name", "shop.ex.io", "metadata.name", id="a name that is not plural and group"),
        pytest.param("spec.versions.0.storage", True, "spec.versions", id="two storage versions"),
        pytest.param("spec.versions.0.name", "v1beta1", "spec.versions", id="one version twice"),
        pytest.param("spec.scope", "Everywhere", "spec.scope", id="an unknown scope"),
        pytest.param("spec.versions.0.schema", None, "spec.versions[0].schema.openAPIV3Schema", id="no schema"),
        pytest.param("spec.conversion", {"strategy": "Webhook"}, "spec.conversion.strategy", id="webhook conversion"),
    ],
)
def test_a_definition_that_cannot_be_served_is_refused(bare: Hub, path: str, value: Any, field: str) -> None:
    error = refused(lambda: bare.create(*DEFINITIONS, _broken(path, value)))
    assert error.code == 422
    assert error.details is not None
    assert error.details["kind"] == "CustomResourceDefinition"
    assert field in [cause["field"] for cause in error.details["causes"]]
    assert refused(lambda: bare.list(*SHOPS)).code == 404


def test_a_schema_that_is_not_structural_is_refused_with_its_place(bare: Hub) -> None:
    crd = _broken("spec.versions.0.schema.openAPIV3Schema.properties.spec", {"properties": {"weight": {}}})
    error = refused(lambda: bare.create(*DEFINITIONS, crd))
    assert error.details is not None
    assert all(
        cause["field"].startswith("spec.versions[0].schema.openAPIV3Schema") for cause in error.details["causes"]
    )


def test_what_a_kind_is_cannot_change(hub: Hub) -> None:
    error = refused(lambda: hub.patch(*DEFINITIONS, "shops.ex.io", {"spec": {"scope": "Cluster"}}))
    assert error.message == (
        'CustomResourceDefinition.apiextensions.k8s.io "shops.ex.io" is invalid: spec.scope: Invalid value: "Cluster": '
        "field is immutable"
    )


def test_installing_twice_changes_nothing() -> None:
    hub = make_hub()
    before = hub.store.revision
    hub.install(definition())
    assert hub.store.revision == before

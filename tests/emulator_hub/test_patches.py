"""Changing objects in part: merge, JSON and strategic patches, and applies by several managers."""

from __future__ import annotations

from typing import Any

from fleetdns.emulator.hub.rest import Hub
from tests.emulator_hub.shops import (
    APPLY,
    CONFIG_MAPS,
    JSON_PATCH,
    SHOPS,
    config_map,
    refused,
    shop,
)


def _create(hub: Hub, obj: dict[str, Any], **more: Any) -> dict[str, Any]:
    return hub.create(*SHOPS, obj, **more)


class TestPatch:
    def test_null_takes_away_and_brings_the_default_back(self, hub: Hub) -> None:
        _create(hub, shop(weight=5, owner="ann", doors=["front"]))
        made = hub.patch(*SHOPS, "corner", {"spec": {"weight": None, "doors": None}})
        assert made["spec"] == {"weight": 1, "owner": "ann"}

    def test_json_patch_that_fails_is_a_422_without_details(self, hub: Hub) -> None:
        _create(hub, shop(weight=5))
        operations = [{"op": "test", "path": "/spec/weight", "value": 4}]
        error = refused(lambda: hub.patch(*SHOPS, "corner", operations, content_type=JSON_PATCH))
        assert (error.code, error.reason, error.details) == (422, "Invalid", {})
        assert error.message == "the server rejected our request due to an error in our request"

    def test_json_patch_works_on_what_is_there(self, hub: Hub) -> None:
        _create(hub, shop(weight=5, doors=["front"]))
        operations = [{"op": "add", "path": "/spec/doors/-", "value": "back"}]
        made = hub.patch(*SHOPS, "corner", operations, content_type=JSON_PATCH)
        assert made["spec"]["doors"] == ["front", "back"]

    def test_strategic_patches_are_for_built_in_kinds(self, hub: Hub) -> None:
        strategic = "application/strategic-merge-patch+json"
        _create(hub, shop())
        error = refused(lambda: hub.patch(*SHOPS, "corner", {}, content_type=strategic))
        assert (error.code, error.message) == (
            415,
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        )
        hub.create(*CONFIG_MAPS, config_map(a="1", b="2"))
        patched = hub.patch(*CONFIG_MAPS, "settings", {"data": {"a": None, "c": "3"}}, content_type=strategic)
        assert patched["data"] == {"b": "2", "c": "3"}

    def test_a_list_is_no_merge_patch_nor_an_object_a_json_patch(self, hub: Hub) -> None:
        _create(hub, shop())
        assert refused(lambda: hub.patch(*SHOPS, "corner", [])).code == 400
        assert refused(lambda: hub.patch(*SHOPS, "corner", {}, content_type=JSON_PATCH)).code == 400

    def test_a_patch_cannot_rename(self, hub: Hub) -> None:
        _create(hub, shop())
        error = refused(lambda: hub.patch(*SHOPS, "corner", {"metadata": {"name": "other"}}))
        assert (error.code, error.reason) == (400, "BadRequest")

    def test_only_an_apply_may_force(self, hub: Hub) -> None:
        _create(hub, shop())
        error = refused(lambda: hub.patch(*SHOPS, "corner", {}, force=True))
        assert error.message == (
            'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch'
        )


class TestApply:
    def _apply(self, hub: Hub, obj: dict[str, Any], **more: Any) -> dict[str, Any]:
        return hub.patch(*SHOPS, "corner", obj, content_type=APPLY, **{"manager": "one"} | more)

    def test_creates_then_changes_then_takes_away(self, hub: Hub) -> None:
        assert self._apply(hub, shop(weight=2, owner="ann"))["spec"] == {"weight": 2, "owner": "ann"}
        assert self._apply(hub, shop(weight=3, owner="ann"))["metadata"]["generation"] == 2
        assert self._apply(hub, shop(weight=3, owner="ann")) == hub.get(*SHOPS, "corner")
        assert self._apply(hub, shop(owner="ann"))["spec"] == {"weight": 1, "owner": "ann"}

    def test_two_managers_conflict_until_one_forces(self, hub: Hub) -> None:
        self._apply(hub, shop(weight=2))
        error = refused(lambda: self._apply(hub, shop(weight=3), manager="two"))
        assert (error.code, error.reason, error.details) == (
            409,
            "Conflict",
            {"causes": [{"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".spec.weight"}]},
        )
        assert error.message == 'Apply failed with 1 conflict: conflict with "one": .spec.weight'
        assert self._apply(hub, shop(weight=3), manager="two", force=True)["spec"]["weight"] == 3

    def test_an_updater_is_named_with_its_version(self, hub: Hub) -> None:
        self._apply(hub, shop())
        hub.patch(*SHOPS, "corner", {"spec": {"weight": 7}}, manager="editor")
        error = refused(lambda: self._apply(hub, shop(weight=3)))
        assert error.details is not None
        assert error.details["causes"][0]["message"] == 'conflict with "editor" using ex.io/v1beta1'

    def test_refusals(self, hub: Hub) -> None:
        error = refused(lambda: self._apply(hub, shop(), manager=""))
        assert error.message == (
            'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
        )
        sent = shop()
        sent["metadata"]["managedFields"] = []
        error = refused(lambda: self._apply(hub, sent))
        assert (error.code, error.message) == (400, "metadata.managedFields must be nil")
        assert refused(lambda: self._apply(hub, shop(), subresource="status")).code == 404

    def test_status_is_applied_on_its_own(self, hub: Hub) -> None:
        self._apply(hub, shop(weight=2))
        sent = shop() | {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
        del sent["spec"]
        made = self._apply(hub, sent, subresource="status", manager="controller")
        assert made["status"]["conditions"] == [{"type": "Ready", "status": "True"}]
        assert made["spec"] == {"weight": 2}
        managers = [(entry["manager"], entry.get("subresource")) for entry in made["metadata"]["managedFields"]]
        assert sorted(managers, key=str) == [("controller", "status"), ("one", None)]

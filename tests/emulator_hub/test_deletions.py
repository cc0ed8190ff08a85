"""Deleting objects: at once, held by finalizers, under preconditions, many at a time."""

from __future__ import annotations

from typing import Any

import pytest

from fleetdns.emulator.hub.rest import Hub
from tests.emulator_hub.shops import (
    SHOPS,
    labelled,
    refused,
    shop,
    version_of,
)


def _create(hub: Hub, obj: dict[str, Any], **more: Any) -> dict[str, Any]:
    return hub.create(*SHOPS, obj, **more)


class TestDelete:
    def test_what_nobody_holds_is_gone_at_once(self, hub: Hub) -> None:
        made = _create(hub, shop())
        answer = hub.delete(*SHOPS, "corner")
        assert (answer["kind"], answer["status"]) == ("Status", "Success")
        assert answer["details"] == {
            "name": "corner",
            "group": "ex.io",
            "kind": "shops",
            "uid": made["metadata"]["uid"],
        }
        assert refused(lambda: hub.delete(*SHOPS, "corner")).code == 404

    def test_finalizers_hold_an_object_until_the_last_one_goes(self, hub: Hub) -> None:
        sent = shop(weight=1)
        sent["metadata"]["finalizers"] = ["a/b"]
        _create(hub, sent)
        watch = hub.watch(*SHOPS, resource_version=str(hub.store.revision))
        marked = hub.delete(*SHOPS, "corner")
        assert marked["metadata"]["deletionTimestamp"] == "2026-01-02T03:04:05Z"
        assert marked["metadata"]["generation"] == 2
        assert hub.delete(*SHOPS, "corner") == marked
        assert hub.patch(*SHOPS, "corner", {"spec": {"weight": 2}})["metadata"]["generation"] == 3
        twin = refused(lambda: _create(hub, shop()))
        assert twin.message == 'object is being deleted: shops.ex.io "corner" already exists'
        last = hub.patch(*SHOPS, "corner", {"metadata": {"finalizers": None}})
        events = watch.pending()
        assert [event["type"] for event in events] == ["MODIFIED", "MODIFIED", "DELETED"]
        gone = events[-1]["object"]
        assert gone["metadata"]["finalizers"] == ["a/b"]
        assert version_of(gone) == version_of(last) + 1 == hub.store.revision
        assert "finalizers" not in last["metadata"]
        assert refused(lambda: hub.get(*SHOPS, "corner")).code == 404

    def test_no_finalizer_may_join_a_deletion(self, hub: Hub) -> None:
        sent = shop()
        sent["metadata"]["finalizers"] = ["a/b"]
        _create(hub, sent)
        hub.delete(*SHOPS, "corner")
        error = refused(lambda: hub.patch(*SHOPS, "corner", {"metadata": {"finalizers": ["a/b", "c/d"]}}))
        cause = {
            "reason": "FieldValueForbidden",
            "message": "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers "
            '[]string{"c/d"}',
            "field": "metadata.finalizers",
        }
        assert error.code == 422
        assert error.details is not None
        assert error.details["causes"] == [cause, cause]

    @pytest.mark.parametrize(("propagation", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")])
    def test_propagation_is_a_finalizer_nobody_here_takes_away(
        self, hub: Hub, propagation: str, finalizer: str
    ) -> None:
        _create(hub, shop())
        assert hub.delete(*SHOPS, "corner", propagation=propagation)["metadata"]["finalizers"] == [finalizer]

    def test_preconditions(self, hub: Hub) -> None:
        made = _create(hub, shop())
        uid = made["metadata"]["uid"]
        error = refused(lambda: hub.delete(*SHOPS, "corner", preconditions={"uid": "x"}))
        assert (error.code, error.message) == (
            409,
            f'Operation cannot be fulfilled on Shop.ex.io "corner": the UID in the precondition (x) does not match the '
            f"UID in record ({uid}). The object might have been deleted and then recreated",
        )
        wanted = {"uid": uid, "resourceVersion": "1"}
        assert refused(lambda: hub.delete(*SHOPS, "corner", preconditions=wanted)).code == 409
        hub.delete(*SHOPS, "corner", preconditions={"uid": uid, "resourceVersion": str(version_of(made))})

    def test_a_dry_run_deletes_nothing(self, hub: Hub) -> None:
        _create(hub, shop())
        assert hub.delete(*SHOPS, "corner", dry_run=True)["status"] == "Success"
        assert hub.get(*SHOPS, "corner")["spec"] == {"weight": 1}

    def test_a_collection_is_answered_as_it_was(self, hub: Hub) -> None:
        for name in ("a", "b", "c"):
            _create(hub, labelled(shop(name), keep="yes" if name == "b" else "no"))
        before = hub.delete_collection(*SHOPS, label_selector="keep!=yes")
        assert [item["metadata"]["name"] for item in before["items"]] == ["a", "c"]
        assert [item["metadata"]["name"] for item in hub.list(*SHOPS)["items"]] == ["b"]

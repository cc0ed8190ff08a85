"""Creating and replacing objects: the texts, codes and side effects of a real API server."""

from __future__ import annotations

from typing import Any

import pytest

from fleetdns.emulator.hub.incoming import Options
from fleetdns.emulator.hub.rest import Hub
from tests.emulator_hub.shops import (
    APPLY,
    CONFIG_MAPS,
    GROUP,
    LEASES,
    NAMESPACES,
    OLD_SHOPS,
    SHOPS,
    Clock,
    config_map,
    labelled,
    refused,
    shop,
    version_of,
)


def _create(hub: Hub, obj: dict[str, Any], **more: Any) -> dict[str, Any]:
    return hub.create(*SHOPS, obj, **more)


class TestCreate:
    def test_fills_in_identity_defaults_and_managers(self, hub: Hub) -> None:
        made = _create(hub, shop(owner="ann"), manager="tester")
        metadata = made["metadata"]
        assert made["spec"] == {"owner": "ann", "weight": 1}
        assert (metadata["namespace"], metadata["generation"]) == ("default", 1)
        assert metadata["creationTimestamp"] == "2026-01-02T03:04:05Z"
        assert len(metadata["uid"]) == 36
        assert metadata["managedFields"][0]["manager"] == "tester"
        assert hub.get(*SHOPS, "corner") == made

    def test_what_the_server_owns_is_not_taken_from_the_client(self, hub: Hub) -> None:
        sent = shop()
        sent["metadata"] |= {"uid": "mine", "generation": 9, "deletionTimestamp": "2020-01-01T00:00:00Z"}
        sent["status"] = {"phase": "Open"}
        made = _create(hub, sent)
        assert made["metadata"]["uid"] != "mine"
        assert made["metadata"]["generation"] == 1
        assert "deletionTimestamp" not in made["metadata"]
        assert "status" not in made

    def test_the_callers_object_stays_as_it_was(self, hub: Hub) -> None:
        sent = shop(weight=80.0)
        made = _create(hub, sent)
        made["spec"]["weight"] = 0
        assert sent == shop(weight=80.0)
        assert repr(hub.get(*SHOPS, "corner")["spec"]["weight"]) == "80"

    def test_generated_names_are_five_letters_longer_and_at_most_63(self, hub: Hub) -> None:
        sent = shop()
        sent["metadata"] = {"generateName": "a" * 80}
        first, second = _create(hub, sent)["metadata"]["name"], _create(hub, sent)["metadata"]["name"]
        assert first != second
        assert len(first) == 63
        assert set(first[58:]) <= set("bcdfghjklmnpqrstvwxz2456789")

    def test_a_dry_run_answers_and_stores_nothing(self, hub: Hub) -> None:
        before = hub.store.revision
        made = _create(hub, shop(), dry_run=True)
        assert made["spec"] == {"weight": 1}
        assert "resourceVersion" not in made["metadata"]
        assert hub.store.revision == before
        assert refused(lambda: hub.get(*SHOPS, "corner")).code == 404

    @pytest.mark.parametrize(
        ("change", "code", "reason", "message"),
        [
            pytest.param(
                {"metadata": {"name": "corner", "resourceVersion": "5"}},
                500,
                "",
                "resourceVersion should not be set on objects to be created",
                id="a version on a new object is a 500",
            ),
            pytest.param(
                {"kind": "Store"},
                422,
                "Invalid",
                'Store.ex.io "corner" is invalid: kind: Invalid value: "Store": must be Shop',
                id="another kind is a 422",
            ),
            pytest.param(
                {"apiVersion": "ex.io/v1"},
                400,
                "BadRequest",
                "the API version in the data (ex.io/v1) does not match the expected API version (ex.io/v1beta1)",
                id="another version is a 400",
            ),
            pytest.param(
                {"metadata": {"name": "corner", "namespace": "work"}},
                400,
                "BadRequest",
                "the namespace of the provided object does not match the namespace sent on the request",
                id="another namespace is a 400",
            ),
            pytest.param(
                {"metadata": {}},
                422,
                "Invalid",
                'Shop.ex.io "" is invalid: [metadata.name: Required value: name or generateName is required, <nil>: '
                "Invalid value: null: some validation rules were not checked because the object was invalid; correct "
                "the existing errors to complete validation]",
                id="no name is a 422",
            ),
            pytest.param(
                {"metadata": {"name": "corner", "labels": {"tier": 1}}},
                400,
                "BadRequest",
                'Shop in version "v1beta1" cannot be handled as a Shop: json: cannot unmarshal number into Go struct '
                "field ObjectMeta.labels of type string",
                id="a label that is a number is a 400",
            ),
            pytest.param(
                {"spec": {"weight": 1001}},
                422,
                "Invalid",
                'Shop.ex.io "corner" is invalid: spec.weight: Invalid value: 1001: spec.weight in body should be less '
                "than or equal to 1000",
                id="a value over the maximum is a 422",
            ),
        ],
    )
    def test_refuses(self, hub: Hub, change: dict[str, Any], code: int, reason: str, message: str) -> None:
        error = refused(lambda: _create(hub, shop() | change))
        assert (error.code, error.reason, error.message) == (code, reason, message)

    def test_a_name_that_is_no_dns_name_is_explained(self, hub: Hub) -> None:
        error = refused(lambda: _create(hub, shop("Corner_1")))
        assert error.code == 422
        assert error.message.startswith(
            'Shop.ex.io "Corner_1" is invalid: metadata.name: Invalid value: "Corner_1": a lowercase RFC 1123 subdomain'
        )
        assert error.details is not None
        assert error.details["kind"] == "Shop"
        assert error.details["causes"][0]["field"] == "metadata.name"

    def test_version_zero_is_no_version(self, hub: Hub) -> None:
        sent = shop()
        sent["metadata"]["resourceVersion"] = "0"
        assert version_of(_create(hub, sent)) > 0

    def test_an_invalid_twin_is_invalid_before_it_is_a_twin(self, hub: Hub) -> None:
        _create(hub, shop())
        assert refused(lambda: _create(hub, shop(weight=-1))).code == 422
        twin = refused(lambda: _create(hub, shop()))
        assert (twin.code, twin.reason, twin.message) == (409, "AlreadyExists", 'shops.ex.io "corner" already exists')
        assert twin.details == {"name": "corner", "group": "ex.io", "kind": "shops"}

    def test_a_namespace_that_is_missing_is_named(self, hub: Hub) -> None:
        error = refused(lambda: hub.create(GROUP, "v1beta1", "shops", "work", shop()))
        assert (error.code, error.message) == (404, 'namespaces "work" not found')
        assert error.details == {"name": "work", "kind": "namespaces"}

    def test_nothing_is_created_in_a_namespace_that_is_going(self, hub: Hub) -> None:
        hub.create(*NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "work"}})
        going = hub.delete(*NAMESPACES, "work")
        assert going["status"]["phase"] == "Terminating"
        error = refused(lambda: hub.create(GROUP, "v1beta1", "shops", "work", shop()))
        assert error.code == 403
        assert error.message.endswith("unable to create new content in namespace work because it is being terminated")

    def test_a_finalizer_without_a_domain_is_accepted_with_a_warning(self, hub: Hub) -> None:
        sent = shop()
        sent["metadata"]["finalizers"] = ["hold"]
        warnings: list[str] = []
        hub.create_with(hub.registry.find(*SHOPS[:3]), "default", sent, Options(warn=warnings.append))
        assert warnings == [
            'metadata.finalizers: "hold": prefer a domain-qualified finalizer name to avoid accidental conflicts with '
            "other finalizer writers"
        ]


class TestFieldValidation:
    def _warned(self, hub: Hub, validation: str) -> list[str]:
        warnings: list[str] = []
        sent = shop(colour="red", area=3) | {"extra": 1}
        sent["metadata"]["mood"] = "good"
        options = Options(field_validation=validation, duplicates=("spec.weight",), warn=warnings.append)
        hub.create_with(hub.registry.find(*SHOPS[:3]), "default", sent, options)
        return warnings

    def test_warns_of_duplicates_first_then_metadata_then_the_rest_sorted(self, hub: Hub) -> None:
        assert self._warned(hub, "Warn") == [
            'duplicate field "spec.weight"',
            'unknown field "metadata.mood"',
            'unknown field "extra"',
            'unknown field "spec.area"',
            'unknown field "spec.colour"',
        ]

    def test_ignore_says_nothing_and_prunes_all_the_same(self, hub: Hub) -> None:
        assert self._warned(hub, "Ignore") == []
        assert hub.get(*SHOPS, "corner")["spec"] == {"weight": 1}

    def test_strict_refuses_a_create(self, hub: Hub) -> None:
        error = refused(lambda: _create(hub, shop(colour="red", area=3), field_validation="Strict"))
        assert (error.code, error.message) == (
            400,
            'Shop in version "v1beta1" cannot be handled as a Shop: strict decoding error: unknown field "spec.area", '
            'unknown field "spec.colour"',
        )

    def test_strict_refuses_a_patch_in_other_words(self, hub: Hub) -> None:
        _create(hub, shop())
        error = refused(lambda: hub.patch(*SHOPS, "corner", {"spec": {"colour": 1}}, field_validation="Strict"))
        assert error.code == 422
        assert error.message.startswith(' "" is invalid: patch: Invalid value: "{')
        assert error.message.endswith('strict decoding error: unknown field "spec.colour"')

    def test_an_apply_with_an_unknown_field_is_a_500(self, hub: Hub) -> None:
        sent = shop(colour=1)
        error = refused(lambda: hub.patch(*SHOPS, "corner", sent, content_type=APPLY, manager="one"))
        assert (error.code, error.message) == (
            500,
            "failed to create typed patch object (/corner; ex.io/v1beta1, Kind=Shop): .spec.colour: field not declared "
            "in schema",
        )


class TestUpdate:
    def test_spec_changes_count_as_generations_labels_and_status_do_not(self, hub: Hub) -> None:
        made = _create(hub, shop(weight=1))
        made = hub.update(*SHOPS, "corner", labelled(made, tier="one"))
        assert made["metadata"]["generation"] == 1
        made = hub.update(*SHOPS, "corner", made | {"spec": {"weight": 2}})
        assert made["metadata"]["generation"] == 2
        made = hub.update(*SHOPS, "corner", made | {"status": {"phase": "Open"}}, subresource="status")
        assert (made["metadata"]["generation"], made["status"]) == (2, {"phase": "Open"})

    def test_the_main_resource_does_not_write_status_nor_the_status_anything_else(self, hub: Hub) -> None:
        made = _create(hub, shop(weight=1))
        made = hub.update(*SHOPS, "corner", labelled(made, tier="one") | {"status": {"phase": "Open"}})
        assert "status" not in made
        sent = labelled(made, tier="two") | {"status": {"phase": "Shut"}, "spec": {"weight": 9}}
        sent["metadata"]["finalizers"] = ["a/b"]
        made = hub.update(*SHOPS, "corner", sent, subresource="status")
        assert (made["status"], made["spec"]) == ({"phase": "Shut"}, {"weight": 1})
        assert made["metadata"]["labels"] == {"tier": "one"}
        assert "finalizers" not in made["metadata"]

    def test_what_changes_nothing_keeps_the_version(self, hub: Hub, clock: Clock) -> None:
        made = _create(hub, shop(weight=1))
        clock.now += 60
        assert hub.update(*SHOPS, "corner", made) == made
        assert hub.patch(*SHOPS, "corner", {"spec": {"weight": 1}}) == made
        assert hub.store.revision == version_of(made)

    def test_an_empty_status_is_a_change_where_there_was_none(self, hub: Hub) -> None:
        made = _create(hub, shop())
        patched = hub.patch(*SHOPS, "corner", {"status": {}}, subresource="status")
        assert version_of(patched) == version_of(made) + 1

    def test_a_stale_version_is_a_conflict(self, hub: Hub) -> None:
        made = _create(hub, shop())
        hub.patch(*SHOPS, "corner", {"spec": {"weight": 2}})
        for call in (
            lambda: hub.update(*SHOPS, "corner", made),
            lambda: hub.patch(*SHOPS, "corner", {"metadata": {"resourceVersion": str(version_of(made))}}),
        ):
            error = refused(call)
            assert (error.code, error.reason) == (409, "Conflict")
            assert error.message == (
                'Operation cannot be fulfilled on shops.ex.io "corner": the object has been modified; please apply '
                "your changes to the latest version and try again"
            )
            assert error.details == {"name": "corner", "group": "ex.io", "kind": "shops"}

    def test_no_version_is_refused_for_custom_kinds_and_leases_not_for_config_maps(self, hub: Hub) -> None:
        _create(hub, shop())
        error = refused(lambda: hub.update(*SHOPS, "corner", shop()))
        assert (error.code, error.message) == (
            422,
            'shops.ex.io "corner" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an '
            "update",
        )
        hub.create(*CONFIG_MAPS, config_map(a="1"))
        assert hub.update(*CONFIG_MAPS, "settings", config_map(a="2"))["data"] == {"a": "2"}

    def test_a_version_that_is_no_number_is_a_500(self, hub: Hub) -> None:
        made = _create(hub, shop())
        made["metadata"]["resourceVersion"] = "abc"
        error = refused(lambda: hub.update(*SHOPS, "corner", made))
        assert (error.code, error.message) == (500, 'strconv.ParseUint: parsing "abc": invalid syntax')

    def test_nothing_there_is_a_404_but_a_lease_is_created(self, hub: Hub) -> None:
        assert refused(lambda: hub.update(*SHOPS, "corner", shop())).message == 'shops.ex.io "corner" not found'
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "lock"}, "spec": {}}
        assert hub.update(*LEASES, "lock", lease)["metadata"]["name"] == "lock"
        other = lease | {"metadata": {"name": "other", "uid": "1-2-3"}}
        error = refused(lambda: hub.update(*LEASES, "other", other))
        assert (error.code, error.reason) == (409, "Conflict")

    def test_another_uid_is_a_conflict_in_a_put_and_invalid_in_a_patch(self, hub: Hub) -> None:
        made = _create(hub, shop())
        real = made["metadata"]["uid"]
        error = refused(lambda: hub.update(*SHOPS, "corner", made | {"metadata": made["metadata"] | {"uid": "x"}}))
        assert (error.code, error.message) == (
            409,
            'Operation cannot be fulfilled on shops.ex.io "corner": StorageError: invalid object, Code: 4, Key: '
            "/registry/ex.io/shops/default/corner, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in "
            f"precondition: x, UID in object meta: {real}",
        )
        error = refused(lambda: hub.patch(*SHOPS, "corner", {"metadata": {"uid": "x"}}))
        assert error.message == 'Shop.ex.io "corner" is invalid: metadata.uid: Invalid value: "x": field is immutable'

    @pytest.mark.parametrize(
        ("metadata", "message"),
        [
            pytest.param(
                {"name": "other"},
                "the name of the object (other) does not match the name on the URL (corner)",
                id="another name",
            ),
            pytest.param(
                {},
                "the name of the object (corner based on URL) was undeterminable: name must be provided",
                id="no name",
            ),
        ],
    )
    def test_a_body_must_name_its_own_url(self, hub: Hub, metadata: dict[str, str], message: str) -> None:
        _create(hub, shop())
        error = refused(lambda: hub.update(*SHOPS, "corner", shop() | {"metadata": metadata}))
        assert (error.code, error.message) == (400, message)

    def test_a_transition_rule_keeps_a_field(self, hub: Hub) -> None:
        _create(hub, shop(owner="ann"))
        error = refused(lambda: hub.patch(*SHOPS, "corner", {"spec": {"owner": "bob"}}))
        assert error.message == ('Shop.ex.io "corner" is invalid: spec.owner: Invalid value: "bob": owner is immutable')

    def test_both_versions_show_one_object(self, hub: Hub) -> None:
        hub.create(*OLD_SHOPS, shop(version="v1alpha1", weight=3))
        new = hub.get(*SHOPS, "corner")
        assert new["apiVersion"] == "ex.io/v1beta1"
        assert hub.get(*OLD_SHOPS, "corner") == new | {"apiVersion": "ex.io/v1alpha1"}

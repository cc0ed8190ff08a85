"""The built-in kinds: what each does beyond the common rules."""

from __future__ import annotations

from typing import Any

import pytest

from fleetdns.emulator.hub.rest import Hub
from tests.emulator_hub.shops import CONFIG_MAPS, EVENTS, LEASES, NAMESPACES, config_map, refused, version_of


def _lease(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "lock"},
        "spec": {"holderIdentity": "me", "leaseDurationSeconds": 30} | spec,
    }


class TestLease:
    def test_times_are_kept_in_utc_with_six_decimals(self, hub: Hub) -> None:
        made = hub.create(*LEASES, _lease(renewTime="2026-01-02T05:04:05.123456+02:00"))
        assert made["spec"]["renewTime"] == "2026-01-02T03:04:05.123456Z"

    @pytest.mark.parametrize("time", ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.123Z", "yesterday"])
    def test_any_other_time_is_a_400(self, hub: Hub, time: str) -> None:
        error = refused(lambda: hub.create(*LEASES, _lease(renewTime=time)))
        assert (error.code, error.reason) == (400, "BadRequest")
        assert error.message.startswith('Lease in version "v1" cannot be handled as a Lease: parsing time')

    def test_a_duration_of_nothing_is_invalid(self, hub: Hub) -> None:
        error = refused(lambda: hub.create(*LEASES, _lease(leaseDurationSeconds=0)))
        assert error.message == (
            'Lease.coordination.k8s.io "lock" is invalid: spec.leaseDurationSeconds: Invalid value: 0: must be greater '
            "than 0"
        )

    def test_two_holders_cannot_both_win(self, hub: Hub) -> None:
        made = hub.create(*LEASES, _lease())
        assert refused(lambda: hub.create(*LEASES, _lease())).reason == "AlreadyExists"
        hub.update(*LEASES, "lock", made | {"spec": made["spec"] | {"holderIdentity": "you"}})
        assert refused(lambda: hub.update(*LEASES, "lock", made)).reason == "Conflict"


class TestEvent:
    def _event(self, **more: Any) -> dict[str, Any]:
        about = {"kind": "Shop", "name": "corner", "namespace": "default", "uid": "1"}
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "corner.1"},
            "involvedObject": about,
            "reason": "Opened",
        } | more

    def test_prints_five_fields_even_if_they_are_empty(self, hub: Hub) -> None:
        made = hub.create(*EVENTS, self._event())
        empty = {name: made[name] for name in ("eventTime", "firstTimestamp", "lastTimestamp")}
        assert empty == dict.fromkeys(empty)
        assert (made["reportingComponent"], made["reportingInstance"]) == ("", "")
        again = hub.patch(*EVENTS, "corner.1", {"count": 2})
        assert (again["count"], again["eventTime"]) == (2, None)

    def test_is_found_by_what_it_is_about(self, hub: Hub) -> None:
        hub.create(*EVENTS, self._event())
        found = hub.list(*EVENTS, field_selector="involvedObject.name=corner,involvedObject.uid=1,reason!=Shut")
        assert len(found["items"]) == 1
        assert hub.list(*EVENTS, field_selector="involvedObject.kind=Barn")["items"] == []

    def test_lies_where_its_object_lies(self, hub: Hub) -> None:
        error = refused(lambda: hub.create(*EVENTS, self._event(involvedObject={"namespace": "work"})))
        assert error.code == 422
        assert "does not match event.namespace" in error.message


class TestNamespace:
    def _make(self, hub: Hub) -> dict[str, Any]:
        return hub.create(*NAMESPACES, {"metadata": {"name": "work"}})

    def test_is_active_labelled_and_held(self, hub: Hub) -> None:
        made = self._make(hub)
        assert made["status"] == {"phase": "Active"}
        assert made["spec"] == {"finalizers": ["kubernetes"]}
        assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": "work"}
        assert "generation" not in made["metadata"]

    def test_goes_only_when_somebody_finalizes_it(self, hub: Hub) -> None:
        self._make(hub)
        going = hub.delete(*NAMESPACES, "work")
        assert hub.get(*NAMESPACES, "work")["status"]["phase"] == "Terminating"
        hub.update(*NAMESPACES, "work", going | {"spec": {"finalizers": []}}, subresource="finalize")
        assert refused(lambda: hub.get(*NAMESPACES, "work")).code == 404

    def test_the_first_ones_cannot_go(self, hub: Hub) -> None:
        error = refused(lambda: hub.delete(*NAMESPACES, "kube-system"))
        assert (error.code, error.message) == (
            403,
            'namespaces "kube-system" is forbidden: this namespace may not be deleted',
        )

    def test_a_name_must_be_one_label(self, hub: Hub) -> None:
        error = refused(lambda: hub.create(*NAMESPACES, {"metadata": {"name": "a.b"}}))
        assert "a lowercase RFC 1123 label must consist of" in error.message


def test_a_secret_keeps_its_texts_as_data(hub: Hub) -> None:
    made = hub.create("", "v1", "secrets", "default", {"metadata": {"name": "s"}, "stringData": {"user": "ann"}})
    assert (made["data"], made["type"]) == ({"user": "YW5u"}, "Opaque")
    assert "stringData" not in made


def test_a_service_has_its_defaults(hub: Hub) -> None:
    sent = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
    made = hub.create("", "v1", "services", "default", sent)
    assert made["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert made["spec"]["type"] == "ClusterIP"
    hub.patch("", "v1", "services", "default", "s", {"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}})
    assert hub.get("", "v1", "services", "default", "s")["status"] == {"loadBalancer": {}}


def test_a_strategic_patch_merges_lists_by_their_key(hub: Hub) -> None:
    strategic = "application/strategic-merge-patch+json"
    service = ("", "v1", "services", "default")
    sent = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]}}
    hub.create(*service, sent)
    body = {
        "spec": {
            "$setElementOrder/ports": [{"port": 82}, {"port": 80}],
            "ports": [{"port": 82, "name": "c"}, {"port": 81, "$patch": "delete"}, {"port": 80, "name": "z"}],
        }
    }
    patched = hub.patch(*service, "s", body, content_type=strategic)
    assert {port["port"]: port["name"] for port in patched["spec"]["ports"]} == {80: "z", 82: "c"}


def test_a_config_map_with_a_number_is_a_400(hub: Hub) -> None:
    error = refused(lambda: hub.create(*CONFIG_MAPS, config_map() | {"data": {"a": 1}}))
    assert (error.code, error.reason) == (400, "BadRequest")


def test_a_secret_is_no_config_map(hub: Hub) -> None:
    error = refused(lambda: hub.create(*CONFIG_MAPS, config_map() | {"kind": "Secret"}))
    assert (error.code, error.reason) == (400, "BadRequest")


def test_a_config_map_has_no_generation(hub: Hub) -> None:
    made = hub.create(*CONFIG_MAPS, config_map(a="1"))
    assert "generation" not in made["metadata"]
    assert version_of(hub.patch(*CONFIG_MAPS, "settings", {"data": {"a": "1"}})) == version_of(made)

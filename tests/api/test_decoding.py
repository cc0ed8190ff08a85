"""Objects as API servers and other controllers write them become values, whatever else is in them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fleetdns.api.backend import BackendStatus, EndpointStatus, FromCluster, RejectedExport, TrafficManagerBackend
from fleetdns.api.conditions import Condition
from fleetdns.api.exports import ClusterRef, InternalServiceExport, ServiceImport, ServicePort
from fleetdns.api.meta import GROUP, ObjectKey, ObjectMeta, Resource, is_marked
from fleetdns.api.offer import Offer
from fleetdns.api.profile import (
    CustomHeader,
    DNSConfig,
    EndpointCounts,
    MonitorConfig,
    ProfileStatus,
    TrafficManagerProfile,
)

UID = "6f0e2b1c-8f5d-4d8e-9c58-6f1f1b0c1a11"
METADATA: dict[str, Any] = {
    "name": "myatm",
    "namespace": "work",
    "uid": UID,
    "resourceVersion": "1042",
    "generation": 3,
    "creationTimestamp": "2026-01-01T00:00:00Z",
    "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
    "managedFields": [{"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": {}}}],
    "ownerReferences": [{"kind": "Application", "name": "x"}],
}


def decoded(kind: type[Any], **fields: Any) -> Any:
    raw = {"apiVersion": f"{GROUP}/v1beta1", "kind": kind.__name__, "metadata": METADATA, **fields}
    return msgspec.json.decode(msgspec.json.encode(raw), type=kind)


def test_a_whole_profile() -> None:
    profile = decoded(
        TrafficManagerProfile,
        spec={
            "resourceGroup": "fleet-rg",
            "monitorConfig": {
                "intervalInSeconds": 30,
                "timeoutInSeconds": 10,
                "toleratedNumberOfFailures": 3,
                "protocol": "HTTP",
                "port": 8080,
                "path": "/",
                "customHeaders": [{"name": "Host", "value": "shop"}],
                "expectedStatusCodeRanges": [{"min": 200, "max": 299}],
            },
            "dnsConfig": {"relativeName": "shop", "ttl": 0},
            "deletionPolicy": "Retain",
            "somethingNewer": {"a": [1, None]},
        },
        status={
            "dnsName": "shop.trafficmanager.net",
            "resourceID": "/subscriptions/s",
            "endpoints": {"total": 3, "online": 2, "degraded": 1, "unknown": 0},
            "observedGeneration": 3,
            "conditions": [
                {
                    "type": "Programmed",
                    "status": "True",
                    "reason": "Programmed",
                    "message": "",
                    "observedGeneration": 3,
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                }
            ],
        },
    )
    assert profile.metadata.key == ObjectKey("work", "myatm")
    assert (profile.metadata.uid, profile.metadata.generation, profile.metadata.is_deleting) == (UID, 3, False)
    assert profile.spec.monitor_config == MonitorConfig(30, 10, 3, "HTTP", 8080, "/", (CustomHeader("Host", "shop"),))
    assert profile.spec.dns_config == DNSConfig("shop", 0)
    assert (profile.spec.resource_group, profile.spec.deletion_policy) == ("fleet-rg", "Retain")
    assert profile.status == ProfileStatus(
        dns_name="shop.trafficmanager.net",
        resource_id="/subscriptions/s",
        endpoints=EndpointCounts(3, 2, 1),
        observed_generation=3,
        conditions=(Condition("Programmed", "True", "Programmed", "", 3, "2026-01-01T00:00:00Z"),),
    )


def test_a_profile_with_nothing_in_it() -> None:
    profile = decoded(TrafficManagerProfile)
    assert profile.spec.resource_group is None
    assert profile.spec.monitor_config == MonitorConfig()
    assert profile.status == ProfileStatus()


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"resourceGroup": None, "deletionPolicy": None}, id="settings"),
        pytest.param({"monitorConfig": {"path": None, "port": None}}, id="inside a group"),
        pytest.param({"dnsConfig": {"ttl": None, "relativeName": None}}, id="inside another group"),
    ],
)
def test_a_null_is_as_good_as_nothing(spec: dict[str, Any]) -> None:
    assert decoded(TrafficManagerProfile, spec=spec).spec == decoded(TrafficManagerProfile).spec


def test_a_whole_backend() -> None:
    backend = decoded(
        TrafficManagerBackend,
        spec={"profile": {"name": "myatm"}, "backend": {"name": "app", "kind": "ServiceImport"}, "weight": 100},
        status={
            "endpoints": [
                {
                    "name": "fleet-x#app#a",
                    "resourceID": "/subscriptions/s",
                    "target": "a.cloudapp.azure.com",
                    "weight": 50,
                    "from": {"cluster": "a", "weight": 1},
                    "monitorStatus": "Online",
                },
                {"name": "fleet-x#app#b", "weight": None, "from": None},
            ],
            "endpointCount": 2,
            "rejected": [{"cluster": "c", "reason": "DNSLabelMissing", "message": "m"}],
        },
    )
    assert (backend.profile_key, backend.service_key) == (ObjectKey("work", "myatm"), ObjectKey("work", "app"))
    assert backend.weight == 100
    assert backend.status == BackendStatus(
        endpoints=(
            EndpointStatus(
                "fleet-x#app#a", "/subscriptions/s", "a.cloudapp.azure.com", 50, FromCluster("a", 1), "Online"
            ),
            EndpointStatus("fleet-x#app#b"),
        ),
        endpoint_count=2,
        rejected=(RejectedExport("c", "DNSLabelMissing", "m"),),
    )


def test_a_rejection_without_a_message_is_read() -> None:
    spec = {"profile": {"name": "p"}, "backend": {"name": "b"}}
    backend = decoded(TrafficManagerBackend, spec=spec, status={"rejected": [{"cluster": "c", "reason": "R"}]})
    assert backend.status.rejected == (RejectedExport("c", "R", ""),)


@pytest.mark.parametrize(
    ("weight", "counts"),
    [
        pytest.param({}, 1, id="absent counts 1"),
        pytest.param({"weight": None}, 1, id="null counts 1"),
        pytest.param({"weight": 0}, 0, id="0 is a weight"),
        pytest.param({"weight": 7}, 7, id="a weight"),
    ],
)
def test_weights(weight: dict[str, Any], counts: int) -> None:
    reference = {"clusterId": "a", "namespace": "work", "name": "app"}
    spec = {"profile": {"name": "p"}, "backend": {"name": "b"}, **weight}
    assert decoded(TrafficManagerBackend, spec=spec).weight == counts
    assert decoded(InternalServiceExport, spec={"serviceReference": reference, **weight}).weight == counts


def test_a_whole_internal_service_export() -> None:
    export = decoded(
        InternalServiceExport,
        spec={
            "ports": [
                {"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080, "appProtocol": "http"},
                {"port": 81, "targetPort": "admin"},
            ],
            "serviceReference": {
                "clusterId": "member-1",
                "apiVersion": "v1",
                "kind": "Service",
                "namespace": "work",
                "name": "app",
                "resourceVersion": "7",
                "generation": 0,
                "uid": UID,
                "namespacedName": "work/app",
                "exportedSince": "2026-01-01T00:00:00Z",
            },
            "type": "LoadBalancer",
            "isDNSLabelConfigured": True,
            "isInternalLoadBalancer": False,
            "publicIPResourceID": "/subscriptions/s",
            "weight": 5,
        },
        status={},
    )
    assert (export.cluster, export.service_key) == ("member-1", ObjectKey("work", "app"))
    assert export.spec.ports == (
        ServicePort(80, "TCP", "http", "http", 8080),
        ServicePort(81, target_port="admin"),
    )
    assert (export.spec.type, export.spec.public_ip_resource_id) == ("LoadBalancer", "/subscriptions/s")
    assert (export.spec.is_dns_label_configured, export.spec.is_internal_load_balancer) == (True, False)
    assert export.spec.service_reference.exported_since == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("namespace", "is_own"),
    [
        pytest.param("fleet-member-member-1", True, id="its own namespace"),
        pytest.param("fleet-member-member-2", False, id="another member's"),
        pytest.param("member-1", False, id="no member's at all"),
        pytest.param("fleet-member-MEMBER-1", False, id="another case"),
    ],
)
def test_an_export_counts_in_its_own_namespace(namespace: str, is_own: bool) -> None:
    raw = {
        "metadata": {"name": "work-app", "namespace": namespace},
        "spec": {"serviceReference": {"clusterId": "member-1", "namespace": "work", "name": "app"}},
    }
    assert msgspec.convert(raw, InternalServiceExport).is_from_own_namespace is is_own


def test_a_whole_service_import() -> None:
    service_import = decoded(
        ServiceImport,
        spec={},
        status={
            "ports": [{"port": 80, "protocol": "UDP"}],
            "clusters": [{"cluster": "a", "weight": 1}, {"cluster": "b"}],
            "type": "ClusterSetIP",
            "ips": [],
            "sessionAffinityConfig": {},
        },
    )
    assert service_import.status.clusters == (ClusterRef("a"), ClusterRef("b"))
    assert service_import.status.ports == (ServicePort(80, "UDP"),)
    assert decoded(ServiceImport).status.clusters == ()


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        pytest.param(TrafficManagerProfile, {"monitorConfig": {"port": "80"}}, id="text for a number"),
        pytest.param(TrafficManagerProfile, {"monitorConfig": []}, id="a list for an object"),
        pytest.param(TrafficManagerBackend, {"profile": {"name": "p"}}, id="a backend without a service"),
        pytest.param(InternalServiceExport, {"ports": []}, id="an export that says not of what"),
    ],
)
def test_what_means_nothing_is_an_error_and_no_guess(kind: type[Any], spec: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        decoded(kind, spec=spec)


@pytest.mark.parametrize(
    ("annotations", "is_on"),
    [
        pytest.param({}, False, id="absent"),
        pytest.param({"fleetdns.io/paused": "true"}, True, id="true"),
        pytest.param({"fleetdns.io/paused": "True"}, False, id="True"),
        pytest.param({"fleetdns.io/paused": "yes"}, False, id="yes"),
        pytest.param({"fleetdns.io/paused": ""}, False, id="empty"),
        pytest.param({"fleetdns.io/Paused": "true"}, False, id="another name"),
    ],
)
def test_only_true_switches(annotations: dict[str, str], is_on: bool) -> None:
    assert is_marked(ObjectMeta(annotations=annotations), "fleetdns.io/paused") is is_on


def test_metadata() -> None:
    deleting = msgspec.convert({"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["a/b"]}, ObjectMeta)
    assert (deleting.is_deleting, deleting.finalizers) == (True, ("a/b",))
    assert not msgspec.convert({"creationTimestamp": None, "deletionTimestamp": None}, ObjectMeta).is_deleting
    assert str(ObjectKey("work", "myatm")) == "work/myatm"


@pytest.mark.parametrize(
    ("resource", "api_version"),
    [
        pytest.param(TrafficManagerProfile.resource, f"{GROUP}/v1beta1", id="a group"),
        pytest.param(InternalServiceExport.resource, f"{GROUP}/v1alpha1", id="another version"),
        pytest.param(Resource("", "v1", "namespaces", "Namespace"), "v1", id="the core group"),
    ],
)
def test_api_versions(resource: Resource, api_version: str) -> None:
    assert resource.api_version == api_version


def test_values_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        decoded(TrafficManagerProfile).spec.resource_group = "other"


def test_an_offer_without_the_one_field_of_its_reference_that_the_definition_does_not_ask_for_is_read() -> None:
    reference = {
        "clusterId": "one",
        "kind": "Service",
        "namespace": "work",
        "name": "app",
        "namespacedName": "work/app",
        "uid": UID,
        "resourceVersion": "1",
        "generation": 1,
    }
    offer = decoded(Offer, spec={"ports": [{"port": 80}], "serviceReference": reference})
    assert (offer.spec.service_reference.api_version, offer.spec.service_reference.name) == ("", "app")

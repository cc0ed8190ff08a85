"""Every kustomization renders, and its parts agree with each other and with the program that they run."""

from __future__ import annotations

import re

import pytest
import yaml

from fleetdns import __version__, settings
from fleetdns.settings import Address
from fleetdns.settings.flags import FLAGS
from tests.manifests.definitions import DEFINITIONS, GROUP, MANIFESTS, SCHEMAS
from tests.manifests.rendered import HUB, KUSTOMIZATIONS, Object, container, objects, only, pod, text

DOCKERFILE = MANIFESTS.parent / "Dockerfile"
LONGEST_STOP = 30  # seconds; api.md


def test_every_folder_of_manifests_can_be_applied() -> None:
    folders = {path.parent for path in MANIFESTS.rglob("*.yaml")}

    assert [folder for folder in folders if not (folder / "kustomization.yaml").exists()] == []


@pytest.mark.parametrize("kustomization", KUSTOMIZATIONS)
def test_a_kustomization_renders(kustomization: str) -> None:
    assert all(obj["metadata"]["name"] for obj in yaml.safe_load_all(text(kustomization)))


@pytest.mark.parametrize("kustomization", HUB)
def test_what_has_a_namespace_lies_in_fleetdns_own(kustomization: str) -> None:
    outside = {"Namespace", "ClusterRole", "ClusterRoleBinding"}

    assert ("Namespace", "fleetdns") in objects(kustomization)
    for (kind, _), obj in objects(kustomization).items():
        assert obj["metadata"].get("namespace") == (None if kind in outside else "fleetdns")
        assert obj["metadata"]["labels"]["app.kubernetes.io/name"] == "fleetdns"


@pytest.mark.parametrize("kustomization", HUB)
def test_deleting_the_controller_deletes_no_definition(kustomization: str) -> None:
    assert "CustomResourceDefinition" not in {kind for kind, _ in objects(kustomization)}


@pytest.mark.parametrize("kind", ["Role", "ClusterRole"])
def test_no_right_is_a_wildcard(kind: str) -> None:
    rules = only("base", kind)["rules"]

    assert rules
    assert [rule for rule in rules if "*" in str(rule)] == []


@pytest.mark.parametrize("kind", ["RoleBinding", "ClusterRoleBinding"])
def test_the_rights_are_the_account_s_of_the_pods(kind: str) -> None:
    binding = only("base", kind)

    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "fleetdns", "namespace": "fleetdns"}]
    assert binding["roleRef"]["name"] == only("base", kind.removesuffix("Binding"))["metadata"]["name"]
    assert pod("base")["spec"]["serviceAccountName"] == "fleetdns"


def test_only_the_pods_that_need_a_token_get_one() -> None:
    assert only("base", "ServiceAccount")["automountServiceAccountToken"] is False
    assert pod("base")["spec"]["automountServiceAccountToken"] is True


def test_the_user_is_the_image_s() -> None:
    (user, group) = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE.read_text(), re.MULTILINE)[-1]
    context = pod("base")["spec"]["securityContext"]

    assert (context["runAsUser"], context["runAsGroup"]) == (int(user), int(group))


def test_the_image_is_of_this_version_and_its_place_can_be_set() -> None:
    assert container("base")["image"] == f"fleetdns:{__version__}"


def parsed(kustomization: str, **more: str) -> settings.Settings:
    """The settings that a pod of it runs with."""
    args = container(kustomization)["args"]
    environment = only(kustomization, "ConfigMap")["data"] | more

    assert args[0] == "run"
    return settings.parse(args[1:], environment)


@pytest.mark.parametrize("kustomization", HUB)
def test_fleetdns_understands_its_flags_and_settings(kustomization: str) -> None:
    found = parsed(kustomization)

    assert found.resource_group == "fleet-dns"
    assert found.allowed_resource_groups == frozenset({("", "fleet-dns")})
    assert found.leader_elect


def test_every_setting_is_one_that_fleetdns_knows() -> None:
    known = {flag.variable for flag in FLAGS}

    assert set(only("base", "ConfigMap")["data"]) <= known


def test_the_pods_take_all_settings_from_the_config_map() -> None:
    (source,) = container("base")["envFrom"]

    assert source == {"configMapRef": {"name": only("base", "ConfigMap")["metadata"]["name"]}}


def test_probes_and_scrapes_go_where_fleetdns_serves_them() -> None:
    found, ports = parsed("base"), {port["name"]: port["containerPort"] for port in container("base")["ports"]}

    assert found.metrics_bind_address == Address("", ports["metrics"])
    assert found.health_probe_bind_address == Address("", ports["probes"])
    probes = {kind: container("base")[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    assert probes == {
        "startup": {"path": "/healthz", "port": "probes"},
        "liveness": {"path": "/healthz", "port": "probes"},
        "readiness": {"path": "/readyz", "port": "probes"},
    }


def test_a_pod_has_longer_to_end_than_fleetdns_needs() -> None:
    assert pod("base")["spec"]["terminationGracePeriodSeconds"] > LONGEST_STOP


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Service", ("selector",)),
        ("PodDisruptionBudget", ("selector", "matchLabels")),
        ("NetworkPolicy", ("podSelector", "matchLabels")),
        ("Deployment", ("selector", "matchLabels")),
    ],
)
@pytest.mark.parametrize("kustomization", HUB)
def test_what_selects_pods_selects_the_controller_s(kustomization: str, kind: str, path: tuple[str, ...]) -> None:
    selector = only(kustomization, kind)["spec"]
    for name in path:
        selector = selector[name]

    assert selector.items() <= pod(kustomization)["metadata"]["labels"].items()


def test_replicas_outnumber_what_must_stay() -> None:
    assert only("base", "Deployment")["spec"]["replicas"] > only("base", "PodDisruptionBudget")["spec"]["minAvailable"]


def test_scrapes_find_a_replica_that_is_not_ready() -> None:
    spec = only("base", "Service")["spec"]

    assert (spec["clusterIP"], spec["publishNotReadyAddresses"]) == ("None", True)


def test_nothing_but_scrapes_comes_in() -> None:
    (rule,) = only("base", "NetworkPolicy")["spec"]["ingress"]

    assert only("base", "NetworkPolicy")["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert [port["port"] for port in rule["ports"]] == ["metrics"]
    assert rule["from"]


def test_a_client_secret_is_named_and_never_shipped() -> None:
    added = {entry["name"]: entry["valueFrom"] for entry in container("overlays/client-secret")["env"]}

    assert set(added) == {"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"}
    assert all(source["secretKeyRef"] == {"name": "fleetdns-azure", "key": name} for name, source in added.items())
    assert "Secret" not in {kind for kind, _ in objects("overlays/client-secret")}


def test_workload_identity_is_asked_for_where_its_webhook_looks() -> None:
    account = only("overlays/workload-identity", "ServiceAccount")

    assert "azure.workload.identity/client-id" in account["metadata"]["annotations"]
    assert pod("overlays/workload-identity")["metadata"]["labels"]["azure.workload.identity/use"] == "true"
    assert "env" not in container("overlays/workload-identity")


@pytest.mark.parametrize("overlay", HUB[1:])
def test_an_overlay_changes_nothing_but_who_asks_azure(overlay: str) -> None:
    def same(obj: Object) -> Object:
        return {**obj, "spec": None} if obj["kind"] == "Deployment" else obj

    changed = {key for key, obj in objects("base").items() if same(objects(overlay)[key]) != same(obj)}

    assert objects(overlay).keys() == objects("base").keys()
    assert changed <= {("ServiceAccount", "fleetdns")}


def exports() -> list[Object]:
    documents: list[Object] = list(yaml.safe_load_all(text("samples/exports")))
    return documents


def test_the_sample_exports_are_of_the_sample_s_service() -> None:
    (backend,) = (obj for obj in objects("samples").values() if obj["kind"] == "TrafficManagerBackend")
    service = (backend["metadata"]["namespace"], backend["spec"]["backend"]["name"])
    found = [obj for obj in exports() if obj["kind"] == "InternalServiceExport"]

    assert len(found) == 2
    for export in found:
        reference, schema = export["spec"]["serviceReference"], SCHEMAS["InternalServiceExport"]
        assert export["metadata"]["namespace"] == f"fleet-member-{reference['clusterId']}"
        assert (reference["namespace"], reference["name"]) == service
        assert schema.prune(export) == (export, ())
        assert schema.validate(schema.default(export)) == ()
    namespaces = {obj["metadata"]["name"] for obj in exports() if obj["kind"] == "Namespace"}
    assert namespaces == {export["metadata"]["namespace"] for export in found}


def test_every_definition_is_applied_by_name() -> None:
    assert {obj["metadata"]["name"].partition(".")[2] for obj in objects("crds").values()} == {GROUP}
    assert len(objects("crds")) == len(DEFINITIONS)

"""A member's manifests, on its own cluster and on the hub, agree with each other and with the program that they run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleetdns import __version__
from fleetdns.api.exports import MEMBER_NAMESPACE_PREFIX
from fleetdns.api.meta import ObjectKey
from fleetdns.kube.secrets import KEY
from fleetdns.kube.tokens import MEMBER_ACCOUNT
from fleetdns.settings import Address
from fleetdns.settings.member import MEMBER_FLAGS, MemberSettings, parse_member
from tests.manifests.definitions import DEFINITIONS, MANIFESTS
from tests.manifests.rendered import KUBECTL, MEMBER, Object, container, objects, only, pod, text

AGENT = "member/agent"
NAMESPACE = NAME = "fleetdns-member"
SAMPLES = ("aks-1", "aks-2", "aks-3")


def environment(kustomization: str) -> Mapping[str, str]:
    """The variables of a pod, as the kubelet sets them."""
    own: dict[str, str] = {}
    for entry in container(kustomization).get("env", ()):
        if "valueFrom" not in entry:
            own[entry["name"]] = entry["value"].replace("$(POD_NAMESPACE)", own.get("POD_NAMESPACE", ""))
        elif "fieldRef" in entry["valueFrom"]:
            assert entry["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.namespace"
            own[entry["name"]] = only(kustomization, "Deployment")["metadata"]["namespace"]
    return {**only(kustomization, "ConfigMap")["data"], **own}


def parsed(kustomization: str) -> MemberSettings:
    """The settings that a pod of it runs with."""
    args = container(kustomization)["args"]

    assert args[0] == "member"
    return parse_member(args[1:], environment(kustomization))


@pytest.mark.parametrize("kustomization", MEMBER)
def test_the_agent_understands_its_flags_and_settings(kustomization: str) -> None:
    found = parsed(kustomization)

    assert found.hub_namespace == MEMBER_NAMESPACE_PREFIX + found.cluster_name
    assert found.leader_elect


@pytest.mark.parametrize("kustomization", MEMBER)
def test_every_variable_of_ours_is_a_flag_that_there_is(kustomization: str) -> None:
    ours = {name for name in environment(kustomization) if name.startswith("FLEETDNS_")}

    assert ours
    assert ours <= {flag.variable for flag in MEMBER_FLAGS}


def test_the_pods_take_all_settings_from_the_config_map() -> None:
    (source,) = container(AGENT)["envFrom"]

    assert source == {"configMapRef": {"name": only(AGENT, "ConfigMap")["metadata"]["name"]}}


def test_the_kubeconfig_is_read_where_its_secret_is_mounted_and_written_back_to_that_secret() -> None:
    found = parsed(AGENT)
    (volume,), (mount,) = pod(AGENT)["spec"]["volumes"], container(AGENT)["volumeMounts"]
    (key,) = volume["secret"]["items"]

    assert found.hub_kubeconfig == f"{mount['mountPath']}/{key['path']}"
    assert key["key"] == KEY
    assert mount["name"] == volume["name"]
    assert mount["readOnly"] is True
    assert "subPath" not in mount, "a file that is mounted alone is never renewed"
    assert found.hub_kubeconfig_secret == ObjectKey(NAMESPACE, volume["secret"]["secretName"])


def test_the_pods_user_may_read_the_secret_s_file_and_nobody_else() -> None:
    (volume,) = pod(AGENT)["spec"]["volumes"]

    assert volume["secret"]["defaultMode"] == 0o440
    assert pod(AGENT)["spec"]["securityContext"]["fsGroup"] == pod(AGENT)["spec"]["securityContext"]["runAsGroup"]


def test_the_right_to_write_is_on_that_secret_and_the_lease_alone() -> None:
    rules = only(AGENT, "Role")["rules"]
    named = {name for rule in rules if rule["verbs"] != ["create"] for name in rule["resourceNames"]}

    (volume,) = pod(AGENT)["spec"]["volumes"]
    assert named == {NAME, volume["secret"]["secretName"]}
    assert all("secrets" not in rule["resources"] for rule in only(AGENT, "ClusterRole")["rules"])


@pytest.mark.parametrize("kind", ["Role", "ClusterRole"])
def test_no_right_of_the_agent_is_a_wildcard(kind: str) -> None:
    assert [rule for rule in only(AGENT, kind)["rules"] if "*" in str(rule)] == []


@pytest.mark.parametrize("kind", ["RoleBinding", "ClusterRoleBinding"])
def test_the_rights_are_the_account_s_of_the_pods(kind: str) -> None:
    binding = only(AGENT, kind)

    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}]
    assert binding["roleRef"]["name"] == only(AGENT, kind.removesuffix("Binding"))["metadata"]["name"]
    assert pod(AGENT)["spec"]["serviceAccountName"] == only(AGENT, "ServiceAccount")["metadata"]["name"]


@pytest.mark.parametrize("kustomization", MEMBER)
def test_what_has_a_namespace_lies_in_the_agent_s_own(kustomization: str) -> None:
    outside = {"Namespace", "ClusterRole", "ClusterRoleBinding"}

    for (kind, _), obj in objects(kustomization).items():
        assert obj["metadata"].get("namespace") == (None if kind in outside else NAMESPACE)
        assert obj["metadata"]["labels"]["app.kubernetes.io/name"] == NAME


@pytest.mark.parametrize("kustomization", MEMBER)
def test_deleting_the_agent_deletes_no_definition(kustomization: str) -> None:
    assert "CustomResourceDefinition" not in {kind for kind, _ in objects(kustomization)}


def test_a_cluster_that_is_the_hub_as_well_keeps_both_apart() -> None:
    assert objects("base").keys() & objects(AGENT).keys() == {("ConfigMap", "fleetdns-settings")}
    assert only("base", "Namespace")["metadata"]["name"] != only(AGENT, "Namespace")["metadata"]["name"]


def test_a_member_cluster_gets_the_kind_it_writes_and_no_other() -> None:
    assert list(objects("member/crds").values()) == [DEFINITIONS["ServiceExport"]]
    assert dict(objects("member")) == {**objects("member/crds"), **objects(AGENT)}


def test_the_image_is_of_this_version_and_its_user_the_hub_s() -> None:
    assert container(AGENT)["image"] == f"fleetdns:{__version__}"
    assert pod(AGENT)["spec"]["securityContext"].items() >= pod("base")["spec"]["securityContext"].items()
    assert container(AGENT)["securityContext"] == container("base")["securityContext"]


def test_probes_and_scrapes_go_where_the_agent_serves_them() -> None:
    found, ports = parsed(AGENT), {port["name"]: port["containerPort"] for port in container(AGENT)["ports"]}

    assert found.metrics_bind_address == Address("", ports["metrics"])
    assert found.health_probe_bind_address == Address("", ports["probes"])
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container(AGENT)[probe] == container("base")[probe]


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Service", ("selector",)),
        ("PodDisruptionBudget", ("selector", "matchLabels")),
        ("NetworkPolicy", ("podSelector", "matchLabels")),
        ("Deployment", ("selector", "matchLabels")),
    ],
)
@pytest.mark.parametrize("kustomization", MEMBER)
def test_what_selects_pods_selects_the_agent_s(kustomization: str, kind: str, path: tuple[str, ...]) -> None:
    selector = only(kustomization, kind)["spec"]
    for name in path:
        selector = selector[name]

    assert selector == {"app.kubernetes.io/name": NAME}
    assert selector.items() <= pod(kustomization)["metadata"]["labels"].items()
    assert not selector.items() <= pod("base")["metadata"]["labels"].items()


def test_replicas_outnumber_what_must_stay() -> None:
    assert only(AGENT, "Deployment")["spec"]["replicas"] > only(AGENT, "PodDisruptionBudget")["spec"]["minAvailable"]


@pytest.mark.parametrize("overlay", MEMBER[1:])
def test_an_overlay_of_the_agent_changes_nothing_but_who_asks_azure(overlay: str) -> None:
    def same(obj: Object) -> Object:
        return {**obj, "spec": None} if obj["kind"] == "Deployment" else obj

    changed = {key for key, obj in objects(AGENT).items() if same(objects(overlay)[key]) != same(obj)}

    assert objects(overlay).keys() == objects(AGENT).keys()
    assert changed <= {("ServiceAccount", NAME)}
    assert parsed(overlay) == parsed(AGENT)


def test_the_agent_s_client_secret_is_named_and_never_shipped() -> None:
    added = {
        entry["name"]: entry["valueFrom"]["secretKeyRef"]
        for entry in container("overlays/member-client-secret")["env"]
        if "secretKeyRef" in entry.get("valueFrom", {})
    }

    assert set(added) == {"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"}
    assert all(source == {"name": "fleetdns-azure", "key": name} for name, source in added.items())


def test_workload_identity_is_asked_for_where_its_webhook_looks() -> None:
    overlay = "overlays/member-workload-identity"

    assert "azure.workload.identity/client-id" in only(overlay, "ServiceAccount")["metadata"]["annotations"]
    assert pod(overlay)["metadata"]["labels"]["azure.workload.identity/use"] == "true"


# The member on the hub


def test_on_the_hub_a_member_s_rights_are_a_role_s_in_its_own_namespace() -> None:
    role, binding = only("base/member", "Role"), only("base/member", "RoleBinding")

    assert {kind for kind, _ in objects("base/member")} == {"Namespace", "ServiceAccount", "Role", "RoleBinding"}
    assert only("base/member", "ServiceAccount")["metadata"]["name"] == MEMBER_ACCOUNT
    assert role["metadata"]["namespace"] == only("base/member", "Namespace")["metadata"]["name"]
    assert [rule for rule in role["rules"] if "*" in str(rule) or "status" in str(rule)] == []
    (subject,) = binding["subjects"]
    assert subject["namespace"] == role["metadata"]["namespace"]


def test_a_folder_with_a_name_in_it_makes_another_member(tmp_path: Path) -> None:
    """As the comment in base/member says."""
    comment = (MANIFESTS / "base/member/kustomization.yaml").read_text().split("\n\n")[0]
    example = "\n".join(line.removeprefix("#   ") for line in comment.splitlines() if line.startswith("#   "))
    there = os.path.relpath(MANIFESTS.parent.resolve(), tmp_path.resolve())
    (tmp_path / "kustomization.yaml").write_text(example.replace("../fleetdns", there).replace("CLUSTER", "edge"))
    command = (str(KUBECTL), "kustomize", str(tmp_path.resolve()))
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    found = {obj["kind"]: obj for obj in yaml.safe_load_all(done.stdout)}

    assert found["Namespace"]["metadata"]["name"] == "fleet-member-edge"
    assert "fleet-member-cluster" not in done.stdout
    assert found["RoleBinding"]["subjects"][0]["namespace"] == "fleet-member-edge"
    assert found["Role"]["rules"] == only("base/member", "Role")["rules"]


@pytest.mark.parametrize("cluster", SAMPLES)
def test_a_sample_member_is_what_the_kustomization_makes(cluster: str) -> None:
    documents = list(yaml.safe_load_all((MANIFESTS / f"samples/members/{cluster}.yaml").read_text()))
    made = text("base/member").replace("fleet-member-cluster", f"fleet-member-{cluster}")
    found = {obj["kind"]: without_selection(obj) for obj in documents}

    assert found == {obj["kind"]: obj for obj in yaml.safe_load_all(made)}


def test_the_sample_members_differ_in_what_overrides_select_by() -> None:
    labels = [next(yaml.safe_load_all((MANIFESTS / f"samples/members/{name}.yaml").read_text())) for name in SAMPLES]

    assert len({(one["metadata"]["labels"]["region"], one["metadata"]["labels"]["env"]) for one in labels}) == 3
    assert sorted(yaml.safe_load((MANIFESTS / "samples/members/kustomization.yaml").read_text())["resources"]) == [
        f"{name}.yaml" for name in SAMPLES
    ]


def without_selection(obj: Any) -> Any:
    labels = {name: value for name, value in obj["metadata"]["labels"].items() if name not in ("region", "env")}
    return {**obj, "metadata": {**obj["metadata"], "labels": labels}}

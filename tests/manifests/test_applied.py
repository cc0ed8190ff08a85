"""A real API server takes the manifests as they are, again and again, and its Pod Security lets the pods in."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.apiserver.deployed import kubectl, told
from tests.apiserver.server import RealAPIServer
from tests.manifests.definitions import MANIFESTS
from tests.manifests.monitored import ALL, Monitored
from tests.manifests.rendered import HUB, MEMBER, Object, only, pod, text

pytestmark = [pytest.mark.realapi, pytest.mark.long]

OPERATOR = Path(__file__).with_name("operator.yaml")
OTHERS = (
    "base/member",
    "member",
    "member/crds",
    "overrides",
    "samples",
    "samples/exports",
    "samples/members",
    "samples/overrides",
)


@pytest.fixture(scope="session")
def administrator(real_server: RealAPIServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kubeconfig of one, on a server that has the CRDs."""
    path = tmp_path_factory.mktemp("kubectl") / "kubeconfig"
    real_server.write_kubeconfig(path)
    for definitions in ("crds", "overrides"):
        applied(path, definitions)
    kubectl(path, "wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    return path


def applied(administrator: Path, kustomization: str) -> dict[tuple[str, str, str], str]:
    """Apply it, without a warning; then the version of each of its objects by kind, namespace and name."""
    folder = str(MANIFESTS / kustomization)
    said = told(administrator, "apply", "--validate=strict", "-k", folder).splitlines()
    assert [line for line in said if not line.endswith((" created", " configured", " unchanged"))] == []
    # kubectl calls some objects "configured" that it left as they were: only their versions tell.
    found = json.loads(kubectl(administrator, "get", "-o", "json", "-k", folder))
    every = found["items"] if found["kind"] == "List" else [found]
    return {
        (obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]): obj["metadata"]["resourceVersion"]
        for obj in every
    }


@pytest.mark.parametrize("kustomization", [*HUB, *MEMBER, *OTHERS])
def test_it_is_applied_and_applying_it_again_changes_nothing(administrator: Path, kustomization: str) -> None:
    first = applied(administrator, kustomization)

    assert len(first) == len(list(yaml.safe_load_all(text(kustomization))))
    assert applied(administrator, kustomization) == first


@pytest.mark.parametrize("monitored", ALL, ids=str)
def test_monitoring_is_applied_where_the_prometheus_operator_s_kinds_are(
    administrator: Path, monitored: Monitored
) -> None:
    kubectl(administrator, "apply", "-f", str(OPERATOR))
    kubectl(administrator, "wait", "--for=condition=Established", "-f", str(OPERATOR), "--timeout=30s")
    applied(administrator, monitored.runs)
    first = applied(administrator, monitored.folder)

    assert {kind for kind, _, _ in first} == {"ServiceMonitor", "PrometheusRule", "ConfigMap"}
    assert applied(administrator, monitored.folder) == first


def a_pod(kustomization: str) -> Object:
    """A pod as the Deployment makes them."""
    template = copy.deepcopy(pod(kustomization))
    namespace = "fleetdns-member" if kustomization in MEMBER else "fleetdns"
    metadata = {**template["metadata"], "name": "fleetdns-0", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def file(obj: Object, folder: Path) -> str:
    path = folder / "pod.yaml"
    path.write_text(yaml.safe_dump(obj))
    return str(path)


@pytest.mark.parametrize("kustomization", [*HUB, *MEMBER])
def test_a_pod_meets_the_restricted_standard(administrator: Path, tmp_path: Path, kustomization: str) -> None:
    applied(administrator, kustomization)
    said = told(administrator, "create", "--dry-run=server", "-f", file(a_pod(kustomization), tmp_path))

    assert said.strip() == "pod/fleetdns-0 created (server dry run)"


@pytest.mark.parametrize(
    ("place", "value"),
    [
        pytest.param(("allowPrivilegeEscalation",), True, id="one that may gain privileges"),
        pytest.param(("capabilities", "drop"), [], id="one that keeps its capabilities"),
        pytest.param(("runAsUser",), 0, id="root"),
        pytest.param(("seccompProfile",), {"type": "Unconfined"}, id="one that may call everything"),
    ],
)
def test_a_pod_that_is_less_restricted_is_refused(
    administrator: Path, tmp_path: Path, place: tuple[str, ...], value: Any
) -> None:
    applied(administrator, "base")
    loose = a_pod("base")
    *way, last = place
    context = loose["spec"]["containers"][0]["securityContext"]
    for name in way:
        context = context[name]
    context[last] = value
    said = told(administrator, "create", "--dry-run=server", "-f", file(loose, tmp_path), code=1)

    assert 'violates PodSecurity "restricted:latest"' in said


@pytest.mark.parametrize("kustomization", ["base", "member/agent"])
def test_the_deployment_gets_no_warning(administrator: Path, tmp_path: Path, kustomization: str) -> None:
    """What it would warn of is refused only when a pod is made, long after kubectl said that all is well."""
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "again", "namespace": only(kustomization, "Deployment")["metadata"]["namespace"]},
        "spec": {"selector": {"matchLabels": pod(kustomization)["metadata"]["labels"]}, "template": pod(kustomization)},
    }
    applied(administrator, kustomization)

    assert "Warning" not in told(administrator, "create", "--dry-run=server", "-f", file(deployment, tmp_path))

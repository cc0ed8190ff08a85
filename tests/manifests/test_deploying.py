"""What docs/deploy.md tells people to write does what it says."""

from __future__ import annotations

import os
import re
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from fleetdns import settings
from tests.manifests.definitions import MANIFESTS
from tests.manifests.rendered import KUBECTL, Object

PAGE = MANIFESTS.parent / "docs" / "deploy.md"
Render = Callable[[str], dict[str, Object]]


@pytest.fixture
def render(tmp_path: Path) -> Render:
    """The objects by kind of a kustomization beside a checkout, which it calls ../fleetdns."""

    def rendered(kustomization: str) -> dict[str, Object]:
        folder = tmp_path.resolve() / "hub"
        folder.mkdir()
        there = os.path.relpath(MANIFESTS.parent.resolve(), folder)
        (folder / "kustomization.yaml").write_text(kustomization.replace("../fleetdns", there))
        command = (str(KUBECTL), "kustomize", str(folder))
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        return {obj["kind"]: obj for obj in yaml.safe_load_all(done.stdout)}

    return rendered


def example(**values: str) -> str:
    """The page's kustomization, with values where it has dots."""
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    text = textwrap.dedent(re.sub(r"^   ", "", block, flags=re.MULTILINE))
    for name, value in values.items():
        text = re.sub(rf"({name}[=:] ?)\.\.\.", rf"\g<1>{value}", text)
    assert "..." not in text
    return text


SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
VALUES = {
    "FLEETDNS_SUBSCRIPTION_ID": SUBSCRIPTION,
    "FLEETDNS_RESOURCE_GROUP": "dns",
    "FLEETDNS_ALLOWED_RESOURCE_GROUPS": "dns,team:theirs",
    "client-id": "a-client",
}


def test_the_page_s_own_kustomization_sets_image_settings_and_identity(render: Render) -> None:
    found = render(example(**VALUES))
    template = found["Deployment"]["spec"]["template"]
    (container,) = template["spec"]["containers"]
    parsed = settings.parse([], found["ConfigMap"]["data"])

    assert container["image"] == "REGISTRY/fleetdns:0.1.0"
    assert (parsed.subscription_id, parsed.resource_group) == (SUBSCRIPTION, "dns")
    assert parsed.allowed_resource_groups == frozenset({("", "dns"), ("team", "theirs")})
    assert found["ServiceAccount"]["metadata"]["annotations"] == {"azure.workload.identity/client-id": "a-client"}
    assert template["metadata"]["labels"]["azure.workload.identity/use"] == "true"
    assert container["envFrom"] == [{"configMapRef": {"name": found["ConfigMap"]["metadata"]["name"]}}]


def test_another_namespace_is_renamed_throughout(render: Render) -> None:
    found = render(example(**VALUES).replace("namespace: fleetdns\nresources", "namespace: elsewhere\nresources"))

    assert found["Namespace"]["metadata"]["name"] == "elsewhere"
    for kind in ("RoleBinding", "ClusterRoleBinding"):
        assert [subject["namespace"] for subject in found[kind]["subjects"]] == ["elsewhere"]
    places = {obj["metadata"]["namespace"] for obj in found.values() if "namespace" in obj["metadata"]}
    assert places == {"elsewhere"}


def test_a_setting_that_changes_replaces_the_pods(render: Render, tmp_path: Path) -> None:
    before = render(example(**VALUES))["ConfigMap"]["metadata"]["name"]
    (tmp_path / "hub").rename(tmp_path / "before")
    after = render(example(**VALUES | {"FLEETDNS_RESOURCE_GROUP": "other"}))["ConfigMap"]["metadata"]["name"]

    assert before != after


def test_every_folder_that_the_page_lists_is_there_and_the_other_way_round() -> None:
    table = PAGE.read_text().split("| folder | what |")[1].split("\n\n")[0]
    listed = {
        name for cell in re.findall(r"^\| (.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(.*?)`", cell)
    }
    there = {str(path.parent.relative_to(MANIFESTS)) for path in MANIFESTS.rglob("kustomization.yaml")}

    assert listed == there - {"base/rights", "member/agent/rights"}

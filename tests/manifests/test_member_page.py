"""What docs/member.md tells people to write does what it says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import textwrap
from pathlib import Path

import pytest
import yaml

from fleetdns.cli import _parser
from fleetdns.settings.member import MEMBER_FLAGS, parse_member
from tests.manifests.definitions import MANIFESTS
from tests.manifests.rendered import KUBECTL, Object

PAGE = MANIFESTS.parent / "docs" / "member.md"
SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(text) for _, text in found]


def rendered(kustomization: str, folder: Path) -> dict[str, Object]:
    """The objects by kind of a kustomization beside a checkout, which it calls ../fleetdns."""
    there = os.path.relpath(MANIFESTS.parent.resolve(), folder.resolve())
    (folder / "kustomization.yaml").write_text(kustomization.replace("../fleetdns", there))
    command = (str(KUBECTL), "kustomize", str(folder.resolve()))
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return {obj["kind"]: obj for obj in yaml.safe_load_all(done.stdout)}


def test_the_page_s_folder_for_the_hub_makes_that_member(tmp_path: Path) -> None:
    found = rendered(blocks("yaml")[0], tmp_path)

    assert found["Namespace"]["metadata"]["name"] == "fleet-member-aks-1"
    assert found["Namespace"]["metadata"]["labels"]["region"] == "westeurope"
    assert found["ServiceAccount"]["metadata"]["namespace"] == "fleet-member-aks-1"
    assert found["RoleBinding"]["subjects"][0]["namespace"] == "fleet-member-aks-1"


def test_the_page_s_folder_for_the_agent_sets_image_settings_and_identity(tmp_path: Path) -> None:
    text = blocks("yaml")[1]
    for name, value in {"SUBSCRIPTION_ID": SUBSCRIPTION, "RESOURCE_GROUP": "nodes", "client-id": "a-client"}.items():
        text = re.sub(rf"({name}[=:] ?)\.\.\.", rf"\g<1>{value}", text)
    assert "..." not in text
    found = rendered(text, tmp_path)
    template = found["Deployment"]["spec"]["template"]
    (container,) = template["spec"]["containers"]
    own = {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}
    own = {name: value.replace("$(POD_NAMESPACE)", "fleetdns-member") for name, value in own.items()}
    parsed = parse_member([], {**found["ConfigMap"]["data"], **own})

    assert container["image"] == "REGISTRY/fleetdns:0.1.0"
    assert (parsed.cluster_name, parsed.subscription_id) == ("aks-1", SUBSCRIPTION)
    assert parsed.public_ip_resource_group == "nodes"
    assert found["ServiceAccount"]["metadata"]["annotations"] == {"azure.workload.identity/client-id": "a-client"}
    assert template["metadata"]["labels"]["azure.workload.identity/use"] == "true"
    assert container["envFrom"] == [{"configMapRef": {"name": found["ConfigMap"]["metadata"]["name"]}}]


def commands() -> list[list[str]]:
    lines = "\n".join(blocks("sh")).replace("\\\n", " ").splitlines()
    return [shlex.split(part) for line in lines if line for part in line.split(" | ")]


def test_every_command_of_fleetdns_on_the_page_is_one_that_it_understands() -> None:
    own = [words[1:] for words in commands() if words[0] == "fleetdns"]
    known = {f"--{flag.name}" for flag in MEMBER_FLAGS}

    assert len(own) >= 3
    for words in own:
        chosen = _parser().parse_args(words[: words.index(">")] if ">" in words else words)
        assert chosen.execute is not None
    (agent,) = (words for words in own if words[0] == "member")
    assert {word for word in agent if word.startswith("--")} <= known
    assert parse_member(agent[1:], {}).hub_namespace == "fleet-member-aks-1"


def test_every_manifest_on_the_page_is_there() -> None:
    named = [words[words.index(flag) + 1] for words in commands() for flag in ("-k", "-f") if flag in words]
    ours = [path.removeprefix("fleetdns/") for path in named if path.startswith("fleetdns/")]

    assert len(ours) >= 2
    assert [path for path in ours if not (MANIFESTS.parent / path).exists()] == []


@pytest.mark.parametrize("page", ["rights.md", "deploy.md", "walkthrough.md"])
def test_the_pages_and_headings_that_it_links_to_are_there(page: str) -> None:
    linked = re.findall(rf"\]\({page}(?:#([\w-]+))?\)", PAGE.read_text())
    headings = re.findall(r"^#+ (.*)$", (PAGE.parent / page).read_text(), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}

    assert linked
    assert {anchor for anchor in linked if anchor} <= anchors

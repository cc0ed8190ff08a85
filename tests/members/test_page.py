"""The commands of docs/member.md, as they stand there, on a real server that plays the hub and the member cluster."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64decode
from pathlib import Path

import pytest
import yaml

from fleetdns.core.tokenlife import life_of
from tests.apiserver.deployed import kubectl
from tests.manifests.definitions import MANIFESTS
from tests.manifests.rendered import KUBECTL
from tests.manifests.test_member_page import blocks
from tests.members.conftest import Fleet

pytestmark = [pytest.mark.realapi, pytest.mark.long]

MEMBER = "edge-1"  # as the page has it aks-1, whose credentials other tests have in hand


@pytest.fixture
def folder(fleet: Fleet, tmp_path: Path) -> Path:
    """A user's own, beside a checkout, with two contexts and both programs on the PATH."""
    (tmp_path / "fleetdns").symlink_to(MANIFESTS.parent)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "kubectl").symlink_to(KUBECTL)
    program = tmp_path / "bin" / "fleetdns"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={MANIFESTS.parent} exec {sys.executable} -m fleetdns "$@"\n')
    program.chmod(0o755)
    content = yaml.safe_load(fleet.administrator.read_text())
    (context,) = content["contexts"]
    content["contexts"] = [{**context, "name": name} for name in ("hub", MEMBER)]
    on_hub = tmp_path / "member.yaml"
    on_hub.write_text((MANIFESTS / "samples/members/aks-1.yaml").read_text().replace("aks-1", MEMBER))
    kubectl(fleet.administrator, "apply", "-f", str(on_hub))
    (tmp_path / "config").write_text(yaml.safe_dump(content | {"current-context": "hub"}))
    return tmp_path


def run(folder: Path, script: str) -> None:
    path = f"{folder / 'bin'}:/usr/bin:/bin"
    environment = {"PATH": path, "HOME": str(folder), "KUBECONFIG": str(folder / "config")}
    command = ("bash", "-euo", "pipefail", "-c", script)
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, env=environment, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr


def token_in_secret(fleet: Fleet) -> str:
    command = ("get", "secret", "fleetdns-hub", "-n=fleetdns-member", "-o", "json")
    text = b64decode(json.loads(kubectl(fleet.administrator, *command))["data"]["kubeconfig"])
    (user,) = yaml.safe_load(text)["users"]
    return str(user["user"]["token"])


def test_credentials_are_made_replaced_and_revoked_as_the_page_says(fleet: Fleet, folder: Path) -> None:
    make, deploy, _, replace, revoke = (block.replace("aks-1", MEMBER) for block in blocks("sh"))
    run(folder, make)
    run(folder, deploy)
    first = token_in_secret(fleet)
    run(folder, replace)
    second = token_in_secret(fleet)

    assert life_of(first) is not None
    assert second != first
    assert list(folder.glob("*.kubeconfig")) == [], "no token is left lying about"
    run(folder, revoke)
    assert kubectl(fleet.administrator, "get", "serviceaccounts", f"-n=fleet-member-{MEMBER}", "-o", "name") == ""
    kubectl(fleet.administrator, "delete", "secret", "fleetdns-hub", "-n=fleetdns-member")

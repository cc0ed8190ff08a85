"""The ClusterRole of docs/commands.md is enough for all commands that look; without it each says what it lacks."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from fleetdns.demo.world import World
from fleetdns.emulator.hub.kubeconfig import kubeconfig, write_kubeconfig
from tests.apiserver.deployed import kubectl
from tests.e2e.command import Done, asked, looked
from tests.e2e.conftest import on_real
from tests.e2e.eventually import eventually
from tests.e2e.site import Site
from tests.e2e.test_plan import apply_sample

pytestmark = pytest.mark.e2e

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
_YAML = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = "fleetdns-reader"


@on_real
@pytest.mark.timeout(180)
async def test_the_role_of_the_page_is_enough(world: World, site: Site, tmp_path: Path) -> None:
    await world.members.join("aks-1", weight=1)
    await apply_sample(world)
    administrator = site.administrator(tmp_path / "administrator")
    kubectl(administrator, "create", "serviceaccount", NAME)
    reader = replace(world, kubeconfig=tmp_path / "reader")
    token = kubectl(administrator, "create", "token", NAME).strip()
    write_kubeconfig(reader.kubeconfig, kubeconfig(url=site.server.url, ca=site.server.ca_pem, token=token))
    try:
        denied = await looked(reader, "status")
        assert (denied.code, denied.out) == (1, "")
        assert "the hub does not let you list trafficmanagerprofiles" in denied.err
        assert len(denied.err.splitlines()) == 1

        (text,) = _YAML.findall(PAGE)
        await world.cluster.apply(yaml.safe_load(text))
        kubectl(
            administrator,
            "create",
            "clusterrolebinding",
            NAME,
            f"--clusterrole={NAME}",
            f"--serviceaccount=default:{NAME}",
        )

        async def status() -> Done:
            return await looked(reader, "status")

        await eventually(status, lambda done: done.code == 0, within=60)
        explained = await looked(reader, "explain", "work/app")
        assert (explained.code, explained.err) == (0, "")
        planned = await asked(reader, "plan")
        assert (planned.code, planned.err) == (3, "")
        orphans = await asked(reader, "orphans")
        assert (orphans.code, orphans.err) == (0, "")
    finally:
        for kind in ("clusterrolebinding", "clusterrole", "serviceaccount"):
            kubectl(administrator, "delete", kind, NAME, "--ignore-not-found")

"""The controller with the manifests' rights and nothing more, on an embedded server that enforces them."""

from __future__ import annotations

import asyncio
import io
from dataclasses import replace
from pathlib import Path

import pytest

from fleetdns.demo.kubernetes import BACKENDS, Cluster, Refused
from fleetdns.demo.members import NAMESPACE
from fleetdns.demo.narrator import Narrator
from fleetdns.demo.story import Story
from fleetdns.demo.world import around, controller, install, manifests
from fleetdns.emulator.hub.kubeconfig import kubeconfig, write_kubeconfig
from fleetdns.emulator.hub.server import HubServer
from tests.e2e.kubectl import KUBECTL

pytestmark = [pytest.mark.e2e, pytest.mark.kubectl]


async def kubectl(path: Path, *arguments: str) -> str:
    home = {"HOME": str(path.parent), "PATH": ""}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        str(KUBECTL), f"--kubeconfig={path}", *arguments, stdout=pipe, stderr=pipe, env=home
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode().strip()


async def account(hub: HubServer, folder: Path) -> tuple[Path, str]:
    """The kubeconfig and the token of the manifests' ServiceAccount."""
    administrator = folder / "administrator"
    hub.write_kubeconfig(administrator)
    for part in ("crds", "base/rights"):
        await kubectl(administrator, "apply", "--validate=strict", "-k", str(manifests() / part))
    token = await kubectl(administrator, "create", "token", "fleetdns", "--namespace=fleetdns")
    path = folder / "account"
    write_kubeconfig(path, kubeconfig(url=hub.url, ca=hub.ca_pem, token=token, namespace="fleetdns"))
    return path, token


async def test_it_can_do_its_work_and_nothing_else(tmp_path: Path) -> None:
    hub = HubServer(enforces_rights=True)
    await hub.start()
    try:
        path, token = await account(hub, tmp_path)
        async with around(hub) as built:
            world = replace(built, kubeconfig=path)
            await install(world)
            async with controller(world, "--leader-election-namespace=fleetdns"):
                story = Story(world, Narrator(io.StringIO()))
                await story.rollout()
                await story.weight_goes_down()
            assert "orbidden" not in world.log_file.read_text()
        async with Cluster(hub.url, ca_pem=hub.ca_pem.decode(), token=token) as its:
            with pytest.raises(Refused, match="403"):
                await its.delete(BACKENDS, NAMESPACE, "app")
            with pytest.raises(Refused, match="403"):
                await its.listed("secrets")
    finally:
        await hub.stop()

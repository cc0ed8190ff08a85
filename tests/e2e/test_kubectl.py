"""An operator's session with a real kubectl, as docs/kubectl.md shows it, played on both servers."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from fleetdns.demo.world import World
from tests.e2e.conftest import on_real_later
from tests.e2e.kubectl import KUBECTL, Kubectl
from tests.e2e.site import Site
from tests.e2e.terminal import Terminal, exchanges

pytestmark = [pytest.mark.e2e, pytest.mark.kubectl]

ROOT = Path(__file__).parents[2]
SESSION = tuple(exchanges((ROOT / "docs" / "kubectl.md").read_text()))


@pytest.fixture
async def fleet(running: World) -> World:
    """Two clusters export work/app; the controller runs."""
    for name in ("aks-1", "aks-2"):
        await running.members.join(name, weight=1)
    return running


@on_real_later
@pytest.mark.timeout(180)  # some seventy programs are started, one after the other
async def test_an_operators_session_goes_as_the_document_shows_it(fleet: World, site: Site, tmp_path: Path) -> None:
    environment = {
        "KUBECONFIG": str(site.administrator(tmp_path / "administrator")),
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "PATH": f"{KUBECTL.parent}{os.pathsep}{os.environ['PATH']}",
    }
    terminal = Terminal(ROOT, environment)
    for exchange in SESSION:
        await terminal.plays(exchange)
    assert len(SESSION) > 60
    assert fleet.azure.profiles() == ()
    assert [name for name in os.listdir(tmp_path) if name.startswith("kubectl-edit-")] != []  # a refused edit is kept


async def test_watching_shows_a_profile_become_programmed(fleet: World, kubectl: Kubectl) -> None:
    process = await asyncio.create_subprocess_exec(
        str(kubectl.binary),
        *("get", "tmp", "-n", "work", "-w"),
        stdout=asyncio.subprocess.PIPE,
        env=kubectl.environment,
    )
    assert process.stdout is not None
    try:
        await kubectl("apply", "-k", str(ROOT / "manifests" / "samples"))
        async with asyncio.timeout(20):
            while b" True " not in await process.stdout.readline():
                pass
    finally:
        process.terminate()
        await process.communicate()

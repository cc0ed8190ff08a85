"""The commands that look, as docs/commands.md shows them: every line is typed, and what comes back is compared."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from fleetdns.demo.members import SUBSCRIPTION, namespace
from fleetdns.demo.world import RESOURCE_GROUP, World, controller
from tests.e2e.conftest import on_embedded
from tests.e2e.eventually import eventually
from tests.e2e.kubectl import KUBECTL
from tests.e2e.lease import lease_namespace
from tests.e2e.site import Site
from tests.e2e.terminal import Terminal, exchanges

pytestmark = [pytest.mark.e2e, pytest.mark.kubectl]

ROOT = Path(__file__).parents[2]
BEFORE, _, SINCE = (ROOT / "docs" / "commands.md").read_text().partition("Now `fleetdns run` has done it.")


def terminal(world: World, site: Site, folder: Path) -> Terminal:
    """A person's shell, with `fleetdns` and the variables that the page names."""
    program = folder / "fleetdns"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m fleetdns "$@"\n')
    program.chmod(0o755)
    found = {
        "KUBECONFIG": str(site.administrator(folder / "administrator")),
        "HOME": str(folder),
        "PATH": os.pathsep.join((str(folder), str(KUBECTL.parent), os.environ["PATH"])),
        "FLEETDNS_SUBSCRIPTION_ID": SUBSCRIPTION,
        "FLEETDNS_RESOURCE_GROUP": RESOURCE_GROUP,
        "FLEETDNS_ARM_ENDPOINT": world.azure_url,
    }
    return Terminal(ROOT, found)


async def until_told(world: World) -> None:
    """Wait until the controller has written what it has to say of the sample."""

    async def endpoints() -> tuple[int, int]:
        status = (await world.cluster.get("trafficmanagerbackends", "work", "app") or {}).get("status", {})
        return len(status.get("endpoints", ())), len(status.get("rejected", ()))

    await eventually(endpoints, lambda seen: seen == (2, 1), within=60)


@on_embedded
@pytest.mark.timeout(180)  # a dozen programs are started, one after the other
async def test_a_session_goes_as_the_document_shows_it(world: World, site: Site, tmp_path: Path) -> None:
    await world.members.join("aks-1", weight=1)
    await world.members.join("aks-2", weight=3)
    await world.members.join("aks-3", weight=1, has_label=False)
    await world.cluster.apply(namespace("fleet-member-aks-4"))
    shell = terminal(world, site, tmp_path)
    before, since = tuple(exchanges(BEFORE)), tuple(exchanges(SINCE))
    for exchange in before:
        await shell.plays(exchange)
    async with controller(world, f"--leader-election-namespace={lease_namespace(world)}"):
        await until_told(world)
        for exchange in since:
            await shell.plays(exchange)
    assert (len(before), len(since)) == (2, 9)
    assert world.azure.profiles() == ()

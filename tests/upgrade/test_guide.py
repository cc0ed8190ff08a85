"""docs/migration.md, typed line by line: every command does what the guide says, and nobody's endpoints move."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import yaml

from fleetdns.demo.world import World, manifests
from tests.e2e.conftest import KUBECTL
from tests.e2e.process import Process, process
from tests.upgrade.conftest import on_real
from tests.upgrade.definitions import fleet_definitions
from tests.upgrade.deployments import Deployments
from tests.upgrade.estate import SERVING, TARGETS, become, settle
from tests.upgrade.fleet import FleetController
from tests.upgrade.guide import Command, commands, files
from tests.upgrade.history import History
from tests.upgrade.hub import Hub
from tests.upgrade.objects import SUBSCRIPTION, profile

pytestmark = [pytest.mark.e2e, pytest.mark.kubectl, pytest.mark.long]

NEW = profile("new", group=None)
REHEARSAL = """
import signal, subprocess, sys
command = [sys.executable, "-m", "fleetdns", *sys.argv[1:], "--arm-endpoint=AZURE"]
running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
looks = 0
for line in running.stdout:
    print(line, end="")
    looks += "reconciled" in line and "trafficmanagerprofile" in line
    if looks == 3:
        running.send_signal(signal.SIGTERM)
"""


class Desk:
    """A shell in a folder with manifests, a checkout of Fleet's and what the guide has one write."""

    def __init__(self, folder: Path, world: World) -> None:
        self._folder = folder
        self._environment = {
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(folder),
            "KUBECONFIG": str(world.kubeconfig),
            "SUBSCRIPTION": SUBSCRIPTION,
        }
        shutil.copytree(manifests(), folder / "manifests")
        for path, text in files().items():
            self._write(path, text)
        for definition in fleet_definitions():
            self._write(
                f"fleet-networking/config/crd/bases/{definition['metadata']['name']}.yaml", json.dumps(definition)
            )
        self._write("bin/rehearsal.py", REHEARSAL.replace("AZURE", world.azure_url))
        self._script("fleetdns", f'exec {sys.executable} {folder}/bin/rehearsal.py "$@"')
        self._script("timeout", 'shift; exec "$@"')  # the rehearsal ends when it has nothing more to say
        (folder / "bin" / "kubectl").symlink_to(KUBECTL)

    async def type(self, line: str) -> str:
        """What a command prints. Fails where it fails."""
        shell = await asyncio.create_subprocess_exec(
            *("bash", "-c", line),
            cwd=self._folder,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(60):
            output, _ = await shell.communicate()
        text = output.decode()
        assert shell.returncode == 0, f"{line}\n{text}"
        return text

    def _write(self, path: str, text: str) -> None:
        (self._folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self._folder / path).write_text(text)

    def _script(self, name: str, text: str) -> None:
        self._write(f"bin/{name}", f"#!/bin/bash\n{text}\n")
        (self._folder / "bin" / name).chmod(0o755)


class Move:
    """What happens on the hub when a command of the guide was typed: pods come and go, a user adds a profile."""

    def __init__(self, hub: Hub, world: World, fleet: FleetController, desk: Desk, log: Path) -> None:
        self._hub = hub
        self._world = world
        self._fleet = fleet
        self._desk = desk
        self._log = log
        self._stack = AsyncExitStack()
        self._running: Process | None = None

    async def follows(self, line: str) -> None:
        if line == "kubectl apply -k move":
            await self._start()
        if line.endswith("scale deployment fleetdns --replicas=0"):
            assert self._running is not None
            assert await self._running.stop() == 0
        if "--enable-traffic-manager-feature=true" in line and "patch" in line:
            await self._fleet.settle()
        if "wait --for=condition=Ready" in line:
            await self._hub.create(NEW)
            await become(self._hub, "True", NEW)

    async def end(self) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        """A pod with the settings that the guide's overlay gives it."""
        built = yaml.safe_load_all(await self._desk.type("kubectl kustomize move"))
        settings = next(one["data"] for one in built if one["kind"] == "ConfigMap")
        started = process(self._world, self._log, **settings)
        self._running = await self._stack.enter_async_context(started)
        await become(self._hub, "True", *SERVING)


@pytest.fixture
async def deployments(hub: Hub) -> AsyncIterator[Deployments]:
    """Fleet's Deployment, and somebody who does what Deployments ask for."""
    async with Deployments(hub.api) as found:
        await found.create("fleet-system", "hub-net-controller-manager")
        yield found


# Fleet's Deployment and the pods of fleetdns are on a real server only, and every other command runs there too.
@on_real
@pytest.mark.usefixtures("deployments")
async def test_every_command_of_the_guide_does_what_it_says(
    hub: Hub,
    world: World,
    fleet: FleetController,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await settle(hub, world, fleet)
    history = History(world.azure, monkeypatch)
    desk = Desk(tmp_path / "desk", world)
    move = Move(hub, world, fleet, desk, tmp_path / "log")
    try:
        for command in commands():
            output = await desk.type(command.typed)
            assert command.differs(output) == "", f"$ {command.typed}\n{output}"
            if not command.shown:
                assert output == "", f"$ {command.typed}\n{output}"
            await move.follows(command.typed)
    finally:
        await move.end()
    for seen in history.states:
        assert {name: seen.profiles[name] for name in TARGETS} == TARGETS


def test_a_line_that_a_command_did_not_print_or_printed_too_early_is_noticed() -> None:
    command = Command("kubectl get x", ("NAME AGE", "shop ...", "blog True ..."))
    assert command.differs("NAME   AGE\nother  5s\nshop   5s\nblog   True  5s\n") == ""
    assert command.differs("NAME   AGE\nblog   True  5s\nshop   5s\n") == "blog True ..."
    assert command.differs("NAME   AGE\nshop   5s\nblog   False 5s\n") == "blog True ..."
    assert command.differs("") == "NAME AGE"


def test_the_guide_has_commands_in_each_of_its_parts() -> None:
    typed = [command.typed for command in commands()]
    assert len(typed) > 15
    for needed in ("--dry-run", "apply -k manifests/crds", "apply -k move", "config/crd/bases", "DriftRepaired"):
        assert any(needed in line for line in typed), needed

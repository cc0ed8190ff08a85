"""A world for each test: embedded servers on loopback and, where asked for, the real controller in it."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fleetdns.demo.world import World, controller, embedded, install

KUBECTL = Path(sys.executable).parent / "kubectl"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Servers, CRDs and the sample's namespace; no controller."""
    async with embedded() as found:
        await install(found)
        yield found


@pytest.fixture
async def running(world: World) -> AsyncIterator[World]:
    """The same with the controller."""
    async with controller(world):
        yield world


class Kubectl:
    """One kubectl binary against one hub, as an administrator types it."""

    def __init__(self, binary: Path, kubeconfig: Path, folder: Path) -> None:
        self.binary = binary
        self.environment = {"KUBECONFIG": str(kubeconfig), "HOME": str(folder), "PATH": os.environ["PATH"]}

    async def __call__(self, *arguments: str, stdin: str = "", code: int = 0, **environment: str) -> str:
        """Run it; its output and errors together. Fails unless it exits with `code`."""
        process = await asyncio.create_subprocess_exec(
            self.binary,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**self.environment, **environment},
        )
        async with asyncio.timeout(30):
            output, _ = await process.communicate(stdin.encode())
        text = output.decode()
        assert process.returncode == code, f"kubectl {' '.join(arguments)}: {process.returncode}\n{text}"
        return text


def _binaries() -> list[Path]:
    """The pinned kubectl, and whatever the machine has."""
    machine = shutil.which("kubectl", path=os.environ["PATH"])
    return [KUBECTL, *([Path(machine)] if machine and Path(machine).resolve() != KUBECTL.resolve() else [])]


@pytest.fixture(params=_binaries(), ids=lambda binary: "pinned" if binary == KUBECTL else "machine")
def kubectl(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> Kubectl:
    return Kubectl(request.param, world.kubeconfig, tmp_path)

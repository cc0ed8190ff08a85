"""A command that looks and ends, as a process of its own on a world."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from typing import Any

from fleetdns.demo.members import SUBSCRIPTION
from fleetdns.demo.world import RESOURCE_GROUP, World


@dataclass(frozen=True, slots=True)
class Done:
    """How it ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What it printed as JSON."""
        return json.loads(self.out)

    @property
    def tables(self) -> list[list[str]]:
        """The words of each line, columns apart by three blanks."""
        return [[cell.strip() for cell in line.strip().split("   ") if cell.strip()] for line in self.out.splitlines()]


async def looked(world: World, *words: str, **environment: str) -> Done:
    """`fleetdns` with these words, pointed at the hub of a world by KUBECONFIG as a person would be."""
    given = {"PATH": os.environ["PATH"], "KUBECONFIG": str(world.kubeconfig), **environment}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "fleetdns", *words),
        env=given,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return Done(process.returncode or 0, out.decode(), err.decode())


async def on_a_terminal(world: World, *words: str, **environment: str) -> str:
    """What the same prints where stdout is a terminal."""
    given = {"PATH": os.environ["PATH"], "KUBECONFIG": str(world.kubeconfig), "TERM": "xterm", **environment}
    ours, theirs = os.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *("-m", "fleetdns", *words), env=given, stdin=asyncio.subprocess.DEVNULL, stdout=theirs
        )
        async with asyncio.timeout(60):
            await process.wait()
        return os.read(ours, 1 << 16).decode()  # little enough to wait in the terminal until it is read
    finally:
        os.close(ours)
        os.close(theirs)


async def with_stderr_on_a_terminal(world: World, command: str, *words: str) -> Done:
    """The same where only stderr is one, and what is printed goes into a pipe; `command` asks Azure."""
    given = {"PATH": os.environ["PATH"], "KUBECONFIG": str(world.kubeconfig), "TERM": "xterm", **azure(world)}
    ours, theirs = os.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "fleetdns", command, f"--resource-group={RESOURCE_GROUP}", *words),
            env=given,
            stdout=asyncio.subprocess.PIPE,
            stderr=theirs,
        )
        async with asyncio.timeout(60):
            out, _ = await process.communicate()
        os.set_blocking(ours, False)
        try:
            err = os.read(ours, 1 << 16)
        except BlockingIOError:
            err = b""
        return Done(process.returncode or 0, out.decode(), err.decode())
    finally:
        os.close(ours)
        os.close(theirs)


def azure(world: World) -> dict[str, str]:
    """The variables that lead to the Azure of a world."""
    return {"FLEETDNS_SUBSCRIPTION_ID": SUBSCRIPTION, "FLEETDNS_ARM_ENDPOINT": world.azure_url}


async def asked(world: World, command: str, *words: str, **environment: str) -> Done:
    """The same for one that asks Azure as well."""
    given = {**azure(world), **environment}
    return await looked(world, command, f"--resource-group={RESOURCE_GROUP}", *words, **given)

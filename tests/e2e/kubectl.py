"""The pinned kubectl, as an administrator types it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

KUBECTL = Path(sys.executable).parent / "kubectl"


class Kubectl:
    """One kubectl binary against one hub, as somebody types it."""

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

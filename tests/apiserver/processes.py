"""Programs that run beside the tests, end with them, and leave a log to read when they fail."""

from __future__ import annotations

import ctypes
import fcntl
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TextIO

# Below the ports that outgoing connections take, which could steal one before its server listens.
_PORTS = range(20_000, 32_000)
_PR_SET_PDEATHSIG = 1

_claims: dict[int, TextIO] = {}  # the ports that this process was given
# Linux takes the thread that started a process for its parent: one that ended sooner than the tests, as a pool's may,
# would take the server along.
_STARTER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starter")


class Process:
    """One program, started anew by each `start`; its output is appended to the file `log`."""

    def __init__(self, command: Sequence[str], *, log: Path) -> None:
        self.command = tuple(command)
        self.log = log
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        return Path(self.command[0]).name

    def start(self) -> None:
        self._running = _STARTER.submit(self._started).result()

    def _started(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_end_with_parent
            )

    def has_ended(self) -> bool:
        return self._running is None or self._running.poll() is not None

    def freeze(self) -> None:
        """Stop it in its tracks, its connections open; it has stopped when this returns."""
        if self._running is not None:
            self._running.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, self._running.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def thaw(self) -> None:
        if self._running is not None:
            self._running.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, as a crash does. Killing twice is harmless."""
        running, self._running = self._running, None
        if running is not None:
            running.kill()
            running.wait()

    def memory(self) -> float:
        """What it holds now, in MiB."""
        assert self._running is not None
        status = Path(f"/proc/{self._running.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024

    def last_words(self) -> str:
        """The end of its log, for a message."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-8:])


def free_port() -> int:
    """A port of loopback that nobody listens on, and that no other test process is given while this one lives."""
    while True:
        port = random.choice(_PORTS)
        if port in _claims or not _is_free(port):
            continue
        claim = _claimed(port)
        if claim is not None:
            _claims[port] = claim
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _claimed(port: int) -> TextIO | None:
    """A lock that lasts as long as this process; None: another one has it.

    A server that is stopped for a while, or starts some seconds after its port was chosen, must find it free.
    """
    folder = Path(tempfile.gettempdir()) / f"fleetdns-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    claim = (folder / str(port)).open("w")
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        claim.close()
        return None
    return claim


def _end_with_parent() -> None:
    """Whatever ends the tests, their servers do not stay behind. Only Linux can promise that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

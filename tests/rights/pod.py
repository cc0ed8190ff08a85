"""`fleetdns` as its container runs it: python -m tests.rights.pod MOUNT ARGUMENT...

MOUNT holds what a pod finds of its ServiceAccount. Nothing can be written: its root is read-only, and it has no volume.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from kubernetes_asyncio.config import incluster_config

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CHANGING = frozenset({"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate"})


def refuse_writes(event: str, arguments: tuple[object, ...]) -> None:
    """As a file system that is mounted read-only; an open descriptor and the devices are none of its affair."""
    if event not in _CHANGING and event != "open":
        return
    path = arguments[0]
    is_elsewhere = not isinstance(path, str | bytes | os.PathLike) or os.fsdecode(path).startswith("/dev/")
    flags = arguments[2] if event == "open" else _WRITING
    if not is_elsewhere and isinstance(flags, int) and flags & _WRITING:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)


if __name__ == "__main__":
    mount = Path(sys.argv[1])
    incluster_config.SERVICE_TOKEN_FILENAME = str(mount / "token")
    incluster_config.SERVICE_CERT_FILENAME = str(mount / "ca.crt")
    # It takes the two names over when it is imported.
    from fleetdns.cli import main

    sys.addaudithook(refuse_writes)
    sys.exit(main(sys.argv[2:]))

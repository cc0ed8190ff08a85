"""The manifests' CRDs and rights applied to a real API server, and the token of their own ServiceAccount.

A controller that uses it must be told where its Lease may lie, which in a pod it knows: FLAGS.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from fleetdns.demo.world import manifests
from fleetdns.emulator.hub.kubeconfig import kubeconfig, write_kubeconfig
from tests.apiserver.server import RealAPIServer

NAMESPACE = "fleetdns"
ACCOUNT = "fleetdns"
FLAGS = (f"--leader-election-namespace={NAMESPACE}",)

_KUBECTL = Path(sys.executable).parent / "kubectl"
_PLURALS = ("trafficmanagerprofiles", "trafficmanagerbackends", "serviceimports", "internalserviceexports")
_PATIENCE = 60.0  # seconds; a busy machine takes its time
_PAUSE = 0.05


def deployed(server: RealAPIServer, folder: Path) -> Path:
    """The kubeconfig of the manifests' ServiceAccount, in `folder`, once every kind can be listed with it.

    May be called again: what is applied stays, and the token is another one.
    """
    administrator = folder / "administrator.kubeconfig"
    server.write_kubeconfig(administrator)
    for part in ("crds", "base/rights"):
        kubectl(administrator, "apply", "--validate=strict", "-k", str(manifests() / part))
    path = account_kubeconfig(server, administrator, folder)
    for plural in _PLURALS:
        _wait_until_listed(path, plural)
    return path


def account_kubeconfig(server: RealAPIServer, administrator: Path, folder: Path) -> Path:
    """A kubeconfig with a new token of the ServiceAccount, which the TokenRequest API gives for an hour."""
    token = kubectl(administrator, "create", "token", ACCOUNT, f"--namespace={NAMESPACE}").strip()
    path = folder / f"{ACCOUNT}.kubeconfig"
    write_kubeconfig(path, kubeconfig(url=server.url, ca=server.ca_pem, token=token, namespace=NAMESPACE))
    return path


def kubectl(path: Path, *arguments: str) -> str:
    """What the pinned kubectl prints with that kubeconfig. Fails with its words where it does."""
    done = _run(path, *arguments)
    assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.returncode}\n{done.stderr}"
    return done.stdout


def told(path: Path, *arguments: str, code: int = 0) -> str:
    """The same with its warnings and errors, whatever it ends with; it has to be `code`."""
    done = _run(path, *arguments)
    assert done.returncode == code, f"kubectl {' '.join(arguments)}: {done.returncode}\n{done.stderr}"
    return done.stdout + done.stderr


def _run(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    home = {"HOME": str(path.parent), "PATH": ""}  # kubectl keeps what it discovered beside the kubeconfig
    command = (str(_KUBECTL), f"--kubeconfig={path}", *arguments)
    return subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, env=home, check=False)


def _wait_until_listed(path: Path, plural: str) -> None:
    """For some seconds a new kind is not served, its storage is being made, or the binding is not in force yet."""
    deadline = time.monotonic() + _PATIENCE
    group = "networking.fleet.azure.com"
    while (done := _run(path, "get", "--raw", f"/apis/{group}/v1alpha1/{plural}")).returncode != 0:
        assert time.monotonic() < deadline, done.stderr
        time.sleep(_PAUSE)

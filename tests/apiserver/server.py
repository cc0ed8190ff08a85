"""A real kube-apiserver with its etcd, on loopback, in a folder of its own.

server = RealAPIServer(binaries, folder); server.start(); ...; server.stop()

There is no controller-manager and no garbage collector behind it: namespaces stay Terminating, owner references do not
cascade. Calls block until they are done; only the time until it is ready is long, 3 to 8 seconds.
"""

from __future__ import annotations

import http.client
import json
import secrets
import ssl
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fleetdns.emulator.hub.kubeconfig import kubeconfig, write_kubeconfig
from fleetdns.emulator.hub.tls import make_identity
from tests.apiserver.build import Binaries
from tests.apiserver.processes import Process, free_port

HOST = "127.0.0.1"
USER = "fleetdns-admin"
_PATIENCE = 40.0  # seconds; a busy machine takes its time
_PAUSE = 0.05


class NotReady(Exception):
    """The server did not come up; the text has the end of its log."""


class RealAPIServer:
    """`folder` holds everything it writes: a server that starts on it again finds its data, address and token.

    token is an administrator's; arguments are added to kube-apiserver's own (`--feature-gates=WatchList=false`).
    """

    def __init__(self, binaries: Binaries, folder: Path, *, arguments: Iterable[str] = ()) -> None:
        self._folder = folder
        self._port, client, peer = free_port(), free_port(), free_port()
        self.url = f"https://{HOST}:{self._port}"
        self.etcd_url = f"http://{HOST}:{client}"
        self.token = secrets.token_urlsafe(32)
        folder.mkdir(parents=True, exist_ok=True)
        self.ca_pem = self._write_credentials()
        etcd = [str(binaries.etcd), *self._etcd_flags(f"http://{HOST}:{peer}")]
        apiserver = [str(binaries.kube_apiserver), *self._flags(), *arguments]
        self.etcd = Process(etcd, log=folder / "etcd.log")
        self.apiserver = Process(apiserver, log=folder / "kube-apiserver.log")

    def start(self) -> None:
        """Start both and wait until it is ready. Raises NotReady."""
        self.etcd.start()
        self.restart()

    def restart(self) -> None:
        """Start kube-apiserver, after `kill`, on the same data, address and token. Raises NotReady."""
        self.apiserver.start()
        try:
            self._wait()
        except NotReady:
            self.stop()
            raise

    def kill(self) -> None:
        """kube-apiserver crashes; etcd stays."""
        self.apiserver.kill()

    def kill_etcd(self) -> None:
        """etcd crashes under a kube-apiserver that goes on."""
        self.etcd.kill()

    def restart_etcd(self) -> None:
        """Start etcd, after `kill_etcd`, on the same data. Raises NotReady."""
        self.etcd.start()
        self._wait()

    def compact(self) -> None:
        """etcd forgets every version but the present one: whoever asks for an older one is told that it is gone."""
        status = self._ask_etcd("/v3/maintenance/status", {})
        self._ask_etcd("/v3/kv/compaction", {"revision": status["header"]["revision"], "physical": True})

    def pause(self) -> None:
        """kube-apiserver answers nothing any more, while its connections stay open."""
        self.apiserver.freeze()

    def resume(self) -> None:
        self.apiserver.thaw()

    def stop(self) -> None:
        """End both. Stopping twice is harmless."""
        self.apiserver.kill()
        self.etcd.kill()

    def kubeconfig(self) -> str:
        """The text of a kubeconfig for the administrator."""
        return kubeconfig(url=self.url, ca=self.ca_pem, token=self.token)

    def write_kubeconfig(self, path: Path) -> None:
        write_kubeconfig(path, self.kubeconfig())

    def _wait(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        trusted = ssl.create_default_context(cadata=self.ca_pem.decode())
        while not self._is_ready(trusted):
            for process in (self.etcd, self.apiserver):
                if process.has_ended():
                    raise NotReady(f"{process.name} ended:\n{process.last_words()}")
            if time.monotonic() > deadline:
                raise NotReady(f"not ready after {_PATIENCE:g} s:\n{self.apiserver.last_words()}")
            time.sleep(_PAUSE)

    def _is_ready(self, trusted: ssl.SSLContext) -> bool:
        connection = http.client.HTTPSConnection(HOST, self._port, timeout=2, context=trusted)
        try:
            connection.request("GET", "/readyz", headers={"Authorization": f"Bearer {self.token}"})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _ask_etcd(self, path: str, request: dict[str, Any]) -> dict[str, Any]:
        """One call of etcd's gateway, which speaks JSON."""
        connection = http.client.HTTPConnection(self.etcd_url.removeprefix("http://"), timeout=10)
        try:
            connection.request("POST", path, json.dumps(request), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"etcd answered {answer.status} to {path}: {text}")
        return dict(json.loads(text))

    def _write_credentials(self) -> bytes:
        """The certificate authority that clients trust, in PEM."""
        identity = make_identity(HOST)
        signing = ec.generate_private_key(ec.SECP256R1())
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        written = {
            "server.crt": identity.certificate,
            "server.key": identity.key,
            "accounts.key": signing.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain),
            "accounts.pub": signing.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo),
            "tokens.csv": f'{self.token},{USER},{USER},"system:masters"\n'.encode(),
        }
        for name, content in written.items():
            path = self._folder / name
            path.touch(mode=0o600)
            path.write_bytes(content)
        return identity.ca

    def _etcd_flags(self, peer: str) -> tuple[str, ...]:
        return (
            f"--data-dir={self._folder / 'etcd'}",
            f"--listen-client-urls={self.etcd_url}",
            f"--advertise-client-urls={self.etcd_url}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        )

    def _flags(self) -> tuple[str, ...]:
        return (
            f"--etcd-servers={self.etcd_url}",
            f"--bind-address={HOST}",
            f"--secure-port={self._port}",
            f"--cert-dir={self._folder / 'certificates'}",
            f"--tls-cert-file={self._folder / 'server.crt'}",
            f"--tls-private-key-file={self._folder / 'server.key'}",
            f"--token-auth-file={self._folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            f"--service-account-issuer={self.url}/",
            f"--service-account-key-file={self._folder / 'accounts.pub'}",
            f"--service-account-signing-key-file={self._folder / 'accounts.key'}",
            "--service-cluster-ip-range=10.0.0.0/16",
            "--allow-privileged=true",
            # It would refuse pods in namespaces whose ServiceAccount no controller makes here.
            "--disable-admission-plugins=ServiceAccount",
            "--profiling=false",
        )

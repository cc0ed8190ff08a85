"""Runs fleetdns' Deployments of one cluster as processes, as a kubelet would run their pods, less the container.

For each Deployment one pod: its arguments, its variables (also those from ConfigMaps and from other variables), the
token of its ServiceAccount, its Secrets as files that follow a change, a root that cannot be written, and readiness
from its probe. A pod waits until all of that is there.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.contract.client import API, Endpoint, Object, connected
from tests.e2e.process import fetched, free_ports

_PAUSE = 0.1  # seconds between two looks at the cluster
_REFERENCE = re.compile(r"\$\((\w+)\)")


class Missing(Exception):
    """Something that the pod needs is not there yet."""


@dataclass(slots=True)
class Pod:
    """One that runs. `volumes`: the folder of each of its Secrets, by the Secret's name."""

    process: asyncio.subprocess.Process
    probes: int
    log: Path
    volumes: Mapping[str, Path] = field(default_factory=dict)


class Kubelet:
    """`given`: variables that every pod has besides its own, such as the address of an emulated Azure."""

    def __init__(self, server: Endpoint, api: API, folder: Path, given: Mapping[str, str]) -> None:
        self._server = server
        self._api = api
        self._folder = folder
        self._given = given
        self.pods: dict[tuple[str, str], Pod] = {}  # by namespace and name of the Deployment

    async def run(self) -> None:
        """Run whatever is deployed, until cancelled."""
        while True:
            found = await self._api.get("/apis/apps/v1/deployments")
            for deployment in found.body["items"] if found.code == 200 else ():
                key = deployment["metadata"]["namespace"], deployment["metadata"]["name"]
                if key not in self.pods:
                    await self._try(key, deployment)
                else:
                    await self._follow(key, deployment)
            await asyncio.sleep(_PAUSE)

    async def stop(self) -> None:
        """End every pod."""
        for pod in self.pods.values():
            if pod.process.returncode is None:
                pod.process.terminate()
                await pod.process.wait()

    async def _try(self, key: tuple[str, str], deployment: Object) -> None:
        try:
            self.pods[key] = await self._started(key, deployment)
        except Missing:
            return

    async def _started(self, key: tuple[str, str], deployment: Object) -> Pod:
        namespace, name = key
        folder = self._folder / f"{namespace}-{name}"
        spec = deployment["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        volumes = {v["name"]: v["secret"]["secretName"] for v in spec.get("volumes", ())}
        folders = {}
        for secret in volumes.values():
            folders[secret] = folder / "secrets" / secret
            await self._write(namespace, secret, folders[secret])
        mounts = {m["mountPath"]: folders[volumes[m["name"]]] for m in container.get("volumeMounts", ())}
        variables = await self._variables(namespace, container)
        for path, mounted in mounts.items():
            variables = {n: value.replace(path, str(mounted)) for n, value in variables.items()}
        account = await self._account(namespace, spec["serviceAccountName"], folder / "account")
        metrics, probes = free_ports(2)
        server = urlsplit(self._server.url)
        environment = {
            "PATH": os.environ["PATH"],
            "KUBERNETES_SERVICE_HOST": str(server.hostname),
            "KUBERNETES_SERVICE_PORT": str(server.port),
            **variables,
            **self._given,
            "FLEETDNS_METRICS_BIND_ADDRESS": f"127.0.0.1:{metrics}",
            "FLEETDNS_HEALTH_PROBE_BIND_ADDRESS": f"127.0.0.1:{probes}",
        }
        log = folder / "log"
        with log.open("w") as stream:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.rights.pod", str(account), *container["args"]),
                env=environment,
                stdout=stream,
                stderr=stream,
            )
        return Pod(process, probes, log, folders)

    async def _follow(self, key: tuple[str, str], deployment: Object) -> None:
        """Secrets that changed are written anew, and a ready pod is told of."""
        pod, (namespace, name) = self.pods[key], key
        for secret, folder in pod.volumes.items():
            await self._write(namespace, secret, folder)
        replicas = deployment["spec"]["replicas"]
        status = deployment.get("status", {})
        is_ready = (await fetched(f"http://127.0.0.1:{pod.probes}/readyz"))[0] == 200
        if is_ready == (status.get("readyReplicas") == replicas):
            return
        count = replicas if is_ready else 0
        told = {"replicas": replicas, "updatedReplicas": replicas, "readyReplicas": count, "availableReplicas": count}
        generation = {"observedGeneration": deployment["metadata"]["generation"]}
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}/status"
        await self._api.merge(path, {"status": told | generation})

    async def _variables(self, namespace: str, container: Object) -> dict[str, str]:
        found: dict[str, str] = {}
        for source in container.get("envFrom", ()):
            if "configMapRef" in source:
                found |= (await self._object(f"{namespace}/configmaps/{source['configMapRef']['name']}"))["data"]
        for variable in container.get("env", ()):
            found[variable["name"]] = (
                _REFERENCE.sub(lambda reference: found[reference[1]], variable["value"])
                if "value" in variable
                else namespace  # the one field that a pod asks for
            )
        return found

    async def _write(self, namespace: str, secret: str, folder: Path) -> None:
        content = (await self._object(f"{namespace}/secrets/{secret}"))["data"]
        _written(folder, {name: base64.b64decode(value) for name, value in content.items()})

    async def _account(self, namespace: str, name: str, folder: Path) -> Path:
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
        reply = await self._api.create(path, asked)
        if reply.code != 201:
            raise Missing(reply.text)
        token = reply.body["status"]["token"].encode()
        return _written(folder, {"token": token, "namespace": namespace.encode(), "ca.crt": self._server.ca_pem})

    async def _object(self, path: str) -> Any:
        reply = await self._api.get(f"/api/v1/namespaces/{path}")
        if reply.code != 200:
            raise Missing(reply.text)
        return reply.body


def _written(folder: Path, content: Mapping[str, bytes]) -> Path:
    """The folder with exactly that in its files; a file that changes is replaced at once."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, raw in content.items():
        file = folder / name
        if not file.exists() or file.read_bytes() != raw:
            draft = folder / f".{name}.draft"
            draft.write_bytes(raw)
            draft.replace(file)
    return folder


@asynccontextmanager
async def kubelet(server: Endpoint, folder: Path, given: Mapping[str, str]) -> AsyncIterator[Kubelet]:
    """One for a cluster, until the end of the block; its pods end with it."""
    async with connected(server, "default") as api:
        found = Kubelet(server, api, folder, given)
        running = asyncio.create_task(found.run())
        try:
            yield found
        finally:
            running.cancel()
            await asyncio.wait((running,))
            await found.stop()
            if not running.cancelled() and (error := running.exception()) is not None:
                raise error

"""The API servers that worlds are built on, one world after the other, and how one is made ready for the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from fleetdns.demo.world import APIServer, World, around
from fleetdns.emulator.hub.kubeconfig import kubeconfig, write_kubeconfig
from tests.contract.client import API, connected, until_served
from tests.contract.samples import ALPHA, BETA, DEFINITIONS, GROUP, definitions
from tests.e2e.eventually import eventually

_NAMES = tuple(definition["spec"]["names"] for definition in definitions())
_NAMESPACE = "work"


@dataclass(frozen=True, slots=True)
class Site:
    """account: the kubeconfig of the manifests' ServiceAccount; None where nobody's rights are told apart."""

    server: APIServer
    account: Path | None

    def administrator(self, path: Path, *, namespace: str = "default") -> Path:
        """The kubeconfig of one who may do everything, written to `path`."""
        server = self.server
        write_kubeconfig(path, kubeconfig(url=server.url, ca=server.ca_pem, token=server.token, namespace=namespace))
        return path


@asynccontextmanager
async def built_on(site: Site) -> AsyncIterator[World]:
    """People come as administrators, by `world.cluster`; the controller comes with `world.kubeconfig`."""
    async with around(site.server) as world:
        yield replace(world, kubeconfig=site.account or world.kubeconfig)


async def emptied(server: APIServer) -> None:
    """Remove what a world leaves behind: objects of our kinds, Leases, events.

    Namespaces stay: without a controller-manager nobody finishes the deletion of one.
    """
    async with connected(server, _NAMESPACE) as api:
        for names in _NAMES:
            await _remove_objects(api, names["plural"])
        leases = (await api.get("/apis/coordination.k8s.io/v1/leases")).body["items"]
        ours = [item["metadata"] for item in leases if item["metadata"]["name"].startswith("fleetdns")]
        for lease in ours:
            await api.delete(f"/apis/coordination.k8s.io/v1/namespaces/{lease['namespace']}/leases/{lease['name']}")
        events = (await api.get("/api/v1/events")).body["items"]
        for namespace in sorted({event["metadata"]["namespace"] for event in events}):
            await api.delete(f"/api/v1/namespaces/{namespace}/events")


async def stripped(server: APIServer) -> None:
    """The same, and the server forgets our kinds."""
    await emptied(server)
    async with connected(server, _NAMESPACE) as api:
        for names in _NAMES:
            await api.delete(f"{DEFINITIONS}/{names['plural']}.{GROUP}")
        for path in _collections(api.namespace):
            await eventually(partial(api.get, path), lambda reply: reply.code == 404)


async def at_work(server: APIServer) -> None:
    """Wait until every kind can be listed and written; the first write of a new kind is held back for two seconds."""
    async with connected(server, _NAMESPACE) as api, asyncio.TaskGroup() as group:
        for path in _collections(api.namespace):
            await until_served(api, path)
        for names in _NAMES:
            body = {"apiVersion": f"{GROUP}/v1alpha1", "kind": names["kind"], "metadata": {"name": "first"}}
            path = f"{ALPHA}/namespaces/{{ns}}/{names['plural']}?dryRun=All"
            group.create_task(api.create(path, body))


async def _remove_objects(api: API, plural: str) -> None:
    found = await api.get(f"{ALPHA}/{plural}")
    for metadata in (item["metadata"] for item in found.body["items"]) if found.code == 200 else ():
        path = f"{ALPHA}/namespaces/{metadata['namespace']}/{plural}/{metadata['name']}"
        if metadata.get("finalizers"):
            # The controller that would take them away is gone.
            await api.merge(path, {"metadata": {"finalizers": None}})
        await api.delete(path)


def _collections(namespace: str) -> Iterable[str]:
    """The path of every kind in every version that it has."""
    for definition in definitions():
        for version in definition["spec"]["versions"]:
            root = BETA if version["name"] == "v1beta1" else ALPHA
            yield f"{root}/namespaces/{namespace}/{definition['spec']['names']['plural']}"

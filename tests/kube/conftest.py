"""The hub as the adapter meets it: the embedded API server, or a server that plays a script."""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleetdns.api.meta import ObjectKey, Resource
from fleetdns.emulator.hub.server import HubServer
from fleetdns.kube.config import load
from fleetdns.kube.paths import collection, item
from fleetdns.kube.transport import HubTimeouts, Transport
from tests.apiserver.fixtures import binaries, pytest_collection_finish, real_server
from tests.azure.scripted import Answer, ScriptedServer

__all__ = ["binaries", "pytest_collection_finish", "real_server"]

DEFINITIONS = Path(__file__).parents[2] / "manifests" / "crds"
CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace")
NAMESPACE = "work"
QUICK = HubTimeouts(connect=1.0, read=0.3, write=0.3, opening=0.3)


class Calls:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def called(self, *, method: str, code: str) -> None:
        self.told.append((method, code))


Open = Callable[..., Awaitable[Transport]]


@pytest.fixture
def calls() -> Calls:
    return Calls()


def kubeconfig(path: Path, *, server: str, user: dict[str, Any] | None = None) -> str:
    """A kubeconfig file with one context; its path."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "hub", "cluster": {"server": server}}],
        "users": [{"name": "us", "user": {"token": "first"} if user is None else user}],
        "contexts": [{"name": "here", "context": {"cluster": "hub", "user": "us"}}],
        "current-context": "here",
    }
    path.write_text(json.dumps(content))
    return str(path)


@pytest.fixture
async def opened(tmp_path: Path, calls: Calls) -> AsyncIterator[Open]:
    """Opens transports that are closed when the test ends."""
    async with AsyncExitStack() as stack:

        async def open_one(file: str, **options: Any) -> Transport:
            return await stack.enter_async_context(Transport(await load(file), observer=calls, **options))

        yield open_one


@pytest.fixture
async def scripted() -> AsyncIterator[ScriptedServer]:
    server = ScriptedServer(Answer(body=b"{}"))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def wire(scripted: ScriptedServer, opened: Open, tmp_path: Path) -> Transport:
    """A transport to the scripted server that soon loses patience."""
    return await opened(kubeconfig(tmp_path / "config", server=scripted.url), timeouts=QUICK)


@functools.cache
def definitions() -> tuple[bytes, ...]:
    """Our kinds, as JSON."""
    files = sorted(DEFINITIONS.glob("networking*.yaml"))
    return tuple(json.dumps(yaml.safe_load(file.read_text())).encode() for file in files)


@pytest.fixture
async def hub() -> AsyncIterator[HubServer]:
    server = HubServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def transport(hub: HubServer, opened: Open, tmp_path: Path) -> Transport:
    """A transport to the embedded hub, which has our kinds and one namespace."""
    file = tmp_path / "config"
    file.write_text(hub.kubeconfig())
    transport = await opened(str(file))
    for definition in definitions():
        await transport.create(collection(CRDS, None), definition)
    await transport.create(collection(NAMESPACES, None), json.dumps({"metadata": {"name": NAMESPACE}}).encode())
    return transport


async def created(transport: Transport, resource: Resource, name: str, spec: Any, **metadata: Any) -> dict[str, Any]:
    """An object made by somebody else, as the server stored it."""
    body = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": name, "namespace": NAMESPACE, **metadata},
        "spec": spec,
    }
    answer = await transport.create(collection(resource, NAMESPACE), json.dumps(body).encode())
    stored: dict[str, Any] = json.loads(answer)
    return stored


async def stored(transport: Transport, resource: Resource, name: str) -> dict[str, Any]:
    """An object as the server has it."""
    answer: dict[str, Any] = json.loads(await transport.get(item(resource, ObjectKey(NAMESPACE, name))))
    return answer

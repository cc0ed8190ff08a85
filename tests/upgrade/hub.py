"""A hub in the hands of an administrator: its API, its kubectl, and definitions that are replaced under its objects."""

from __future__ import annotations

import asyncio
import copy
import functools
from collections.abc import Awaitable, Callable
from typing import Any

from tests.contract.client import API, APPLY, MERGE, Reply, until_served
from tests.contract.samples import ALPHA, BETA, CRDS, DEFINITIONS, definitions
from tests.e2e.conftest import Kubectl
from tests.upgrade.definitions import GROUP, INSTALLER, LABELS, fleet_definitions

Object = dict[str, Any]

VERSIONS = {
    "trafficmanagerprofiles": ("v1alpha1", "v1beta1"),
    "trafficmanagerbackends": ("v1alpha1", "v1beta1"),
    "serviceexports": ("v1alpha1", "v1beta1"),
    "internalserviceexports": ("v1alpha1",),
    "serviceimports": ("v1alpha1",),
}
_PATIENCE = 20.0  # seconds


class Hub:
    """`kubectl` and `api` are an administrator's."""

    def __init__(self, api: API, kubectl: Kubectl) -> None:
        self.api = api
        self.kubectl = kubectl

    async def install(self, others: list[Object] | None = None) -> None:
        """Put Fleet's definitions in place as its installer does; ours, where they are there, are overwritten."""
        for definition in others or fleet_definitions():
            path = f"{DEFINITIONS}/{definition['metadata']['name']}"
            found = await self.api.get(path)
            if found.code == 404:
                _accepted(await self.api.create(f"{DEFINITIONS}?fieldManager={INSTALLER}", definition))
                continue
            body = found.body | {"spec": definition["spec"]}
            body["metadata"]["labels"] = body["metadata"].get("labels", {}) | LABELS
            _accepted(await self.api.update(f"{path}?fieldManager={INSTALLER}", body))
        for plural in (definition["spec"]["names"]["plural"] for definition in others or fleet_definitions()):
            await until_served(self.api, f"/apis/{GROUP}/v1alpha1/{plural}")
        if others is None:
            await until_served(self.api, f"{BETA}/trafficmanagerprofiles")
            await self._until(code=422)

    async def reinstall(self, others: list[Object]) -> None:
        """Definitions of another time in place of the same ones now."""
        for definition in others:
            path = f"{DEFINITIONS}/{definition['metadata']['name']}"
            _accepted(await self.api.delete(path))
            await eventually(functools.partial(self.api.get, path), lambda reply: reply.code == 404)
        await self.install(others)

    async def upgrade(self) -> None:
        """Put our definitions in Fleet's place, whoever wrote what is there."""
        for ours in definitions():
            path = f"{DEFINITIONS}/{ours['metadata']['name']}"
            _accepted(await self.api.apply(path, ours, manager="kubectl", force=True))
        await self._until(code=201)

    async def upgrade_by_kubectl(self, *arguments: str) -> str:
        """The same as an administrator does it; what kubectl says to it."""
        said = await self.kubectl("apply", *arguments, "-k", str(CRDS))
        await self._until(code=201)
        return said

    async def _until(self, *, code: int) -> None:
        """Wait until the new definitions rule, which takes a server a moment: only ours need no resource group.

        Asked by an apply: a real server holds back each create of a kind that is not yet 2 s old.
        """
        path = f"{BETA}/namespaces/{{ns}}/trafficmanagerprofiles/x?dryRun=All&fieldManager=look"
        body = {
            "apiVersion": f"{GROUP}/v1beta1",
            "kind": "TrafficManagerProfile",
            "metadata": {"name": "x"},
            "spec": {},
        }
        await eventually(
            lambda: self.api.call("PATCH", path, body, content_type=APPLY), lambda reply: reply.code == code
        )

    async def create(self, obj: Object) -> Object:
        """One new object with its status; missing namespaces are made.

        Applied: a real server holds back each create of a kind that is not yet 2 s old.
        """
        namespace = obj["metadata"]["namespace"]
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        made = await self.api.create("/api/v1/namespaces", body)
        assert made.code in (201, 409), made.text
        reply = await self.api.apply(self.path(obj), obj, manager="its-author")
        assert reply.code == 201, reply.text
        stored = reply.body
        if "status" in obj:
            stored = await self.patch_status(obj, obj["status"])
        return dict(stored)

    async def read(self, obj: Object, version: str = "") -> Object:
        return dict(_accepted(await self.api.get(self.path(obj, version=version))).body)

    async def patch(self, obj: Object, patch: Object, *, version: str = "") -> Reply:
        return await self.api.call("PATCH", self.path(obj, version=version), patch, content_type=MERGE)

    async def patch_status(self, obj: Object, status: Object) -> Object:
        reply = await self.api.merge(f"{self.path(obj)}/status", {"status": status})
        return dict(_accepted(reply).body)

    @staticmethod
    def path(obj: Object, *, version: str = "", named: bool = True) -> str:
        own_version = obj["apiVersion"].split("/")[1]
        root = f"/apis/{GROUP}/{version or own_version}/namespaces/{obj['metadata']['namespace']}"
        collection = f"{root}/{obj['kind'].lower()}s"
        return f"{collection}/{obj['metadata']['name']}" if named else collection

    @staticmethod
    def versions(obj: Object) -> tuple[str, ...]:
        """The versions an object can be read in."""
        return VERSIONS[f"{obj['kind'].lower()}s"]

    async def clear(self) -> None:
        """Take every object away, finalizers or not, and what was told of them: the next test may have this server."""
        for plural in VERSIONS:
            listed = await self.api.get(f"{ALPHA}/{plural}")
            for item in listed.body["items"] if listed.code == 200 else ():
                path = f"{ALPHA}/namespaces/{item['metadata']['namespace']}/{plural}/{item['metadata']['name']}"
                await self.api.merge(path, {"metadata": {"finalizers": None}})
                await self.api.delete(path)
        await self.api.delete("/api/v1/namespaces/{ns}/events")


def without_defaults(obj: Object) -> Object:
    """An object as it was before our schema filled something in."""
    stripped = copy.deepcopy(obj)
    if stripped["kind"] == "TrafficManagerProfile" and stripped["spec"].get("deletionPolicy") == "Delete":
        del stripped["spec"]["deletionPolicy"]
    return stripped


async def eventually(
    look: Callable[[], Awaitable[Any]], holds: Callable[[Any], bool], *, within: float = _PATIENCE
) -> Any:
    """What `look` gives once it `holds`; what it gave last is in the failure. `within`: seconds."""
    seen: Any = None
    try:
        async with asyncio.timeout(within):
            while True:
                seen = await look()
                if holds(seen):
                    return seen
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {within:g} s; last seen: {seen}") from None


def _accepted(reply: Reply) -> Reply:
    assert reply.code in (200, 201), reply.text
    return reply

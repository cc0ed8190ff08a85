"""A small kind of a test's own: its definition, and objects of it that need not wait until the kind is old enough."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tests.contract.client import API, Reply, until_served
from tests.contract.samples import DEFINITIONS

Object = dict[str, Any]

GROUP_OF_TESTS = "contract.example.com"
_PATIENCE = 30.0  # seconds; a real server looks for the last object every five


def definition(plural: str, *, finalizers: list[str] | None = None) -> Object:
    """A namespaced kind with a status, one for each test: a server takes seconds to forget one."""
    spec = {"type": "object", "properties": {"size": {"type": "integer"}}}
    status = {"type": "object", "properties": {"seen": {"type": "integer"}}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": status}}},
        "subresources": {"status": {}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP_OF_TESTS}"} | ({"finalizers": finalizers} if finalizers else {}),
        "spec": {
            "group": GROUP_OF_TESTS,
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": plural.capitalize()},
            "versions": [version],
        },
    }


class Things:
    """One kind on one server. Objects are applied: a real server holds back each create of a kind not yet 2 s old."""

    def __init__(self, api: API, plural: str) -> None:
        self.plural = plural
        self.name = f"{plural}.{GROUP_OF_TESTS}"
        self.path = f"{DEFINITIONS}/{self.name}"
        self.collection = f"/apis/{GROUP_OF_TESTS}/v1/namespaces/{{ns}}/{plural}"
        self._api = api

    async def define(self, *, finalizers: list[str] | None = None) -> Object:
        """The definition as it was answered; its kind is served when this returns."""
        made = await self._api.create(DEFINITIONS, definition(self.plural, finalizers=finalizers))
        assert made.code == 201, made.text
        await until_served(self._api, self.collection)
        return dict(made.body)

    def one(self, name: str, *, finalizers: list[str] | None = None, **spec: Any) -> Object:
        metadata: Object = {"name": name} | ({"finalizers": finalizers} if finalizers else {})
        kind = {"apiVersion": f"{GROUP_OF_TESTS}/v1", "kind": self.plural.capitalize()}
        return kind | {"metadata": metadata, "spec": spec}

    async def add(self, name: str, *, finalizers: list[str] | None = None) -> Reply:
        applied = self.one(name, finalizers=finalizers)
        reply = await self._api.apply(f"{self.collection}/{name}", applied, manager="test")
        assert reply.code == 201, reply.text
        return reply

    async def stage(self) -> tuple[str, str]:
        """Status and reason of the condition that tells how far the deletion has come."""
        found = (await self._api.get(self.path)).body["status"]["conditions"]
        return next((one["status"], one["reason"]) for one in found if one["type"] == "Terminating")

    async def until_stage(self, reason: str) -> None:
        async def reached() -> bool:
            return (await self.stage())[1] == reason

        await _until(reached)

    async def until_gone(self) -> None:
        """Neither the definition nor its kind is known any more."""

        async def gone() -> bool:
            return {(await self._api.get(path)).code for path in (self.path, self.collection)} == {404}

        await _until(gone)

    async def clear(self) -> None:
        """Take everything away again, held or not."""
        listed = await self._api.get(self.collection)
        for name in listed.names if listed.code == 200 else ():
            await self._api.merge(f"{self.collection}/{name}", {"metadata": {"finalizers": None}})
        await self._api.delete(self.path)


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(_PATIENCE):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.02)

"""The part of a controller-manager that a Deployment needs to be rolled out; no pod ever runs."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Self

from tests.contract.client import API

Object = dict[str, Any]

_EVERY = "/apis/apps/v1/deployments"


class Deployments:
    """Use as `async with`: until its end every Deployment becomes available soon after it changed."""

    def __init__(self, api: API) -> None:
        self._api = api
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        for item in (await self._api.get(_EVERY)).body["items"]:
            await self._api.delete(_path(item))

    async def create(self, namespace: str, name: str) -> None:
        """One of a container that takes Fleet's flags."""
        made = await self._api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
        assert made.code in (201, 409), made.text
        labels = {"app.kubernetes.io/name": name}
        container = {"name": name, "image": name, "args": ["--leader-election-namespace=fleet-system"]}
        body = {
            "metadata": {"name": name},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        }
        made = await self._api.create(f"/apis/apps/v1/namespaces/{namespace}/deployments", body)
        assert made.code == 201, made.text

    async def _run(self) -> None:
        while True:
            for item in (await self._api.get(_EVERY)).body["items"]:
                await self._roll_out(item)
            await asyncio.sleep(0.05)

    async def _roll_out(self, item: Object) -> None:
        generation, wanted = item["metadata"]["generation"], item["spec"]["replicas"]
        if item.get("status", {}).get("observedGeneration") == generation:
            return
        counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), wanted)
        await self._api.merge(f"{_path(item)}/status", {"status": {"observedGeneration": generation, **counts}})


def _path(item: Object) -> str:
    metadata = item["metadata"]
    return f"/apis/apps/v1/namespaces/{metadata['namespace']}/deployments/{metadata['name']}"

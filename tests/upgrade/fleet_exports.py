"""A stand-in for the controllers of Fleet's hub that resolve exports, as far as a ServiceImport shows them.

An import without ports takes those of any export. From then on an export whose list of ports is not the same, order and
all, is taken out, and its cluster with it; an import that lost its last cluster begins anew.
"""

from __future__ import annotations

from typing import Any

from tests.contract.client import API
from tests.contract.samples import ALPHA
from tests.upgrade.objects import EXPORT_FINALIZER, condition

Object = dict[str, Any]


class FleetResolver:
    """Each call is one look at every export."""

    def __init__(self, api: API) -> None:
        self._api = api

    async def look(self) -> None:
        for export in (await self._api.get(f"{ALPHA}/internalserviceexports")).body["items"]:
            await self._export(export)

    async def _export(self, export: Object) -> None:
        reference = export["spec"]["serviceReference"]
        path = f"{ALPHA}/namespaces/{reference['namespace']}/serviceimports/{reference['name']}"
        resolved = (await self._api.get(path)).body
        status = dict(resolved.get("status", {}))
        clusters = [one["cluster"] for one in status.get("clusters", ())]
        is_leaving = "deletionTimestamp" in export["metadata"]
        agrees = not status.get("ports") or status["ports"] == export["spec"]["ports"]
        if is_leaving or not agrees:
            clusters = [cluster for cluster in clusters if cluster != reference["clusterId"]]
        elif reference["clusterId"] not in clusters:
            clusters = [*clusters, reference["clusterId"]]
        status = {"type": "ClusterSetIP", "ports": status.get("ports") or export["spec"]["ports"]}
        status |= {"clusters": [{"cluster": cluster} for cluster in clusters]}
        written = await self._api.update(f"{path}/status", resolved | {"status": status if clusters else {}})
        assert written.code == 200, written.text
        if is_leaving:
            await self._release(export)
            return
        state = ("False", "NoConflictFound") if agrees else ("True", "ConflictFound")
        told = condition("Conflict", *state, generation=reference["generation"])
        await self._api.update(f"{_path(export)}/status", export | {"status": {"conditions": [told]}})

    async def _release(self, export: Object) -> None:
        left = [one for one in export["metadata"].get("finalizers", ()) if one != EXPORT_FINALIZER]
        await self._api.merge(_path(export), {"metadata": {"finalizers": left}})


def _path(export: Object) -> str:
    metadata = export["metadata"]
    return f"{ALPHA}/namespaces/{metadata['namespace']}/internalserviceexports/{metadata['name']}"

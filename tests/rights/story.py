"""A short day of fleetdns, one claim after the other; each is a thing that some right is for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fleetdns.demo.kubernetes import BACKENDS, EXPORTS, GROUP, PROFILES
from fleetdns.demo.members import NAMESPACE, SERVICE, namespace
from fleetdns.demo.sight import condition, is_
from fleetdns.demo.world import World, manifests
from tests.apiserver.deployed import NAMESPACE as OWN_NAMESPACE
from tests.e2e.eventually import eventually
from tests.rights.controller import Controller

READY = "fleetdns becomes ready"
IMPORTED = "the exports of a service become one ServiceImport"
JUDGED = "each export is told whether it counts"
PROGRAMMED = "the profile is programmed and says so"
ACCEPTED = "the backend is accepted and says so"
TOLD = "an event tells of it"
REFUSED = "an export that disagrees is told so"
LET_GO = "an export that is deleted is let go"
COUNTED = "an event that repeats is counted"
REPAIRED = "what somebody changed in Azure is put back, and an event names it"
BACKEND_GONE = "a deleted backend goes, and its endpoints with it"
PROFILE_GONE = "a deleted profile goes, and with it what is in Azure"
UNIMPORTED = "the ServiceImport goes with the last export"
RENEWED = "the leader keeps its Lease"

IMPORT = f"/apis/{GROUP}/v1alpha1/namespaces/{NAMESPACE}/serviceimports/{SERVICE}"
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{OWN_NAMESPACE}/leases/fleetdns"
_EXPORT = f"{NAMESPACE}-{SERVICE}"
_IMPORT = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "ServiceImport"}
_GUARD = f"{GROUP}/internal-svc-export-cleanup"  # Fleet's own hub controller puts it on

Claim = Callable[[], Awaitable[bool]]


class Story:
    """`claim`: what is waited for now, or was last. What happens on the hub is an administrator's doing."""

    def __init__(self, world: World, controller: Controller, *, lease: str | None = LEASE) -> None:
        """`lease`: the path of the Lease; None: nobody takes one."""
        self._world = world
        self._controller = controller
        self._lease = lease
        self.claim = ""
        self._holds: Claim = self._is_ready

    async def whole(self, *, with_drift: bool = False) -> None:
        """Every claim in turn; TimeoutError for one that does not come true."""
        await self._begins()
        await self._somebody_disagrees()
        if with_drift:
            await self._somebody_changes_azure()
        await self._everything_goes()
        if self._lease is not None:
            await self._true(RENEWED, self._is_renewed)

    async def with_imports_of_others(self) -> None:
        """The part of it that is left where another controller resolves exports."""
        await self._true(READY, self._is_ready)
        await self._samples()
        await self._somebody_imports()
        await self._true(PROGRAMMED, self._has(PROFILES, "myatm", "Programmed"))
        await self._true(ACCEPTED, self._has(BACKENDS, SERVICE, "Accepted"))

    async def holds_now(self) -> bool:
        """Whether the claim is true after all."""
        return await self._holds()

    async def messages(self) -> str:
        """What the conditions of every object in the story say."""
        found = [await self._object(PROFILES, "myatm"), await self._object(BACKENDS, SERVICE)]
        found += [await self._export(cluster) for cluster in ("a", "b", "c")]
        conditions = [c for obj in found for c in obj.get("status", {}).get("conditions", ())]
        return "\n".join(f"{c['type']} {c['status']} {c['reason']}: {c.get('message', '')}" for c in conditions)

    async def _begins(self) -> None:
        await self._true(READY, self._is_ready)
        await self._samples()
        await self._true(IMPORTED, self._is_imported)
        await self._true(JUDGED, self._are_judged)
        await self._true(PROGRAMMED, self._has(PROFILES, "myatm", "Programmed"))
        await self._true(ACCEPTED, self._has(BACKENDS, SERVICE, "Accepted"))
        await self._true(TOLD, lambda: self._is_told("Accepted"))

    async def _samples(self) -> None:
        for cluster in ("a", "b"):
            await self._world.members.join(cluster, weight=100)
        for file in ("profile.yaml", "backend.yaml"):
            await self._world.cluster.apply_text((manifests() / "samples" / file).read_text())

    async def _somebody_imports(self) -> None:
        collection, _, name = IMPORT.rpartition("/")
        await self._world.cluster._send("POST", collection, {**_IMPORT, "metadata": {"name": name}})
        status = {
            "type": "ClusterSetIP",
            "ports": [{"name": "http", "protocol": "TCP", "port": 80}],
            "clusters": [{"cluster": cluster} for cluster in ("a", "b")],
        }
        patch = {"status": status}
        await self._world.cluster._send("PATCH", f"{IMPORT}/status", patch, "application/merge-patch+json")

    async def _somebody_disagrees(self) -> None:
        await self._world.cluster.apply(namespace("fleet-member-c"))
        await self._world.cluster.apply(_disagreeing(await self._export("a")))
        await self._true(REFUSED, self._is_refused)
        await self._world.members.leave("c")
        await self._true(LET_GO, self._is_let_go)
        await self._true(COUNTED, lambda: self._is_told("Accepted", times=2))

    async def _somebody_changes_azure(self) -> None:
        (endpoint, _) = self._endpoints()
        self._world.azure.tamper("PATCH", endpoint["id"].replace("#", "%23"), {"properties": {"weight": 777}})
        await self._true(REPAIRED, self._is_repaired)

    async def _everything_goes(self) -> None:
        cluster, members = self._world.cluster, self._world.members
        await cluster.delete(BACKENDS, NAMESPACE, SERVICE)
        await self._true(BACKEND_GONE, self._is_backend_gone)
        await cluster.delete(PROFILES, NAMESPACE, "myatm")
        await self._true(PROFILE_GONE, self._is_profile_gone)
        for name in ("a", "b"):
            await members.leave(name)
        await self._true(UNIMPORTED, self._is_unimported)

    async def _true(self, claim: str, holds: Claim) -> None:
        self.claim, self._holds = claim, holds
        await eventually(holds, bool)

    # The claims

    async def _is_ready(self) -> bool:
        return (await self._controller.probe())[0] == 200

    async def _is_imported(self) -> bool:
        clusters = (await self._read(IMPORT)).get("status", {}).get("clusters", ())
        return [entry["cluster"] for entry in clusters] == ["a", "b"]

    async def _are_judged(self) -> bool:
        return all([is_("Conflict", "False")(await self._export(cluster)) for cluster in ("a", "b")])

    def _has(self, plural: str, name: str, kind: str) -> Claim:
        async def holds() -> bool:
            return is_(kind)(await self._object(plural, name))

        return holds

    async def _is_told(self, reason: str, times: int = 1) -> bool:
        uid = (await self._object(BACKENDS, SERVICE))["metadata"]["uid"]
        events = await self._world.cluster.events(NAMESPACE)
        mine = [event for event in events if event["involvedObject"]["uid"] == uid and event["reason"] == reason]
        return any(event["count"] >= times for event in mine)

    async def _is_refused(self) -> bool:
        """And the backend says who is left out, so that it has to say later that nobody is."""
        is_told = condition(await self._export("c"), "Conflict").get("status") == "True"
        return is_told and not is_("Accepted")(await self._object(BACKENDS, SERVICE))

    async def _is_let_go(self) -> bool:
        return not await self._export("c")

    async def _is_repaired(self) -> bool:
        events = await self._world.cluster.events(NAMESPACE)
        is_told = any(event["reason"] == "DriftRepaired" and "weight" in event["message"] for event in events)
        return is_told and {endpoint["properties"]["weight"] for endpoint in self._endpoints()} == {50}

    async def _is_backend_gone(self) -> bool:
        return not await self._object(BACKENDS, SERVICE) and self._endpoints() == []

    async def _is_profile_gone(self) -> bool:
        return not await self._object(PROFILES, "myatm") and not self._world.azure.profiles()

    async def _is_unimported(self) -> bool:
        return not await self._read(IMPORT)

    async def _is_renewed(self) -> bool:
        spec = (await self._read(self._lease or LEASE)).get("spec", {})
        return bool(spec) and spec["renewTime"] > spec["acquireTime"]

    # What is there

    def _endpoints(self) -> list[dict[str, Any]]:
        return [endpoint for profile in self._world.azure.profiles() for endpoint in profile["properties"]["endpoints"]]

    async def _export(self, cluster: str) -> dict[str, Any]:
        return await self._world.cluster.get(EXPORTS, f"fleet-member-{cluster}", _EXPORT) or {}

    async def _object(self, plural: str, name: str) -> dict[str, Any]:
        return await self._world.cluster.get(plural, NAMESPACE, name) or {}

    async def _read(self, path: str) -> dict[str, Any]:
        return await self._world.cluster._send("GET", path, missing_ok=True)


def _disagreeing(export: dict[str, Any]) -> dict[str, Any]:
    """The same Service as another cluster exports it, later and on another port."""
    reference = export["spec"]["serviceReference"] | {"clusterId": "c", "exportedSince": "2026-02-01T00:00:00Z"}
    ports = [export["spec"]["ports"][0] | {"port": 81}]
    metadata = {"name": _EXPORT, "namespace": "fleet-member-c", "finalizers": [_GUARD]}
    return {
        "apiVersion": export["apiVersion"],
        "kind": export["kind"],
        "metadata": metadata,
        "spec": export["spec"] | {"serviceReference": reference, "ports": ports},
    }

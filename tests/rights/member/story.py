"""A short day of the agent, one claim after the other; each is a thing that some right is for."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Any

from fleetdns.demo.kubernetes import EXPORTS, SERVICE_EXPORTS, SERVICES
from fleetdns.demo.members import NAMESPACE, SERVICE
from fleetdns.demo.sight import condition, is_
from tests.e2e.eventually import eventually
from tests.rights.controller import Controller
from tests.rights.member.conftest import Site
from tests.rights.member.places import HUB_NAMESPACE, LEASE, SECRET

READY = "the agent becomes ready"
TOKEN_RENEWED = "its token for the hub is renewed, and the Secret holds the new one"
OFFERED = "an exported Service is offered on the hub"
VALID = "the ServiceExport says that it is valid"
TOLD = "an event tells of it"
KEPT = "a weight that is none is told, and the offer stays as it is"
WEIGHED = "another weight reaches the hub"
COUNTED = "an event that repeats is counted"
LABELLED = "a DNS label that the hub asks for is on the Service"
WITHDRAWN = "a ServiceExport that is deleted goes, and its offer with it"
LEASE_RENEWED = "the leader keeps its Lease"

_OFFER = f"{NAMESPACE}-{SERVICE}"
_INVALID = "ServiceExportInvalidWeightAnnotation"
_LABEL = "service.beta.kubernetes.io/azure-dns-label-name"

Claim = Callable[[], Awaitable[bool]]


class Story:
    """`claim`: what is waited for now, or was last. What happens is a user's doing, or the hub's."""

    def __init__(
        self, site: Site, agent: Controller, *, elects: bool = True, keeps_token: bool = True, labels: bool = True
    ) -> None:
        """Without a Lease, without a Secret to keep the token in, or without labels it is a shorter one."""
        self._site = site
        self._agent = agent
        self._elects, self._keeps_token, self._labels = elects, keeps_token, labels
        self._first = site.member.hub_kubeconfig.read_text()
        self.claim = ""
        self._holds: Claim = self._is_ready

    async def whole(self) -> None:
        """Every claim in turn; TimeoutError for one that does not come true."""
        member = self._site.member
        await self._true(READY, self._is_ready)
        if self._keeps_token:
            await self._true(TOKEN_RENEWED, self._is_token_renewed)
        await member.export(weight=100)
        await self._true(OFFERED, lambda: self._weighs(100))
        await self._true(VALID, self._is_valid)
        await self._true(TOLD, lambda: self._is_told("ServiceIsValid"))
        await member.weigh("much")
        await self._true(KEPT, self._is_kept)
        await member.weigh(7)
        await self._true(WEIGHED, lambda: self._weighs(7))
        await member.weigh("much")
        await self._true(COUNTED, lambda: self._is_told(_INVALID, times=2))
        await member.weigh(7)
        if self._labels:
            await self._ask_for_a_label()
            await self._true(LABELLED, self._is_labelled)
        await member.leave()
        await self._true(WITHDRAWN, self._is_withdrawn)
        if self._elects:
            await self._true(LEASE_RENEWED, self._is_lease_renewed)

    async def holds_now(self) -> bool:
        """Whether the claim is true after all."""
        return await self._holds()

    async def messages(self) -> str:
        """What the conditions of the ServiceExport say."""
        conditions = (await self._export()).get("status", {}).get("conditions", ())
        return "\n".join(f"{c['type']} {c['status']} {c['reason']}: {c.get('message', '')}" for c in conditions)

    async def _true(self, claim: str, holds: Claim) -> None:
        self.claim, self._holds = claim, holds
        await eventually(holds, bool)

    async def _ask_for_a_label(self) -> None:
        """As the hub's controller does where a ResourceOverride gives one."""
        patch = {"metadata": {"annotations": {"fleetdns.io/dns-label": "app-aks-1"}}}
        await self._site.world.cluster.patch(EXPORTS, HUB_NAMESPACE, _OFFER, patch)

    # The claims

    async def _is_ready(self) -> bool:
        return (await self._agent.probe())[0] == 200

    async def _is_token_renewed(self) -> bool:
        secret = await self._site.world.cluster._send("GET", SECRET)
        return base64.b64decode(secret["data"]["kubeconfig"]).decode() != self._first

    async def _weighs(self, weight: int) -> bool:
        return bool((await self._offer()).get("spec", {}).get("weight") == weight)

    async def _is_valid(self) -> bool:
        return is_("Valid")(await self._export())

    async def _is_kept(self) -> bool:
        found = condition(await self._export(), "Valid")
        return found.get("reason") == _INVALID and await self._weighs(100)

    async def _is_told(self, reason: str, times: int = 1) -> bool:
        events = await self._site.world.cluster.events(NAMESPACE)
        mine = [e for e in events if e["involvedObject"]["kind"] == "ServiceExport" and e["reason"] == reason]
        return any(event["count"] >= times for event in mine)

    async def _is_labelled(self) -> bool:
        service = await self._site.member.cluster.get(SERVICES, NAMESPACE, SERVICE) or {}
        return bool(service.get("metadata", {}).get("annotations", {}).get(_LABEL) == "app-aks-1")

    async def _is_withdrawn(self) -> bool:
        return not await self._export() and not await self._offer()

    async def _is_lease_renewed(self) -> bool:
        spec = (await self._site.world.cluster._send("GET", LEASE, missing_ok=True)).get("spec", {})
        return bool(spec) and spec["renewTime"] > spec["acquireTime"]

    # What is there

    async def _export(self) -> dict[str, Any]:
        return await self._site.member.cluster.get(SERVICE_EXPORTS, NAMESPACE, SERVICE) or {}

    async def _offer(self) -> dict[str, Any]:
        return await self._site.world.cluster.get(EXPORTS, HUB_NAMESPACE, _OFFER) or {}

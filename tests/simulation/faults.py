"""What goes wrong: Azure fails or is changed by hand, the hub fails, and the controller dies. Drawn from the seed."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from fleetdns.emulator.azure.errors import ArmError
from fleetdns.emulator.azure.service import Fault
from tests.simulation.fleet import Fleet
from tests.simulation.hub import HubFault
from tests.simulation.people import CLUSTERS, SERVICES, public_ip
from tests.simulation.promises import Promises
from tests.simulation.world import is_ours

_OPERATIONS = (None, "profiles.*", "profiles.put", "profiles.get", "profiles.list", "profiles.delete", "endpoints.*")
_TIMEOUT = 20.0  # seconds; the longest that anybody waits for an answer


class Faults:
    """`act` is one misfortune; `end` is the end of all of them."""

    def __init__(self, fleet: Fleet, promises: Promises, random: Random, *, downtime: float) -> None:
        """`downtime`: how long a killed controller stays away at least, in seconds: no shorter than a write lasts."""
        self._fleet = fleet
        self._promises = promises
        self._random = random
        self._downtime = downtime
        self._foreign = 0

    async def act(self) -> None:
        """One of them."""
        kinds = {
            self._azure_fails: 6,
            self._azure_hesitates: 2,
            self._azure_is_changed: 7,
            self._target_is_refused: 2,
            self._name_is_taken: 1,
            self._hub_fails: 4,
            self._watches_fail: 3,
            self._controller_dies: 4,
        }
        await self._random.choices(list(kinds), list(kinds.values()))[0]()

    async def end(self) -> None:
        """Everything works again; what people took for good stays taken."""
        fleet = self._fleet
        fleet.azure.clear_faults()
        fleet.transport.faults.clear()
        fleet.transport.is_down = False
        fleet.azure.release_name("two")
        for service in SERVICES:
            for cluster in CLUSTERS:
                if self._random.random() < 0.8:
                    self._heal(public_ip(service, cluster))
        if not fleet.process.is_running:
            fleet.process.start()
        self._promises.hub_changed()

    async def _azure_fails(self) -> None:
        kind = self._random.choice(
            (
                "unavailable",
                "throttled",
                "server-error",
                "drop",
                "hang",
                "forbidden",
                "unauthorized",
                "conflict",
                "in-progress",
                "empty",
                "garbage",
                "timeout",
            )
        )
        lasts = self._random.choice((2, 20, 90, 200))
        fault = Fault(
            kind=kind,
            retry_after=self._random.choice((None, 1, 5, 40)) if kind in ("throttled", "unavailable") else None,
            operation=self._random.choice(_OPERATIONS),
            times=self._random.choice((None, 1, 3)),
            after_commit=kind in ("drop", "hang", "server-error") and self._random.random() < 0.5,
            until=_now() + lasts,
        )
        if kind == "hang":
            self._promises.azure_slow(_now() + lasts + _TIMEOUT)
        self._add(fault)

    async def _azure_hesitates(self) -> None:
        lasts, delay = self._random.choice((5, 60)), self._random.choice((3.0, 9.9, 15.0, 30.0))
        self._promises.azure_slow(_now() + lasts + delay)
        self._add(Fault(kind="slow", operation=self._random.choice(_OPERATIONS), delay=delay, until=_now() + lasts))

    def _add(self, fault: Fault) -> None:
        self._note(f"azure fails: {fault}")
        self._fleet.azure.add_fault(fault)

    async def _azure_is_changed(self) -> None:
        profiles = self._fleet.azure.profiles()
        if not profiles:
            return
        profile = self._random.choice(profiles)
        endpoints = profile["properties"]["endpoints"]
        self._foreign += 1
        path = f"{profile['id']}/externalEndpoints/foreign-{self._foreign}"
        foreign = {"properties": {"target": f"f{self._foreign}.example.org", "endpointStatus": "Enabled", "weight": 5}}
        tags = {**profile["tags"], f"owner-{self._foreign}": "ops"}
        changes: list[tuple[str, str, Any]] = [
            ("DELETE", profile["id"], None),
            ("PUT", path, foreign),
            ("PATCH", profile["id"], {"tags": tags}),
            ("PATCH", profile["id"], {"properties": {"dnsConfig": {"ttl": 5}}}),
            ("PATCH", profile["id"], {"properties": {"trafficViewEnrollmentStatus": "Enabled"}}),
        ]
        for endpoint in endpoints:
            brake = {"properties": {"endpointStatus": self._random.choice(("Disabled", "Disabled", "Enabled"))}}
            changes += [
                ("DELETE", endpoint["id"], None),
                ("PATCH", endpoint["id"], {"properties": {"weight": self._random.randint(1, 1000)}}),
                ("PATCH", endpoint["id"], brake),
            ]
            if is_ours(endpoint) and self._random.random() < 0.3:
                taking = {"targetResourceId": endpoint["properties"]["targetResourceId"], "endpointStatus": "Enabled"}
                changes.append(("STEAL", endpoint["id"], {"properties": taking}))
        method, path, body = self._random.choice(changes)
        if method == "STEAL":
            self._by_hand("DELETE", path, None)
            method, path = "PUT", f"{profile['id']}/azureEndpoints/taken-{self._foreign}"
        self._by_hand(method, path, body)

    def _by_hand(self, method: str, path: str, body: Any) -> None:
        try:
            self._promises.by_hand(method, path, body)
            self._note(f"azure is changed: {method} {path} {body}")
        except ArmError as error:
            self._note(f"azure is not changed: {method} {path}: {error}")

    async def _target_is_refused(self) -> None:
        address = public_ip(self._random.choice(SERVICES), self._random.choice(CLUSTERS))
        if address.lower() in self._promises.refused_targets:
            self._heal(address)
            return
        self._note(f"azure refuses {address}")
        self._fleet.azure.set_public_ip(address, None)
        self._promises.refused_targets.add(address.lower())
        self._promises.hub_changed()

    def _heal(self, address: str) -> None:
        if address.lower() in self._promises.refused_targets:
            self._note(f"azure takes {address} again")
            name = address.rsplit("/", 1)[1]
            self._fleet.azure.set_public_ip(address, f"{name}-again.eastus.cloudapp.azure.com")
            self._promises.refused_targets.discard(address.lower())
            self._promises.hub_changed()

    async def _name_is_taken(self) -> None:
        if self._random.random() < 0.5:
            self._note("the DNS name two is taken elsewhere")
            self._fleet.azure.take_name("two")
        else:
            self._fleet.azure.release_name("two")

    async def _hub_fails(self) -> None:
        transport, lasts = self._fleet.transport, self._random.choice((3.0, 20.0, 100.0))
        self._promises.hub_disturbed(_now() + lasts)
        if self._random.random() < 0.3:
            self._note(f"the hub is away for {lasts} s")
            transport.is_down = True
            transport.cut_streams()
            await asyncio.sleep(lasts)
            transport.is_down = False
            return
        status = self._random.choice((0, 0, 409, 429, 500, 403, 503))
        fault = HubFault(
            until=_now() + lasts,
            share=self._random.choice((0.3, 1.0)),
            status=status,
            retry_after=self._random.choice((None, 1.0)) if status in (429, 503) else None,
            after_commit=status == 0 and self._random.random() < 0.6,
            delay=self._random.choice((0.0, 0.0, 2.0, 12.0)) if status == 0 else 0.0,
            writes_only=self._random.random() < 0.7,
        )
        self._note(f"the hub fails: {fault}")
        transport.faults.append(fault)

    async def _watches_fail(self) -> None:
        transport = self._fleet.transport
        self._promises.hub_disturbed(_now() + 10)
        if self._random.random() < 0.6:
            self._note("the hub forgets its history")
            self._fleet.hub.compact()
        if self._random.random() < 0.7:
            self._note("watches are cut")
            transport.cut_streams()
        else:
            self._note("watches fall silent")
            transport.silence_streams()

    async def _controller_dies(self) -> None:
        process = self._fleet.process
        if not process.is_running:
            return
        if self._random.random() < 0.7:
            self._note("the controller is killed")
            await process.kill()
        else:
            self._note("the controller is stopped")
            await process.stop()
        await asyncio.sleep(self._downtime + self._random.choice((0, 1, 30)) * self._random.random())
        self._note("the controller starts")
        process.start()

    def _note(self, text: str) -> None:
        self._fleet.network.note(f"-- {text}")


def _now() -> float:
    return asyncio.get_running_loop().time()

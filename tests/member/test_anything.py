"""Whatever people, clouds and networks do, in any order: in the end the hub holds what it should, and nothing else.

The oracle is a few lines that know nothing of the agent. It leaves open what the rules leave open: the order in which
two Services came to one name, what a weight that is none keeps, and an override for an export that is withdrawn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

import pytest

from fleetdns.api.conditions import FALSE, Condition, find
from fleetdns.api.exports import CONFLICT, DNS_LABEL, EXPORT_FINALIZER, OVERRIDE_WEIGHT, WITHDRAWN
from fleetdns.api.meta import ObjectKey
from fleetdns.api.offer import Offer
from fleetdns.api.service import LABEL_ANNOTATION, SERVICE_EXPORT_FINALIZER, Service, ServiceExport
from fleetdns.errors import Forbidden, Transient
from tests.core.builders import uid_of
from tests.core.memberbuilders import GROUP, MEMBER, make_ip
from tests.member.world import KEY, World

pytestmark = [pytest.mark.looptime, pytest.mark.thorough]

SEEDS = range(8)  # a thousand have been tried
KEYS = (KEY, ObjectKey("a-b", "c"), ObjectKey("a", "b-c"))
ADDRESSES = ("20.0.0.1", "20.0.0.2", "20.0.0.3")
NO_CONFLICT = Condition(CONFLICT, FALSE, "NoConflictFound", "", 1, "2026-01-01T00:00:00Z")


class Town:
    """A world in which things happen, and the hub's controllers at work in it."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.world = World(delay=0.05, latency=0.2)
        self.labels: dict[ObjectKey, str] = {}  # what overrides ask for
        self.weights: dict[ObjectKey, str] = {}
        self.user_labels: dict[ObjectKey, str] = {}  # by Service, while it is there
        self.happened: list[str] = []
        self._made = 0

    # What may happen

    def exposes(self, key: ObjectKey) -> None:
        label = self.chance.choice([None, None, "theirs", ""])
        address = self.chance.choice([None, *ADDRESSES])
        is_new = not self.world.cluster.holds(Service, key)
        self._made += is_new
        self.world.expose(
            key.name,
            namespace=key.namespace,
            uid=uid_of(f"{key} {self._made}") if is_new else None,
            address=address,
            label=label,
            in_azure=False,
        )
        self.user_labels.pop(key, None)
        if label is not None:
            self.user_labels[key] = label

    def deletes_the_service(self, key: ObjectKey) -> None:
        self.world.cluster.delete(Service, key)
        self.user_labels.pop(key, None)

    def asks(self, key: ObjectKey) -> None:
        if not self.world.cluster.holds(ServiceExport, key):
            self.world.ask(key.name, namespace=key.namespace, weight=self._some_weight())

    def weighs(self, key: ObjectKey) -> None:
        if self.world.cluster.holds(ServiceExport, key):
            self.world.weigh(self._some_weight(), key)

    def asks_no_more(self, key: ObjectKey) -> None:
        self.world.cluster.delete(ServiceExport, key)

    def overrides(self, key: ObjectKey) -> None:
        for said, texts in ((self.labels, ("ours", "ours-too")), (self.weights, ("0", "9"))):
            said.pop(key, None)
            if self.chance.random() < 0.5:
                said[key] = self.chance.choice(texts)

    def changes_azure(self, key: ObjectKey) -> None:
        address = self.chance.choice(ADDRESSES)
        if self.chance.random() < 0.2 and address in self.world.azure.groups.get(GROUP.lower(), {}):
            self.world.azure.remove(address, group=GROUP)
        else:
            self.world.azure.put(make_ip(address, label=self.chance.choice([None, "a-label"])), group=GROUP)

    def azure_goes_or_comes(self, key: ObjectKey) -> None:
        down = self.chance.choice([Transient("Timeout", "no answer"), Forbidden("AuthorizationFailed", "no")])
        self.world.azure.down = None if self.world.azure.down is not None else down

    def hub_goes_or_comes(self, key: ObjectKey) -> None:
        self.world.hub.is_away = not self.world.hub.is_away

    def answer_is_lost(self, key: ObjectKey) -> None:
        verb = self.chance.choice(["create", "patch", "delete", "read"])
        self.world.hub.lose_answer(verb)
        self.world.cluster.lose_answer(self.chance.choice(["patch_status", "set_finalizers", "claim_annotations"]))

    def meddles_on_the_hub(self, key: ObjectKey) -> None:
        offer = self.world.offer(MEMBER.offer_key(key))
        if offer is None or offer.metadata.is_deleting:
            return
        if self.chance.random() < 0.5:
            self.world.hub.remove(Offer, offer.metadata.key)
        else:
            self.world.hub.respecify(offer.metadata.key, weight=777, ports=())

    def _some_weight(self) -> str | None:
        return self.chance.choice([None, "5", "0", "x"])

    # The hub's controllers

    async def hub_controllers(self) -> None:
        """They hold exports, judge them, write what overrides say, and let go what is deleted."""
        while True:
            await asyncio.sleep(1)
            for offer in self.world.hub.all:
                self._control(offer)

    def _control(self, offer: Offer) -> None:
        hub, key, service = self.world.hub, offer.metadata.key, offer.service_key
        if offer.metadata.is_deleting:
            hub.remove(Offer, key)
            return
        if EXPORT_FINALIZER not in offer.metadata.finalizers:
            hub.mark(key, finalizers=(EXPORT_FINALIZER,))
        said = {DNS_LABEL: self.labels.get(service), OVERRIDE_WEIGHT: self.weights.get(service)}
        if any(offer.metadata.annotations.get(name) != text for name, text in said.items()):
            hub.instruct(key, said)
        if find(offer.status.conditions, CONFLICT) is None:
            hub.judge(key, NO_CONFLICT)

    # What has to be true

    def check_always(self) -> None:
        """At every moment: whoever has an export on the hub would take it along."""
        for offer in self.world.hub.all:
            if offer.metadata.is_deleting:
                service = self.world.cluster.get(Service, offer.service_key)
                is_replaced = service is None or service.metadata.uid != offer.spec.service_reference.uid
                assert WITHDRAWN in offer.metadata.annotations or is_replaced, self.happened
                continue
            export = self.world.cluster.get(ServiceExport, offer.service_key)
            assert export is not None, self.happened
            assert SERVICE_EXPORT_FINALIZER in export.metadata.finalizers, self.happened

    def check_in_the_end(self) -> None:
        held = {offer.service_key: offer for offer in self.world.hub.all}
        for key in KEYS:
            exported = self._exported(key)
            rival = next((k for k in KEYS if k != key and MEMBER.offer_key(k) == MEMBER.offer_key(key)), None)
            if exported is True and not (rival is not None and rival in held):
                assert key in held, (key, self.happened)
            if exported is False:
                assert key not in held, (key, self.happened)
            if key in held:
                self._check_offer(key, held[key])
            self._check_label(key, is_held=key in held)

    def _exported(self, key: ObjectKey) -> bool | None:
        """Whether it is to be on the hub; None where the rules leave that open."""
        if not self.world.cluster.holds(ServiceExport, key) or not self.world.cluster.holds(Service, key):
            return False
        weight = self._weight(key)
        if key in self.weights and weight in ("0", "x"):
            return None
        return None if weight == "x" else weight != "0"

    def _weight(self, key: ObjectKey) -> str:
        (weight,) = list(self.world.export(key).metadata.annotations.values()) or ["1"]
        return weight

    def _check_offer(self, key: ObjectKey, offer: Offer) -> None:
        spec, service = offer.spec, self.world.service(key)
        weight = self.weights.get(key, self._weight(key))
        if weight == "x":
            return
        assert spec.weight == int(weight), (key, self.happened)
        assert spec.service_reference.uid == service.metadata.uid, (key, self.happened)
        assert spec.ports == service.spec.ports, (key, self.happened)
        ip = self.world.azure.groups.get(GROUP.lower(), {}).get(service.address or "")
        assert spec.public_ip_resource_id == (ip.id if ip else None), (key, self.happened)
        is_leaving = service.metadata.annotations.get(LABEL_ANNOTATION) == ""
        assert spec.is_dns_label_configured == bool(ip and ip.label and not is_leaving), (key, self.happened)

    def _check_label(self, key: ObjectKey, *, is_held: bool) -> None:
        if not self.world.cluster.holds(Service, key):
            return
        label = self.world.service(key).metadata.annotations.get(LABEL_ANNOTATION)
        if key in self.user_labels:
            assert label == self.user_labels[key], (key, self.happened)
        elif is_held and (self._weight(key) != "x" or key in self.weights):
            assert label == self.labels.get(key), (key, self.happened)


DEEDS: tuple[tuple[Callable[[Town, ObjectKey], None], int], ...] = (
    (Town.exposes, 6),
    (Town.deletes_the_service, 2),
    (Town.asks, 5),
    (Town.weighs, 3),
    (Town.asks_no_more, 2),
    (Town.overrides, 3),
    (Town.changes_azure, 4),
    (Town.azure_goes_or_comes, 1),
    (Town.hub_goes_or_comes, 1),
    (Town.answer_is_lost, 2),
    (Town.meddles_on_the_hub, 1),
)


@pytest.mark.parametrize("seed", SEEDS)
async def test_in_the_end_the_hub_holds_what_it_should_and_nothing_else(seed: int) -> None:
    town = Town(seed)
    controllers = asyncio.create_task(town.hub_controllers())
    for _ in range(2):
        async with town.world.running():
            await things_happen(town)
    async with town.world.running():  # without another start, which would look at everything anew
        await things_happen(town)
        town.world.azure.down, town.world.hub.is_away = None, False
        await asyncio.sleep(300)
        town.check_always()
        town.check_in_the_end()
        writes = len(town.world.hub.writes), len(town.world.cluster.writes)
        await asyncio.sleep(120)
        assert (len(town.world.hub.writes), len(town.world.cluster.writes)) == writes, "it has come to rest"
    controllers.cancel()


async def things_happen(town: Town) -> None:
    deeds, often = zip(*DEEDS, strict=True)
    for _ in range(15):
        deed, key = town.chance.choices(deeds, often)[0], town.chance.choice(KEYS)
        town.happened.append(f"{asyncio.get_running_loop().time():.2f} {deed.__name__} {key}")
        deed(town, key)
        await asyncio.sleep(town.chance.choice([0, 0.01, 0.05, 0.1, 0.3, 1, 5, 30]))
        town.check_always()

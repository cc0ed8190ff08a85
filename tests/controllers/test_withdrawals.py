"""What is remembered of exports that were announced to go, and of services that nobody exports any more."""

from __future__ import annotations

import asyncio

import pytest

from fleetdns.api.exports import WITHDRAWN
from fleetdns.api.meta import ObjectKey
from fleetdns.controllers.service import ServiceReconciler
from fleetdns.controllers.withdrawals import Withdrawals
from fleetdns.core.settle import QUIET
from tests.controllers.alone import Alone
from tests.controllers.world import SERVICE_KEY, World
from tests.core.builders import NAMESPACE, make_backend, make_export, make_profile


def withdraw(withdrawals: Withdrawals, cluster: str, service: str) -> None:
    marked = make_export(cluster, service=service, annotations={WITHDRAWN: "true"})
    withdrawals.changed(make_export(cluster, service=service), marked)
    withdrawals.changed(marked, None)


def test_an_export_that_was_withdrawn_is_known_until_it_is_back() -> None:
    withdrawals = Withdrawals()
    withdraw(withdrawals, "A", "app")
    withdraw(withdrawals, "b", "app")
    assert withdrawals.of(ObjectKey(NAMESPACE, "app")) == {"a", "b"}
    withdrawals.changed(None, make_export("A", service="app"))
    assert withdrawals.of(ObjectKey(NAMESPACE, "app")) == {"b"}


def test_services_that_come_and_go_for_ever_are_forgotten_the_oldest_first() -> None:
    withdrawals = Withdrawals()
    withdraw(withdrawals, "a", "first")
    withdraw(withdrawals, "a", "second")
    for number in range(9_999):
        withdraw(withdrawals, "a", f"preview-{number}")
        withdraw(withdrawals, "b", "second")
    assert withdrawals.of(ObjectKey(NAMESPACE, "first")) == frozenset()
    assert withdrawals.of(ObjectKey(NAMESPACE, "second")) == {"a", "b"}
    assert withdrawals.of(ObjectKey(NAMESPACE, "preview-0")) == {"a"}
    withdraw(withdrawals, "a", "one-more")
    assert withdrawals.of(ObjectKey(NAMESPACE, "preview-0")) == frozenset()


@pytest.mark.looptime
async def test_a_service_that_nobody_exports_any_more_is_new_when_somebody_does_again() -> None:
    world = World()
    services = (await Alone.start(world)).services
    assert services.is_new(SERVICE_KEY)
    world.hub.apply(make_export("a"))
    await reconciled(services)
    assert not services.is_new(SERVICE_KEY)
    world.withdraw("a")
    await reconciled(services)
    assert services.is_new(SERVICE_KEY)


async def reconciled(services: ServiceReconciler) -> None:
    """What is to be written is gathered for a moment first."""
    for _ in range(2):
        await services.reconcile(SERVICE_KEY)
        await asyncio.sleep(QUIET)


@pytest.mark.looptime
async def test_what_was_withdrawn_while_a_replica_waited_to_lead_is_known_when_it_does() -> None:
    world, elected = World(), asyncio.Event()
    world.hub.apply(make_profile(), make_backend(), make_export("a"))
    async with world.running():
        await asyncio.sleep(5)
        assert len(world.endpoints()) == 1

    async def lead() -> None:
        await elected.wait()

    async with world.running(may_work=lead):
        await asyncio.sleep(5)
        world.withdraw("a")
        await asyncio.sleep(5)
        elected.set()
        await asyncio.sleep(30)
        assert world.endpoints() == set()

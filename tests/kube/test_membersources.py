"""Where the agent's objects come from: all of its cluster, and one namespace of the hub."""

from __future__ import annotations

import asyncio
import json
from random import Random
from typing import Any

import msgspec

from fleetdns.api.meta import ObjectKey
from fleetdns.api.offer import Offer
from fleetdns.api.service import Service, ServiceExport
from fleetdns.kube.membersources import MemberSources
from fleetdns.kube.paths import collection
from fleetdns.kube.transport import Transport
from fleetdns.member.caches import MemberInformers
from fleetdns.runtime.observer import NoInformerObserver
from tests.core.memberbuilders import GROUP, HUB_NAMESPACE, MEMBER, make_offer
from tests.e2e.eventually import eventually
from tests.kube.conftest import NAMESPACES


async def made(transport: Transport, kind: Any, namespace: str, name: str, **body: Any) -> None:
    whole = {
        "apiVersion": kind.resource.api_version,
        "kind": kind.resource.kind,
        "metadata": {"name": name, "namespace": namespace},
        **body,
    }
    await transport.create(collection(kind.resource, namespace), json.dumps(whole).encode())


async def test_exports_and_services_come_from_everywhere_and_offers_from_one_namespace(transport: Transport) -> None:
    for namespace in (HUB_NAMESPACE, "fleet-member-other", "elsewhere"):
        await transport.create(collection(NAMESPACES, None), json.dumps({"metadata": {"name": namespace}}).encode())
    ports = [{"name": "http", "port": 80, "targetPort": "web", "appProtocol": "http"}]
    for namespace in ("work", "elsewhere"):
        await made(transport, Service, namespace, "app", spec={"type": "LoadBalancer", "ports": ports})
        await made(transport, ServiceExport, namespace, "app")
    spec = msgspec.to_builtins(make_offer().spec)
    for namespace in (HUB_NAMESPACE, "fleet-member-other"):
        await made(transport, Offer, namespace, "work-app", spec=spec)
    informers = MemberInformers(
        MemberSources(cluster=transport, hub=transport, hub_namespace=HUB_NAMESPACE),
        member=MEMBER,
        resource_group=GROUP,
        observer=NoInformerObserver(),
        random=Random(1),
    )
    running = [asyncio.create_task(informer.run()) for informer in informers.all]
    try:
        for informer in informers.all:
            async with asyncio.timeout(20):
                await informer.wait_synced()
        caches = informers.caches
        both = {ObjectKey("work", "app"), ObjectKey("elsewhere", "app")}
        assert set(caches.exports.keys()) == both
        assert both <= set(caches.services.keys())
        assert caches.offers.keys() == (ObjectKey(HUB_NAMESPACE, "work-app"),)
        offer, service = caches.offer_of(ObjectKey("work", "app")), caches.services.get(ObjectKey("work", "app"))
        assert offer is not None
        assert offer.spec == make_offer().spec
        assert service is not None
        (port,) = service.spec.ports
        assert (port.port, port.target_port, port.app_protocol, port.protocol) == (80, "web", "http", "TCP")
        await made(transport, ServiceExport, "work", "later")
        await eventually(lambda: _has(informers, ObjectKey("work", "later")), bool)
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running)


async def _has(informers: MemberInformers, key: ObjectKey) -> bool:
    return key in informers.caches.exports

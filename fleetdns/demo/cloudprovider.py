"""A stand-in for the Azure cloud provider of one member cluster.

Every Service of type LoadBalancer gets an address in its status and, unless it is internal, a public IP resource
`kubernetes-a<uid>` in the cluster's node resource group, with the DNS label that its annotation asks for. As the real
one, it holds the Service by a finalizer until the resource is gone; gives a Service whose label is in use nothing, but
leaves what it has; says so in an event, and tries again; and leaves alone what somebody changes in Azure by hand until
the Service itself changes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

import aiohttp

from fleetdns.demo.kubernetes import SERVICES, Cluster, Manifest, Refused
from fleetdns.demo.loadbalancers import LabelInvalid, LoadBalancer, address_of, load_balancer, refuse_invalid
from fleetdns.demo.recorder import Recorder
from fleetdns.emulator.azure.errors import ArmError
from fleetdns.emulator.azure.service import TrafficManagerService

FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
_MANAGER = "cloud-provider-azure"
_UNREACHABLE = (aiohttp.ClientError, TimeoutError, Refused)
_RELIST = 0.2  # seconds between two lists of an API server that does not answer
_SYNC_FAILED = "Error syncing load balancer: failed to ensure load balancer"
_PRIVATE = "10.224."


class Key(NamedTuple):
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds until an address is there, until its label is there, and until what failed is tried again.

    Without a delay of its own a label comes with the address: where it cannot be had, there is no address either.
    """

    address: float = 0.0
    label: float = 0.0
    again: float = 0.5


class CloudProvider:
    """`cluster` is a client of the cluster's API server, `name` what it is called; `azure` has all public IPs."""

    def __init__(
        self,
        cluster: Cluster,
        azure: TrafficManagerService,
        *,
        name: str,
        region: str,
        resource_group: str,
        subscription: str,
        delays: Delays | None = None,
    ) -> None:
        self._cluster = cluster
        self._azure = azure
        self._name = name
        self._region = region
        self._group = resource_group
        self._subscription = subscription
        self._delays = delays or Delays()
        self._recorder = Recorder(cluster, "service-controller")
        self._services: dict[Key, Manifest] = {}  # as last heard of; nothing for one that is gone
        self._news: dict[Key, asyncio.Event] = {}  # of each Service that is being looked after
        self._resources: dict[Key, str] = {}  # the ids of what they have in Azure
        self._privates = 3  # the number of the newest internal address

    async def run(self) -> None:
        """Look after every Service of the cluster until cancelled."""
        async with asyncio.TaskGroup() as carers:
            while True:
                try:
                    await self._follow(carers)
                except _UNREACHABLE:
                    await asyncio.sleep(_RELIST)

    async def _follow(self, carers: asyncio.TaskGroup) -> None:
        found = await self._cluster.listed(SERVICES)
        present = {_key(service): service for service in found["items"]}
        for key in self._services.keys() - present.keys():
            self._hear(carers, key, None)
        for key, service in present.items():
            self._hear(carers, key, service)
        async for kind, service in self._cluster.watch(SERVICES, since=found["metadata"]["resourceVersion"]):
            if kind != "BOOKMARK":
                self._hear(carers, _key(service), None if kind == "DELETED" else service)

    def _hear(self, carers: asyncio.TaskGroup, key: Key, service: Manifest | None) -> None:
        """Remember the Service as it is, and wake its carer if it asks for something else now."""
        before = self._services.pop(key, None)
        if service is not None:
            self._services[key] = service
            if before is not None and load_balancer(before) == load_balancer(service):
                return
        if key not in self._news:
            self._news[key] = asyncio.Event()
            carers.create_task(self._care(key, self._news[key]))
        self._news[key].set()

    async def _care(self, key: Key, news: asyncio.Event) -> None:
        """One Service, from when it is first heard of until it is gone."""
        while key in self._services or news.is_set():
            await news.wait()
            news.clear()
            try:
                await self._settle(key, news)
            except _UNREACHABLE:
                await _soon(news, self._delays.again)
            except (ArmError, LabelInvalid) as error:
                service = self._services.get(key)
                if service is not None:
                    await self._recorder.warn(service, "SyncLoadBalancerFailed", f"{_SYNC_FAILED}: {_words(error)}")
                await _soon(news, self._delays.again)
        del self._news[key]

    async def _settle(self, key: Key, news: asyncio.Event) -> None:
        """Make true what the Service asks for, unless it asks for something else meanwhile.

        Raises what Azure or the API server refused.
        """
        service = self._services.get(key)
        if service is None:
            self._release(key)
            return
        balancer = load_balancer(service)
        if not balancer.is_wanted:
            self._resources.setdefault(key, self._id(balancer))  # of a former run, too
            self._release(key)
            await self._hold(service, held=False)
            return
        await self._hold(service, held=True)
        if address_of(service) is None and not await _undisturbed(news, self._delays.address):
            return
        address = self._internal(key, service) if balancer.is_internal else self._public(key, balancer)
        if address != address_of(service):
            ingress = {"loadBalancer": {"ingress": [{"ip": address}]}}
            await self._cluster.patch(SERVICES, key.namespace, key.name, {"status": ingress}, part="status")
        if not balancer.is_internal and self._delays.label and await _undisturbed(news, self._delays.label):
            self._label(self._id(balancer), balancer)

    def _internal(self, key: Key, service: Manifest) -> str:
        """A private address, the one it has or a new one; there is no resource for it."""
        self._release(key)
        known = address_of(service)
        if known and known.startswith(_PRIVATE):
            return known
        self._privates += 1
        return f"{_PRIVATE}{self._privates >> 8 & 255}.{self._privates & 255}"

    def _public(self, key: Key, balancer: LoadBalancer) -> str:
        """The address of its public IP, which is made if it is missing; one in another group goes."""
        resource = self._id(balancer)
        if self._resources.get(key, resource) != resource:
            self._release(key)
        known = self._azure.public_ip(resource)
        fqdn = known.fqdn if known else None
        if not self._delays.label:
            fqdn = self._fqdn(balancer, fqdn)
        tags = {"k8s-azure-cluster-name": self._name, "k8s-azure-service": f"{key.namespace}/{key.name}"}
        made = self._azure.set_public_ip(resource, fqdn, location=self._region, tags=tags)
        self._resources[key] = resource
        return made.address or ""

    def _label(self, resource: str, balancer: LoadBalancer) -> None:
        known = self._azure.public_ip(resource)
        if known is not None:
            self._azure.set_public_ip(resource, self._fqdn(balancer, known.fqdn), location=self._region)

    def _fqdn(self, balancer: LoadBalancer, known: str | None) -> str | None:
        if balancer.label is None:
            return known
        if not balancer.label:
            return None
        refuse_invalid(balancer.label)
        return f"{balancer.label}.{self._region}.cloudapp.azure.com"

    def _id(self, balancer: LoadBalancer) -> str:
        group = f"/subscriptions/{self._subscription}/resourceGroups/{balancer.group or self._group}"
        return f"{group}/providers/Microsoft.Network/publicIPAddresses/{balancer.name}"

    def _release(self, key: Key) -> None:
        """What the Service had in Azure goes."""
        resource = self._resources.pop(key, None)
        if resource is not None and self._azure.public_ip(resource) is not None:
            self._azure.remove_public_ip(resource)

    async def _hold(self, service: Manifest, *, held: bool) -> None:
        """Keep the Service from being deleted before its resources are, or let it go."""
        metadata = service["metadata"]
        if (FINALIZER in (metadata.get("finalizers") or ())) == held:
            return
        named = {name: metadata[name] for name in ("name", "namespace", "uid")}
        finalizers = {"finalizers": [FINALIZER]} if held else {}
        # Applied, so that the finalizers of others stay as they are.
        body = {"apiVersion": "v1", "kind": "Service", "metadata": named | finalizers}
        await self._cluster.apply(body, manager=_MANAGER)


def _key(service: Manifest) -> Key:
    return Key(service["metadata"]["namespace"], service["metadata"]["name"])


def _words(error: ArmError | LabelInvalid) -> str:
    if isinstance(error, ArmError):
        return f"RESPONSE {error.status}: ERROR CODE: {error.code}: {error.message}"
    return f"RESPONSE 400: ERROR CODE: InvalidDomainNameLabel: {error}"


async def _undisturbed(news: asyncio.Event, seconds: float) -> bool:
    """Wait so long; False as soon as there is news, which stays to be taken up."""
    try:
        async with asyncio.timeout(seconds):
            await news.wait()
    except TimeoutError:
        return True
    return False


async def _soon(news: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until there is news, and go on as if there were."""
    if await _undisturbed(news, seconds):
        news.set()

"""A stand-in for the hub's controllers of Azure Kubernetes Fleet Manager, as far as Azure and status can see them.

It knows objects as its own types do: what they do not name is gone when it writes an object or a status whole. In Azure
it reads each profile, compares the fields below and writes what differs:

profile    ttl, monitor, routing method, status, its own tag; written as one PUT over what was read, others' tags kept
endpoint   type, target resource, weight, status; written one by one, by name; weights are rounded up
deletes    endpoints whose names begin with its backend's uid and that it does not want
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from tests.contract.client import API
from tests.contract.samples import ALPHA, BETA
from tests.upgrade.hub import eventually
from tests.upgrade.objects import (
    BACKEND_FINALIZER,
    METRICS_FINALIZER,
    PROFILE_FINALIZER,
    PROFILE_TAG,
    SUBSCRIPTION,
    condition,
)

Object = dict[str, Any]

PROVIDER = "providers/Microsoft.Network/trafficManagerProfiles"
_MONITOR = (
    "protocol",
    "port",
    "path",
    "intervalInSeconds",
    "timeoutInSeconds",
    "toleratedNumberOfFailures",
    "customHeaders",
)
_ENDPOINT = ("targetResourceId", "weight", "endpointStatus")


@dataclass(frozen=True, slots=True)
class Answer:
    """What Azure said."""

    status: int
    body: Any

    @property
    def is_accepted(self) -> bool:
        return self.status in (200, 201)


class Azure:
    """The calls of a Go client: its API version, compact names, `#` as %23."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def call(self, method: str, group: str, path: str, body: Object | None = None) -> Answer:
        """`path`: below trafficManagerProfiles."""
        root = f"{self._url}/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/{PROVIDER}"
        url = f"{root}/{path}?api-version=2022-04-01"
        async with self._session.request(method, URL(url, encoded=True), json=body) as answer:
            has_body = answer.content_type == "application/json"
            return Answer(answer.status, await answer.json() if has_body else None)


class FleetController:
    """Fleet's controllers; each method is one look at one object."""

    def __init__(self, api: API, azure: Azure) -> None:
        self._api = api
        self._azure = azure

    async def settle(self) -> None:
        """Look at everything until a whole round changes no object: what starting it does."""
        before: list[str] = []
        while (now := await self._round()) != before:
            before = now

    async def run(self) -> None:
        """Look at everything again and again until cancelled."""
        while True:
            await self._round()
            await asyncio.sleep(0.02)

    async def _round(self) -> list[str]:
        """The version of every object after one look at each."""
        for item in await self._items(f"{BETA}/trafficmanagerprofiles"):
            await self._profile(item)
        for item in await self._items(f"{BETA}/trafficmanagerbackends"):
            await self._backend(item)
        kinds = ("trafficmanagerprofiles", "trafficmanagerbackends")
        return [item["metadata"]["resourceVersion"] for kind in kinds for item in await self._items(f"{BETA}/{kind}")]

    async def _items(self, path: str) -> list[Object]:
        """A kind whose definition was replaced is not served for a moment."""
        reply = await eventually(lambda: self._api.get(path), lambda reply: reply.code == 200)
        return list(reply.body["items"])

    # ---- profiles

    async def _profile(self, profile: Object) -> None:
        metadata, name = profile["metadata"], f"fleet-{profile['metadata']['uid']}"
        if metadata.get("deletionTimestamp"):
            if PROFILE_FINALIZER in metadata.get("finalizers", ()):
                await self._azure.call("DELETE", _group(profile), name)
            await self._finalizers(profile, without=(METRICS_FINALIZER, PROFILE_FINALIZER))
            return
        profile = await self._finalizers(profile, METRICS_FINALIZER)
        desired, found = _desired_profile(profile), await self._azure.call("GET", _group(profile), name)
        if found.status == 200 and _is_equal_profile(found.body, desired):
            await self._profile_status(profile, found)
            return
        await self._finalizers(profile, PROFILE_FINALIZER)
        body = _merged_profile(found.body, desired) if found.status == 200 else desired
        written = await self._azure.call("PUT", _group(profile), name, body)
        await self._profile_status(profile, written)

    async def _profile_status(self, profile: Object, answer: Answer) -> None:
        if answer.is_accepted:
            told = {"dnsName": answer.body["properties"]["dnsConfig"]["fqdn"], "resourceID": answer.body["id"]}
            state = ("True", "Programmed")
        else:
            told = {"dnsName": None, "resourceID": None}
            state = ("False", "DNSNameNotAvailable" if answer.status == 409 else "Invalid")
        await self._status(profile, "Programmed", *state, told)

    # ---- backends

    async def _backend(self, backend: Object) -> None:
        metadata, namespace = backend["metadata"], backend["metadata"]["namespace"]
        profile = await self._found("trafficmanagerprofiles", namespace, backend["spec"]["profile"]["name"])
        name = f"fleet-{profile['metadata']['uid']}" if profile else ""
        if metadata.get("deletionTimestamp"):
            if profile and BACKEND_FINALIZER in metadata.get("finalizers", ()):
                await self._endpoints(backend, profile, {})
            await self._finalizers(backend, without=(METRICS_FINALIZER, BACKEND_FINALIZER))
            return
        backend = await self._finalizers(backend, METRICS_FINALIZER)
        if profile is None or not _is_programmed(profile):
            await self._status(backend, "Accepted", "False", "Invalid", {"endpoints": None})
            return
        if (await self._azure.call("GET", _group(profile), name)).status != 200:
            await self._status(backend, "Accepted", "False", "Invalid", {"endpoints": None})
            return
        wanted = await self._wanted(backend)
        if wanted:
            backend = await self._finalizers(backend, BACKEND_FINALIZER)
        accepted = await self._endpoints(backend, profile, wanted)
        await self._status(backend, "Accepted", "True", "Accepted", {"endpoints": accepted or None})

    async def _wanted(self, backend: Object) -> dict[str, Object]:
        """Endpoint name to its properties, with `from` beside them."""
        namespace, service = backend["metadata"]["namespace"], backend["spec"]["backend"]["name"]
        resolved = await self._found("serviceimports", namespace, service)
        clusters = [one["cluster"] for one in (resolved or {}).get("status", {}).get("clusters", ())]
        exports = {
            export["spec"]["serviceReference"]["clusterId"]: export["spec"]
            for export in await self._items(f"{ALPHA}/internalserviceexports")
            if export["spec"]["serviceReference"]["namespacedName"] == f"{namespace}/{service}"
        }
        total = sum(exports[cluster]["weight"] for cluster in clusters)
        share, wanted = backend["spec"]["weight"], {}
        for cluster in clusters if share else ():
            weight = -(-share * exports[cluster]["weight"] // total)
            properties = {"targetResourceId": exports[cluster]["publicIPResourceID"], "endpointStatus": "Enabled"}
            wanted[f"fleet-{backend['metadata']['uid']}#{service}#{cluster}"] = {
                "properties": properties | {"weight": weight},
                "from": {"cluster": cluster, "weight": exports[cluster]["weight"]},
            }
        return wanted

    async def _endpoints(self, backend: Object, profile: Object, wanted: dict[str, Object]) -> list[Object]:
        """Make the endpoints of one backend so; what status says of them."""
        group, name = _group(profile), f"fleet-{profile['metadata']['uid']}"
        found = await self._azure.call("GET", group, name)
        there = {endpoint["name"].lower(): endpoint for endpoint in found.body["properties"]["endpoints"]}
        for own in (one for one in there if one.startswith(f"fleet-{backend['metadata']['uid']}#")):
            if own not in wanted:
                await self._azure.call("DELETE", group, f"{name}/AzureEndpoints/{quote(own)}")
        accepted = []
        for own, endpoint in wanted.items():
            current = there.get(own)
            if current is None or not _is_equal_endpoint(current, endpoint["properties"]):
                body = {"type": f"Microsoft.Network/{PROVIDER.rsplit('/')[-1]}/AzureEndpoints"}
                body |= {"name": own, "properties": endpoint["properties"]}
                answer = await self._azure.call("PUT", group, f"{name}/AzureEndpoints/{quote(own)}", body)
                assert answer.is_accepted, answer
                current = answer.body
            accepted.append(_told(current, endpoint["from"]))
        return accepted

    # ---- objects

    async def _found(self, plural: str, namespace: str, name: str) -> Object | None:
        root = ALPHA if plural == "serviceimports" else BETA
        reply = await self._api.get(f"{root}/namespaces/{namespace}/{plural}/{name}")
        return reply.body if reply.code == 200 else None

    async def _finalizers(self, obj: Object, *wanted: str, without: tuple[str, ...] = ()) -> Object:
        before = obj["metadata"].get("finalizers", [])
        after = [one for one in before if one not in without] + [one for one in wanted if one not in before]
        if after == before:
            return obj
        written = await self._api.update(_path(obj), obj | {"metadata": obj["metadata"] | {"finalizers": after}})
        assert written.code in (200, 409), written.text
        return dict(written.body) if written.code == 200 else obj

    async def _status(self, obj: Object, kind: str, status: str, reason: str, told: Object) -> None:
        """Write the status whole, from what its types know."""
        generation = obj["metadata"]["generation"]
        others = [one for one in obj.get("status", {}).get("conditions", ()) if one["type"] != kind]
        mine = condition(kind, status, reason, generation=generation)
        known = {name: value for name, value in told.items() if value is not None}
        body = obj | {"status": known | {"conditions": [*others, mine]}}
        written = await self._api.update(f"{_path(obj)}/status", body)
        assert written.code in (200, 404, 409), written.text


def _desired_profile(profile: Object) -> Object:
    metadata, spec = profile["metadata"], profile["spec"].get("monitorConfig", {})
    interval = spec.get("intervalInSeconds", 30)
    monitor = {"protocol": "HTTP", "port": 80, "path": "/", "intervalInSeconds": 30, "toleratedNumberOfFailures": 3}
    monitor |= {"timeoutInSeconds": 10 if interval == 30 else 9} | spec
    return {
        "location": "global",
        "tags": {PROFILE_TAG: f"{metadata['namespace']}/{metadata['name']}"},
        "properties": {
            "profileStatus": "Enabled",
            "trafficRoutingMethod": "Weighted",
            "dnsConfig": {"relativeName": f"{metadata['namespace']}-{metadata['name']}", "ttl": 60},
            "monitorConfig": monitor,
        },
    }


def _is_equal_profile(current: Object, desired: Object) -> bool:
    """The DNS name is not compared: it cannot change."""
    now, wanted = current["properties"], desired["properties"]
    monitor, wanted_monitor = now["monitorConfig"], wanted["monitorConfig"]
    return (
        now["profileStatus"] == wanted["profileStatus"]
        and now["trafficRoutingMethod"] == wanted["trafficRoutingMethod"]
        and now["dnsConfig"]["ttl"] == wanted["dnsConfig"]["ttl"]
        and all(monitor.get(name) == wanted_monitor.get(name) for name in _MONITOR)
        and all(current.get("tags", {}).get(name) == value for name, value in desired["tags"].items())
    )


def _merged_profile(current: Object, desired: Object) -> Object:
    properties = current["properties"] | desired["properties"]
    properties["monitorConfig"] = current["properties"]["monitorConfig"] | desired["properties"]["monitorConfig"]
    return current | {"tags": current.get("tags", {}) | desired["tags"], "properties": properties}


def _is_equal_endpoint(current: Object, desired: Object) -> bool:
    now = current["properties"]
    return all(str(now.get(name)).lower() == str(desired[name]).lower() for name in _ENDPOINT)


def _told(endpoint: Object, source: Object) -> Object:
    properties = endpoint["properties"]
    return {
        "name": endpoint["name"].lower(),
        "resourceID": endpoint["id"],
        "target": properties["target"],
        "weight": properties["weight"],
        "from": source,
    }


def _is_programmed(profile: Object) -> bool:
    conditions = profile.get("status", {}).get("conditions", ())
    return any((one["type"], one["status"]) == ("Programmed", "True") for one in conditions)


def _group(profile: Object) -> str:
    """The oldest Fleet had no field for it and took the group of its own configuration."""
    return str(profile["spec"].get("resourceGroup", "fleet-dns"))


def _path(obj: Object) -> str:
    metadata = obj["metadata"]
    return f"{BETA}/namespaces/{metadata['namespace']}/{obj['kind'].lower()}s/{metadata['name']}"

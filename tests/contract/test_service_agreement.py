"""Whatever is done to a Service, in whatever order, by whichever manager: both servers answer the same, word for word.

Addresses and node ports are picked by each server; which of them are the same counts, not which they are.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.client import API, APPLY, MERGE
from tests.contract.neutral import neutralizer, unordered
from tests.contract.seconds import Paced, SettableClock, told_by_both

Object = dict[str, Any]

pytestmark = pytest.mark.realapi
_NUMBERS = itertools.count(1)
SERVICES = "/api/v1/namespaces/{ns}/services"
LABEL = "service.beta.kubernetes.io/azure-dns-label-name"


@dataclass(frozen=True, slots=True)
class Step:
    """One request about the Service."""

    method: str
    body: Any = None
    content_type: str = "application/json"
    below: str = ""
    query: str = ""


def annotated(label: str | None) -> Object:
    return {"annotations": {LABEL: label}}


WEB, DNS = {"port": 80, "name": "web"}, {"port": 53, "name": "dns", "protocol": "UDP"}
PORTS = st.sampled_from([[WEB], [WEB | {"targetPort": 8080}], [DNS, WEB], [{"port": 81, "name": "web"}], []])
TYPES = st.sampled_from(
    [
        {},
        {"type": "ClusterIP"},
        {"type": "NodePort"},
        {"type": "LoadBalancer"},
        {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False},
        {"type": "ExternalName", "externalName": "a.example"},
        {"type": "ExternalName"},
    ]
)
SELECTORS = st.sampled_from([{}, {"selector": {"a": "1"}}, {"selector": {"b": "2"}}])
ODDITIES = st.sampled_from([{}, {}, {}, {"colour": "red"}])
SPECS = st.builds(
    lambda kind, ports, selector, odd: kind | {"ports": ports} | selector | odd, TYPES, PORTS, SELECTORS, ODDITIES
)
METADATA = st.sampled_from(
    [{}, annotated("a"), annotated("b"), {"labels": {"a": "1"}}, {"finalizers": ["x.y/a"]}, {"finalizers": ["x.y/b"]}]
)
STATUSES = st.sampled_from(
    [
        {"loadBalancer": {"ingress": [{"ip": "20.1.2.3"}]}},
        {"loadBalancer": {"ingress": [{"ip": "20.1.2.4", "ipMode": "Proxy"}, {"hostname": "lb.example"}]}},
        {"loadBalancer": {"ingress": [{"ip": "nowhere"}]}},
        {"loadBalancer": {}},
    ]
)
MANAGERS = st.sampled_from(["fleetdns-member", "cloud-provider-azure"])
WISHES = st.sampled_from(["", "", "", "&dryRun=All", "&fieldValidation=Strict"])


def manifest(spec: Object | None, metadata: Object, status: Object | None = None) -> Object:
    whole: Object = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"} | metadata}
    return whole | ({"spec": spec} if spec else {}) | ({"status": status} if status else {})


def applied(body: Object, below: str, manager: str, force: bool, wish: str) -> Step:
    return Step("PATCH", body, APPLY, below, f"?fieldManager={manager}{'&force=true' if force else ''}{wish}")


WHOLE = st.builds(manifest, SPECS, METADATA)
# As an agent does it, which owns nothing of the Service but an annotation.
CLAIMS = st.builds(lambda metadata: manifest(None, metadata), METADATA)
MERGES = st.one_of(
    st.builds(lambda metadata: {"metadata": metadata}, METADATA),
    st.builds(lambda spec: {"spec": spec}, TYPES.filter(bool)),
    st.builds(lambda ports: {"spec": {"ports": ports}}, PORTS),
    st.sampled_from([{"metadata": annotated(None)}, {"spec": {"selector": None}}, {"spec": {"externalName": None}}]),
)
STEPS = st.one_of(
    st.builds(lambda body, wish: Step("POST", body, query=f"?fieldManager=kubectl-create{wish}"), WHOLE, WISHES),
    st.builds(applied, WHOLE | CLAIMS, st.just(""), MANAGERS, st.booleans(), WISHES),
    st.builds(
        lambda status, manager, force: applied(manifest(None, {}, status), "/status", manager, force, ""),
        STATUSES,
        MANAGERS,
        st.booleans(),
    ),
    st.builds(lambda body, wish: Step("PATCH", body, MERGE, query=f"?fieldManager=kubectl-edit{wish}"), MERGES, WISHES),
    st.builds(lambda status: Step("PATCH", {"status": status}, MERGE, "/status", "?fieldManager=ccm"), STATUSES),
    st.builds(lambda body: Step("PUT", body, query="?fieldManager=kubectl-replace"), WHOLE),
    st.sampled_from([Step("GET"), Step("DELETE")]),
)
FIRST = Step("POST", manifest({"type": "LoadBalancer", "ports": [WEB]}, {}), query="?fieldManager=kubectl-create")


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=1, max_size=8))
async def test_both_servers_tell_the_same_story_of_a_service(
    both: tuple[API, API], hub_clock: SettableClock, steps: list[Step]
) -> None:
    def talk(api: API, name: str, paced: Paced) -> AsyncIterator[Object]:
        return conversation(api, name, steps, paced)

    hub, real = await told_by_both(*both, hub_clock, f"shop-{next(_NUMBERS)}", talk)
    for embedded, expected in zip(hub, real, strict=True):
        assert embedded == expected


async def conversation(api: API, name: str, steps: list[Step], paced: Paced) -> AsyncIterator[Object]:
    """What one server answers to each step, without what differs between two servers."""
    neutral, picked = neutralizer(name), Picked()
    for step in [FIRST, *steps, Step("GET")]:
        path = SERVICES if step.method == "POST" else f"{SERVICES}/{name}{step.below}"
        text = None if step.body is None else json.dumps(step.body).replace('"shop"', f'"{name}"')
        async with paced():
            reply = await api.call(step.method, path + step.query, text, content_type=step.content_type)
        shown = unordered(picked.told(neutral(reply.text))) if "dryRun" not in step.query else {}
        yield {"code": reply.code, "warnings": reply.headers.getall("Warning", []), "body": shown}


class Picked:
    """Puts words in place of what a server picks, the same word for the same thing."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}

    def told(self, body: Object) -> Object:
        text = json.dumps(body, sort_keys=True)
        # A Service that became an ExternalName has this field in a real server's store, and shows it here and there.
        text = re.sub(r'"(f:)?internalTrafficPolicy": ({}|"Cluster"), ', "", text)
        text = re.sub(r'"(10\.0\.\d+\.\d+)"', self._address, text)
        told: Object = json.loads(re.sub(r'(?<="nodePort": )(\d+)', self._port, text))
        return told

    def _address(self, found: re.Match[str]) -> str:
        return self._words.setdefault(found[1], f'"address {len(self._words)}"')

    def _port(self, found: re.Match[str]) -> str:
        return self._words.setdefault(found[1], f'"port {len(self._words)}"')

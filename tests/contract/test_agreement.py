"""Whatever is done to an object, in whatever order: both servers answer the same, word for word."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetdns.emulator.hub.server import HubServer
from tests.apiserver.server import RealAPIServer
from tests.contract.client import API, APPLY, JSON_PATCH, MERGE, Reply, connected
from tests.contract.samples import PROFILES, condition, profile

Object = dict[str, Any]

pytestmark = pytest.mark.realapi
_NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Step:
    """One request about the object; `change` makes a PUT's body from what is there."""

    method: str
    body: Any = None
    content_type: str = "application/json"
    below: str = ""
    query: str = ""
    change: Object | None = None


@pytest.fixture
async def both(embedded_with_crds: HubServer, real_with_crds: RealAPIServer) -> AsyncIterator[tuple[API, API]]:
    """Clients of the embedded hub and of the real server, in namespaces of the same name."""
    namespace = f"agreement-{next(_NUMBERS)}"
    async with connected(embedded_with_crds, namespace) as hub, connected(real_with_crds, namespace) as real:
        yield hub, real


def headers(names: list[str]) -> list[Object]:
    return [{"name": name, "value": name * 2} for name in names]


SPECS = st.fixed_dictionaries(
    {},
    optional={
        "resourceGroup": st.sampled_from(["one", "two", ""]),
        "deletionPolicy": st.sampled_from(["Delete", "Retain", "Keep"]),
        "dnsConfig": st.fixed_dictionaries({}, optional={"ttl": st.sampled_from([0, 60, -1])}),
        "monitorConfig": st.fixed_dictionaries(
            {},
            optional={
                "intervalInSeconds": st.sampled_from([10, 30, 15]),
                "timeoutInSeconds": st.sampled_from([5, 9, 10]),
                "protocol": st.sampled_from(["HTTP", "TCP"]),
                "path": st.sampled_from(["/", "/x"]),
                "customHeaders": st.lists(st.sampled_from("abc"), max_size=3).map(headers),
            },
        ),
        "colour": st.just("red"),
    },
)
NULLS = st.sampled_from(
    [{"resourceGroup": None}, {"deletionPolicy": None}, {"monitorConfig": None}, {"monitorConfig": {"path": None}}]
)
METADATA = st.fixed_dictionaries(
    {},
    optional={
        "labels": st.dictionaries(st.sampled_from("ab"), st.sampled_from(["1", "2"]), min_size=1, max_size=2),
        "finalizers": st.lists(st.sampled_from(["x.y/a", "x.y/b"]), unique=True, min_size=1, max_size=2),
    },
)
STATUSES = st.fixed_dictionaries(
    {},
    optional={
        "dnsName": st.sampled_from(["a.example", "b.example"]),
        "conditions": st.lists(st.sampled_from(["Ready", "Programmed"]), max_size=2).map(
            lambda kinds: [condition(kind) for kind in kinds]
        ),
    },
)
MANAGERS = st.sampled_from(["one", "two"])
PLACES = st.sampled_from(["", "/status"])


def manifest(spec: Object, metadata: Object, status: Object) -> Object:
    whole = profile("shop", **spec)
    return whole | {"metadata": whole["metadata"] | metadata} | ({"status": status} if status else {})


MANIFESTS = st.builds(manifest, SPECS, METADATA, STATUSES)
STEPS = st.one_of(
    st.builds(lambda body: Step("POST", body), MANIFESTS),
    st.builds(lambda spec: Step("PATCH", {"spec": spec}, MERGE), SPECS | NULLS),
    st.builds(lambda metadata: Step("PATCH", {"metadata": metadata}, MERGE), METADATA),
    st.builds(lambda status: Step("PATCH", {"status": status}, MERGE, "/status"), STATUSES),
    st.builds(
        lambda body, below, manager, force: Step(
            "PATCH", body, APPLY, below, f"?fieldManager={manager}{'&force=true' if force else ''}"
        ),
        MANIFESTS,
        PLACES,
        MANAGERS,
        st.booleans(),
    ),
    st.builds(lambda spec: Step("PUT", change={"spec": spec}), SPECS),
    st.builds(lambda status: Step("PUT", below="/status", change={"status": status}), STATUSES),
    st.sampled_from(
        [
            Step("GET"),
            Step("DELETE"),
            Step("DELETE", {"propagationPolicy": "Foreground"}),
            Step("PATCH", [{"op": "remove", "path": "/metadata/finalizers"}], JSON_PATCH),
            Step("PATCH", [{"op": "add", "path": "/spec/resourceGroup", "value": "three"}], JSON_PATCH),
        ]
    ),
)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=1, max_size=10))
async def test_both_servers_tell_the_same_story(both: tuple[API, API], steps: list[Step]) -> None:
    name = f"shop-{next(_NUMBERS)}"
    hub, real = [[shown async for shown in conversation(api, name, steps)] for api in both]
    for embedded, expected in zip(hub, real, strict=True):
        assert embedded == expected


async def conversation(api: API, name: str, steps: list[Step]) -> AsyncIterator[Object]:
    """What one server answers to each step, without what differs between any two servers."""
    neutral = neutralizer(name)
    for step in [Step("POST", profile("shop")), *steps, Step("GET")]:
        path = PROFILES if step.method == "POST" else f"{PROFILES}/{name}{step.below}"
        body = step.body
        if step.change is not None:
            body = (await api.get(path)).body | step.change
        text = None if body is None else json.dumps(body).replace('"shop"', f'"{name}"')
        yield neutral(await api.call(step.method, path + step.query, text, content_type=step.content_type))


def neutralizer(name: str) -> Callable[[Reply], Object]:
    """Uids and times become words, versions their order of appearance."""
    versions: dict[str, str] = {}

    def version(found: re.Match[str]) -> str:
        return found[1] + versions.setdefault(found[2], f"v{len(versions)}") + '"'

    def neutral(reply: Reply) -> Object:
        text = reply.text.replace(name, "shop")
        text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "uid", text)
        text = re.sub(r'("(?:creation|deletion)Timestamp":|"time":)"[^"]*"', r'\1"now"', text)
        body = json.loads(re.sub(r'("resourceVersion":")(\d+)"', version, text))
        return {"code": reply.code, "warnings": reply.headers.getall("Warning", []), "body": unordered(body)}

    return neutral


def unordered(body: Object) -> Object:
    """The body with those lists sorted that have no order: several faults, and writers within one second."""
    if body["kind"] != "Status":
        writers = sorted(body["metadata"].get("managedFields", ()), key=sorted_text)
        return body | {"metadata": body["metadata"] | {"managedFields": writers}}
    causes = body.get("details", {}).get("causes")
    if causes:
        # The message repeats them.
        return body | {"message": "", "details": body["details"] | {"causes": sorted(causes, key=sorted_text)}}
    # An apply that fits no type is told of the first fault that is found, or of several.
    return body | {"message": body.get("message", "").partition(", Kind=TrafficManagerProfile): ")[0]}


def sorted_text(value: Object) -> str:
    return json.dumps(value, sort_keys=True)

"""Whatever is done to an object, in whatever order: both servers answer the same, word for word."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.client import API, APPLY, JSON_PATCH, MERGE
from tests.contract.neutral import neutralizer, unordered
from tests.contract.samples import OLD_PROFILES, PROFILES, condition, profile
from tests.contract.seconds import Paced, SettableClock, told_by_both

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
    elsewhere: bool = False  # in the other version


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
STALE = st.just({"resourceVersion": "1", "labels": {"a": "1"}})
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
# What a write can be asked for besides.
WISHES = st.sampled_from(["", "", "", "&dryRun=All", "&fieldValidation=Strict", "&fieldValidation=Ignore"])


def manifest(spec: Object, metadata: Object, status: Object) -> Object:
    whole = profile("shop", **spec)
    return whole | {"metadata": whole["metadata"] | metadata} | ({"status": status} if status else {})


def applied(body: Object, below: str, manager: str, force: bool, wish: str) -> Step:
    query = f"?fieldManager={manager}{'&force=true' if force else ''}{wish}"
    return Step("PATCH", body, APPLY, below, query)


MANIFESTS = st.builds(manifest, SPECS, METADATA, STATUSES)
MERGES = st.one_of(
    st.builds(lambda spec: ({"spec": spec}, ""), SPECS | NULLS),
    st.builds(lambda metadata: ({"metadata": metadata}, ""), METADATA | STALE),
    st.builds(lambda status, spec: ({"status": status, "spec": spec}, "/status"), STATUSES, SPECS),
)
OPERATIONS = st.sampled_from(
    [
        {"op": "remove", "path": "/metadata/finalizers"},
        {"op": "add", "path": "/metadata/labels", "value": {"a": "3"}},
        {"op": "add", "path": "/spec/resourceGroup", "value": "three"},
        {"op": "test", "path": "/spec/deletionPolicy", "value": "Delete"},
        {"op": "replace", "path": "/spec/deletionPolicy", "value": "Retain"},
        {"op": "add", "path": "/status/dnsName", "value": "c.example"},
        {"op": "remove", "path": "/status"},
        {"op": "add", "path": "/status/conditions/-", "value": condition("Ready")},
    ]
)
STEPS = st.one_of(
    st.builds(lambda body, wish: Step("POST", body, query=f"?{wish}"), MANIFESTS, WISHES),
    st.builds(lambda merge, wish: Step("PATCH", merge[0], MERGE, merge[1], f"?{wish}"), MERGES, WISHES),
    st.builds(applied, MANIFESTS, PLACES, MANAGERS, st.booleans(), WISHES),
    st.builds(lambda spec: Step("PUT", change={"spec": spec}), SPECS),
    st.builds(lambda status: Step("PUT", below="/status", change={"status": status}), STATUSES),
    st.builds(
        lambda operations, below: Step("PATCH", operations, JSON_PATCH, below),
        st.lists(OPERATIONS, min_size=1, max_size=3),
        PLACES,
    ),
    st.sampled_from(
        [
            Step("GET"),
            Step("GET", below="/status", elsewhere=True),
            Step("DELETE"),
            Step("DELETE", query="?dryRun=All"),
            Step("DELETE", {"propagationPolicy": "Foreground"}),
            Step("DELETE", {"propagationPolicy": "Orphan"}),
            Step("DELETE", {"preconditions": {"uid": "other"}}),
            Step("DELETE", {"preconditions": {"resourceVersion": "1"}}),
        ]
    ),
)


@settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=1, max_size=10), version=st.sampled_from(["v1beta1", "v1alpha1"]))
async def test_both_servers_tell_the_same_story(
    both: tuple[API, API], hub_clock: SettableClock, steps: list[Step], version: str
) -> None:
    def talk(api: API, name: str, paced: Paced) -> AsyncIterator[Object]:
        return conversation(api, name, steps, version, paced)

    hub, real = await told_by_both(*both, hub_clock, f"shop-{next(_NUMBERS)}", talk)
    for embedded, expected in zip(hub, real, strict=True):
        assert embedded == expected


async def conversation(api: API, name: str, steps: list[Step], version: str, paced: Paced) -> AsyncIterator[Object]:
    """What one server answers to each step, then tells a watcher of all, without what differs between two servers."""
    neutral = neutralizer(name)
    collection, other = (OLD_PROFILES, PROFILES) if version == "v1alpha1" else (PROFILES, OLD_PROFILES)
    since = (await api.get(collection)).version
    for step in [Step("POST", profile("shop")), *steps, Step("GET")]:
        path = collection if step.method == "POST" else f"{collection}/{name}{step.below}"
        body = step.body
        if step.change is not None:
            body = (await api.get(path)).body | step.change
        text = None if body is None else json.dumps(body).replace('"shop"', f'"{name}"').replace("v1beta1", version)
        path = path.replace(collection, other) if step.elsewhere else path
        async with paced():
            reply = await api.call(step.method, path + step.query, text, content_type=step.content_type)
        shown = neutral(reply.text)
        yield {"code": reply.code, "warnings": reply.headers.getall("Warning", []), "body": unordered(shown)}
    await api.create(PROFILES, profile(f"{name}-end"))
    async with api.watch(f"{collection}?watch=1&resourceVersion={since}") as events:
        while (event := await events.next())["object"]["metadata"]["name"] == name:
            told = neutral(json.dumps(event["object"], separators=(",", ":")))
            yield {"type": event["type"], "object": unordered(told)}

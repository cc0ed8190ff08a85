"""Objects of every kind and version, right and wrong: both servers judge them in the same words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.client import API, Reply
from tests.contract.neutral import neutralizer, unordered
from tests.contract.samples import condition, minimal, path_of, served_versions

pytestmark = pytest.mark.realapi
Object = dict[str, Any]

REFERENCE: Object = minimal("internalserviceexports", "v1alpha1")["spec"]["serviceReference"]
EXPORTS: dict[str, Object] = {
    "a negative weight": {"weight": -1},
    "a weight over 1000": {"weight": 1001},
    "a weight that is a text": {"weight": "5"},
    "port 0": {"ports": [{"port": 0}]},
    "a port that is none": {"ports": [{"port": 99999}]},
    "a target by name": {"ports": [{"port": 80, "targetPort": "http"}]},
    "a target by number": {"ports": [{"port": 80, "targetPort": 8080}]},
    "a target that is neither": {"ports": [{"port": 80, "targetPort": True}]},
    "a target between two numbers": {"ports": [{"port": 80, "targetPort": 1.5}]},
    "a type that is none": {"type": "Pod"},
    "a protocol that is none": {"ports": [{"port": 80, "protocol": "SMTP"}]},
    "a label that is neither on nor off": {"isDNSLabelConfigured": "yes"},
    "a reference to next to nothing": {"serviceReference": {"clusterId": "a"}},
    "no reference": {"serviceReference": None},
    "no ports": {"ports": None},
    "an empty list of ports": {"ports": []},
    "a time that is none": {"serviceReference": REFERENCE | {"exportedSince": "yesterday"}},
    "a generation that is a text": {"serviceReference": REFERENCE | {"generation": "x"}},
}
STATUSES: dict[str, Object] = {
    "a long message": {"conditions": [condition(message="x" * 40_000)]},
    "a status that is none": {"conditions": [condition(status="Maybe")]},
    "next to nothing": {"conditions": [{"type": "x"}]},
    "an unknown field": {"colour": "red"},
    "a number for all conditions": {"conditions": 5},
}
SHAPES: dict[str, Object] = {
    "no spec": {"spec": None},
    "a number for a spec": {"spec": 5},
    "a list for a spec": {"spec": []},
    "an unknown field beside it": {"colour": "red"},
}


def told(reply: Reply) -> Object:
    body = unordered(neutralizer(reply.body.get("metadata", {}).get("name", "one"))(reply.text))
    return {"code": reply.code, "warnings": reply.headers.getall("Warning", []), "body": body}


@pytest.mark.parametrize("spec", [pytest.param(spec, id=name) for name, spec in EXPORTS.items()])
async def test_an_export(both: tuple[API, API], spec: Object) -> None:
    body = minimal("internalserviceexports", "v1alpha1")
    path = path_of("internalserviceexports", "v1alpha1")
    hub, real = [told(await api.create(f"{path}?dryRun=All", body | {"spec": body["spec"] | spec})) for api in both]
    assert hub == real


@pytest.mark.parametrize(("plural", "version"), served_versions())
async def test_every_kind(both: tuple[API, API], plural: str, version: str) -> None:
    path = path_of(plural, version)
    for api in both:
        assert (await api.create(path, minimal(plural, version))).code == 201
    for name, status in STATUSES.items():
        hub, real = [told(await api.merge(f"{path}/one/status", {"status": status})) for api in both]
        assert hub == real, name
    for name, change in SHAPES.items():
        hub, real = [told(await api.merge(f"{path}/one", change)) for api in both]
        assert hub == real, name
        hub, real = [
            told(await api.create(f"{path}?dryRun=All", minimal(plural, version, "two") | change)) for api in both
        ]
        assert hub == real, name

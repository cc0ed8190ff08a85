"""Objects of the wrong shape, in any place of any kind: refused with a status, never with a crash."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetdns.emulator.hub.rest import Hub
from fleetdns.emulator.hub.status import StatusError

Object = dict[str, Any]
Where = tuple[str, str, str, str | None]

_RIGHTS = "rbac.authorization.k8s.io"
_PODS = {"matchLabels": {"a": "b"}}
_RULE = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": ["one"]}
_BINDING = {
    "roleRef": {"apiGroup": _RIGHTS, "kind": "ClusterRole", "name": "reader"},
    "subjects": [{"kind": "ServiceAccount", "name": "agent", "namespace": "work"}],
}
_POD = {"spec": {"containers": [{"name": "main", "image": "app", "ports": [{"containerPort": 1}]}]}}
SERVICE: Where = ("", "v1", "services", "default")
SAMPLES: dict[Where, Object] = {
    SERVICE: {
        "spec": {
            "type": "LoadBalancer",
            "externalTrafficPolicy": "Local",
            "clusterIP": "10.0.0.9",
            "clusterIPs": ["10.0.0.9"],
            "selector": {"a": "b"},
            "ports": [{"name": "web", "port": 80, "targetPort": "http", "nodePort": 30080, "protocol": "TCP"}],
        },
        "status": {"loadBalancer": {"ingress": [{"ip": "20.1.2.3", "hostname": "lb.example"}]}},
    },
    (_RIGHTS, "v1", "roles", "default"): {"rules": [_RULE]},
    (_RIGHTS, "v1", "clusterroles", None): {"rules": [{"verbs": ["get"], "nonResourceURLs": ["/"]}]},
    (_RIGHTS, "v1", "rolebindings", "default"): _BINDING,
    (_RIGHTS, "v1", "clusterrolebindings", None): _BINDING,
    ("apps", "v1", "deployments", "default"): {"spec": {"selector": _PODS, "template": _POD, "replicas": 2}},
    ("policy", "v1", "poddisruptionbudgets", "default"): {"spec": {"maxUnavailable": 1, "selector": _PODS}},
    ("networking.k8s.io", "v1", "networkpolicies", "default"): {
        "spec": {"podSelector": _PODS, "policyTypes": ["Egress"], "egress": [{"ports": [{"port": 53}]}]}
    },
}
ODDITIES: list[Any] = [None, 0, -1, 1.5, True, "", "x", [], ["x"], [[]], [None], {}, {"x": 1}, {"ip": 1}]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything in a value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for name, item in inside for place in ((*path, name), *places(item, (*path, name)))]


def replaced(value: Object, path: tuple[Any, ...], odd: Any) -> Object:
    changed = copy.deepcopy(value)
    target: Any = changed
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = odd
    return changed


@pytest.mark.parametrize("where", SAMPLES, ids=lambda where: where[2])
@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_misshapen_object_is_refused_or_repaired(hub: Hub, where: Where, data: st.DataObject) -> None:
    sample = SAMPLES[where]
    path, odd = data.draw(st.sampled_from(places(sample))), data.draw(st.sampled_from(ODDITIES))
    name = f"n{data.draw(st.integers(0, 10**9))}"
    body = {"metadata": {"name": name}} | replaced(sample, path, odd)
    content_type = data.draw(
        st.sampled_from(["", "application/merge-patch+json", "application/apply-patch+yaml", "status"])
    )
    refusal = written(hub, where, name, body, sample, content_type)
    assert refusal is None or refusal.code in (400, 409, 422) or "failed to create typed patch" in refusal.message
    for one in hub.list(*where)["items"]:
        hub.delete(*where, one["metadata"]["name"])


def written(hub: Hub, where: Where, name: str, body: Object, sample: Object, how: str) -> StatusError | None:
    """Create it so, or make a good one so; the refusal, if it was one."""
    try:
        if not how:
            hub.create(*where, body)
            return None
        hub.create(*where, {"metadata": {"name": name}} | copy.deepcopy(sample))
        if how == "status":
            part = "status" if where == SERVICE else ""
            hub.patch(*where, name, {"status": body.get("status")}, subresource=part)
        else:
            hub.patch(*where, name, body, content_type=how, manager="test", force="apply" in how)
    except StatusError as error:
        return error
    return None

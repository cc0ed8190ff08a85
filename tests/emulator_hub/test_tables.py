"""Cells and ages as kubectl prints them, and the JSONPath that columns use."""

from __future__ import annotations

from typing import Any

import pytest

from fleetdns.emulator.hub.jsonpath import first_at
from fleetdns.emulator.hub.rest import Hub
from fleetdns.emulator.hub.tables import age, human_duration, table
from tests.emulator_hub.shops import CONFIG_MAPS, EVENTS, LEASES, NOON, SHOPS, config_map, shop

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 365 * 86400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-2, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (2 * MINUTE, "2m"),
        (5 * MINUTE + 30, "5m30s"),
        (10 * MINUTE + 30, "10m"),
        (179 * MINUTE, "179m"),
        (3 * HOUR, "3h"),
        (7 * HOUR + 5 * MINUTE, "7h5m"),
        (8 * HOUR + 5 * MINUTE, "8h"),
        (47 * HOUR, "47h"),
        (2 * DAY + 5 * HOUR, "2d5h"),
        (8 * DAY + 5 * HOUR, "8d"),
        (700 * DAY, "700d"),
        (2 * YEAR, "2y"),
        (3 * YEAR + 9 * DAY, "3y9d"),
        (9 * YEAR, "9y"),
    ],
)
def test_durations_name_two_units_at_most(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


def test_ages_of_no_time_and_of_nonsense() -> None:
    assert age(None, NOON) == "<unknown>"
    assert age("soon", NOON) == "<invalid>"
    assert age("2026-01-02T03:04:00Z", NOON) == "5s"


_OBJ: dict[str, Any] = {
    "spec": {"weight": 3, "a.b": "dotted", "list": [{"type": "X", "status": "True"}, {"type": "Y", "ok": True}]},
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (".spec.weight", 3),
        ("spec.weight", 3),
        (".spec.none", None),
        (".spec.weight.deeper", None),
        (r".spec.a\.b", "dotted"),
        (".spec['a.b']", "dotted"),
        (".spec.list[0].status", "True"),
        (".spec.list[-1].type", "Y"),
        (".spec.list[9].type", None),
        (".spec.list[*].type", "X"),
        (".spec.list[?(@.type=='Y')].ok", True),
        ('.spec.list[?(@.type == "X")].status', "True"),
        (".spec.list[?(@.type!='X')].type", "Y"),
        (".spec.list[?(@.ok==true)].type", "Y"),
        (".spec.list[?(@.type=='Z')].status", None),
        (".spec.list[", None),
    ],
)
def test_json_paths(path: str, value: Any) -> None:
    assert first_at(_OBJ, path) == value


def _cells(hub: Hub, where: tuple[str, str, str, str | None], name: str) -> list[Any]:
    served = hub.registry.find(*where[:3])
    obj = hub.get(*where, name)
    (row,) = table(served, (obj,), {}, now=hub.clock() + 90)["rows"]
    cells: list[Any] = row["cells"]
    return cells


def test_custom_cells_have_their_columns_types(hub: Hub) -> None:
    hub.create(*SHOPS, shop(weight=4, owner="ann"))
    assert _cells(hub, SHOPS, "corner") == ["corner", 4, None, "ann", "90s"]


def test_built_in_cells(hub: Hub) -> None:
    hub.create(*CONFIG_MAPS, config_map(a="1", b="2"))
    assert _cells(hub, CONFIG_MAPS, "settings") == ["settings", 2, "90s"]
    hub.create(*LEASES, {"metadata": {"name": "lock"}, "spec": {"holderIdentity": "me"}})
    assert _cells(hub, LEASES, "lock") == ["lock", "me", "90s"]
    about = {"kind": "Shop", "name": "corner", "namespace": "default"}
    event = {"metadata": {"name": "e"}, "involvedObject": about, "reason": "R", "message": " m\n", "type": "Normal"}
    hub.create(*EVENTS, event | {"lastTimestamp": "2026-01-02T03:04:05Z", "source": {"component": "c"}})
    assert _cells(hub, EVENTS, "e") == ["90s", "Normal", "R", "shop/corner", "", "c", "m", "<unknown>", 1, "e"]
    hub.create("", "v1", "secrets", "default", {"metadata": {"name": "s"}, "stringData": {"a": "b"}})
    assert _cells(hub, ("", "v1", "secrets", "default"), "s") == ["s", "Opaque", 1, "90s"]
    assert _cells(hub, ("", "v1", "namespaces", None), "default") == ["default", "Active", "90s"]
    ports = [{"port": 80, "nodePort": 30080}]
    spec = {"type": "LoadBalancer", "clusterIP": "10.0.1.2", "ports": ports}
    service = {"metadata": {"name": "w"}, "spec": spec}
    hub.create("", "v1", "services", "default", service)
    assert _cells(hub, ("", "v1", "services", "default"), "w") == [
        "w",
        "LoadBalancer",
        "10.0.1.2",
        "<pending>",
        "80:30080/TCP",
        "90s",
        "<none>",
    ]

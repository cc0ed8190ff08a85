"""Alerts and dashboard ask for nothing but what fleetdns serves, and every alert can be acted on."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest

from fleetdns.core.guard import GUARDED
from fleetdns.core.status import ACCEPTED, HEALTHY, PROGRAMMED
from fleetdns.core.trafficmanager import DEGRADED, ONLINE
from fleetdns.errors import Conflict, Forbidden, NameTaken, Rejected, Throttled, Transient
from fleetdns.retry import classify
from fleetdns.runtime.observer import Phase
from tests.manifests.alerts import CASES, WELL
from tests.manifests.definitions import MANIFESTS
from tests.manifests.rendered import Object, objects, only
from tests.manifests.series import groupings, selectors, served

DEPLOYING = MANIFESTS.parent / "docs" / "deploy.md"
ERRORS = [kind("code", "sentence") for kind in (Conflict, Transient, NameTaken, Rejected, Forbidden)]
# What a label may say, where an expression that is spelled wrong would never be true.
VALUES = {
    "phase": {phase.name.lower() for phase in Phase},
    "state": {ONLINE, DEGRADED},
    "condition": {PROGRAMMED, ACCEPTED, HEALTHY, GUARDED},
    "status": {"True", "False", "Unknown"},
    "result": {classify(error).label for error in (*ERRORS, Throttled("", "", retry_after=1), ValueError())}
    | {"success"},
    "job": {"fleetdns"},
}
NAME = re.compile(r"FleetDNS[A-Z][A-Za-z]+")


def alerts() -> list[Object]:
    groups = only("monitoring", "PrometheusRule")["spec"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> Any:
    return json.loads(objects("monitoring")["ConfigMap", "fleetdns-dashboard"]["data"]["fleetdns.json"])


def panels() -> list[Any]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


EXPRESSIONS = [
    *(pytest.param(alert["expr"], id=alert["alert"]) for alert in alerts()),
    *(
        pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")
        for panel in panels()
        for target in panel["targets"]
    ),
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_asks_for_what_fleetdns_serves(expression: str) -> None:
    asked = list(selectors(expression))

    assert asked
    for series, matchers in asked:
        assert series in served()
        assert {matcher.label for matcher in matchers} <= served()[series]
        for matcher in matchers:
            assert matcher.value.startswith("$") or set(matcher.values) <= VALUES.get(matcher.label, {*matcher.values})
        assert groupings(expression) <= served()[series]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_asks_no_other_program(expression: str) -> None:
    assert all(any(matcher.label == "job" for matcher in matchers) for _, matchers in selectors(expression))


def test_what_an_expression_asks_for_is_read_rightly() -> None:
    expression = 'max by (a, b) (rate(x_total{job="j",code=~"4..|5.."}[5m])) > 3 and on (a) y{z!="1"} or time() - w'

    found = {series: [(m.label, m.operator, m.values) for m in matchers] for series, matchers in selectors(expression)}
    assert found == {
        "x_total": [("job", "=", ("j",)), ("code", "=~", ("4..", "5.."))],
        "y": [("z", "!=", ("1",))],
        "w": [],
    }
    assert groupings(expression) == {"a", "b"}


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: str(alert["alert"]))
def test_an_alert_says_what_is_wrong_and_how_bad_it_is(alert: Object) -> None:
    assert NAME.fullmatch(alert["alert"])
    assert alert["labels"]["severity"] in ("critical", "warning", "info")
    assert alert["annotations"].keys() == {"summary", "description"}
    assert re.fullmatch(r"\d+[mh]", alert.get("for", "0m"))


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: str(alert["alert"]))
def test_an_alert_shows_only_labels_that_it_has(alert: Object) -> None:
    shown = set(re.findall(r"\$labels\.(\w+)", str(alert["annotations"])))

    assert shown <= groupings(alert["expr"])


def test_no_two_alerts_have_one_name() -> None:
    names = [alert["alert"] for alert in alerts()]

    assert len(names) == len(set(names))


def test_every_alert_has_a_case_in_which_it_is_due() -> None:
    """And a good day has none; promtool plays them: python -m tests.manifests.alerts."""
    assert [WELL, *(alert["alert"] for alert in alerts())] == list(CASES)


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_made_of_what_fleetdns_serves(name: str) -> None:
    for line in CASES[name]["series"]:
        ((series, matchers),) = selectors(line.rpartition(": ")[0])
        assert series in served()
        assert {matcher.label for matcher in matchers} <= served()[series]
        assert all(matcher.value in VALUES.get(matcher.label, {matcher.value}) for matcher in matchers)


def test_the_page_on_deploying_says_for_every_alert_what_to_do() -> None:
    described = re.findall(r"^\| `(FleetDNS\w+)` \|", DEPLOYING.read_text(), re.MULTILINE)

    assert described == [alert["alert"] for alert in alerts()]


def test_scrapes_find_the_service_and_give_it_the_job_that_is_asked_for() -> None:
    monitor, service = only("monitoring", "ServiceMonitor"), only("base", "Service")
    labels = service["metadata"]["labels"]
    (endpoint,) = monitor["spec"]["endpoints"]

    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert monitor["metadata"]["namespace"] == service["metadata"]["namespace"]
    assert {labels[monitor["spec"]["jobLabel"]]} == VALUES["job"]
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    # Otherwise the namespace of a profile would be overwritten with that of the pod.
    assert endpoint["honorLabels"] is True


def test_the_base_does_without_the_prometheus_operator() -> None:
    assert [kind for kind, _ in objects("base") if kind in ("ServiceMonitor", "PrometheusRule")] == []


def test_grafana_s_sidecar_finds_the_dashboard() -> None:
    assert objects("monitoring")["ConfigMap", "fleetdns-dashboard"]["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_every_panel_asks_the_chosen_source_and_has_a_place_of_its_own() -> None:
    every = dashboard()["panels"]
    cells = [
        (x, y)
        for at in (panel["gridPos"] for panel in every)
        for x, y in itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"]))
    ]

    assert [panel["id"] for panel in every] == list(range(1, len(every) + 1))
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in panels())
    assert "datasource" in {variable["name"] for variable in dashboard()["templating"]["list"]}
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24

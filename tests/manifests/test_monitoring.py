"""Alerts and dashboard ask for nothing but what fleetdns serves, and every alert can be acted on."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest

from tests.manifests.alerts import WELL
from tests.manifests.monitored import AGENT, ALL, CONTROLLER, Monitored
from tests.manifests.rendered import Object, objects, only
from tests.manifests.series import groupings, selectors

NAME = re.compile(r"FleetDNS[A-Z][A-Za-z]+")

each = pytest.mark.parametrize("monitored", ALL, ids=str)


def dashboard(monitored: Monitored) -> Any:
    config_map = objects(monitored.folder)["ConfigMap", f"{monitored.job}-dashboard"]
    return json.loads(config_map["data"][f"{monitored.job}.json"])


def panels(monitored: Monitored) -> list[Any]:
    return [panel for panel in dashboard(monitored)["panels"] if panel["type"] != "row"]


def asked(monitored: Monitored) -> list[tuple[str, str]]:
    """Every expression with what asks."""
    return [
        *((alert["alert"], alert["expr"]) for alert in monitored.alerts),
        *(
            (f"{panel['title']} {target['refId']}", target["expr"])
            for panel in panels(monitored)
            for target in panel["targets"]
        ),
    ]


every_expression = pytest.mark.parametrize(
    ("monitored", "expression"),
    [
        pytest.param(monitored, expression, id=f"{monitored.job} {asks}")
        for monitored in ALL
        for asks, expression in asked(monitored)
    ],
)
every_alert = pytest.mark.parametrize(
    "alert", [alert for monitored in ALL for alert in monitored.alerts], ids=lambda alert: str(alert["alert"])
)


@every_expression
def test_an_expression_asks_for_what_fleetdns_serves(monitored: Monitored, expression: str) -> None:
    found = list(selectors(expression))

    assert found
    for series, matchers in found:
        assert series in monitored.served
        assert {matcher.label for matcher in matchers} <= monitored.served[series]
        for matcher in matchers:
            known = monitored.values.get(matcher.label, {*matcher.values})
            assert matcher.value.startswith("$") or set(matcher.values) <= known
        assert groupings(expression) <= monitored.served[series]


@every_expression
def test_an_expression_asks_no_other_program(monitored: Monitored, expression: str) -> None:
    own = ("job", "=", monitored.job)

    assert all(own in matchers for _, matchers in selectors(expression))


def test_what_an_expression_asks_for_is_read_rightly() -> None:
    expression = 'max by (a, b) (rate(x_total{job="j",code=~"4..|5.."}[5m])) > 3 and on (a) y{z!="1"} or time() - w'

    found = {series: [(m.label, m.operator, m.values) for m in matchers] for series, matchers in selectors(expression)}
    assert found == {
        "x_total": [("job", "=", ("j",)), ("code", "=~", ("4..", "5.."))],
        "y": [("z", "!=", ("1",))],
        "w": [],
    }
    assert groupings(expression) == {"a", "b"}


@every_alert
def test_an_alert_says_what_is_wrong_and_how_bad_it_is(alert: Object) -> None:
    assert NAME.fullmatch(alert["alert"])
    assert alert["labels"]["severity"] in ("critical", "warning", "info")
    assert alert["annotations"].keys() == {"summary", "description"}
    assert re.fullmatch(r"\d+[mh]", alert.get("for", "0m"))


@every_alert
def test_an_alert_shows_only_labels_that_it_has(alert: Object) -> None:
    shown = set(re.findall(r"\$labels\.(\w+)", str(alert["annotations"])))

    assert shown <= groupings(alert["expr"])


def test_no_two_alerts_have_one_name() -> None:
    names = [alert["alert"] for monitored in ALL for alert in monitored.alerts]

    assert len(names) == len(set(names))


def test_an_alert_about_the_agent_says_so_by_its_name() -> None:
    assert all(alert["alert"].startswith("FleetDNSMember") for alert in AGENT.alerts)


@each
def test_every_alert_has_a_case_in_which_it_is_due(monitored: Monitored) -> None:
    """And a good day has none; promtool plays them: python -m tests.manifests.alerts."""
    assert [WELL, *(alert["alert"] for alert in monitored.alerts)] == list(monitored.cases)


@pytest.mark.parametrize(
    ("monitored", "name"),
    [pytest.param(monitored, name, id=f"{monitored.job} {name}") for monitored in ALL for name in monitored.cases],
)
def test_a_case_is_made_of_what_fleetdns_serves(monitored: Monitored, name: str) -> None:
    for line in monitored.cases[name]["series"]:
        ((series, matchers),) = selectors(line.rpartition(": ")[0])
        assert series in monitored.served
        assert {matcher.label for matcher in matchers} <= monitored.served[series]
        assert all(matcher.value in monitored.values.get(matcher.label, {matcher.value}) for matcher in matchers)


@each
def test_the_page_says_for_every_alert_what_to_do(monitored: Monitored) -> None:
    described = re.findall(r"^\| `(FleetDNS\w+)` \|", monitored.page.read_text(), re.MULTILINE)

    assert described == [alert["alert"] for alert in monitored.alerts]


@each
def test_scrapes_find_the_service_and_give_it_the_job_that_is_asked_for(monitored: Monitored) -> None:
    monitor, service = only(monitored.folder, "ServiceMonitor"), only(monitored.runs, "Service")
    labels = service["metadata"]["labels"]
    (endpoint,) = monitor["spec"]["endpoints"]

    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert monitor["metadata"]["namespace"] == service["metadata"]["namespace"]
    assert labels[monitor["spec"]["jobLabel"]] == monitored.job
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]


def test_the_namespace_of_a_profile_is_not_overwritten_with_that_of_the_pod() -> None:
    (endpoint,) = only(CONTROLLER.folder, "ServiceMonitor")["spec"]["endpoints"]

    assert endpoint["honorLabels"] is True


def test_the_rules_for_a_member_cluster_are_not_applied_to_the_hub() -> None:
    assert objects(CONTROLLER.folder).keys().isdisjoint(objects(AGENT.folder).keys())


@each
def test_it_runs_without_the_prometheus_operator(monitored: Monitored) -> None:
    assert [kind for kind, _ in objects(monitored.runs) if kind in ("ServiceMonitor", "PrometheusRule")] == []


@each
def test_grafana_s_sidecar_finds_the_dashboard(monitored: Monitored) -> None:
    config_map = objects(monitored.folder)["ConfigMap", f"{monitored.job}-dashboard"]

    assert config_map["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert dashboard(monitored)["uid"] == monitored.job


@each
def test_every_panel_asks_the_chosen_source_and_has_a_place_of_its_own(monitored: Monitored) -> None:
    every = dashboard(monitored)["panels"]
    cells = [
        (x, y)
        for at in (panel["gridPos"] for panel in every)
        for x, y in itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"]))
    ]

    assert [panel["id"] for panel in every] == list(range(1, len(every) + 1))
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in panels(monitored))
    assert "datasource" in {variable["name"] for variable in dashboard(monitored)["templating"]["list"]}
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24

"""The log: its two forms, what becomes of library lines and of secrets, and which facts make which line."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import structlog

from fleetdns import log
from fleetdns.api.meta import ObjectKey
from fleetdns.azure.exchange import AzureCallObserver
from fleetdns.controllers.sweep import SweepObserver
from fleetdns.core.changes import Change, Create, Delete
from fleetdns.core.drift import Drift
from fleetdns.core.outcome import PENDING, Failure, Outcome
from fleetdns.core.policy import DRY_RUN, Held
from fleetdns.core.trafficmanager import Endpoint
from fleetdns.errors import Bug, Conflict, Throttled, Transient
from fleetdns.log import fanned
from fleetdns.log.lines import AzureCallLog, ChangeLog, ControllerLog, InformerLog, SweepLog
from fleetdns.runtime.controller import ControllerObserver, Reconciled, Report
from fleetdns.runtime.events import Unknown
from fleetdns.runtime.listwatch import Denied, NotServed, Unauthenticated, Unavailable
from fleetdns.runtime.observer import Health, Phase
from tests.core.builders import make_desired, make_identity

KEY = ObjectKey("work", "myatm")
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl"


class Lines:
    """What was logged as JSON, one dict per line."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    @property
    def only(self) -> dict[str, Any]:
        (line,) = self.all
        return line


@pytest.fixture
def lines() -> Iterator[Lines]:
    found = Lines()
    log.configure("debug", "json", stream=found.stream)
    yield found
    log.configure("info", "json", stream=sys.__stderr__)


def reconciled(
    error: Exception | None = None, *, label: str = "success", report: Report = "silent", after: float | None = None
) -> Reconciled:
    return Reconciled("trafficmanagerprofile", KEY, label, 0.1, 0.25, after, error, report)


def test_a_line_has_level_and_utc_time(lines: Lines) -> None:
    structlog.get_logger().info("here", count=3)
    line = lines.only
    assert (line["event"], line["level"], line["count"]) == ("here", "info", 3)
    assert line["timestamp"].endswith("Z")


def test_json_is_the_form_off_a_terminal_and_console_on_one() -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen, pipe = Screen(), io.StringIO()
    for stream in (screen, pipe):
        log.configure("info", None, stream=stream)
        structlog.get_logger().info("here", count=3)
    log.configure("info", "json", stream=sys.__stderr__)
    assert json.loads(pipe.getvalue())["count"] == 3
    assert not screen.getvalue().startswith("{")
    assert "here" in screen.getvalue()


def test_level_holds_back_what_is_below() -> None:
    stream = io.StringIO()
    log.configure("warning", "json", stream=stream)
    structlog.get_logger().info("small")
    structlog.get_logger().warning("large")
    log.configure("info", "json", stream=sys.__stderr__)
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["large"]


def test_libraries_come_along_from_warning_on_even_at_debug(lines: Lines) -> None:
    for name in ("azure.core", "aiohttp.client", "kubernetes_asyncio.client.rest"):
        logging.getLogger(name).debug("a body")
        logging.getLogger(name).info("a header")
        logging.getLogger(name).warning("pool %s", "full")
    assert [(line["logger"], line["event"], line["level"]) for line in lines.all] == [
        ("azure.core", "pool full", "warning"),
        ("aiohttp.client", "pool full", "warning"),
        ("kubernetes_asyncio.client.rest", "pool full", "warning"),
    ]


def test_configuring_again_moves_the_log_and_doubles_nothing(lines: Lines) -> None:
    logger = structlog.get_logger().bind(bound=1)
    second = io.StringIO()
    log.configure("info", "json", stream=second)
    structlog.get_logger().info("ours")
    logging.getLogger("azure").warning("theirs")
    assert [json.loads(line)["event"] for line in second.getvalue().splitlines()] == ["ours", "theirs"]
    assert lines.all == []
    assert logger is not None


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_secret_gets_out(form: str) -> None:
    stream = io.StringIO()
    log.configure("debug", form, stream=stream)
    local_secret = "hunter2"
    try:
        int(f"Authorization: Bearer opaque-bearer and {TOKEN}")
    except ValueError:
        structlog.get_logger().error("failed", exc_info=True, client_secret=local_secret, header="bearer opaque-value")
        logging.getLogger("azure").exception("refused with bearer %s", "opaque-argument")
    log.configure("info", "json", stream=sys.__stderr__)
    told = stream.getvalue()
    assert "ValueError" in told
    for secret in (TOKEN, local_secret, "opaque-bearer", "opaque-value", "opaque-argument"):
        assert secret not in told


@pytest.mark.parametrize(
    ("run", "level", "facts"),
    [
        pytest.param(reconciled(), "info", {"result": "success", "seconds": 0.25}, id="success"),
        pytest.param(
            reconciled(label="requeue_after", after=0.2), "info", {"requeue_after": 0.2}, id="success that looks again"
        ),
        pytest.param(
            reconciled(Conflict("Conflict", "two changes met"), label="conflict"),
            "debug",
            {"error": "Conflict", "result": "conflict"},
            id="a collision is silent",
        ),
        pytest.param(
            reconciled(Throttled("429", "slow down", retry_after=7), label="throttled", report="warning", after=7.0),
            "warning",
            {"error": "Throttled", "code": "429", "sentence": "slow down", "requeue_after": 7.0},
            id="an error from outside has no traceback",
        ),
        pytest.param(
            reconciled(ZeroDivisionError("bug"), label="error", report="traceback"),
            "error",
            {"error": "ZeroDivisionError", "sentence": "bug"},
            id="a bug has one",
        ),
    ],
)
def test_each_reconcile_is_one_line(run: Reconciled, level: str, facts: dict[str, object], lines: Lines) -> None:
    observer: ControllerObserver = ControllerLog()
    observer.reconciled(run)
    line = lines.only
    assert line["level"] == level
    assert (line["controller"], line["key"]) == ("trafficmanagerprofile", "work/myatm")
    assert facts.items() <= line.items()
    assert ("exception" in line) is (level == "error")


def test_a_look_at_what_is_not_heard_of_shows_at_debug_only(lines: Lines) -> None:
    run = replace(reconciled(label="requeue_after", after=60.0), is_quiet=True)
    ControllerLog().reconciled(run)
    assert (lines.only["level"], lines.only["key"]) == ("debug", "work/myatm")


def test_a_missing_crd_says_how_to_install_it(lines: Lines) -> None:
    InformerLog().phase_changed("trafficmanagerprofiles", Health(Phase.NOT_SERVED, error=NotServed()))
    line = lines.only
    assert line["level"] == "warning"
    for part in ("trafficmanagerprofiles", "kubectl apply", "keeps looking"):
        assert part in line["event"]


@pytest.mark.parametrize(
    ("health", "level", "says"),
    [
        pytest.param(Health(Phase.RETRYING, error=Denied("403")), "warning", "docs/rights.md", id="no right"),
        pytest.param(
            Health(Phase.RETRYING, error=Unauthenticated("it has expired")),
            "warning",
            "credentials",
            id="no credentials",
        ),
        pytest.param(Health(Phase.RETRYING, error=Unavailable("reset")), "warning", "cannot be read", id="outage"),
        pytest.param(Health(Phase.WATCHING), "info", "watching", id="well again"),
        pytest.param(Health(Phase.ABSENT), "info", "need not", id="an optional kind that is not there"),
    ],
)
def test_phases_of_an_informer(health: Health, level: str, says: str, lines: Lines) -> None:
    InformerLog().phase_changed("serviceimports", health)
    assert lines.only["level"] == level
    assert says in lines.only["event"]
    assert lines.only["kind"] == "serviceimports"


def test_an_object_that_is_not_understood_is_named(lines: Lines) -> None:
    InformerLog().undecodable("serviceimports", Unknown(KEY, "uid-1", "7", "expected int at $.spec.weight"))
    InformerLog().undecodable("serviceimports", Unknown(None, None, None, "not JSON"))
    named, unnamed = lines.all
    assert (named["key"], named["because"]) == ("work/myatm", "expected int at $.spec.weight")
    assert unnamed["key"] is None


def test_quiet_sweeps_and_reads_show_at_debug_only(lines: Lines) -> None:
    sweeps: SweepObserver = SweepLog()
    sweeps.swept("fleet-rg", 0)
    sweeps.swept("fleet-rg", 2)
    sweeps.sweep_failed("", Transient("503", "down"))
    calls: AzureCallObserver = AzureCallLog()
    calls.called(operation="list_group", code="200", seconds=0.1, correlation_id="c-1", resource="/subscriptions/s")
    calls.called(operation="list_group", code="503", seconds=0.1, correlation_id="c-2", resource="/subscriptions/s")
    assert [line["level"] for line in lines.all] == ["debug", "info", "warning", "debug", "warning"]
    assert [line.get("correlation_id") for line in lines.all[3:]] == ["c-1", "c-2"]


def test_a_bug_that_a_list_brings_to_light_is_told_with_where_it_is(lines: Lines) -> None:
    bug = KeyError("a field that is always there")
    met = Bug(bug)
    met.__cause__ = bug
    SweepLog().sweep_failed("fleet-rg", met)
    assert (lines.only["level"], lines.only["resource_group"]) == ("error", "fleet-rg")
    assert "a field that is always there" in str(lines.only["exception"])


def test_a_write_to_azure_is_not_told_twice(lines: Lines) -> None:
    AzureCallLog().called(operation="put_profile", code="201", seconds=4.0, correlation_id="c", resource="/r")
    assert lines.all == []


class Heard:
    def __init__(self) -> None:
        self.heard: list[object] = []

    def swept(self, resource_group: str, changed: int) -> None:
        self.heard.append((resource_group, changed))

    def sweep_failed(self, resource_group: str, error: object) -> None:
        self.heard.append(error)

    def fell_silent(self, resource_group: str, profiles: int, because: object) -> None:
        self.heard.append((resource_group, profiles, because))

    def spoke_again(self, resource_group: str, profiles: int) -> None:
        self.heard.append((resource_group, profiles))


def test_an_outage_is_told_with_its_cause_and_how_many_wait_and_so_is_its_end(lines: Lines) -> None:
    sweeps: SweepObserver = SweepLog()
    sweeps.fell_silent("fleet-rg", 200, Failure(PENDING, "ServiceUnavailable", "The service is unavailable."))
    sweeps.spoke_again("fleet-rg", 200)
    silence, end = lines.all
    assert (silence["level"], silence["code"], silence["profiles"]) == ("warning", "ServiceUnavailable", 200)
    assert (end["level"], end["resource_group"], end["profiles"]) == ("info", "fleet-rg", 200)


def test_fanned_tells_all_in_every_method(lines: Lines) -> None:
    first, second = Heard(), Heard()
    observer: SweepObserver = fanned(first, second, SweepLog())
    error = Transient("503", "down")
    observer.swept("fleet-rg", changed=1)
    observer.swept("fleet-rg", 2)
    observer.sweep_failed("fleet-rg", error)
    assert first.heard == second.heard == [("fleet-rg", 1), ("fleet-rg", 2), error]
    assert len(lines.all) == 3


def dry_outcome(*changes: Change) -> Outcome:
    desired = make_desired()
    held = tuple(Held(change, DRY_RUN, "fleetdns runs with --dry-run") for change in changes)
    return Outcome(make_identity(), desired, None, is_observed=True, held=held)


def test_what_a_dry_run_would_do_is_said_once_for_each_change_and_again_when_it_is_another(lines: Lines) -> None:
    told = ChangeLog()
    first = Create(Endpoint("fleet-a", weight=1), "not in Azure")
    second = Delete(Endpoint("fleet-b", weight=1), "no longer desired")
    told.reconciled(KEY, dry_outcome(first))
    told.reconciled(KEY, dry_outcome(first))
    told.reconciled(KEY, dry_outcome(first, second))
    told.reconciled(KEY, dry_outcome())
    told.reconciled(KEY, dry_outcome(first))
    facts = [(line["reason"], line["change"], line["endpoint"], line["because"]) for line in lines.all]
    create = ("DryRun", "create", "fleet-a", "not in Azure")
    assert facts == [create, ("DryRun", "delete", "fleet-b", "no longer desired"), create]


def test_a_repaired_drift_is_a_warning_with_its_fields(lines: Lines) -> None:
    ChangeLog().repaired(KEY, Drift("fleet-a", ("weight",), "weight 7 -> 50"))
    assert lines.only["level"] == "warning"
    assert lines.only["profile"] == "work/myatm"
    assert lines.only["fields"] == ["weight"]
    assert lines.only["because"] == "weight 7 -> 50"


def test_endpoints_of_a_backend_that_changed_state_are_one_line(lines: Lines) -> None:
    ChangeLog().health_changed(KEY, {"Online": 3, "Degraded": 2})
    ChangeLog().health_changed(KEY, {})
    assert lines.only["profile"] == "work/myatm"
    assert lines.only["states"] == {"Degraded": 2, "Online": 3}


def test_what_the_guard_holds_is_said_once_and_again_when_it_ends(lines: Lines) -> None:
    told, backend = ChangeLog(), ObjectKey("work", "app")
    holding = replace(dry_outcome(), guarded={backend: ("aks-1", "aks-2")})
    for outcome in (holding, holding, replace(dry_outcome(), is_observed=False), dry_outcome(), dry_outcome()):
        told.reconciled(KEY, outcome)
    first, last = lines.all
    assert (first["level"], first["backend"], first["clusters"]) == ("warning", "work/app", ["aks-1", "aks-2"])
    assert (last["level"], last["profile"]) == ("info", "work/myatm")


def test_why_a_profile_cannot_be_in_azure_is_said_once_until_it_can(lines: Lines) -> None:
    told = ChangeLog()
    for _ in range(2):
        told.unidentified(KEY, "resource group 'x' is not allowed")
    told.reconciled(KEY, dry_outcome())
    told.unidentified(KEY, "resource group 'x' is not allowed")
    told.forgotten(KEY)
    told.unidentified(KEY, "another reason")
    assert [line["because"] for line in lines.all] == ["resource group 'x' is not allowed"] * 2 + ["another reason"]
    assert {line["level"] for line in lines.all} == {"warning"}


def test_a_json_line_begins_with_when_how_grave_and_what(lines: Lines) -> None:
    structlog.get_logger().info("here", count=3)
    logging.getLogger("azure.core").warning("there")
    assert [list(line)[:3] for line in lines.all] == [["timestamp", "level", "event"]] * 2


def test_credentials_that_are_tried_and_not_there_are_not_told_one_by_one(lines: Lines) -> None:
    logging.getLogger("azure.identity.aio._internal.decorators").warning("EnvironmentCredential.get_token failed")
    logging.getLogger("azure.identity.aio._internal.decorators").error("told")
    assert lines.only["event"] == "told"


def test_a_read_that_ends_with_the_process_is_no_warning(lines: Lines) -> None:
    AzureCallLog().called(
        operation="list_group", code="Cancelled", seconds=0.1, correlation_id="", resource="/subscriptions/s"
    )
    assert lines.only["level"] == "debug"

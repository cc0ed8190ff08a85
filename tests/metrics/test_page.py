"""docs/metrics.md names every series that a hub controller serves and no other, and every kind of call."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import generate_latest

from fleetdns.core.callbudget import CallBudget
from fleetdns.metrics import Metrics

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
_ROW = re.compile(r"^\| `([a-z_]+)(?:\{([a-z, ]+)\})?` \|", re.MULTILINE)
_HELP = re.compile(r"^# HELP (\S+) ", re.MULTILINE)
_OTHERS = ("process_", "python_")  # the library's own, about any process


def served() -> Metrics:
    metrics = Metrics()
    budget = CallBudget(now=0.0)
    metrics.watch_budget(lambda: budget.available(0.0), refused=dict, closed=tuple)
    metrics.watch_orphans(lambda: 0)
    return metrics


def test_the_page_has_every_series_and_no_other() -> None:
    told = {name for name in _HELP.findall(generate_latest(served().registry).decode()) if not name.startswith(_OTHERS)}
    assert told
    assert {name for name, _ in _ROW.findall(PAGE)} == told


def test_each_kind_of_call_is_named() -> None:
    for kind in CallBudget(now=0.0).available(0.0):
        assert f"`{kind}`" in PAGE

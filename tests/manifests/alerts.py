"""Plays every alert with promtool: python -m tests.manifests.alerts [PROMTOOL]. On the PATH it needs no argument."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.manifests.rendered import only

CASES: Mapping[str, Any] = yaml.safe_load(Path(__file__).with_name("alerts.yaml").read_text())
WELL = "well"


def rules() -> Mapping[str, Any]:
    """The groups as Prometheus itself reads them."""
    return {"groups": only("monitoring", "PrometheusRule")["spec"]["groups"]}


def tests(rule_file: str) -> Mapping[str, Any]:
    """The cases as promtool wants them: each alert fires in its own, and none does on a good day."""
    return {"rule_files": [rule_file], "evaluation_interval": "1m", "tests": [_test(name) for name in CASES]}


def _test(name: str) -> Mapping[str, Any]:
    # Where a case is about one alert, others may be due as well: it has no series but those of its own.
    asked = "" if name == WELL else f',alertname="{name}"'
    fires = [] if name == WELL else [{"labels": f'{{alertname="{name}"}}', "value": 1}]
    return {
        "name": name,
        "interval": "1m",
        "input_series": [_series(line) for line in CASES[name]["series"]],
        "promql_expr_test": [
            {
                "expr": f'group by (alertname) (ALERTS{{alertstate="firing"{asked}}})',
                "eval_time": CASES[name]["time"],
                "exp_samples": fires,
            }
        ],
    }


def _series(line: str) -> Mapping[str, str]:
    name, values = line.rsplit(": ", 1)
    return {"series": name, "values": values}


def main(promtool: str | None) -> int:
    """The exit code of promtool; 2 where there is none."""
    if promtool is None:
        print("promtool is not on the PATH: give its path, or install it (Debian: apt-get install prometheus)")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        rule_file, test_file = Path(folder) / "rules.json", Path(folder) / "tests.json"
        rule_file.write_text(json.dumps(rules()))
        test_file.write_text(json.dumps(tests(rule_file.name)))
        return subprocess.run([promtool, "test", "rules", str(test_file)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else shutil.which("promtool")))

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

from tests.manifests.monitored import ALL, Monitored

WELL = "well"


def tests(monitored: Monitored, rule_file: str) -> Mapping[str, Any]:
    """The cases as promtool wants them: each alert fires in its own, and none does on a good day."""
    played = [_test(name, case) for name, case in monitored.cases.items()]
    return {"rule_files": [rule_file], "evaluation_interval": "1m", "tests": played}


def _test(name: str, case: Mapping[str, Any]) -> Mapping[str, Any]:
    # Where a case is about one alert, others may be due as well: it has no series but those of its own.
    firing, fires = f'ALERTS{{alertstate="firing",alertname="{name}"}}', [_alert(name)]
    if name == WELL:  # at no time of the day
        firing, fires = f'last_over_time(ALERTS{{alertstate="firing"}}[{case["time"]}])', []
    return {
        "name": name,
        "interval": "1m",
        "input_series": [_series(line) for line in case["series"]],
        "promql_expr_test": [
            {
                "expr": f"group by (alertname) ({firing})",
                "eval_time": case["time"],
                "exp_samples": fires,
            }
        ],
    }


def _alert(name: str) -> Mapping[str, Any]:
    return {"labels": f'{{alertname="{name}"}}', "value": 1}


def _series(line: str) -> Mapping[str, str]:
    name, values = line.rsplit(": ", 1)
    return {"series": name, "values": values}


def written(monitored: Monitored, folder: Path) -> Path:
    """The file of its tests, beside that of its rules."""
    rule_file, test_file = folder / f"{monitored.job}.rules.json", folder / f"{monitored.job}.tests.json"
    rule_file.write_text(json.dumps({"groups": monitored.groups}))
    test_file.write_text(json.dumps(tests(monitored, rule_file.name)))
    return test_file


def main(promtool: str | None) -> int:
    """The exit code of promtool; 2 where there is none."""
    if promtool is None:
        print("promtool is not on the PATH: give its path, or install it (Debian: apt-get install prometheus)")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        files = [str(written(monitored, Path(folder))) for monitored in ALL]
        return subprocess.run([promtool, "test", "rules", *files], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else shutil.which("promtool")))

"""All benchmarks, one after the other, and docs/benchmarks.md from what they found.

python -m tests.bench [NAME ...]

With names, only those run; the page then takes the others from what they left the last time. A benchmark that breaks
or takes too long is named on the page and at the end, the others run all the same, and the exit code is 1. A goal that
is missed is a finding, no failure.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.page import page
from tests.bench.report import ROOT

RESULTS = ROOT / "build" / "bench"
PAGE = ROOT / "docs" / "benchmarks.md"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A module with its flags, and the seconds after which it counts as stuck. `has_page`: one of its own."""

    name: str
    flags: tuple[str, ...] = ()
    limit: float = 600.0
    has_page: bool = False


BENCHMARKS = (
    Benchmark("calls"),
    Benchmark("rollout", limit=900.0),
    Benchmark("outages"),
    Benchmark("latency", limit=900.0),
    Benchmark("ingest"),
    Benchmark("process", limit=1200.0),
    Benchmark("idle"),
    Benchmark("plan"),
    Benchmark("workqueue"),
    Benchmark("start", ("--runs", "3"), limit=900.0, has_page=True),
    Benchmark("agent", ("--runs", "1", "--rest", "90"), limit=900.0, has_page=True),
)


def ran(benchmark: Benchmark) -> bool:
    """Whether it came to its end and left its numbers. What it left before is gone."""
    file = _results(benchmark)
    file.unlink(missing_ok=True)
    command = [sys.executable, "-m", f"tests.bench.{benchmark.name}", *benchmark.flags, "--json", str(file)]
    began = time.monotonic()
    # A group of its own: what it started must not outlive it.
    with subprocess.Popen(command, cwd=ROOT, start_new_session=True) as process:
        try:
            code = process.wait(benchmark.limit)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            print(f"{benchmark.name}: stuck after {benchmark.limit:.0f} s", file=sys.stderr)
            return False
    print(f"{benchmark.name}: ended with {code} after {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return code == 0 and file.exists()


def found(benchmarks: Sequence[Benchmark]) -> list[dict[str, Any]]:
    """What those left that have no page of their own, in order."""
    files = (_results(benchmark) for benchmark in benchmarks if not benchmark.has_page)
    return [json.loads(file.read_text()) for file in files if file.exists()]


def _results(benchmark: Benchmark) -> Path:
    return RESULTS / f"{benchmark.name}.json"


def main(arguments: Sequence[str] | None = None) -> int:
    flags = argparse.ArgumentParser(
        prog="python -m tests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("names", nargs="*", metavar="NAME", help=", ".join(each.name for each in BENCHMARKS))
    given = flags.parse_args(arguments)
    unknown = set(given.names) - {each.name for each in BENCHMARKS}
    if unknown:
        flags.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    chosen = [each for each in BENCHMARKS if not given.names or each.name in given.names]
    RESULTS.mkdir(parents=True, exist_ok=True)
    failed = [each.name for each in chosen if not ran(each)]
    PAGE.write_text(page(found(BENCHMARKS), failed))
    for name in failed:
        print(f"{name} broke", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

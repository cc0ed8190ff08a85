"""What every benchmark gives: numbers, with the machine and the command that made them, as Markdown and as JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_GIB = 1024**2  # /proc counts in KiB


@dataclass(frozen=True, slots=True)
class Machine:
    """Where and on what it was measured. `memory`: GiB; `load`: runnable processes in the minute before the start."""

    cpu: str
    cores: int
    memory: float
    system: str
    python: str
    commit: str
    date: str
    load: float

    def __str__(self) -> str:
        return f"{self.cores} cores ({self.cpu}), {self.memory:.0f} GiB, {self.system}, {self.python}"

    @property
    def occasion(self) -> str:
        """What was measured, when, and what else went on."""
        return f"commit {self.commit}, {self.date}, load {self.load:.1f} when it began"

    @property
    def brief(self) -> str:
        """What a number depends on most."""
        return f"{self.cores} cores, {self.system}, {self.python}"


@dataclass(frozen=True, slots=True)
class Goal:
    """One number that has to stay on one side of another."""

    what: str
    limit: str
    found: str
    is_met: bool


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as they are shown."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def lines(self) -> Iterator[str]:
        yield _line(self.columns)
        yield "|---" * len(self.columns) + "|"
        yield from map(_line, self.rows)


@dataclass(frozen=True, slots=True)
class Report:
    """One benchmark's result. `about`: what was measured, and how; `numbers`: the single values, fit for JSON."""

    title: str
    about: str
    tables: tuple[Table, ...]
    numbers: Any
    goals: tuple[Goal, ...] = ()
    remarks: str = ""

    def text(self, command: str) -> str:
        """The section of the page, below its heading."""
        tables = ["\n".join(table.lines()) for table in self.tables]
        parts = [self.about, f"    {command}", *tables, self.remarks]
        return "\n\n".join(part for part in parts if part)


def machine() -> Machine:
    """This one, now."""
    return Machine(
        cpu=_first_line(Path("/proc/cpuinfo"), "model name") or platform.machine(),
        cores=os.cpu_count() or 0,
        memory=int((_first_line(Path("/proc/meminfo"), "MemTotal") or "0").split()[0]) / _GIB,
        system=f"{platform.system()} {platform.machine()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        commit=_commit(),
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        load=os.getloadavg()[0],
    )


def parser(name: str, about: str | None) -> argparse.ArgumentParser:
    """A parser with what every benchmark takes."""
    made = argparse.ArgumentParser(
        prog=f"python -m tests.bench.{name}", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--json", type=Path, help="a file for the numbers, with the machine and the command")
    return made


def publish(report: Report, name: str, *, where: Machine, given: argparse.Namespace, words: Sequence[str]) -> int:
    """Print the section, and write the JSON where it was asked for. `words`: the command line. Gives the exit code."""
    command = command_of(name, words)
    print(f"## {report.title}\n\n{report.text(command)}\n")
    for goal in report.goals:
        print(f"{'met' if goal.is_met else 'MISSED'}: {goal.what}: {goal.found}, goal {goal.limit}")
    if given.json is not None:
        section = {"goals": [asdict(goal) for goal in report.goals], "title": report.title}
        section["text"] = report.text(command)
        write_numbers(given.json, report.numbers, name=name, command=command, where=where, section=section)
    return 0


def write_numbers(
    file: Path, numbers: Any, *, name: str, command: str, where: Machine, section: Mapping[str, Any] | None = None
) -> None:
    """The JSON of one benchmark. `section`: what the page shows of it."""
    found = {"name": name, "command": command, "machine": asdict(where), "numbers": numbers, **(section or {})}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1) + "\n")


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that so many percent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100).__int__() - 1)]


def arguments_of(arguments: Sequence[str] | None) -> list[str]:
    """The words given, or those of the command line."""
    return list(sys.argv[1:] if arguments is None else arguments)


def command_of(name: str, words: Sequence[str]) -> str:
    """The command without the file that the numbers go to."""
    shown = iter(words)
    kept = []
    for word in shown:
        if word == "--json":
            next(shown, None)
        elif not word.startswith("--json="):
            kept.append(word)
    return " ".join(["python -m", f"tests.bench.{name}", *kept])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _first_line(path: Path, field: str) -> str:
    """The value of the first line `field: value`; "" where there is none."""
    if not path.exists():
        return ""
    lines = (line.partition(":") for line in path.read_text().splitlines())
    return next((value.strip() for name, _, value in lines if name.strip() == field), "")


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    return done.stdout.strip() or "unknown"

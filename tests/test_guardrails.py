"""What no linter counts: suppressed checks carry reasons and stay few, files and functions stay one idea long."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SUPPRESSION = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma:\s*no cover)[^-#]*(?P<reason>.*)")
ALLOWED = {"fleetdns": 4, "tests": 6}
LONGEST_FILE = 400
LONGEST_FUNCTION = 60


def _sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def _suppressions(folder: str) -> Iterator[tuple[str, str]]:
    for path in _sources(folder):
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = SUPPRESSION.search(line)
            if found:
                yield f"{path.relative_to(ROOT)}:{number}", found["reason"].strip(" -#")


@pytest.mark.parametrize("folder", sorted(ALLOWED))
def test_suppressed_checks_are_few(folder: str) -> None:
    assert len(list(_suppressions(folder))) <= ALLOWED[folder]


@pytest.mark.parametrize("folder", sorted(ALLOWED))
def test_each_suppressed_check_says_why_on_its_line(folder: str) -> None:
    assert [place for place, reason in _suppressions(folder) if len(reason) < 8] == []


def test_no_file_of_the_package_holds_two_ideas_worth_of_lines() -> None:
    assert [str(path) for path in _sources("fleetdns") if path.read_text().count("\n") > LONGEST_FILE] == []


def test_no_function_of_the_package_is_longer_than_a_screen() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in _sources("fleetdns")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
    ]
    assert long == []


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(r"(index-url|find-links|trusted-host)", id="an option naming a package index"),
        pytest.param(r"https?://[^\s\"'`)]*/(simple|packages)/", id="an address of a package index"),
        pytest.param(r"(^|[\s\"'=(])/(work|root|home/\w+)/", id="a path of one machine"),
    ],
)
def test_the_project_names_no_machine_and_no_package_index(pattern: str) -> None:
    folders = ("fleetdns", "manifests", "docs", "requirements", ".ci")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    found = [
        str(path.relative_to(ROOT))
        for path in files
        if path.suffix in {".py", ".md", ".txt", ".yaml", ".sh", ""}
        and re.search(pattern, path.read_text(), re.MULTILINE)
    ]
    assert found == []

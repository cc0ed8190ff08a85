"""The runtime could be copied into another operator: it leans on the standard library and msgspec only."""

import ast
import sys
from pathlib import Path

import pytest

import fleetdns.runtime

MODULES = sorted(Path(fleetdns.runtime.__path__[0]).glob("*.py"))


@pytest.mark.parametrize("module", [pytest.param(module, id=module.stem) for module in MODULES])
def test_a_module_imports_its_neighbours_the_standard_library_and_msgspec_but_no_logging(module: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and not node.level:
            imported.add((node.module or "").partition(".")[0])
        if isinstance(node, ast.ImportFrom) and node.level:
            assert node.level == 1
    assert imported <= {*sys.stdlib_module_names, "msgspec"} - {"logging", "time", "os"}

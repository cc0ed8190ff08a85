"""What is loaded of kubernetes_asyncio, each time in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

MODELS = "[name for name in sys.modules if name.startswith('kubernetes_asyncio.client.models')]"
SAME = """
from fleetdns.kube.library import Configuration
from kubernetes_asyncio.client import ApiClient, V1Pod
assert kubernetes_asyncio.client.Configuration is Configuration
assert ApiClient.__module__ == "kubernetes_asyncio.client.api_client"
assert V1Pod(kind="Pod").kind == "Pod"
assert kubernetes_asyncio.config.load_kube_config is kubernetes_asyncio.config.kube_config.load_kube_config
"""


def run(program: str) -> str:
    """What it prints; its failure is that of the test."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("module", ["fleetdns.kube.config", "fleetdns.app.hub", "fleetdns.app.member"])
def test_no_model_of_the_library_is_loaded(module: str) -> None:
    assert run(f"import sys, {module}; print({MODELS})") == "[]"


def test_who_imports_the_library_after_us_has_all_of_it() -> None:
    run(f"import fleetdns.kube.config, kubernetes_asyncio{SAME}")


def test_who_imported_the_library_before_us_has_all_of_it() -> None:
    run(f"import kubernetes_asyncio, fleetdns.kube.config{SAME}")

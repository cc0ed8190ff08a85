"""The kustomizations as the pinned kubectl renders them, each once."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.manifests.definitions import MANIFESTS

KUBECTL = Path(sys.executable).parent / "kubectl"
KUSTOMIZATIONS = tuple(
    sorted(str(path.parent.relative_to(MANIFESTS)) for path in MANIFESTS.rglob("kustomization.yaml"))
)
MEMBER = ("member/agent", "overlays/member-client-secret", "overlays/member-workload-identity")
HUB = ("base", "overlays/client-secret", "overlays/workload-identity")

Object = dict[str, Any]


@functools.cache
def text(kustomization: str) -> str:
    """What `kubectl kustomize` prints. `kustomization`: its folder under manifests/."""
    command = (str(KUBECTL), "kustomize", str(MANIFESTS / kustomization))
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@functools.cache
def objects(kustomization: str) -> Mapping[tuple[str, str], Object]:
    """Its objects by kind and name; a generated name without its hash."""
    found: dict[tuple[str, str], Object] = {}
    for obj in yaml.safe_load_all(text(kustomization)):
        name = obj["metadata"]["name"]
        if obj["kind"] == "ConfigMap" and name.startswith("fleetdns-settings-"):
            name = "fleetdns-settings"
        assert (obj["kind"], name) not in found or obj["kind"] == "InternalServiceExport"
        found[obj["kind"], name] = obj
    return found


def only(kustomization: str, kind: str) -> Object:
    """The one object of a kind."""
    (obj,) = (obj for (found, _), obj in objects(kustomization).items() if found == kind)
    return obj


def pod(kustomization: str) -> Object:
    """The template of the Deployment's pods."""
    template: Object = only(kustomization, "Deployment")["spec"]["template"]
    return template


def container(kustomization: str) -> Object:
    (found,) = pod(kustomization)["spec"]["containers"]
    return dict(found)

"""The kubeconfig that kubectl would take: what a person at a terminal expects."""

from __future__ import annotations

import os
from collections.abc import Mapping


def kubectls(environment: Mapping[str, str]) -> str | None:
    """KUBECONFIG, which may name several files, or ~/.kube/config where that is there; None: neither."""
    if environment.get("KUBECONFIG"):
        return environment["KUBECONFIG"]
    file = os.path.join(environment.get("HOME", ""), ".kube", "config")
    return file if environment.get("HOME") and os.path.exists(file) else None

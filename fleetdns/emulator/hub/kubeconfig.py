"""The file that lets kubectl and any client library find and trust a hub."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

CONTEXT = "fleetdns-hub"


def kubeconfig(*, url: str, ca: bytes, token: str, namespace: str = "default") -> str:
    """The text of a kubeconfig with one context; it is JSON, which is YAML too."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": CONTEXT,
                "cluster": {"server": url, "certificate-authority-data": base64.b64encode(ca).decode()},
            }
        ],
        "users": [{"name": CONTEXT, "user": {"token": token}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT, "namespace": namespace}}],
        "current-context": CONTEXT,
    }
    return json.dumps(document, indent=2) + "\n"


def write_kubeconfig(path: Path, text: str) -> None:
    """Replace the file at once, readable by its owner only: it holds a token."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)

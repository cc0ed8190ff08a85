"""A kubeconfig as text: the one that a member gets, and the same with another token in it."""

from __future__ import annotations

import base64
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import yaml

_NAME = "fleetdns-hub"  # of cluster, user and context


@dataclass(frozen=True, slots=True)
class Server:
    """How a hub is reached and known. `authority`: PEM; None: by the system's own authorities."""

    url: str
    authority: str | None
    name: str | None = None  # in its certificate, where it differs from the address
    is_verified: bool = True


@dataclass(frozen=True, slots=True)
class Stored:
    """A kubeconfig where it is kept. `version`: of the object that it lies in."""

    text: str
    version: str


@dataclass(frozen=True, slots=True)
class NotOurs:
    """A kubeconfig that is left as it is; `because` is the second half of a sentence."""

    because: str


def kubeconfig(server: Server, *, token: str, namespace: str) -> str:
    """The text of a kubeconfig with one context."""
    cluster: dict[str, Any] = {"server": server.url}
    if server.authority is not None:
        cluster["certificate-authority-data"] = base64.b64encode(server.authority.encode()).decode()
    if server.name is not None:
        cluster["tls-server-name"] = server.name
    if not server.is_verified:
        cluster["insecure-skip-tls-verify"] = True
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": _NAME, "cluster": cluster}],
        "users": [{"name": _NAME, "user": {"token": token}}],
        "contexts": [{"name": _NAME, "context": {"cluster": _NAME, "user": _NAME, "namespace": namespace}}],
        "current-context": _NAME,
    }
    return yaml.safe_dump(document, sort_keys=False)


def with_token(text: str, token: str, *, url: str, held: Collection[str]) -> str | NotOurs:
    """The same text with `token` where one of the tokens `held` stands, everything else to the letter.

    NotOurs where it is not the kubeconfig that we came with: it leads to another server than `url`, or another token is
    in it, which somebody has put there meanwhile.
    """
    document = _document(text)
    if document is None:
        return NotOurs("it is no kubeconfig with a current context")
    found = _user(document).get("token")
    sent = found.strip() if isinstance(found, str) else ""  # a newline behind it is no part of a token
    if sent == token:
        return text
    if _url(document) != url.rstrip("/"):
        return NotOurs("it leads to another server")
    if not isinstance(found, str) or sent not in held:
        return NotOurs("somebody has put another credential into it")
    renewed = text.replace(sent, token)
    _user(document)["token"] = found.replace(sent, token)
    if _document(renewed) != document:
        return NotOurs("the token in it is spelled in a way that cannot be replaced")
    return renewed


def _document(text: str) -> dict[str, Any] | None:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    if not isinstance(document, dict) or not _named(document, "contexts", document.get("current-context")):
        return None
    return document


def _url(document: dict[str, Any]) -> str:
    cluster = _named(document, "clusters", _context(document).get("cluster")).get("cluster")
    return str(cluster.get("server", "")).rstrip("/") if isinstance(cluster, dict) else ""


def _user(document: dict[str, Any]) -> dict[str, Any]:
    user = _named(document, "users", _context(document).get("user")).get("user")
    return user if isinstance(user, dict) else {}


def _context(document: dict[str, Any]) -> dict[str, Any]:
    context = _named(document, "contexts", document.get("current-context")).get("context")
    return context if isinstance(context, dict) else {}


def _named(document: dict[str, Any], section: str, name: object) -> dict[str, Any]:
    """The entry of that name; {} where there is none."""
    entries = document.get(section)
    if not isinstance(entries, list):
        return {}
    return next((entry for entry in entries if isinstance(entry, dict) and entry.get("name") == name), {})

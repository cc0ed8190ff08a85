"""kubeconfig files, read as kubectl reads them: several are joined, and paths in one are relative to its own folder."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fleetdns.core.wording import first_few
from fleetdns.errors import UsageError

_CLUSTER_PATHS = ("certificate-authority",)
_USER_PATHS = ("client-certificate", "client-key", "tokenFile")
_AUTHORITY_DATA = "certificate-authority-data"
_SHOWN = 30  # contexts, in a sentence
_NAMED_BY = "the flag or variable that names it"  # which one it was is not known here: an agent has two


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """What leads to one cluster. `content`: the whole document, `user`: {} for none.

    `authority`: the PEM that the file itself holds, which the library would have to write to a file of its own.
    """

    paths: str
    content: dict[str, Any]
    context: str
    user: Mapping[str, Any]
    authority: str | None


def read(paths: str, context: str | None = None) -> Kubeconfig:
    """The chosen, or current, context of the files that `paths` names as KUBECONFIG does. Raises UsageError."""
    files = [os.path.expanduser(path) for path in paths.split(os.pathsep) if path]
    shown, content = os.pathsep.join(files), _joined(files)
    name = context or content.get("current-context")
    if not name:
        raise UsageError(f"the kubeconfig {shown} has no current-context; choose one of {_names(content)}")
    chosen = _named(content, "contexts", name)
    if chosen is None:
        raise UsageError(f"the kubeconfig {shown} has no context {name!r}; it has {_names(content)}")
    inner = _section(chosen, "context")
    cluster = _section(_named(content, "clusters", inner.get("cluster")), "cluster")
    if not cluster.get("server"):
        raise UsageError(f"the context {name!r} of {shown} leads to no cluster with a server: see kubectl config view")
    user = _section(_named(content, "users", inner.get("user")), "user")
    return Kubeconfig(shown, content, name, user, _authority(shown, cluster))


def _joined(files: Sequence[str]) -> dict[str, Any]:
    """What the files say together. Of several, those that are not there are passed over, as kubectl does."""
    contents = [_content(file) for file in files if len(files) == 1 or os.path.exists(file)]
    if not contents:
        raise UsageError(f"there is no kubeconfig among {os.pathsep.join(files)}: check KUBECONFIG")
    joined: dict[str, Any] = {}
    for content in contents:
        for name, value in content.items():
            is_list = isinstance(value, list) and isinstance(joined.get(name, []), list)
            joined[name] = _first_of_each(joined.get(name, []) + value) if is_list else joined.get(name) or value
    return joined


def _first_of_each(entries: list[Any]) -> list[Any]:
    """One entry for each name."""
    names = [entry.get("name") if isinstance(entry, dict) else None for entry in entries]
    return [entry for place, entry in enumerate(entries) if names.index(names[place]) == place]


def _content(path: str) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"there is no kubeconfig {path}: check {_NAMED_BY}") from error
    except OSError as error:
        raise UsageError(
            f"the kubeconfig {path} cannot be read: check that it is a file and its permissions"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"the kubeconfig {path} is not YAML: check {_NAMED_BY}") from error
    if not isinstance(content, dict):
        raise UsageError(f"the file {path} is not a kubeconfig: check {_NAMED_BY}")
    folder = os.path.dirname(os.path.abspath(path))
    _make_absolute(content, "clusters", "cluster", names=_CLUSTER_PATHS, folder=folder)
    _make_absolute(content, "users", "user", names=_USER_PATHS, folder=folder)
    return content


def _make_absolute(content: dict[str, Any], section: str, part: str, *, names: Sequence[str], folder: str) -> None:
    entries = content.get(section)
    for entry in entries if isinstance(entries, list) else ():
        inner = _section(entry if isinstance(entry, dict) else None, part)
        for name in names:
            if isinstance(inner.get(name), str) and inner[name]:
                inner[name] = os.path.join(folder, inner[name])


def _authority(shown: str, cluster: dict[str, Any]) -> str | None:
    """Takes the authority out of the document."""
    encoded = cluster.pop(_AUTHORITY_DATA, None)
    if not encoded:
        return None
    try:
        return base64.b64decode("".join(str(encoded).split()), validate=True).decode()
    except ValueError as error:  # binascii.Error and UnicodeDecodeError are ValueErrors
        raise UsageError(f"the {_AUTHORITY_DATA} of {shown} is not PEM in base64: see kubectl config view") from error


def _named(content: Mapping[str, Any], section: str, name: object) -> dict[str, Any] | None:
    entries = content.get(section)
    if not isinstance(entries, list):
        return None
    return next((entry for entry in entries if isinstance(entry, dict) and entry.get("name") == name), None)


def _names(content: Mapping[str, Any]) -> str:
    """The contexts that there are, for the end of a sentence."""
    entries = content.get("contexts")
    named = {str(entry.get("name")) for entry in entries or () if isinstance(entry, dict)}
    return first_few(sorted(named), named=_SHOWN) or "none at all"


def _section(entry: Mapping[str, Any] | None, name: str) -> dict[str, Any]:
    section = entry.get(name) if entry else None
    return section if isinstance(section, dict) else {}

"""Which kinds the hub serves right now: the built-in ones, and those that definitions have made live."""

from __future__ import annotations

import re
from dataclasses import replace

from fleetdns.emulator.hub.crds import served_kinds
from fleetdns.emulator.hub.resources import Served
from fleetdns.emulator.hub.status import Object, PageNotFound, resource_not_found

_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")


class Registry:
    """Kinds by group, version and plural. Built-in ones never change; custom ones follow their definitions."""

    def __init__(self, builtin: tuple[Served, ...]) -> None:
        self._builtin = {_path(served): served for served in builtin}
        self._custom: dict[str, tuple[Served, ...]] = {}  # by the name of the definition
        # By the same name, and for good, as objects may outlive their definition: its first shape, if it had another.
        self._first_shapes: dict[str, list[Object]] = {}
        self._reshaped: set[str] = set()
        self._index = dict(self._builtin)
        self.generation = 0  # rises whenever the set of kinds changes

    def kinds(self) -> tuple[Served, ...]:
        """Every kind, the core group first, then groups by name, the preferred version of each first."""
        return tuple(sorted(self._index.values(), key=_order))

    def find(self, group: str, version: str, plural: str) -> Served:
        """Raises StatusError 404, in the core group as a Status, elsewhere as a plain page."""
        served = self._index.get((group, version, plural))
        if served is not None:
            return served
        if not group and version == "v1":
            raise resource_not_found()
        raise PageNotFound

    def of_manifest(self, manifest: Object) -> Served:
        """The kind of an object by its own apiVersion and kind. Raises StatusError 404."""
        wanted = (manifest.get("apiVersion"), manifest.get("kind"))
        for served in self._index.values():
            if (served.api_version, served.kind) == wanted:
                return served
        raise PageNotFound

    def define(self, crd: Object) -> None:
        """Make the kinds of this definition live, or take their new shape.

        Objects stay stored as they were, and are defaulted and pruned by the new shape whenever they are read.
        """
        name = crd["metadata"]["name"]
        kinds = served_kinds(crd)
        shape = _shape(kinds)
        if self._first_shapes.setdefault(name, shape) != shape:
            self._reshaped.add(name)
        self._custom[name] = tuple(replace(kind, converts=True) for kind in kinds) if name in self._reshaped else kinds
        self._reindex()

    def withdraw(self, name: str) -> None:
        """The definition is gone and its kinds with it."""
        if self._custom.pop(name, None) is not None:
            self._reindex()

    def defined_by(self, name: str) -> tuple[Served, ...]:
        return self._custom.get(name, ())

    def _reindex(self) -> None:
        self.generation += 1
        custom = {_path(served): served for kinds in self._custom.values() for served in kinds}
        self._index = custom | self._builtin


def _shape(kinds: tuple[Served, ...]) -> list[Object]:
    """What stored objects of these kinds look like: the schema of each version, and which of them is stored."""
    return [{"version": kind.version, "stored": kind.storage_version, "schema": kind.openapi} for kind in kinds]


def _path(served: Served) -> tuple[str, str, str]:
    return served.group, served.version, served.plural


def _order(served: Served) -> tuple[str, bool, int, int, int, str, str]:
    """Kubernetes' order of versions: stable before beta before alpha, newer before older, odd names last."""
    match = _VERSION.fullmatch(served.version)
    if match is None:
        return served.group, True, 0, 0, 0, served.version, served.plural
    stage = {None: 0, "beta": 1, "alpha": 2}[match[2]]
    return served.group, False, stage, -int(match[1]), -int(match[3] or 0), "", served.plural

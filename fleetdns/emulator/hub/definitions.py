"""What the API server itself does about definitions: makes their kinds live, and clears up when one is deleted."""

from __future__ import annotations

from collections.abc import Callable

from fleetdns.emulator.hub import crds
from fleetdns.emulator.hub.registry import Registry
from fleetdns.emulator.hub.resources import Served
from fleetdns.emulator.hub.store import Key, Store


class Definitions:
    """`delete` deletes one object by kind, namespace and name, as a client would."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        *,
        now: Callable[[], str],
        delete: Callable[[Served, str | None, str], object],
    ) -> None:
        self._store = store
        self._registry = registry
        self._now = now
        self._delete = delete
        self._terminating: set[str] = set()

    def stored(self, served: Served, key: Key) -> None:
        """React to a change that has just been stored."""
        if served.resource == crds.RESOURCE:
            self._definition_stored(key)
        elif served.custom and self.is_terminating(served):
            self._settle(Key("", served.resource))

    def is_terminating(self, served: Served) -> bool:
        """The definition of this kind is being deleted: nothing new may be made."""
        return served.resource in self._terminating

    def _definition_stored(self, key: Key) -> None:
        version = self._store.get(crds.RESOURCE, key)
        if version is None:
            self._withdraw(key)
            return
        crd = version.decoded()
        if "deletionTimestamp" in crd["metadata"]:
            self._terminating.add(key.name)
            self._clear(key)
            return
        self._registry.define(crd)
        established = crds.established_status(crd, now=self._now())
        if established != crd.get("status"):
            self._store.put(crds.RESOURCE, key, crd | {"status": established})

    def _clear(self, key: Key) -> None:
        kinds = self._registry.defined_by(key.name)
        for at, _ in list(self._store.scan(key.name, None)) if kinds else ():
            # Deleting the last one may already have taken the definition along.
            if self._store.get(key.name, at) is not None:
                self._delete(kinds[0], at.namespace or None, at.name)
        self._settle(key)

    def _settle(self, key: Key) -> None:
        """The last object of a definition being deleted is gone: so are its kinds, and the definition."""
        if next(self._store.scan(key.name, None), None) is not None:
            return
        version = self._store.get(crds.RESOURCE, key)
        if version is not None:
            crd = version.decoded()
            others = [word for word in crd["metadata"].get("finalizers", ()) if word != crds.CLEANUP]
            if others:
                self._store.put(crds.RESOURCE, key, crd | {"metadata": crd["metadata"] | {"finalizers": others}})
            else:
                self._store.remove(crds.RESOURCE, key)
        self._withdraw(key)

    def _withdraw(self, key: Key) -> None:
        self._terminating.discard(key.name)
        self._registry.withdraw(key.name)
        self._store.drop(key.name)

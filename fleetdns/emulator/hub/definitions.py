"""What the API server itself does about definitions: makes their kinds live, and clears up when one is deleted."""

from __future__ import annotations

from collections.abc import Callable

from fleetdns.emulator.hub import crds
from fleetdns.emulator.hub.registry import Registry
from fleetdns.emulator.hub.resources import Served
from fleetdns.emulator.hub.status import Object
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
        self._shapes: dict[str, Object] = {}  # the spec of each definition whose kinds are live

    def stored(self, served: Served, key: Key) -> None:
        """React to a change that has just been stored."""
        if served.resource == crds.RESOURCE:
            self._definition_stored(key)
        elif served.terminating:
            self._finish(Key("", served.resource))

    def _definition_stored(self, key: Key) -> None:
        version = self._store.get(crds.RESOURCE, key)
        if version is None:
            self._withdraw(key)
            return
        crd = version.decoded()
        self._serve(key, crd)
        if "deletionTimestamp" not in crd["metadata"]:
            self._write_status(key, crd, crds.established_status(crd, now=self._now()))
        elif crds.CLEANUP in crd["metadata"].get("finalizers", ()):
            self._write_status(key, crd, crds.terminating_status(crd, crds.IN_PROGRESS, now=self._now()))
            self._clear(key)

    def _serve(self, key: Key, crd: Object) -> None:
        """Kinds of another shape are new kinds to whoever watches: the watches end, and start anew."""
        self._registry.define(crd)
        if self._shapes.get(key.name) != crd["spec"]:
            self._shapes[key.name] = crd["spec"]
            self._store.reopen(key.name)

    def _write_status(self, key: Key, crd: Object, status: Object) -> None:
        if status != crd.get("status"):
            self._write(key, crd | {"status": status})

    def _write(self, key: Key, crd: Object) -> None:
        self._store.put(crds.RESOURCE, key, crd)
        self._serve(key, crd)

    def _clear(self, key: Key) -> None:
        kind = next(iter(self._registry.defined_by(key.name)), None)
        for at, _ in list(self._store.scan(key.name, None)) if kind else ():
            # Deleting the last one takes the definition along.
            if kind and self._store.get(key.name, at) is not None:
                self._delete(kind, at.namespace or None, at.name)
        self._finish(key)

    def _finish(self, key: Key) -> None:
        """The last object of a definition being deleted is gone: so is the definition, unless others hold it."""
        version = self._store.get(crds.RESOURCE, key)
        if version is None or next(self._store.scan(key.name, None), None) is not None:
            return
        crd = version.decoded()
        finalizers = crd["metadata"].get("finalizers", ())
        if crds.CLEANUP not in finalizers:
            return
        others = [word for word in finalizers if word != crds.CLEANUP]
        if others:
            status = crds.terminating_status(crd, crds.COMPLETED, now=self._now())
            self._write(key, crd | {"metadata": crd["metadata"] | {"finalizers": others}, "status": status})
            return
        self._store.remove(crds.RESOURCE, key)
        self._withdraw(key)

    def _withdraw(self, key: Key) -> None:
        """Nobody serves the kind any more; objects that were not deleted are there again if it comes back."""
        self._shapes.pop(key.name, None)
        self._registry.withdraw(key.name)
        self._store.reopen(key.name)

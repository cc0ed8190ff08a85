"""Taking objects away: at once, or marked and kept until the last finalizer is gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fleetdns.emulator.hub import conversion, crds, status
from fleetdns.emulator.hub.resources import Served
from fleetdns.emulator.hub.status import Object
from fleetdns.emulator.hub.store import Key, Store

_WAITING_FOR = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}
# Kinds whose deletion is answered with the object as it was, not with a Status.
_SHOWN_WHEN_GONE = frozenset((("", "serviceaccounts"), ("", "services")))
_NEVER_DELETED = ("default", "kube-system", "kube-public")


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """What a DELETE may ask: preconditions on uid and resourceVersion, propagation, dry run."""

    uid: str = ""
    resource_version: str = ""
    propagation: str = ""
    dry_run: bool = False


class Deletions:
    """`stored` is told of every change to an object, after it happened."""

    def __init__(self, store: Store, *, now: Callable[[], str], stored: Callable[[Served, Key], None]) -> None:
        self._store = store
        self._now = now
        self._stored = stored

    def delete(self, served: Served, namespace: str | None, name: str, options: DeleteOptions) -> Object:
        """The object while finalizers hold it, a Status when it is gone. Raises StatusError."""
        key = Key(namespace or "", name)
        obj = conversion.read(self._store, served, key)
        if obj is None:
            raise served.not_found(name)
        if served.resource == "namespaces" and name in _NEVER_DELETED:
            raise status.forbidden("", served.plural, name, "this namespace may not be deleted")
        _check_preconditions(served, obj, options)
        if served.resource == crds.RESOURCE and "deletionTimestamp" not in obj["metadata"]:
            marked = self._marked_definition(obj)
        else:
            finalizers = _finalizers(served, obj, options)
            if not finalizers and not _is_held_by_spec(served, obj):
                return self._remove(served, key, obj, options)
            marked = self._marked(served, obj, finalizers)
        if options.dry_run or marked == obj:
            return marked
        written = conversion.write(self._store, served, key, marked)
        self._stored(served, key)
        return written

    def delete_collection(self, served: Served, listed: Object, options: DeleteOptions) -> Object:
        """Delete all that is listed; the answer is the list as it was."""
        for item in listed["items"]:
            metadata = item["metadata"]
            self.delete(served, metadata.get("namespace"), metadata["name"], options)
        return listed

    def _remove(self, served: Served, key: Key, obj: Object, options: DeleteOptions) -> Object:
        last = None if options.dry_run else self._store.remove(served.resource, key)
        if last is not None:
            self._stored(served, key)
        if (served.group, served.plural) in _SHOWN_WHEN_GONE:
            return last or obj
        return status.success(status.details_of(served.group, served.plural, key.name, uid=obj["metadata"]["uid"]))

    def _marked(self, served: Served, obj: Object, finalizers: list[str]) -> Object:
        metadata = obj["metadata"] | {"finalizers": finalizers}
        if not finalizers:
            del metadata["finalizers"]
        if "deletionTimestamp" not in metadata:
            metadata["deletionTimestamp"] = self._now()
            if "generation" in metadata:
                metadata["generation"] += 1
        if served.resource == "namespaces":
            status = (obj.get("status") or {}) | {"phase": "Terminating"}
            return obj | {"metadata": metadata, "status": status}
        return obj | {"metadata": metadata | {"deletionGracePeriodSeconds": 0}}

    def _marked_definition(self, obj: Object) -> Object:
        """The first DELETE of a definition: whatever was asked for, its objects come first."""
        finalizers = obj["metadata"].get("finalizers", [])
        held = finalizers if crds.CLEANUP in finalizers else [*finalizers, crds.CLEANUP]
        metadata = obj["metadata"] | {"deletionTimestamp": self._now(), "finalizers": held}
        return obj | {"metadata": metadata, "status": crds.terminating_status(obj, crds.PENDING, now=self._now())}


def _finalizers(served: Served, obj: Object, options: DeleteOptions) -> list[str]:
    """What will hold the object; who asks for another propagation than before replaces the finalizer of that one."""
    finalizers = list(obj["metadata"].get("finalizers", ()))
    going = served.resource == "namespaces" and "deletionTimestamp" in obj["metadata"]
    if going or served.resource == "events":
        # Nobody waits for an event, and a namespace that goes has been told how.
        return finalizers
    extra = [_WAITING_FOR[options.propagation]] if options.propagation in _WAITING_FOR else []
    if options.propagation:
        finalizers = [finalizer for finalizer in finalizers if finalizer not in _WAITING_FOR.values()]
    return finalizers + [finalizer for finalizer in extra if finalizer not in finalizers]


def _is_held_by_spec(served: Served, obj: Object) -> bool:
    """A namespace has a finalizer of its own, in spec."""
    return served.resource == "namespaces" and bool((obj.get("spec") or {}).get("finalizers"))


def _check_preconditions(served: Served, obj: Object, options: DeleteOptions) -> None:
    if served.resource == crds.RESOURCE:
        _check_definition(served, obj["metadata"], options)
    metadata = obj["metadata"]
    if options.uid and options.uid != metadata["uid"]:
        why = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record ({metadata['uid']}). "
            "The object might have been deleted and then recreated"
        )
        raise status.conflict(served.group, served.kind, metadata["name"], why)
    version = metadata["resourceVersion"]
    if options.resource_version and options.resource_version != version:
        why = (
            f"the ResourceVersion in the precondition ({options.resource_version}) does not match the ResourceVersion "
            f"in record ({version}). The object might have been modified"
        )
        raise status.conflict(served.group, served.kind, metadata["name"], why)


def _check_definition(served: Served, metadata: Object, options: DeleteOptions) -> None:
    """The same preconditions, in the words that definitions have for them."""
    for field, wanted, real in (
        ("UID", options.uid, metadata["uid"]),
        ("ResourceVersion", options.resource_version, metadata["resourceVersion"]),
    ):
        if wanted and wanted != real:
            why = f"Precondition failed: {field} in precondition: {wanted}, {field} in object meta: {real}"
            raise status.conflict(served.group, served.plural, metadata["name"], why)

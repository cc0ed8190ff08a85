"""Creating and replacing objects: what a real API server checks, in its order, and what it fills in.

Both kinds of write end in one stored revision or in a StatusError; a dry run does everything but store.
"""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from fleetdns.emulator.hub import conversion, crds, managedfields, status, strategies
from fleetdns.emulator.hub.fields import FieldError, invalid
from fleetdns.emulator.hub.incoming import Options, admitted, check_names, settle_namespace, typed, version_number
from fleetdns.emulator.hub.metadata import change_errors, finalizer_warnings, generated_name, is_same, metadata_errors
from fleetdns.emulator.hub.resources import Served
from fleetdns.emulator.hub.status import Object
from fleetdns.emulator.hub.store import Key, Store, decode, encode_at

# What a client may send but the server decides.
_SERVER_OWNED = (
    "selfLink",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
)
_CLIENTS_OWN = ("labels", "annotations", "finalizers", "ownerReferences")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The object to answer with, and whether the write made it."""

    obj: Object
    created: bool = False


class Writes:
    """`granted` adds to an object what the server hands out; `stored` is told of every change, after it happened."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], float],
        chance: random.Random,
        granted: Callable[[Served, Key, Object, Object | None], Object],
        stored: Callable[[Served, Key], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._chance = chance
        self._granted = granted
        self._stored = stored

    def now(self) -> str:
        return dt.datetime.fromtimestamp(self._clock(), dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def create(self, served: Served, namespace: str | None, body: Any, options: Options) -> Outcome:
        obj = admitted(served, typed(served, body), options)
        metadata = obj["metadata"]
        settle_namespace(served, metadata, namespace)
        if not metadata.get("name") and metadata.get("generateName"):
            return self._create_with_any_name(served, obj, options)
        return self.insert(served, obj, options)

    def insert(self, served: Served, obj: Object, options: Options, *, tracked: bool = False) -> Outcome:
        """Store a decoded object under its own name. `tracked`: its managedFields are already right."""
        metadata = obj["metadata"]
        key = Key(metadata.get("namespace", ""), metadata.get("name", ""))
        if served.terminating:
            why = "create not allowed while custom resource definition is terminating"
            raise status.forbidden(served.group, served.plural, key.name, why)
        self._admit_into_namespace(served, key)
        if metadata.get("resourceVersion", "0") not in ("", "0"):
            raise status.internal("resourceVersion should not be set on objects to be created")
        new = self._newborn(served, obj)
        self._refuse_invalid(served, new, None, "", options, new["metadata"])
        existing = conversion.read(self._store, served, key)
        if existing is not None:
            deleting = bool(existing["metadata"].get("deletionTimestamp"))
            raise status.already_exists(served.group, served.plural, key.name, deleting=deleting)
        for text in finalizer_warnings(new["metadata"]) if served.custom else ():
            options.warn(text)
        if not tracked:
            new = self._tracked(served, None, new, options, "")
        new = self._granted(served, key, new, None)
        if served.resource == crds.RESOURCE:
            new = new | {"status": crds.initial_status(new)}
        if options.dry_run:
            return Outcome(new, created=True)
        return Outcome(self._write(served, key, new), created=True)

    def update(
        self, served: Served, namespace: str | None, name: str, body: Any, options: Options, subresource: str = ""
    ) -> Outcome:
        obj = admitted(served, typed(served, body), options)
        check_names(served, obj["metadata"], namespace, name)
        key = Key(namespace or "", name)
        old = conversion.read(self._store, served, key)
        if old is None:
            return self._create_on_update(served, key, obj, options, subresource)
        self._check_identity(served, key, old, obj["metadata"])
        self.check_version(served, key, old, obj["metadata"])
        return self.replace(served, key, old, obj, options, subresource)

    def replace(
        self,
        served: Served,
        key: Key,
        old: Object,
        new: Object,
        options: Options,
        subresource: str,
        *,
        tracked: bool = False,
    ) -> Outcome:
        """Store `new` over `old`, which it was made from; nothing happens where they are the same."""
        sent = new["metadata"]
        new = self._carried_over(served, old, new, subresource)
        if tracked:
            new["metadata"] = new["metadata"] | {"managedFields": sent.get("managedFields", [])}
        self._refuse_invalid(served, new, old, subresource, options, sent)
        if not subresource and served.custom and sent.get("finalizers") != old["metadata"].get("finalizers"):
            for text in finalizer_warnings(sent):
                options.warn(text)
        if not tracked and subresource:
            # What it brings of metadata is ignored, but those who sent it are recorded as its managers.
            asked = self._tracked(served, old, new | {"metadata": _asked_for(new, sent)}, options, subresource)
            new = new | {"metadata": new["metadata"] | managedfields.of(asked)}
        elif not tracked:
            new = self._tracked(served, old, new, options, "")
        new = self._granted(served, key, new, old)
        if is_same(old, new):
            return Outcome(old)
        if new["metadata"].get("deletionTimestamp") and not _holds(served, new):
            return self._finish_deletion(served, key, old, new, options)
        if options.dry_run:
            return Outcome(new)
        return Outcome(self._write(served, key, new))

    def _tracked(self, served: Served, old: Object | None, new: Object, options: Options, subresource: str) -> Object:
        return managedfields.track(
            old,
            new,
            manager=options.manager or "unknown",
            operation="Update",
            api_version=served.api_version,
            time=self.now(),
            subresource=subresource,
            schema=served.schema,
            blank=strategies.BLANKS.get(served.resource),
        )

    def check_version(self, served: Served, key: Key, old: Object, metadata: Object) -> None:
        sent = metadata.get("resourceVersion", "")
        if sent in ("", "0"):
            if (served.group, served.plural) not in strategies.UNCONDITIONAL:
                error = invalid("metadata.resourceVersion", 0, "must be specified for an update")
                raise status.invalid(served.group, served.plural, key.name, (error,))
            return
        version_number(sent)
        if sent != old["metadata"]["resourceVersion"]:
            raise status.modified(served.group, served.plural, key.name)

    def _create_with_any_name(self, served: Served, obj: Object, options: Options) -> Outcome:
        for _ in range(7):
            name = generated_name(obj["metadata"]["generateName"], self._chance)
            if self._store.get(served.resource, Key(obj["metadata"].get("namespace", ""), name)) is None:
                break
        return self.insert(served, obj | {"metadata": obj["metadata"] | {"name": name}}, options)

    def _create_on_update(self, served: Served, key: Key, obj: Object, options: Options, subresource: str) -> Outcome:
        if subresource or (served.group, served.plural) not in strategies.CREATES_ON_UPDATE:
            raise served.not_found(key.name)
        uid = obj["metadata"].get("uid")
        if uid:
            raise served.another(key.namespace, key.name, uid, "")
        sent = obj["metadata"] | {"name": key.name, "namespace": key.namespace, "resourceVersion": ""}
        return self.insert(served, obj | {"metadata": sent}, options)

    def _check_identity(self, served: Served, key: Key, old: Object, metadata: Object) -> None:
        uid, real = metadata.get("uid"), old["metadata"]["uid"]
        if uid and uid != real:
            raise served.another(key.namespace, key.name, uid, real)

    def _admit_into_namespace(self, served: Served, key: Key) -> None:
        if not served.namespaced:
            return
        version = self._store.get("namespaces", Key("", key.namespace))
        if version is None:
            raise status.not_found("", "namespaces", key.namespace)
        if version.decoded()["metadata"].get("deletionTimestamp"):
            raise status.namespace_terminating(served.group, served.plural, key.name, key.namespace)

    def _newborn(self, served: Served, obj: Object) -> Object:
        kept = {
            name: value for name, value in obj["metadata"].items() if name not in (*_SERVER_OWNED, "resourceVersion")
        }
        metadata = kept | {"uid": str(uuid.UUID(int=self._chance.getrandbits(128), version=4))}
        metadata["creationTimestamp"] = self.now()
        if strategies.counts_generations(served):
            metadata["generation"] = 1
        if served.has_status and strategies.counts_generations(served):
            obj = {name: value for name, value in obj.items() if name != "status"}
        return strategies.prepared(served, obj | {"metadata": metadata}, None)

    def _carried_over(self, served: Served, old: Object, new: Object, subresource: str) -> Object:
        """The new state with what this request may not touch taken from the old one."""
        if subresource:
            part = "spec" if subresource == "finalize" else "status"
            rest = {name: value for name, value in old.items() if name != part}
            return strategies.with_part(served, rest | ({part: new[part]} if part in new else {}))
        before = old["metadata"]
        kept = {name: value for name, value in new["metadata"].items() if name not in _SERVER_OWNED}
        owned = {
            name: before[name] for name in ("name", "namespace", "resourceVersion", *_SERVER_OWNED) if name in before
        }
        carried = new | {"metadata": kept | owned}
        if served.has_status:
            carried = {name: value for name, value in carried.items() if name != "status"}
            carried |= {"status": old["status"]} if "status" in old else {}
        carried = strategies.prepared(served, carried, old)
        if strategies.counts_generations(served) and _intent(served, carried) != _intent(served, old):
            carried["metadata"]["generation"] = before.get("generation", 0) + 1
        return carried

    def _refuse_invalid(
        self, served: Served, new: Object, old: Object | None, subresource: str, options: Options, sent: Object
    ) -> None:
        """Raises StatusError 422 with everything that is wrong; what is tolerated becomes a warning."""
        errors = list(metadata_errors(served, new["metadata"]))
        if served.schema is not None:
            before = None if old is None else _judged(served, old)
            hidden = any(error.blocks_rules for error in errors)
            judgement = served.schema.judge(_judged(served, new), before, subresource=subresource, hidden=hidden)
            _refuse_mistyped(served, judgement.errors)
            errors += judgement.errors
            for tolerated in judgement.warnings:
                options.warn(str(tolerated))
        errors += strategies.kind_errors(served, new, old)
        if old is not None and not subresource:
            errors += change_errors(old["metadata"], sent)
        if errors:
            raise status.invalid(served.group, served.kind, new["metadata"].get("name", ""), errors)
        for text in strategies.kind_warnings(served, new) if not subresource else ():
            options.warn(text)

    def _finish_deletion(self, served: Served, key: Key, old: Object, new: Object, options: Options) -> Outcome:
        """The last finalizer is gone, and so is the object; it is answered at the version it last had."""
        if not options.dry_run:
            self._store.remove(served.resource, key)
            self._stored(served, key)
        return Outcome(decode(encode_at(new, int(old["metadata"]["resourceVersion"]))))

    def _write(self, served: Served, key: Key, obj: Object) -> Object:
        written = conversion.write(self._store, served, key, obj)
        self._stored(served, key)
        return written


def _asked_for(obj: Object, sent: Object) -> Object:
    """The object's metadata as it would be if this request could write it."""
    kept = {name: value for name, value in obj["metadata"].items() if name not in _CLIENTS_OWN}
    return kept | {name: sent[name] for name in _CLIENTS_OWN if name in sent}


def _refuse_mistyped(served: Served, errors: Iterable[FieldError]) -> None:
    """A built-in kind with a value of the wrong type cannot even be decoded. Raises StatusError 400."""
    mistyped = [str(error) for error in errors if error.reason == "FieldValueTypeInvalid"]
    if mistyped and not served.custom:
        raise status.bad_request(
            f'{served.kind} in version "{served.version}" cannot be handled as a {served.kind}: {mistyped[0]}'
        )


def _judged(served: Served, obj: Object) -> Object:
    """What the schema judges: of a built-in kind not the fields that it prints as null."""
    return obj if served.custom else {name: value for name, value in obj.items() if value is not None}


def _intent(served: Served, obj: Object) -> Object:
    """All that generation counts: everything but metadata, and but status where that is a subresource."""
    left_out = ("metadata", "status") if served.has_status else ("metadata",)
    return {name: value for name, value in obj.items() if name not in left_out}


def _holds(served: Served, obj: Object) -> bool:
    """Somebody still has to clean up before this object may go."""
    if obj["metadata"].get("finalizers"):
        return True
    return served.resource == "namespaces" and bool((obj.get("spec") or {}).get("finalizers"))

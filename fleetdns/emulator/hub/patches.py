"""The five ways to change an object in part, from a patch's body to the state it asks for."""

from __future__ import annotations

from typing import Any

from fleetdns.emulator.hub import conversion, fields, managedfields, status, strategies
from fleetdns.emulator.hub.documents import normalized
from fleetdns.emulator.hub.incoming import Options, admitted, admitted_patch, check_names, typed
from fleetdns.emulator.hub.patch import PatchFailed, json_patch, merge_patch
from fleetdns.emulator.hub.resources import Served
from fleetdns.emulator.hub.status import Object
from fleetdns.emulator.hub.store import Key, Store
from fleetdns.emulator.hub.strategic import strategic_patch
from fleetdns.emulator.hub.writes import Outcome, Writes

MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


def accepted_types(served: Served) -> tuple[str, ...]:
    """The media types a PATCH of this kind may have, in the order the server lists them."""
    return (JSON, MERGE, APPLY) if served.custom else (JSON, MERGE, STRATEGIC, APPLY)


class Patches:
    """Patches end in the same replacement as an update does, or, applied to nothing, in a creation."""

    def __init__(self, store: Store, writes: Writes) -> None:
        self._store = store
        self._writes = writes

    def patch(
        self,
        served: Served,
        namespace: str | None,
        name: str,
        body: Any,
        *,
        content_type: str,
        subresource: str,
        options: Options,
    ) -> Outcome:
        """Raises StatusError: 404, 409, 415, 422 and what an update raises."""
        if content_type not in accepted_types(served):
            raise status.unsupported_media_type(accepted_types(served))
        key = Key(namespace or "", name)
        if content_type == APPLY:
            return self._apply(served, key, body, subresource, options)
        if options.force:
            error = fields.forbidden("force", "may not be specified for non-apply patch")
            raise status.invalid_options("PatchOptions", error)
        live = conversion.read(self._store, served, key)
        if live is None:
            raise served.not_found(name)
        desired = typed(served, _patched(live, normalized(body), content_type))
        desired = admitted_patch(served, desired, options)
        check_names(served, desired["metadata"], namespace, name)
        self._writes.check_version(served, key, live, desired["metadata"])
        return self._writes.replace(served, key, live, desired, options, subresource)

    def _apply(self, served: Served, key: Key, body: Any, subresource: str, options: Options) -> Outcome:
        if not options.manager:
            error = fields.required("fieldManager", "is required for apply patch")
            raise status.invalid_options("PatchOptions", error)
        applied = typed(served, body)
        metadata = applied.get("metadata") or {}
        if not isinstance(metadata, dict):
            raise status.bad_request("metadata must be an object")
        if "managedFields" in metadata:
            raise status.bad_request("metadata.managedFields must be nil")
        named = {"name": key.name} | metadata
        check_names(served, named, key.namespace or None, key.name)
        live = conversion.read(self._store, served, key)
        if live is None and subresource and (served.group, served.plural) not in strategies.CREATES_ON_UPDATE:
            raise served.not_found(key.name)
        if live is None and metadata.get("uid"):
            why = f"uid mismatch: the provided object specified uid {metadata['uid']}, and no existing object was found"
            raise status.conflict(served.group, served.plural, key.name, why)
        if live is not None and metadata.get("resourceVersion"):
            self._writes.check_version(served, key, live, metadata)
        merged = self._merged(served, live, applied | {"metadata": named}, subresource, options)
        if served.namespaced:
            merged["metadata"]["namespace"] = key.namespace
        desired = admitted(served, merged, options, applied=True)
        if live is None:
            return self._writes.insert(served, desired, options, tracked=True)
        return self._writes.replace(served, key, live, desired, options, subresource, tracked=True)

    def _merged(
        self, served: Served, live: Object | None, applied: Object, subresource: str, options: Options
    ) -> Object:
        try:
            return managedfields.apply(
                live,
                applied,
                manager=options.manager,
                force=options.force,
                schema=served.schema,
                api_version=served.api_version,
                time=self._writes.now(),
                subresource=subresource,
            )
        except managedfields.ApplyConflicts as conflicts:
            raise status.apply_conflict(str(conflicts), conflicts.causes) from conflicts
        except managedfields.ApplyInvalid as error:
            raise status.internal(str(error)) from error


def _patched(live: Object, body: Any, content_type: str) -> Any:
    try:
        match content_type:
            case "application/json-patch+json":
                if not isinstance(body, list):
                    why = "json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
                    raise status.bad_request(f"error decoding patch: {why}")
                return json_patch(live, body)
            case "application/merge-patch+json":
                _refuse_lists(body)
                return merge_patch(live, body)
            case _:
                _refuse_lists(body)
                return strategic_patch(live, body)
    except PatchFailed as error:
        raise status.unprocessable_patch() from error


def _refuse_lists(body: Any) -> None:
    if not isinstance(body, dict):
        raise status.bad_request(
            "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"
        )

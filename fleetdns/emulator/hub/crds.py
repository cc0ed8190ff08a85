"""A CustomResourceDefinition as what it declares: the kinds it makes live, its defaults, its faults, its status."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from fleetdns.emulator.hub.fields import OMITTED, FieldError, invalid, not_supported, required
from fleetdns.emulator.hub.resources import Column, Served
from fleetdns.emulator.hub.schema import SchemaInvalid, StructuralSchema
from fleetdns.emulator.hub.status import Object
from fleetdns.emulator.hub.store import decode, encode

GROUP = "apiextensions.k8s.io"
PLURAL = "customresourcedefinitions"
RESOURCE = f"{PLURAL}.{GROUP}"
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"

# The stages of a deletion: what the condition Terminating is then, and the sentence that goes with its reason.
PENDING, IN_PROGRESS, COMPLETED = "InstanceDeletionPending", "InstanceDeletionInProgress", "InstanceDeletionCompleted"
_STAGES = {
    PENDING: ("True", "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"),
    IN_PROGRESS: ("True", "CustomResource deletion is in progress"),
    COMPLETED: ("False", "removed all instances"),
}

_AGE = Column("Age", "date", ".metadata.creationTimestamp", "How long ago the object was created.")


def served_kinds(crd: Object) -> tuple[Served, ...]:
    """The kinds that live while this definition is established, one per served version. Raises SchemaInvalid."""
    spec = crd["spec"]
    storage = next(version for version in spec["versions"] if version.get("storage"))
    terminating = _is_terminating(crd)
    return tuple(
        _served(spec, version, storage, terminating=terminating)
        for version in spec["versions"]
        if version.get("served")
    )


def _served(spec: Object, version: Object, storage: Object, *, terminating: bool) -> Served:
    names = spec["names"]
    schema = version["schema"]["openAPIV3Schema"]
    deprecation = None
    if version.get("deprecated"):
        named = f"{spec['group']}/{version['name']} {names['kind']}"
        deprecation = version.get("deprecationWarning") or f"{named} is deprecated"
    return Served(
        group=spec["group"],
        version=version["name"],
        plural=names["plural"],
        singular=names.get("singular") or names["kind"].lower(),
        kind=names["kind"],
        list_kind=names.get("listKind") or f"{names['kind']}List",
        namespaced=spec.get("scope") == "Namespaced",
        storage_version=storage["name"],
        openapi=schema,
        subresources=tuple(sorted(version.get("subresources") or {})),
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        custom=True,
        schema=_compiled(encode(schema)),
        columns=tuple(_columns(version)),
        selectable=tuple(field["jsonPath"].lstrip(".") for field in version.get("selectableFields") or ()),
        deprecation=deprecation,
        converts=schema != storage["schema"]["openAPIV3Schema"],
        terminating=terminating,
    )


def _columns(version: Object) -> Iterator[Column]:
    declared = version.get("additionalPrinterColumns")
    if not declared:
        yield _AGE
        return
    for column in declared:
        yield Column(
            name=column["name"],
            type=column["type"],
            path=column["jsonPath"],
            description=column.get("description", ""),
            format=column.get("format", ""),
            priority=column.get("priority", 0),
        )


def defaulted(crd: Object) -> Object:
    """The definition with the names and the conversion that its author may leave out."""
    spec = crd.get("spec")
    if not isinstance(spec, dict) or not isinstance(names := spec.get("names"), dict):
        return crd
    kind = names.get("kind")
    if isinstance(kind, str):
        names = {"listKind": f"{kind}List", "singular": kind.lower()} | names
    return crd | {"spec": {"conversion": {"strategy": "None"}} | spec | {"names": names}}


def definition_errors(crd: Object, old: Object | None = None) -> tuple[FieldError, ...]:
    """Why these kinds cannot be served, or not instead of those of the old definition; empty if they can."""
    spec = crd.get("spec")
    if not isinstance(spec, dict):
        return (required("spec"),)
    shape = tuple(_shape_errors(crd, spec))
    changed = () if shape or old is None else tuple(_change_errors(crd, old))
    return shape or changed or tuple(_content_errors(crd, spec))


def _change_errors(crd: Object, old: Object) -> Iterator[FieldError]:
    """What may not change once objects of the kind may exist."""
    new, before = crd["spec"], old["spec"]
    kept = {
        "spec.group": (new["group"], before["group"]),
        "spec.scope": (new["scope"], before["scope"]),
        "spec.names.plural": (new["names"]["plural"], before["names"]["plural"]),
        "spec.names.kind": (new["names"]["kind"], before["names"]["kind"]),
    }
    for path, (value, former) in kept.items():
        if value != former:
            yield invalid(path, value, "field is immutable")
    gone = {version["name"] for version in before["versions"]} - {version["name"] for version in new["versions"]}
    for index, name in enumerate((crd.get("status") or {}).get("storedVersions") or ()):
        if name in gone:
            why = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in "
                "spec.versions until a storage migration ensures no data remains persisted in "
                f"{name} and removes {name} from status.storedVersions"
            )
            yield invalid(f"status.storedVersions[{index}]", name, why)


def _shape_errors(crd: Object, spec: Object) -> Iterator[FieldError]:
    names = spec.get("names")
    for name in ("plural", "kind"):
        if not isinstance(names, dict) or not isinstance(names.get(name), str) or not names[name]:
            yield required(f"spec.names.{name}")
    if not isinstance(spec.get("group"), str) or not spec["group"]:
        yield required("spec.group")
    if spec.get("scope") not in ("Namespaced", "Cluster"):
        yield not_supported("spec.scope", spec.get("scope", ""), ("Cluster", "Namespaced"))
    versions = spec.get("versions")
    if not isinstance(versions, list) or not versions:
        yield required("spec.versions", "must have at least one version")
        return
    for index, version in enumerate(versions):
        yield from _version_errors(f"spec.versions[{index}]", version)


def _version_errors(path: str, version: Any) -> Iterator[FieldError]:
    if not isinstance(version, dict) or not isinstance(version.get("name"), str):
        yield required(f"{path}.name")
        return
    schema = version.get("schema")
    if not isinstance(schema, dict) or not isinstance(schema.get("openAPIV3Schema"), dict):
        yield required(f"{path}.schema.openAPIV3Schema", "schemas are required")
        return
    for index, column in enumerate(version.get("additionalPrinterColumns") or ()):
        for name in ("name", "type", "jsonPath"):
            if not isinstance(column, dict) or not isinstance(column.get(name), str):
                where = f"{path}.additionalPrinterColumns[{index}].{name}"
                yield required(where)
    try:
        _compiled(encode(schema["openAPIV3Schema"]))
    except SchemaInvalid:
        yield from _schema_errors(schema["openAPIV3Schema"], f"{path}.schema.openAPIV3Schema")


def _schema_errors(schema: Object, path: str) -> tuple[FieldError, ...]:
    """Why a schema cannot be served, with the places where it stands."""
    try:
        StructuralSchema(schema, path)
    except SchemaInvalid as error:
        return error.errors
    return ()


@lru_cache(maxsize=64)
def _compiled(schema: bytes) -> StructuralSchema:
    """A schema is the same for several versions, and for many hubs in one test run; compiling it takes 10 ms."""
    return StructuralSchema(decode(schema))


def _content_errors(crd: Object, spec: Object) -> Iterator[FieldError]:
    name = crd["metadata"].get("name", "")
    if name != f"{spec['names']['plural']}.{spec['group']}":
        yield invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group')
    versions = spec["versions"]
    if sum(bool(version.get("storage")) for version in versions) != 1:
        yield invalid("spec.versions", OMITTED, "must have exactly one version marked as storage version")
    if len({version["name"] for version in versions}) != len(versions):
        yield invalid("spec.versions", OMITTED, "must contain unique version names")
    strategy = (spec.get("conversion") or {}).get("strategy", "None")
    if strategy != "None":
        yield not_supported("spec.conversion.strategy", strategy, ("None",))


def initial_status(crd: Object) -> Object:
    """The status a definition is born with: nothing is decided yet, and a client has to bear the null."""
    stored = [version["name"] for version in crd["spec"]["versions"] if version.get("storage")]
    return {"acceptedNames": {"kind": "", "plural": ""}, "conditions": None, "storedVersions": stored}


def established_status(crd: Object, *, now: str) -> Object:
    """The status the API server's own controllers write: names accepted, kinds being served."""
    spec, old = crd["spec"], crd.get("status") or {}
    stored = list(old.get("storedVersions") or ())
    storage = next(version["name"] for version in spec["versions"] if version.get("storage"))
    conditions = {condition["type"]: condition for condition in old.get("conditions") or ()}
    fresh = [
        _condition("NamesAccepted", "NoConflicts", "no conflicts found", now),
        _condition("Established", "InitialNamesAccepted", "the initial names have been accepted", now),
    ]
    for condition in fresh:
        conditions.setdefault(condition["type"], condition)
    return {
        "acceptedNames": spec["names"],
        "conditions": list(conditions.values()),
        "storedVersions": stored if storage in stored else [*stored, storage],
    }


def terminating_status(crd: Object, reason: str, *, now: str) -> Object:
    """The status with this stage of the deletion, a word of _STAGES; its time is that of the last turn."""
    status, old = crd.get("status") or {}, {}
    value, message = _STAGES[reason]
    conditions = []
    for condition in status.get("conditions") or ():
        if condition["type"] == "Terminating":
            old = condition
        else:
            conditions.append(condition)
    since = old["lastTransitionTime"] if old.get("status") == value else now
    found = _condition("Terminating", reason, message, since) | {"status": value}
    return status | {"conditions": [*conditions, found]}


def _is_terminating(crd: Object) -> bool:
    conditions = (crd.get("status") or {}).get("conditions") or ()
    return any((condition["type"], condition["status"]) == ("Terminating", "True") for condition in conditions)


def _condition(kind: str, reason: str, message: str, now: str) -> Object:
    return {"type": kind, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message}

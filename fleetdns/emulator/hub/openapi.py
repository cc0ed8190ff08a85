"""The OpenAPI v3 documents that kubectl reads: for explain, and to learn that the server validates fields itself."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fleetdns.emulator.hub.builtin import Kind, builtin_kinds

__all__ = ["Kind", "builtin_kinds", "openapi_v3"]

_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
_PACKAGES = {
    "": "io.k8s.api.core",
    "apps": "io.k8s.api.apps",
    "coordination.k8s.io": "io.k8s.api.coordination",
    "networking.k8s.io": "io.k8s.api.networking",
    "policy": "io.k8s.api.policy",
    "rbac.authorization.k8s.io": "io.k8s.api.rbac",
    "apiextensions.k8s.io": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
}
_PATCH_TYPES = ("application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json")

Document = dict[str, Any]


def openapi_v3(resources: Sequence[Kind]) -> dict[str, Document]:
    """A document per group and version, by its path below /openapi/v3: "api/v1" or "apis/GROUP/VERSION"."""
    documents: dict[str, Document] = {}
    for kind in sorted(resources, key=lambda one: (one.group, one.version, one.plural)):
        where = f"apis/{kind.group}/{kind.version}" if kind.group else f"api/{kind.version}"
        document = documents.setdefault(where, _empty())
        document["components"]["schemas"].update(_schemas(kind))
        document["paths"].update(_paths(kind, f"/{where}"))
    return documents


def _empty() -> Document:
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.35"},
        "paths": {},
        "components": {"schemas": {f"{_META}.{name}": schema for name, schema in _META_SCHEMAS.items()}},
    }


def _schemas(kind: Kind) -> Iterator[tuple[str, Document]]:
    properties = dict(kind.schema.get("properties", {}))
    described = {"apiVersion": _API_VERSION, "kind": _KIND}
    properties |= {name: schema for name, schema in described.items() if "description" not in properties.get(name, {})}
    properties["metadata"] = _reference(f"{_META}.ObjectMeta", "The object's name and everything else about it.")
    yield _name(kind), {**kind.schema, "properties": properties, _GVK: [_identity(kind)]}
    items = {"type": "array", "description": f"The {kind.plural}.", "items": _reference(_name(kind))}
    metadata = _reference(f"{_META}.ListMeta", "The version of the list, and where it goes on.")
    listed = {"apiVersion": _API_VERSION, "kind": _KIND, "metadata": metadata, "items": items}
    yield (
        f"{_name(kind)}List",
        {
            "type": "object",
            "description": f"A list of {kind.plural}.",
            "required": ["items"],
            "properties": listed,
            _GVK: [_identity(kind, "List")],
        },
    )


_GVK = "x-kubernetes-group-version-kind"


def _identity(kind: Kind, suffix: str = "") -> dict[str, str]:
    return {"group": kind.group, "version": kind.version, "kind": f"{kind.kind}{suffix}"}


def _name(kind: Kind) -> str:
    package = _PACKAGES.get(kind.group) or ".".join(reversed(kind.group.split(".")))
    return f"{package}.{kind.version}.{kind.kind}"


def _reference(name: str, description: str = "") -> Document:
    """A reference as the API server writes it, which lets a description stand beside it."""
    reference: Document = {"allOf": [{"$ref": f"#/components/schemas/{name}"}], "default": {}}
    return {**reference, "description": description} if description else reference


def _paths(kind: Kind, root: str) -> Iterator[tuple[str, Document]]:
    scope = f"{root}/namespaces/{{namespace}}" if kind.namespaced else root
    within = [_parameter("namespace", "path", "The namespace.")] if kind.namespaced else []
    named = [*within, _parameter("name", "path", f"Name of the {kind.kind}.")]
    collection = {"get": "list", "post": "create", "delete": "deletecollection"}
    yield f"{scope}/{kind.plural}", _operations(kind, collection, within)
    if kind.namespaced:
        yield f"{root}/{kind.plural}", _operations(kind, {"get": "list"}, [])
    item = {"get": "get", "put": "update", "patch": "patch", "delete": "delete"}
    yield f"{scope}/{kind.plural}/{{name}}", _operations(kind, item, named)
    part = {"get": "get", "put": "update", "patch": "patch"}
    for subresource in kind.subresources:
        yield f"{scope}/{kind.plural}/{{name}}/{subresource}", _operations(kind, part, named)


# What the documents call the verbs that have another name in rights and discovery.
_ACTIONS = {"create": "post", "update": "put"}


def _operations(kind: Kind, verbs: Mapping[str, str], parameters: list[Document]) -> Document:
    allowed = {method: verb for method, verb in verbs.items() if verb in kind.verbs}
    operations: Document = {method: _operation(kind, method, verb) for method, verb in allowed.items()}
    return {**operations, "parameters": parameters} if parameters else operations


def _operation(kind: Kind, method: str, verb: str) -> Document:
    shape = f"{_name(kind)}List" if verb == "list" else _name(kind)
    operation: Document = {
        "description": f"{verb} {kind.kind}",
        "parameters": [_parameter(name, "query", text) for name, text in _QUERY.get(method, {}).items()],
        "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": _reference(shape)}}}},
        "x-kubernetes-action": _ACTIONS.get(verb, verb),
        _GVK: _identity(kind),
    }
    if method == "patch":
        patch = {"schema": _reference(f"{_META}.Patch")}
        operation["requestBody"] = {"content": dict.fromkeys(_PATCH_TYPES, patch), "required": True}
    if method in ("post", "put"):
        operation["requestBody"] = {"content": {"*/*": {"schema": _reference(_name(kind))}}, "required": True}
    return operation


def _parameter(name: str, place: str, description: str) -> Document:
    kind = "boolean" if name == "force" else "string"
    parameter: Document = {"name": name, "in": place, "description": description, "schema": {"type": kind}}
    return {**parameter, "required": True} if place == "path" else parameter


_WRITE = {
    "dryRun": "All: answer as if it had happened, and store nothing.",
    "fieldManager": "Who writes, for managedFields.",
    "fieldValidation": "What to do about unknown and doubled fields: Ignore, Warn or Strict.",
}
_QUERY: Mapping[str, Mapping[str, str]] = {
    "post": _WRITE,
    "put": _WRITE,
    "patch": {**_WRITE, "force": "Take fields over from other managers; for apply only."},
}

_API_VERSION = {"type": "string", "description": "Group and version of the schema this object is written in."}
_KIND = {"type": "string", "description": "The kind of object this is, as the API names it."}


def _text(description: str) -> Document:
    return {"type": "string", "description": description}


def _texts(description: str) -> Document:
    return {"type": "object", "description": description, "additionalProperties": {"type": "string", "default": ""}}


_OWNER = {
    "type": "object",
    "description": "An object that this one belongs to; it goes when the owners are gone.",
    "required": ["apiVersion", "kind", "name", "uid"],
    "properties": {
        "apiVersion": _text("API version of the owner."),
        "kind": _text("Kind of the owner."),
        "name": _text("Name of the owner."),
        "uid": _text("Identity of the owner."),
        "controller": {"type": "boolean", "description": "Whether the owner manages this object."},
        "blockOwnerDeletion": {"type": "boolean", "description": "Whether the owner waits for this object to go."},
    },
}
_MANAGER = {
    "type": "object",
    "description": "Somebody who writes this object, and the fields they manage.",
    "properties": {
        "manager": _text("Their name."),
        "operation": _text("Apply or Update."),
        "apiVersion": _text("The version of the API they wrote in."),
        "time": _text("When they last wrote."),
        "fieldsType": _text("The form of fieldsV1."),
        "fieldsV1": {"type": "object", "description": "The fields, nested as in the object."},
        "subresource": _text("The part of the object they wrote, empty for the object itself."),
    },
}
_META_SCHEMAS: Mapping[str, Document] = {
    "ObjectMeta": {
        "type": "object",
        "description": "What every object has.",
        "properties": {
            "name": _text("The object's name, unique among its kind in its namespace."),
            "generateName": _text("The beginning of a name that the server completes, where name is empty."),
            "namespace": _text("The namespace the object lies in."),
            "uid": _text("The object's identity; another object of the same name has another."),
            "resourceVersion": _text("The object's version; it changes with every write."),
            "generation": {"type": "integer", "description": "How often what is wanted of the object has changed."},
            "creationTimestamp": _text("When the object was created."),
            "deletionTimestamp": _text("When its deletion was asked for; it goes when finalizers is empty."),
            "deletionGracePeriodSeconds": {"type": "integer", "description": "Seconds the object has to shut down."},
            "labels": _texts("Short texts by name, to select objects by."),
            "annotations": _texts("Texts by name, for tools and people."),
            "finalizers": {
                "type": "array",
                "description": "Who has to clean up before the object may go.",
                "items": {"type": "string", "default": ""},
            },
            "ownerReferences": {"type": "array", "description": "The objects this one belongs to.", "items": _OWNER},
            "managedFields": {"type": "array", "description": "Who manages which field.", "items": _MANAGER},
            "selfLink": _text("No longer used."),
        },
    },
    "ListMeta": {
        "type": "object",
        "description": "What every list has.",
        "properties": {
            "resourceVersion": _text("The version of the list, to watch from."),
            "continue": _text("Where the next page begins; empty on the last one."),
            "remainingItemCount": {"type": "integer", "description": "How many items are still to come."},
        },
    },
    "Patch": {"type": "object", "description": "A partial object, or a list of operations, by content type."},
}

"""One version of one kind of object, with all that serving it takes: names, schema, columns, rules."""

from __future__ import annotations

from dataclasses import dataclass

from fleetdns.emulator.hub import status
from fleetdns.emulator.hub.schema import StructuralSchema
from fleetdns.emulator.hub.selectors import FieldTerm, Offered
from fleetdns.emulator.hub.status import Object, StatusError

_NAMES_ONLY = Offered(
    frozenset(("metadata.name", "metadata.namespace")),
    '"{path}" is not a known field selector: only "metadata.name", "metadata.namespace"',
)
ALL_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table; path is a JSONPath without braces, priority 0 means always shown."""

    name: str
    type: str
    path: str
    description: str = ""
    format: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Served:
    """A kind as one URL path serves it. storage_version is the one whose apiVersion stored objects carry."""

    group: str
    version: str
    plural: str
    singular: str
    kind: str
    list_kind: str
    namespaced: bool
    storage_version: str
    openapi: Object
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[str, ...] = ()
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    custom: bool = False
    schema: StructuralSchema | None = None
    columns: tuple[Column, ...] = ()
    selectable: tuple[str, ...] = ()
    deprecation: str | None = None
    # Stored objects may have another version's schema, or a former one: default and prune them on the way out.
    converts: bool = False
    # The definition is being deleted: nothing new may be made, and discovery says so.
    terminating: bool = False

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def stored_api_version(self) -> str:
        return f"{self.group}/{self.storage_version}" if self.group else self.storage_version

    @property
    def resource(self) -> str:
        """The store's word for where these objects lie."""
        return status.qualified(self.plural, self.group)

    @property
    def offered(self) -> Offered:
        """What field selectors may ask for. Namespaces are in none, and say so."""
        if not self.custom and not self.selectable:
            return _NAMES_ONLY
        inherent = ("metadata.name",) if self.resource == "namespaces" else ("metadata.name", "metadata.namespace")
        return Offered(frozenset((*inherent, *self.selectable)), "field label not supported: {path}")

    @property
    def has_status(self) -> bool:
        return "status" in self.subresources

    def not_found(self, name: str) -> StatusError:
        return status.not_found(self.group, self.plural, name)

    def another(self, namespace: str, name: str, uid: str, real: str) -> StatusError:
        """Somebody means an object that is not, or no longer, the one of this name; etcd's path of it is told."""
        place = f"{self.group}/{self.plural}" if self.custom else self.plural
        path = "/".join(filter(None, ("/registry", place, namespace, name)))
        return status.another(self.group, self.plural, name, path=path, uid=uid, real=real)


def name_of(terms: tuple[FieldTerm, ...]) -> str | None:
    """The one name a field selector asks for, if it does: then nothing else needs to be looked at."""
    for term in terms:
        if term.path == "metadata.name" and not term.negated:
            return term.value
    return None

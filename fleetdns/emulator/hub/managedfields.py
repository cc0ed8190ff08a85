"""Who manages which field: server-side apply, and the book-keeping of every other write.

Every version of a kind is taken to have the same fields, as it is where nothing converts between them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from fleetdns.emulator.hub.fieldsets import (
    NOTHING,
    FieldSet,
    Path,
    compared,
    displayed,
    fields_of,
    merged,
    undeclared,
    with_nulls,
    with_parents,
    without,
)
from fleetdns.emulator.hub.jsonvalue import same
from fleetdns.emulator.hub.managers import Managed, Manager, Owned, decoded_managers, managers_of, recorded, same_owners
from fleetdns.emulator.hub.schema import StructuralSchema
from fleetdns.emulator.hub.structural import ANYTHING, OBJECT_META, Node, node

Schema = StructuralSchema | Mapping[str, Any] | None

# Identity and what only the server writes: never anybody's field.
_NOBODYS = frozenset(
    {("f:apiVersion",), ("f:kind",), ("f:metadata",), ()}
    | {
        ("f:metadata", f"f:{name}")
        for name in ("name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields")
    }
    | {("f:metadata", "f:resourceVersion")}
)
_IMPLIED = {"apiVersion": Node(type="string"), "kind": Node(type="string"), "metadata": OBJECT_META}
_BEFORE_FIRST_APPLY = "before-first-apply"


@dataclass(frozen=True, slots=True)
class Conflict:
    """One field that an apply would take from another manager."""

    field: str
    manager: str
    message: str


class ApplyConflicts(Exception):
    """The apply would change fields of others; `conflicts` are sorted by manager and field."""

    def __init__(self, conflicts: tuple[Conflict, ...]) -> None:
        super().__init__(_summary(conflicts))
        self.conflicts = conflicts

    @property
    def causes(self) -> tuple[dict[str, str], ...]:
        """The conflicts as a Status lists them."""
        reason = "FieldManagerConflict"
        return tuple({"field": one.field, "message": one.message, "reason": reason} for one in self.conflicts)


class ApplyInvalid(Exception):
    """The applied configuration does not fit the schema; the API server answers this with a 500."""


def apply(
    live: dict[str, Any] | None,
    applied: dict[str, Any],
    *,
    manager: str,
    force: bool,
    schema: Schema,
    api_version: str,
    time: str,
    subresource: str = "",
    reset: Sequence[str] | None = None,
) -> dict[str, Any]:
    """The live object (None: there is none yet) with the configuration applied and its managers recorded.

    Fields this manager applied before and no longer does are removed, unless somebody else has them too. `reset` names
    the top-level fields this request cannot write: the status, or, on /status, the spec. Live defaults are expected
    to be filled in; those of the result are for the caller to fill in. Raises ApplyConflicts and ApplyInvalid.
    """
    root = _root(schema)
    strange = list(undeclared(applied, root))
    if strange:
        raise ApplyInvalid(f"failed to create typed patch object ({_identity(applied)}): {_listed(strange)}")
    ignored = _reset(root, subresource) if reset is None else tuple(reset)
    before = _bare(live or {})
    managed = managers_of(live)
    if live is not None and not managed:
        early = _kept(compared({}, before, root).written, ignored)
        managed = {Manager(_BEFORE_FIRST_APPLY, "Update", subresource, api_version): Owned(early, api_version, time)}
    me = Manager(manager, "Apply", subresource)
    last = managed.get(me)
    claimed = fields_of(applied, root)
    others = [owned.fields for one, owned in managed.items() if one != me]
    after = _pruned(merged(before, applied, root), last.fields if last else NOTHING, claimed.union(*others), root)
    managed[me] = Owned(_kept(claimed, ignored), api_version, last.time if last else None)
    changes = compared(before, after, root)
    after = with_nulls(after)
    managed = _yielded(managed, me, _kept(changes.written, ignored), _kept(changes.removed, ignored), force=force)
    unchanged = live is not None and same(before, after)
    if live is not None and unchanged and same_owners(managed, managers_of(live)):
        return live
    if not unchanged:
        # Who only claims what is there already did not write it, and is recorded without a time.
        managed[me] = replace(managed[me], time=time)
    return recorded(after, managed)


def track(
    old: dict[str, Any] | None,
    new: dict[str, Any],
    *,
    manager: str,
    operation: Literal["Update"],
    api_version: str,
    time: str,
    subresource: str = "",
    schema: Schema = None,
    blank: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """`new` with managedFields that say what this write took over; `old` is what it replaces, None on a create.

    `blank` is what is there before a create already, without anybody's doing.
    managedFields that `new` brings along count, so that they can be edited; one empty entry starts them afresh. An
    object without any is not tracked until somebody applies to it.
    """
    sent = None if subresource else new.get("metadata", {}).get("managedFields")
    managed = {} if sent == [{}] else (decoded_managers(sent) or managers_of(old))
    after = _bare(new)
    if old is not None and not managed:
        return after
    changes = compared(_bare(old or blank or {}), after, _root(schema))
    me = Manager(manager, operation, subresource, api_version)
    mine = managed.get(me)
    taken = changes.written - _NOBODYS
    managed = {one: replace(owned, fields=owned.fields - taken - changes.removed) for one, owned in managed.items()}
    if taken:
        kept = mine.fields - changes.removed if mine else NOTHING
        managed[me] = Owned(kept | taken, api_version, time)
    return recorded(after, managed)


def of(obj: Mapping[str, Any]) -> dict[str, Any]:
    """The object's managedFields, if it has any, as a part of its metadata."""
    return {name: value for name, value in obj["metadata"].items() if name == "managedFields"}


def _pruned(after: Any, last: FieldSet, claimed: FieldSet, root: Node) -> Any:
    """Without what this manager used to apply and nobody claims now; what others have below it stays."""
    if not last:
        return after
    everything = with_parents(fields_of(after, root), root)
    left = with_parents(fields_of(without(after, with_parents(last, root), root), root), root)
    kept = without(after, everything - (left | with_parents(claimed, root)), root)
    still = with_parents(fields_of(kept, root), root)
    return without(after, (everything - still) & with_parents(last, root), root)


def _yielded(managed: Managed, me: Manager, written: FieldSet, removed: FieldSet, *, force: bool) -> Managed:
    """The managers after the write: others give up what it changes, by force only, and what it removes."""
    contested = {one: owned.fields & written for one, owned in managed.items() if one != me}
    conflicts = tuple(_conflicts(contested))
    if conflicts and not force:
        raise ApplyConflicts(conflicts)
    return {
        one: owned if one == me else replace(owned, fields=owned.fields - written - removed)
        for one, owned in managed.items()
    }


def _conflicts(contested: Mapping[Manager, FieldSet]) -> Iterator[Conflict]:
    for one in sorted(contested, key=lambda one: (one.name, one.operation, not one.subresource, one.subresource)):
        for path in sorted(contested[one], key=_leaves_first):
            yield Conflict(displayed(path), str(one), f"conflict with {one}")


def _leaves_first(path: Path) -> list[tuple[bool, str]]:
    """The order of conflicts: on each level the fields themselves, then what is below others."""
    return [(depth < len(path), step) for depth, step in enumerate(path, start=1)]


def _summary(conflicts: tuple[Conflict, ...]) -> str:
    if len(conflicts) == 1:
        return f"Apply failed with 1 conflict: {conflicts[0].message}: {conflicts[0].field}"
    lines = []
    for manager in dict.fromkeys(one.manager for one in conflicts):
        lines.append(f"conflicts with {manager}:")
        lines += [f"- {one.field}" for one in conflicts if one.manager == manager]
    return f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)


def _root(schema: Schema) -> Node:
    """The whole object's schema, with the metadata that every kind has."""
    if schema is None:
        return replace(ANYTHING, properties=_IMPLIED)
    inner = schema.root if isinstance(schema, StructuralSchema) else node(schema)
    return replace(inner, properties={**inner.properties, **_IMPLIED})


def _reset(root: Node, subresource: str) -> tuple[str, ...]:
    if subresource == "status":
        return ("spec",)
    return ("status",) if not subresource and "status" in root.properties else ()


def _kept(fields: FieldSet, ignored: Sequence[str]) -> FieldSet:
    steps = {f"f:{name}" for name in ignored}
    return frozenset(path for path in fields if path and path[0] not in steps) - _NOBODYS


def _bare(obj: Mapping[str, Any]) -> dict[str, Any]:
    """The object without its managedFields, which are not managed themselves."""
    metadata = {name: value for name, value in obj.get("metadata", {}).items() if name != "managedFields"}
    return {**obj, "metadata": metadata} if "metadata" in obj else dict(obj)


def _identity(applied: Mapping[str, Any]) -> str:
    metadata = applied.get("metadata", {})
    place = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
    version = str(applied.get("apiVersion", ""))
    return f"{place}; {version if '/' in version else f'/{version}'}, Kind={applied.get('kind', '')}"


def _listed(problems: list[str]) -> str:
    return problems[0] if len(problems) == 1 else "errors:\n" + "\n".join(f"  {problem}" for problem in problems)
